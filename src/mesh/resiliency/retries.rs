//! The `retries` block.

use super::{Preset, PresetSettings};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::virtual_service,
    },
    model,
    schema::{At, Attr, Block, model::optional},
};

model! {
    /// Sending requests again.
    pub struct Retries {
        /// How often, at most; by the preset unless written, and 0 is never.
        attempts: Attr<u32> = optional().range(0..=10),
        /// How long one try may take; by the preset unless written. Only with `idempotent = true`: a try that takes too long
        /// has reached the application.
        per_try_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Whether requests may be sent again that may have reached the application: sending one twice does no harm.
        idempotent: Attr<bool> = optional(),
    }
}

/// The retries in effect: those of the preset, where the fields of the block don't override them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mesh) struct EffectiveRetries {
    /// Maximum number of retries, which is not 0.
    pub(in crate::mesh) attempts: u32,
    /// Envoy's conditions of a retry.
    pub(in crate::mesh) retry_on: &'static str,
    /// Timeout of one attempt that the block sets. `None` as well where requests aren't idempotent.
    pub(in crate::mesh) per_try_timeout: Option<Duration>,
    /// Timeout of one attempt that the preset sets. `None` as well where requests aren't idempotent.
    pub(in crate::mesh) preset_per_try_timeout: Option<Duration>,
}

/// The settings whose retry conditions apply to services without a preset that set a number of retries.
const DEFAULT_CONDITIONS: Option<PresetSettings> = Preset::Medium.settings();

/// Returns the retries that a block and a preset result in; `None` where requests are not retried.
pub(in crate::mesh) fn effective_retries(
    block: &Block<Retries>,
    preset: Option<PresetSettings>,
) -> Known<Option<EffectiveRetries>> {
    let unset = Retries::default();
    let block = block.known()?.map_or(&unset, |block| &block.arguments);
    let attempts = block.attempts.copied()?.or(preset.map(|r| r.retry_attempts)).unwrap_or(0);
    let (Some(conditions), 1..) = (preset.or(DEFAULT_CONDITIONS), attempts) else { return Ok(None) };
    if !block.idempotent.or(false)? {
        let retry_on = conditions.retry_on;
        return Ok(Some(EffectiveRetries { attempts, retry_on, per_try_timeout: None, preset_per_try_timeout: None }));
    }
    Ok(Some(EffectiveRetries {
        attempts,
        retry_on: conditions.idempotent_retry_on,
        per_try_timeout: block.per_try_timeout.copied()?,
        preset_per_try_timeout: preset.map(|r| r.per_try_timeout),
    }))
}

/// Returns the retries of a VirtualService's route whose requests have the timeout `timeout`. Zero means no timeout.
pub(in crate::mesh) fn route_retries(
    block: &Block<Retries>,
    preset: Preset,
    timeout: Duration,
) -> Known<virtual_service::HttpRetry> {
    let Some(retries) = effective_retries(block, preset.settings())? else {
        return Ok(virtual_service::HttpRetry::NONE);
    };
    // The preset's timeout of an attempt has no effect where the request has no timeout, or a shorter one.
    let preset_limit = retries.preset_per_try_timeout.filter(|limit| *limit < timeout);
    Ok(virtual_service::HttpRetry {
        attempts: retries.attempts,
        retry_on: Some(retries.retry_on),
        per_try_timeout: retries.per_try_timeout.or(preset_limit),
    })
}

impl At<Retries> {
    /// Reports fields that contradict each other.
    pub(in crate::mesh) fn validate(&self, out: &mut Diagnostics) {
        if self.per_try_timeout.is_set() && self.idempotent.or(false) == Ok(false) {
            out.error(
                &self.at.attribute("per_try_timeout"),
                "per_try_timeout without idempotent",
                "A try that takes too long has reached the application, so it is sent again only where that does no harm. Without \
                 that it would just shorten request_timeout. Write idempotent = true, or remove per_try_timeout.",
            );
        }
        let sets_other_fields = self.per_try_timeout.is_set() || self.idempotent == Attr::Known(true);
        if self.attempts == Attr::Known(0) && sets_other_fields {
            out.error(
                &self.at.attribute("attempts"),
                "Retries that never happen",
                "attempts = 0 sends nothing again, so the rest of the block would have no effect. Remove the rest, or write how \
                 often.",
            );
        }
    }

    /// Reports a missing number of retries where the preset has none.
    pub(in crate::mesh) fn validate_with_preset(&self, preset: Preset, out: &mut Diagnostics) {
        if preset == Preset::None && self.attempts == Attr::Null {
            out.error(
                &self.at,
                "Retries without a number",
                "resiliency = \"none\" has no retries, so the block must say how many. Write attempts.",
            );
        }
    }

    /// Reports a timeout of one attempt that isn't shorter than the timeout of the request.
    pub(in crate::mesh) fn validate_with_timeout(&self, timeout: Duration, out: &mut Diagnostics) {
        if let Attr::Known(per_try) = self.per_try_timeout
            && timeout > Duration::ZERO
            && per_try >= timeout
        {
            out.error(
                &self.at.attribute("per_try_timeout"),
                "One try takes all the time there is",
                format!(
                    "A request may take {timeout}, so a try that takes {per_try} is never followed by another. Write a shorter \
                     one, or a longer request_timeout."
                ),
            );
        }
    }
}
