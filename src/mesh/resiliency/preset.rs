//! Resiliency presets: one word for timeouts, retries, limits and ejection. The numbers are a promise: they change only
//! with a major version.

use crate::mesh::{duration::Duration, text::text_enum};

text_enum! {
    /// How failures are met.
    pub enum Preset {
        /// Patient: batch work, slow backends.
        Low = "low",
        /// What most services want.
        Medium = "medium",
        /// Quick to give up and to eject: callers wait for it.
        High = "high",
        /// No limits, no retries, no timeout.
        None = "none",
    }
}

/// What a preset means. Retries send again only what never reached the application: a payment isn't paid twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resiliency {
    /// Of a whole request, its retries included; not for gRPC, whose streams may live long.
    pub request_timeout: Duration,
    /// How often a request is sent again.
    pub retry_attempts: u32,
    /// Envoy's conditions for sending again.
    pub retry_on: &'static str,
    /// Likewise, where sending a request twice does no harm.
    pub idempotent_retry_on: &'static str,
    /// Of one try, there: without `gateway-error` or `reset` among the conditions it would only shorten the call.
    pub per_try_timeout: Duration,
    /// Retries in flight at once, of the requests in flight.
    pub retry_budget_percent: u32,
    /// Retries that are always admitted at once.
    pub retry_budget_minimum: u32,
    /// For a TCP connection.
    pub connect_timeout: Duration,
    /// To the whole service, per proxy.
    pub max_connections: u32,
    /// Requests that wait for a connection, per proxy.
    pub max_pending_requests: u32,
    /// Requests in flight, per proxy.
    pub max_requests: u32,
    /// An endpoint with so many failures in a row is left out.
    pub consecutive_5xx: u32,
    /// How often endpoints are judged.
    pub ejection_interval: Duration,
    /// How long an endpoint is left out, times how often it was.
    pub ejection_time: Duration,
    /// Of the endpoints, left out at once.
    pub max_ejection_percent: u32,
}

/// The connection never came about, or the server refused the stream unseen.
const UNSENT: &str = "connect-failure,refused-stream";
/// Likewise, or the connection was reset before the request went out.
const UNSENT_OR_RESET: &str = "connect-failure,refused-stream,reset-before-request";
/// What never was sent, or was answered by a 502, 503 or 504: by a proxy, or by us after a try that took too long.
const UNSENT_OR_UNAVAILABLE: &str = "connect-failure,refused-stream,gateway-error";
/// Whatever may pass: the above, connections that break in the middle, and what gRPC calls so.
const PASSING: &str = "connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled";

impl Preset {
    /// Its numbers; `none` has none.
    pub const fn resiliency(self) -> Option<Resiliency> {
        match self {
            Self::Low => Some(Resiliency {
                request_timeout: Duration::seconds(60),
                retry_attempts: 1,
                retry_on: UNSENT,
                idempotent_retry_on: UNSENT_OR_UNAVAILABLE,
                per_try_timeout: Duration::seconds(30),
                retry_budget_percent: 10,
                retry_budget_minimum: 3,
                connect_timeout: Duration::seconds(10),
                max_connections: 4096,
                max_pending_requests: 4096,
                max_requests: 4096,
                consecutive_5xx: 10,
                ejection_interval: Duration::seconds(30),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 10,
            }),
            Self::Medium => Some(Resiliency {
                request_timeout: Duration::seconds(15),
                retry_attempts: 2,
                retry_on: UNSENT_OR_RESET,
                idempotent_retry_on: PASSING,
                per_try_timeout: Duration::seconds(6),
                retry_budget_percent: 20,
                retry_budget_minimum: 3,
                connect_timeout: Duration::seconds(5),
                max_connections: 1024,
                max_pending_requests: 1024,
                max_requests: 1024,
                consecutive_5xx: 5,
                ejection_interval: Duration::seconds(10),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 30,
            }),
            Self::High => Some(Resiliency {
                request_timeout: Duration::seconds(5),
                retry_attempts: 3,
                retry_on: UNSENT_OR_RESET,
                idempotent_retry_on: PASSING,
                per_try_timeout: Duration::milliseconds(1500),
                retry_budget_percent: 20,
                retry_budget_minimum: 3,
                connect_timeout: Duration::seconds(1),
                max_connections: 512,
                max_pending_requests: 256,
                max_requests: 512,
                consecutive_5xx: 3,
                ejection_interval: Duration::seconds(5),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 50,
            }),
            Self::None => None,
        }
    }
}
