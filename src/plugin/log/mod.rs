//! Logs of the provider. The host reads them from stderr, one JSON object per line, and shows them under `TF_LOG`.

mod hclog;
mod line;

use std::{backtrace::Backtrace, io::Write as _, panic::PanicHookInfo};

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use hclog::HclogLayer;

/// Installs the log layer at the level that the environment asks for, and the panic hook. `variable` looks up an
/// environment variable.
pub(super) fn install(variable: impl Fn(&str) -> Option<String>) {
    let level = level(&variable);
    // Libraries log warnings and errors only: their details don't help the user, and may contain secrets.
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(env!("CARGO_CRATE_NAME"), level);
    // Tests that serve a provider in their own process have installed a subscriber before.
    let _ = tracing_subscriber::registry().with(HclogLayer.with_filter(targets)).try_init();
    std::panic::set_hook(Box::new(|info| drop(std::io::stderr().write_all(panic_text(info).as_bytes()))));
}

/// Returns the level in `TF_LOG_PROVIDER`, or else in `TF_LOG`. A text that is no level counts as TRACE, as in
/// Terraform.
fn level(variable: &impl Fn(&str) -> Option<String>) -> LevelFilter {
    let set = |name| variable(name).filter(|text| !text.is_empty());
    match set("TF_LOG_PROVIDER").or_else(|| set("TF_LOG")).map(|text| text.to_ascii_uppercase()).as_deref() {
        None | Some("OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

/// Formats a panic. Terraform shows a plugin crash to the user if stderr has a line that starts with `panic: `.
fn panic_text(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("(no message)");
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    format!("panic: {message}\n\nat {at}\n{}\n", Backtrace::force_capture())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_sets_the_level() {
        let cases: [(&[(&str, &str)], LevelFilter); 7] = [
            (&[], LevelFilter::OFF),
            (&[("TF_LOG", "")], LevelFilter::OFF),
            (&[("TF_LOG", "off")], LevelFilter::OFF),
            (&[("TF_LOG", "debug")], LevelFilter::DEBUG),
            (&[("TF_LOG", "JSON")], LevelFilter::TRACE),
            (&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "WARN")], LevelFilter::WARN),
            (&[("TF_LOG_PROVIDER", "nonsense")], LevelFilter::TRACE),
        ];
        for (set, expected) in cases {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned());
            assert_eq!(level(&variable), expected, "{set:?}");
        }
    }
}
