//! The `retries` block.

use std::borrow::Cow;

use super::{Preset, PresetSettings};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::virtual_service,
    },
    model,
    schema::{At, Attr, Block, Set, model::optional},
};

model! {
    /// Retries of failed requests.
    pub struct Retries {
        /// Maximum number of retries of a request (`attempts`). `0` switches retries off. Required if no preset
        /// applies. Defaults to the preset's number.
        attempts: Attr<u32> = optional().range(0..=10),
        /// Timeout of one attempt (`perTryTimeout`). Requires `idempotent = true` or `on`, because an attempt
        /// that times out has reached the application. Defaults to the preset's if that is shorter than
        /// `request_timeout`, otherwise to none.
        per_try_timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Whether requests are retried that may have reached the application, because processing one twice does
        /// no harm. Conflicts with `on`. Defaults to `false`: only requests that never reached it are retried.
        idempotent: Attr<bool> = optional(),
        /// Conditions of a retry (`retryOn`): Envoy's conditions such as `connect-failure`, `gateway-error` and
        /// `5xx`, gRPC conditions such as `unavailable`, and status codes such as `503`. Only `connect-failure`,
        /// `refused-stream`, `reset-before-request` and `envoy-ratelimited` never repeat a request that has
        /// reached the application. Conflicts with `idempotent`. Defaults to the preset's conditions, and without
        /// a preset to those of `medium`.
        on: Set<String> = optional().non_empty("At least one condition.").each(CONDITION, is_condition),
    }
}

/// The retries in effect: those of the preset, where the fields of the block don't override them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mesh) struct EffectiveRetries {
    /// Maximum number of retries. 0 switches them off.
    pub(in crate::mesh) attempts: u32,
    /// Envoy's conditions of a retry and status codes, separated by commas.
    pub(in crate::mesh) retry_on: Cow<'static, str>,
    /// Timeout of one attempt.
    pub(in crate::mesh) per_try_timeout: Option<Duration>,
}

/// The conditions that Istio knows, but for those that need a list which it doesn't have.
const CONDITIONS: [&str; 13] = [
    "5xx",
    "cancelled",
    "connect-failure",
    "deadline-exceeded",
    "envoy-ratelimited",
    "gateway-error",
    "internal",
    "refused-stream",
    "reset",
    "reset-before-request",
    "resource-exhausted",
    "retriable-4xx",
    "unavailable",
];

/// The sentence for the documentation that says what [`is_condition`] accepts.
pub(in crate::mesh) const CONDITION: &str = "`5xx`, `gateway-error`, `reset`, `reset-before-request`, `connect-failure`, `refused-stream`, `retriable-4xx`, \
                         `envoy-ratelimited`; for gRPC `cancelled`, `deadline-exceeded`, `internal`, `resource-exhausted`, \
                         `unavailable`; or status codes of errors, like `503`.";

/// Whether `text` is a condition of retries that Istio accepts.
pub(in crate::mesh) fn is_condition(text: &str) -> bool {
    // Istio refuses status codes that have no name.
    let is_status_code = |code| matches!(code, 400..=418 | 421..=426 | 428 | 429 | 431 | 451 | 500..=508 | 510 | 511);
    CONDITIONS.contains(&text) || text.parse::<u16>().is_ok_and(is_status_code)
}

/// The settings whose retry conditions apply where a block sets a number of retries and no preset has conditions.
const DEFAULT_CONDITIONS: Option<PresetSettings> = Preset::Medium.settings();

/// Returns the retries that a block and a preset result in for requests with the timeout `timeout`; `None` where neither is set,
/// so that the defaults of the mesh apply. `timeout` is `None` or zero where there is none.
pub(in crate::mesh) fn effective_retries(
    block: &Block<Retries>,
    preset: Option<Preset>,
    timeout: Option<Duration>,
) -> Known<Option<EffectiveRetries>> {
    let unset = Retries::default();
    let (block, settings) = (block.known()?, preset.and_then(Preset::settings));
    if block.is_none() && preset.is_none() {
        return Ok(None);
    }
    let block = block.map_or(&unset, |block| &block.arguments);
    let attempts = block.attempts.copied()?.or(settings.map(|s| s.retry_attempts)).unwrap_or(0);
    // `medium` has settings, so there always are conditions.
    let Some(conditions) = settings.or(DEFAULT_CONDITIONS) else { return Ok(None) };
    if let Some(on) = block.on.elements()? {
        let retry_on = on.iter().map(String::as_str).collect::<Vec<_>>().join(",").into();
        return Ok(Some(EffectiveRetries { attempts, retry_on, per_try_timeout: block.per_try_timeout.copied()? }));
    }
    if !block.idempotent.or(false)? {
        return Ok(Some(EffectiveRetries { attempts, retry_on: conditions.retry_on.into(), per_try_timeout: None }));
    }
    // The preset's timeout of an attempt would cut streams of requests without a timeout, and has no effect beside a shorter one.
    let preset_limit =
        settings.map(|s| s.per_try_timeout).filter(|limit| timeout.is_some_and(|timeout| *limit < timeout));
    Ok(Some(EffectiveRetries {
        attempts,
        retry_on: conditions.idempotent_retry_on.into(),
        per_try_timeout: block.per_try_timeout.copied()?.or(preset_limit),
    }))
}

/// Returns the retries of a VirtualService's route whose requests have the timeout `timeout`.
pub(in crate::mesh) fn route_retries(
    block: &Block<Retries>,
    preset: Option<Preset>,
    timeout: Option<Duration>,
) -> Known<Option<virtual_service::HttpRetry>> {
    let retries = effective_retries(block, preset, timeout)?;
    Ok(retries.map(|retries| match retries.attempts {
        0 => virtual_service::HttpRetry::NONE,
        attempts => virtual_service::HttpRetry {
            attempts,
            retry_on: Some(retries.retry_on),
            per_try_timeout: retries.per_try_timeout,
        },
    }))
}

impl At<Retries> {
    /// Reports fields that contradict each other.
    pub(in crate::mesh) fn validate(&self, out: &mut Diagnostics) {
        if self.on.is_set() && self.idempotent.is_set() {
            out.error(
                &self.at.attribute("on"),
                "on beside idempotent",
                "Both say which failures are retried: on by its conditions, idempotent by those of the preset. Remove one of them.",
            );
        }
        if self.per_try_timeout.is_set() && !self.on.is_set() && self.idempotent.or(false) == Ok(false) {
            out.error(
                &self.at.attribute("per_try_timeout"),
                "per_try_timeout without idempotent",
                "A request whose attempt timed out may have reached the application, so it is retried only with \
                 idempotent = true, or on a condition in on. Without either, per_try_timeout would only shorten \
                 request_timeout. Write one of them, or remove per_try_timeout.",
            );
        }
        let sets_other_fields =
            self.per_try_timeout.is_set() || self.on.is_set() || self.idempotent == Attr::Known(true);
        if self.attempts == Attr::Known(0) && sets_other_fields {
            out.error(
                &self.at.attribute("attempts"),
                "Retries have no effect",
                "attempts = 0 switches retries off, so the rest of the block has no effect. Remove the rest, or set attempts.",
            );
        }
    }

    /// Reports a missing number of retries where no preset has one.
    pub(in crate::mesh) fn validate_with_preset(&self, preset: Option<Preset>, out: &mut Diagnostics) {
        if preset.and_then(Preset::settings).is_none() && self.attempts == Attr::Null {
            out.error(
                &self.at,
                "Retries without attempts",
                "Without a resiliency preset, and with \"none\", the block must say how many retries there are. Write attempts.",
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
                "per_try_timeout is not shorter than request_timeout",
                format!(
                    "A request may take {timeout}, so a try that takes {per_try} is never followed by another. Write a shorter \
                     one, or a longer request_timeout."
                ),
            );
        }
    }
}
