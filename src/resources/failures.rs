//! How failures are met: the blocks that say it, of every resource that has them.

use super::arguments::{copied, number, within};
use crate::{
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        failures,
    },
    model,
    schema::{Attr, Block, model::optional},
};

model! {
    /// Sending requests again.
    pub struct Retries {
        /// How often, at most; by the preset unless written, and 0 is never.
        attempts: Attr<u32> = optional().check("0 to 10.", |v| within(v, 0..=10)),
        /// How long one try may take; by the preset unless written. Only with `idempotent = true`: a try that takes too long
        /// has reached the application.
        per_try_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Whether requests may be sent again that may have reached the application: sending one twice does no harm.
        idempotent: Attr<bool> = optional(),
    }
}

model! {
    /// Limits of each caller's proxy towards the whole service.
    pub struct CircuitBreaker {
        /// For a TCP connection to come about.
        connect_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Connections at once.
        max_connections: Attr<u32> = optional().check("1 or more.", |v| within(v, 1..=i64::from(i32::MAX))),
        /// Requests that wait for a connection. HTTP ports alone.
        max_pending_requests: Attr<u32> = optional().check("1 or more.", |v| within(v, 1..=i64::from(i32::MAX))),
        /// Requests in flight. HTTP ports alone.
        max_requests: Attr<u32> = optional().check("1 or more.", |v| within(v, 1..=i64::from(i32::MAX))),
    }
}

model! {
    /// When an endpoint that fails is left out.
    pub struct OutlierDetection {
        /// Failures in a row: answers of 5xx, or connections that don't come about.
        consecutive_5xx: Attr<u32> = optional().check("1 to 1000.", |v| within(v, 1..=1000)),
        /// How often endpoints are judged.
        interval: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// How long an endpoint is left out, times how often it was.
        base_ejection_time: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Of the endpoints, left out at once, in percent.
        max_ejection_percent: Attr<u32> = optional().check("1 to 100.", |v| within(v, 1..=100)),
    }
}

/// What the block means.
pub(super) fn retries(block: &Block<Retries>) -> Known<Option<failures::Retries>> {
    Ok(block.inner()?.map(|block| failures::Retries {
        attempts: number(&block.attempts),
        per_try_timeout: copied(&block.per_try_timeout),
        idempotent: block.idempotent.or(false),
    }))
}

/// What the block means.
pub(super) fn circuit_breaker(block: &Block<CircuitBreaker>) -> Known<Option<failures::CircuitBreaker>> {
    Ok(block.inner()?.map(|block| failures::CircuitBreaker {
        connect_timeout: copied(&block.connect_timeout),
        max_connections: number(&block.max_connections),
        max_pending_requests: number(&block.max_pending_requests),
        max_requests: number(&block.max_requests),
    }))
}

/// What the block means.
pub(super) fn outlier_detection(block: &Block<OutlierDetection>) -> Known<Option<failures::OutlierDetection>> {
    Ok(block.inner()?.map(|block| failures::OutlierDetection {
        consecutive_5xx: number(&block.consecutive_5xx),
        interval: copied(&block.interval),
        base_ejection_time: copied(&block.base_ejection_time),
        max_ejection_percent: number(&block.max_ejection_percent),
    }))
}
