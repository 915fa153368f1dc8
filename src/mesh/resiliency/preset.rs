//! Resiliency presets, each of which sets retries, connection pool limits and outlier detection. A higher preset does more to
//! mask failures, and never has less capacity. Timeouts of requests depend on what the service does, so no preset has one.
//! The numbers are part of the provider's interface: they change only with a major version.

use crate::mesh::{duration::Duration, text::text_enum};

text_enum! {
    /// A resiliency preset.
    pub enum Preset {
        /// Few retries and late ejection, for batch jobs and slow backends.
        Low = "low",
        /// The preset for most services.
        Medium = "medium",
        /// More retries and early ejection, for services whose callers wait for the response.
        High = "high",
        /// No retries, no limits and no outlier detection, whatever the defaults of the mesh are.
        None = "none",
    }
}

/// The settings of a preset. By default only requests that haven't reached the application are retried, so that none has
/// its effect twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresetSettings {
    /// Maximum number of retries of a request.
    pub retry_attempts: u32,
    /// Envoy's conditions of a retry.
    pub retry_on: &'static str,
    /// Envoy's conditions of a retry where requests are idempotent.
    pub idempotent_retry_on: &'static str,
    /// Timeout of one attempt where requests are idempotent. An attempt that times out is retried only if the conditions
    /// have `gateway-error` or `reset`; without them this would only shorten the timeout of the request.
    pub per_try_timeout: Duration,
    /// Maximum percentage of retries among the requests in flight.
    pub retry_budget_percent: u32,
    /// Number of concurrent retries that are always allowed.
    pub retry_budget_minimum: u32,
    /// Maximum number of concurrent retries on ports that can't have a budget.
    pub max_retries: u32,
    /// Timeout for establishing a TCP connection.
    pub connect_timeout: Duration,
    /// Maximum number of connections of each proxy, of its requests that wait for a connection, and of its requests in flight.
    /// `None`: no limit.
    pub limit: Option<u32>,
    /// Number of consecutive gateway errors (502, 503, 504 and failed connections) after which an endpoint is ejected. The
    /// application's own 500s don't count: one request that always fails would eject healthy endpoints.
    pub consecutive_gateway_errors: u32,
    /// Interval between two evaluations of the endpoints.
    pub ejection_interval: Duration,
    /// Duration of an ejection, multiplied by the number of previous ejections of the endpoint.
    pub ejection_time: Duration,
    /// Maximum percentage of endpoints that can be ejected at the same time. With less than 50, Envoy ejects neither of two.
    pub max_ejection_percent: u32,
}

/// Retries requests whose connection failed, or whose stream the server refused before processing it.
const UNSENT: &str = "connect-failure,refused-stream";
/// Retries those of [`UNSENT`], and requests whose connection was reset before they were sent.
const UNSENT_OR_RESET: &str = "connect-failure,refused-stream,reset-before-request";
/// Retries those of [`UNSENT`], and requests with the status 502, 503 or 504, which is also that of an attempt that timed
/// out.
const UNSENT_OR_UNAVAILABLE: &str = "connect-failure,refused-stream,gateway-error";
/// Retries every failure that may be temporary: those of [`UNSENT_OR_RESET`] and [`UNSENT_OR_UNAVAILABLE`], connections that
/// break during the response, and the gRPC statuses for temporary failures.
const TRANSIENT: &str = "connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled";

impl Preset {
    /// Returns the settings; `None` for [`Preset::None`].
    pub const fn settings(self) -> Option<PresetSettings> {
        match self {
            Self::Low => Some(PresetSettings {
                retry_attempts: 1,
                retry_on: UNSENT,
                idempotent_retry_on: UNSENT_OR_UNAVAILABLE,
                per_try_timeout: Duration::seconds(30),
                retry_budget_percent: 10,
                retry_budget_minimum: 3,
                max_retries: 10,
                connect_timeout: Duration::seconds(10),
                limit: None,
                consecutive_gateway_errors: 10,
                ejection_interval: Duration::seconds(30),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 50,
            }),
            Self::Medium => Some(PresetSettings {
                retry_attempts: 2,
                retry_on: UNSENT_OR_RESET,
                idempotent_retry_on: TRANSIENT,
                per_try_timeout: Duration::seconds(6),
                retry_budget_percent: 20,
                retry_budget_minimum: 3,
                max_retries: 20,
                connect_timeout: Duration::seconds(5),
                limit: Some(10_000),
                consecutive_gateway_errors: 5,
                ejection_interval: Duration::seconds(10),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 50,
            }),
            Self::High => Some(PresetSettings {
                retry_attempts: 3,
                retry_on: UNSENT_OR_RESET,
                idempotent_retry_on: TRANSIENT,
                per_try_timeout: Duration::milliseconds(1500),
                retry_budget_percent: 20,
                retry_budget_minimum: 3,
                max_retries: 20,
                connect_timeout: Duration::seconds(2),
                limit: Some(10_000),
                consecutive_gateway_errors: 3,
                ejection_interval: Duration::seconds(5),
                ejection_time: Duration::seconds(30),
                max_ejection_percent: 50,
            }),
            Self::None => None,
        }
    }
}
