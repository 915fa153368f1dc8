//! How failures are met.

use super::super::ExternalService;
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{duration::Duration, port::Protocol},
};

impl ExternalService {
    pub(super) fn check_failures(&self, out: &mut Diagnostics) {
        if self.sees_requests() == Ok(false) {
            self.check_sees_requests(out);
        }
        let Ok(Some(retries)) = self.retries.known() else { return };
        retries.validate(out);
        if let Ok(preset) = self.resiliency {
            retries.validate_under(preset, out);
        }
        // Of all ports that have a timeout it is the same one.
        if let Ok(timeout) = self.timeout(Protocol::Http) {
            retries.validate_within(timeout, out);
        }
    }

    fn check_sees_requests(&self, out: &mut Diagnostics) {
        let mut about_requests = Vec::new();
        if matches!(self.request_timeout, Ok(Some(timeout)) if timeout > Duration::ZERO) {
            about_requests.push(Path::root().attribute("request_timeout"));
        }
        if self.retries.is_set() {
            about_requests.push(Path::root().attribute("retries"));
        }
        if let Ok(Some(limits)) = self.circuit_breaker.known() {
            about_requests.extend(limits.http_limits());
        }
        for at in about_requests {
            out.error(
                &at,
                "No requests to see",
                format!(
                    "{at} is about requests, which proxies see only where the application speaks clear text to them, and it does on \
                     no port. Remove it, or write tls = \"originate\": the application calls http://, and the proxy speaks TLS."
                ),
            );
        }
    }
}
