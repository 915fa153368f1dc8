//! Sending requests again.

use super::super::Site;
use crate::{
    known::{Known, part},
    mesh::{
        duration::Duration,
        istio::virtual_service as istio,
        resiliency::{Preset, Resiliency},
    },
};

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
    pub(super) const NONE: Self = Self { attempts: Ok(None), per_try_timeout: Ok(None), idempotent: Ok(false) };
}

/// What is sent again by a service that has no preset, but says how often.
const USUAL: Option<Resiliency> = Preset::Medium.resiliency();

/// How requests that may take so long are sent again.
pub(super) fn retries(site: &Site, timeout: Duration) -> Known<istio::Retries> {
    let written = part(&site.service.traffic.retries)?.as_ref().unwrap_or(&Retries::NONE);
    let preset = site.resiliency()?.resiliency();
    let attempts = written.attempts?.or(preset.map(|r| r.retry_attempts)).unwrap_or(0);
    let (Some(numbers), 1..) = (preset.or(USUAL), attempts) else { return Ok(istio::Retries::NONE) };
    if !written.idempotent? {
        return Ok(istio::Retries { attempts, retry_on: Some(numbers.retry_on), per_try_timeout: None });
    }
    // Where a request may take for ever, or ends before its first try would, a preset's limit of a try makes no sense.
    let usual = preset.map(|r| r.per_try_timeout).filter(|try_| *try_ < timeout);
    Ok(istio::Retries {
        attempts,
        retry_on: Some(numbers.idempotent_retry_on),
        per_try_timeout: written.per_try_timeout?.or(usual),
    })
}
