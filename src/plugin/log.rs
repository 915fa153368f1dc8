//! Logs as the host reads them: one JSON object a line on stderr, in hclog's form, which is how they come under TF_LOG.
//!
//! `@message`, `@level` and `@timestamp` must be strings: anything else crashes Terraform itself. A line must stay below
//! 64 KiB, and is one write, so that lines of two threads don't mix.

use std::{
    backtrace::Backtrace,
    fmt::{self, Write as _},
    io::Write as _,
    panic::PanicHookInfo,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value as Json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// Longer lines are cut by the host and lose their meaning.
const LONGEST_LINE: usize = 60_000;
/// What is kept of the message of a line that is too long; one character is six bytes of JSON at most.
const LONGEST_MESSAGE: usize = 8_000;

/// Starts logging as far as the environment wants it; `variable` looks one up.
pub(super) fn install(variable: impl Fn(&str) -> Option<String>) {
    let level = level(&variable);
    // Of the libraries only what is wrong: their details are not the user's, and may show what must not be shown.
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(env!("CARGO_CRATE_NAME"), level);
    // There is one already where tests serve in their own process.
    let _ = tracing_subscriber::registry().with(Hclog.with_filter(targets)).try_init();
    std::panic::set_hook(Box::new(|info| drop(std::io::stderr().write_all(panic_text(info).as_bytes()))));
}

/// TF_LOG_PROVIDER, else TF_LOG; what isn't a level counts as TRACE, as in Terraform.
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

/// Terraform shows a crash to the user if stderr has a line that starts with `panic: `.
fn panic_text(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("(no message)");
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    format!("panic: {message}\n\nat {at}\n{}\n", Backtrace::force_capture())
}

/// The layer.
struct Hclog;

/// Fields of a span, kept for its events.
struct Kept(Fields);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Hclog {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Kept(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Kept(kept)) = span.extensions().get() {
                fields.members.extend(kept.members.clone());
            }
        }
        event.record(&mut fields);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = line(*event.metadata().level(), event.metadata().target(), fields, since);
        // Where stderr is gone, nobody reads logs.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// What an event says.
#[derive(Clone, Default)]
struct Fields {
    message: String,
    members: Map<String, Json>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Json) {
        // Names with `@` are hclog's own.
        self.members.insert(field.name().trim_start_matches('@').to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.put(field, text.into()) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.put(field, value.into()) }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

fn line(level: Level, module: &str, fields: Fields, since: Duration) -> String {
    let written = |message: &str, members: Map<String, Json>| {
        let mut line = members;
        line.insert("@level".into(), level.as_str().to_ascii_lowercase().into());
        line.insert("@message".into(), message.into());
        line.insert("@module".into(), module.replace("::", ".").into());
        line.insert("@timestamp".into(), timestamp(since).into());
        format!("{}\n", Json::Object(line))
    };
    let whole = written(&fields.message, fields.members);
    if whole.len() <= LONGEST_LINE {
        return whole;
    }
    let start: String = fields.message.chars().take(LONGEST_MESSAGE).collect();
    written(&start, Map::from_iter([("truncated".into(), true.into())]))
}

/// `2026-11-21T19:27:04.571000Z`: with any other number of fraction digits the host takes the line for plain text.
fn timestamp(since: Duration) -> String {
    let seconds = since.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ =
        write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros());
    text
}

/// Year, month and day in the Gregorian calendar, `days` after 1970-01-01. Years start in March here, so that the leap day
/// is the last; 400 years have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_six_digits() {
        for (since, text) in [
            (Duration::ZERO, "1970-01-01T00:00:00.000000Z"),
            (Duration::new(951_782_400, 0), "2000-02-29T00:00:00.000000Z"),
            (Duration::new(1_795_289_224, 571_000_000), "2026-11-21T19:27:04.571000Z"),
            (Duration::new(4_102_444_799, 999_999_999), "2099-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(timestamp(since), text);
        }
    }

    #[test]
    fn a_line_is_hclogs() {
        let fields =
            Fields { message: "a \"b\"\nc".into(), members: Map::from_iter([("tf_rpc".into(), "Stop".into())]) };
        assert_eq!(
            line(Level::INFO, "mesh::plugin", fields, Duration::ZERO),
            r#"{"@level":"info","@message":"a \"b\"\nc","@module":"mesh.plugin","@timestamp":"1970-01-01T00:00:00.000000Z","tf_rpc":"Stop"}"#
                .to_owned()
                + "\n"
        );
    }

    #[test]
    fn no_line_is_too_long() {
        for (message, field) in [("\u{1}".repeat(1 << 20), String::new()), ("x".into(), "y".repeat(1 << 20))] {
            let fields = Fields { message, members: Map::from_iter([("f".into(), field.into())]) };
            let text = line(Level::WARN, "m", fields, Duration::ZERO);
            assert!(text.len() < 64 * 1024, "{}", text.len());
            let json: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(json["truncated"], true);
            assert!(json["@message"].is_string());
        }
    }

    #[test]
    fn the_environment_sets_the_level() {
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
