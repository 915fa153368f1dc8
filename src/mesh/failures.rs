//! How failures are met: the numbers of the preset, each replaced where an argument says another.

use super::{
    duration::Duration,
    istio::{
        destination_rule::{self as istio, ConnectionPool, HttpPool, TcpPool},
        virtual_service,
    },
    resiliency::{Preset, Resiliency},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
};

/// Limits, as far as they are written.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    /// For a TCP connection to come about.
    pub connect_timeout: Known<Option<Duration>>,
    /// Connections at once.
    pub max_connections: Known<Option<u32>>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Known<Option<u32>>,
    /// Requests in flight.
    pub max_requests: Known<Option<u32>>,
}

impl CircuitBreaker {
    /// Where limits of requests are written: they mean nothing where proxies see none.
    pub(super) fn about_requests(&self) -> impl Iterator<Item = Path> {
        let limits = [("max_pending_requests", self.max_pending_requests), ("max_requests", self.max_requests)];
        let written = limits.into_iter().filter(|(_, limit)| matches!(limit, Ok(Some(_))));
        written.map(|(name, _)| Path::root().attribute("circuit_breaker").attribute(name))
    }
}

/// Ejection, as far as it is written.
#[derive(Clone, Debug)]
pub struct OutlierDetection {
    /// Failures in a row.
    pub consecutive_5xx: Known<Option<u32>>,
    /// How often endpoints are judged.
    pub interval: Known<Option<Duration>>,
    /// How long an endpoint is left out.
    pub base_ejection_time: Known<Option<Duration>>,
    /// Of the endpoints, at once.
    pub max_ejection_percent: Known<Option<u32>>,
}

impl OutlierDetection {
    /// Whether it is known to leave everything to a preset.
    pub(in crate::mesh) fn says_nothing(&self) -> bool {
        let numbers = [self.consecutive_5xx, self.max_ejection_percent];
        let spans = [self.interval, self.base_ejection_time];
        numbers.iter().all(|number| *number == Ok(None)) && spans.iter().all(|span| *span == Ok(None))
    }
}

/// The limits: those of the preset, where nothing else is written.
pub(in crate::mesh) fn pool(
    written: Option<&CircuitBreaker>,
    preset: Option<ConnectionPool>,
) -> Known<Option<ConnectionPool>> {
    let Some(written) = written else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let (tcp, http) = (preset.tcp.unwrap_or_default(), preset.http.unwrap_or_default());
    let tcp = TcpPool {
        connect_timeout: written.connect_timeout?.or(tcp.connect_timeout),
        max_connections: written.max_connections?.or(tcp.max_connections),
    };
    let http = HttpPool {
        max_pending_requests: written.max_pending_requests?.or(http.max_pending_requests),
        max_requests: written.max_requests?.or(http.max_requests),
    };
    let pool = ConnectionPool {
        tcp: (tcp != TcpPool::default()).then_some(tcp),
        http: (http != HttpPool::default()).then_some(http),
    };
    Ok((pool != ConnectionPool::default()).then_some(pool))
}

/// Ejection: that of the preset, where nothing else is written.
pub(in crate::mesh) fn ejection(
    written: Option<&OutlierDetection>,
    preset: Option<istio::OutlierDetection>,
) -> Known<Option<istio::OutlierDetection>> {
    let Some(written) = written else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let ejection = istio::OutlierDetection {
        consecutive_5xx_errors: written.consecutive_5xx?.or(preset.consecutive_5xx_errors),
        interval: written.interval?.or(preset.interval),
        base_ejection_time: written.base_ejection_time?.or(preset.base_ejection_time),
        max_ejection_percent: written.max_ejection_percent?.or(preset.max_ejection_percent),
    };
    Ok((ejection != istio::OutlierDetection::default()).then_some(ejection))
}

/// Sending again, as far as it is written.
#[derive(Clone, Debug)]
pub struct Retries {
    /// How often, at most.
    pub attempts: Known<Option<u32>>,
    /// Of one try.
    pub per_try_timeout: Known<Option<Duration>>,
    /// Whether it does no harm to send what may have arrived.
    pub idempotent: Known<bool>,
}

impl Retries {
    /// Nothing is written.
    const NONE: Self = Self { attempts: Ok(None), per_try_timeout: Ok(None), idempotent: Ok(false) };
}

/// What is sent again by a service that has no preset, but says how often.
const USUAL: Option<Resiliency> = Preset::Medium.resiliency();

/// How requests that may take so long are sent again.
pub(in crate::mesh) fn retries(
    written: &Known<Option<Retries>>,
    preset: Preset,
    timeout: Duration,
) -> Known<virtual_service::HttpRetry> {
    let (written, preset) = (as_known(written)?.as_ref().unwrap_or(&Retries::NONE), preset.resiliency());
    let attempts = written.attempts?.or(preset.map(|r| r.retry_attempts)).unwrap_or(0);
    let (Some(numbers), 1..) = (preset.or(USUAL), attempts) else { return Ok(virtual_service::HttpRetry::NONE) };
    if !written.idempotent? {
        let retry_on = Some(numbers.retry_on);
        return Ok(virtual_service::HttpRetry { attempts, retry_on, per_try_timeout: None });
    }
    // Where a request may take for ever, or ends before its first try would, a preset's limit of a try makes no sense.
    let usual = preset.map(|r| r.per_try_timeout).filter(|try_| *try_ < timeout);
    Ok(virtual_service::HttpRetry {
        attempts,
        retry_on: Some(numbers.idempotent_retry_on),
        per_try_timeout: written.per_try_timeout?.or(usual),
    })
}

impl Retries {
    /// Rules that need nothing else.
    pub(in crate::mesh) fn check(&self, out: &mut Diagnostics) {
        let block = Path::root().attribute("retries");
        if matches!(self.per_try_timeout, Ok(Some(_))) && self.idempotent == Ok(false) {
            out.error(
                &block.attribute("per_try_timeout"),
                "per_try_timeout without idempotent",
                "A try that takes too long has reached the application, so it is sent again only where that does no harm. Without \
                 that it would just shorten request_timeout. Write idempotent = true, or remove per_try_timeout.",
            );
        }
        let more = matches!(self.per_try_timeout, Ok(Some(_))) || self.idempotent == Ok(true);
        if self.attempts == Ok(Some(0)) && more {
            out.error(
                &block.attribute("attempts"),
                "Retries that never happen",
                "attempts = 0 sends nothing again, so the rest of the block would have no effect. Remove the rest, or write how \
                 often.",
            );
        }
    }

    /// What a preset without numbers leaves open.
    pub(in crate::mesh) fn check_under(&self, preset: Preset, out: &mut Diagnostics) {
        if preset == Preset::None && self.attempts == Ok(None) {
            out.error(
                &Path::root().attribute("retries"),
                "Retries without a number",
                "resiliency = \"none\" has no retries, so the block must say how many. Write attempts.",
            );
        }
    }

    /// A try is shorter than the request, where that has an end.
    pub(in crate::mesh) fn check_within(&self, timeout: Duration, out: &mut Diagnostics) {
        if let Ok(Some(per_try)) = self.per_try_timeout
            && timeout > Duration::ZERO
            && per_try >= timeout
        {
            out.error(
                &Path::root().attribute("retries").attribute("per_try_timeout"),
                "One try takes all the time there is",
                format!(
                    "A request may take {timeout}, so a try that takes {per_try} is never followed by another. Write a shorter \
                     one, or a longer request_timeout."
                ),
            );
        }
    }
}
