//! How failures are met, and where requests go: limits and ejection towards the host, timeouts and retries of requests.
//!
//! | file | what |
//! | --- | --- |
//! | [`destination_rule`] | the DestinationRule |
//! | [`virtual_service`] | the VirtualService, from what callers call: hosts and listeners |
//! | [`routes`] | its routes for one listener |

mod destination_rule;
mod routes;
mod virtual_service;

pub(super) use destination_rule::destination_rule;
pub(super) use virtual_service::{global_virtual_service, listeners, virtual_service};

use crate::{
    known::Known,
    mesh::{duration::Duration, resiliency::Preset},
};

/// How failures are met, and where requests go.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// How failures are met, where it is written.
    pub resiliency: Known<Option<Preset>>,
    /// Of a whole request, where it is written.
    pub request_timeout: Known<Option<Duration>>,
}

impl Traffic {
    /// The arguments that are written which only a VirtualService holds.
    pub(super) fn routing(&self) -> Vec<&'static str> {
        let timeout = matches!(self.request_timeout, Ok(Some(_))).then_some("request_timeout");
        timeout.into_iter().collect()
    }

    /// The arguments that are written which only a DestinationRule holds.
    pub(super) fn policy(&self) -> Vec<&'static str> {
        Vec::new()
    }
}
