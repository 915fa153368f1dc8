//! One log line in the form of hclog: `@message`, `@level` and `@timestamp` must be strings, since Terraform itself
//! crashes otherwise, and a line must be shorter than 64 KiB.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tracing::Level;

/// Maximum length of a line in bytes. The host splits longer lines, and then they aren't JSON any more.
const MAX_LINE_BYTES: usize = 60_000;
/// Maximum length of the message of a truncated line in characters, of which each is at most six bytes of JSON.
const MAX_TRUNCATED_MESSAGE_CHARS: usize = 8_000;

/// Formats an event. A line that would be too long gets the start of its message and a field `truncated` instead of its
/// fields.
pub(super) fn format_line(
    timestamp: Timestamp,
    level: Level,
    module: &str,
    message: &str,
    fields: Map<String, Json>,
) -> String {
    let format = |message: &str, mut line: Map<String, Json>| {
        line.insert("@level".into(), level.as_str().to_ascii_lowercase().into());
        line.insert("@message".into(), message.into());
        line.insert("@module".into(), module.replace("::", ".").into());
        line.insert("@timestamp".into(), format_timestamp(timestamp).into());
        format!("{}\n", Json::Object(line))
    };
    let line = format(message, fields);
    if line.len() <= MAX_LINE_BYTES {
        return line;
    }
    let start: String = message.chars().take(MAX_TRUNCATED_MESSAGE_CHARS).collect();
    format(&start, Map::from_iter([("truncated".into(), true.into())]))
}

/// Formats a time like `2026-11-21T19:27:04.571000Z`. The host takes a line with any other number of fraction digits
/// for plain text.
fn format_timestamp(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_six_fraction_digits() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000000Z"),
            (1_795_289_224, 571_000_000, "2026-11-21T19:27:04.571000Z"),
            (4_102_444_799, 999_999_999, "2099-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(format_timestamp(Timestamp::new(seconds, nanoseconds).unwrap()), text);
        }
    }

    #[test]
    fn line_has_the_form_of_hclog() {
        let fields = Map::from_iter([("tf_rpc".into(), "Stop".into())]);
        assert_eq!(
            format_line(Timestamp::UNIX_EPOCH, Level::INFO, "mesh::plugin", "a \"b\"\nc", fields),
            r#"{"@level":"info","@message":"a \"b\"\nc","@module":"mesh.plugin","@timestamp":"1970-01-01T00:00:00.000000Z","tf_rpc":"Stop"}"#
                .to_owned()
                + "\n"
        );
    }

    #[test]
    fn long_lines_are_truncated() {
        for (message, field) in [("\u{1}".repeat(1 << 20), String::new()), ("x".into(), "y".repeat(1 << 20))] {
            let fields = Map::from_iter([("f".into(), field.into())]);
            let line = format_line(Timestamp::UNIX_EPOCH, Level::WARN, "m", &message, fields);
            assert!(line.len() < 64 * 1024, "{}", line.len());
            let json: Json = serde_json::from_str(&line).unwrap();
            assert_eq!(json["truncated"], true);
            assert!(json["@message"].is_string());
        }
    }
}
