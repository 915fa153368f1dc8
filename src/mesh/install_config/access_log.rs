//! The `access_log` block.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::log_operators;
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    model,
    schema::{At, Attr, Map, model::optional},
};

model! {
    /// A log of all requests.
    pub struct AccessLog {
        /// File of the log in the proxy's container (`accessLogFile`). Defaults to `/dev/stdout`.
        path: Attr<String> = optional().text("A path that starts with a slash.", |path| path.starts_with('/')),
        /// Fields of each line, which is JSON (`accessLogFormat`): names, and formats of Envoy. Defaults to the fields
        /// that a roll-out of authorization needs: request and response, the identities of both sides, and the result
        /// of policies in dry run. Conflicts with `text`.
        fields: Map<String> = optional().non_empty("At least one field."),
        /// Format of each line as text. Conflicts with `fields`.
        text: Attr<String> = optional().text("It can't be empty.", |text| !text.trim().is_empty()),
    }
}

/// The fields of a line by default.
const FIELDS: [(&str, &str); 18] = [
    ("authority", "%REQ(:AUTHORITY)%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("destination_principal", "%DOWNSTREAM_LOCAL_URI_SAN%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("duration", "%DURATION%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("policies", "%DYNAMIC_METADATA(envoy.filters.http.rbac)%"),
    ("protocol", "%PROTOCOL%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("source_principal", "%DOWNSTREAM_PEER_URI_SAN%"),
    ("start_time", "%START_TIME%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
];

impl AccessLog {
    /// Adds the log to `meshConfig`. A text without a line break at its end gets one, or lines would run together.
    pub(super) fn render(&self, config: &mut JsonMap<String, Json>) -> Known<()> {
        let (encoding, format) = if let Some(text) = self.text.known()? {
            ("TEXT", format!("{}\n", text.trim_end_matches('\n')))
        } else {
            let fields = self.fields.elements()?.unwrap_or_else(|| {
                FIELDS.iter().map(|(name, format)| ((*name).to_owned(), (*format).to_owned())).collect()
            });
            ("JSON", json!(fields).to_string())
        };
        config.insert("accessLogFile".to_owned(), json!(self.path.or("/dev/stdout".to_owned())?));
        config.insert("accessLogEncoding".to_owned(), json!(encoding));
        config.insert("accessLogFormat".to_owned(), json!(format));
        Ok(())
    }

    pub(super) fn validate(block: &At<Self>, out: &mut Diagnostics) {
        if block.fields.is_set() && block.text.is_set() {
            out.error(
                &block.at.attribute("text"),
                "fields and text",
                "A line is JSON with fields, or a text. Write one of them.",
            );
        }
        if let Attr::Known(text) = &block.text {
            validate_format(text, &block.at.attribute("text"), out);
        }
        let Ok(Some(fields)) = block.fields.known() else { return };
        for (name, format) in fields {
            if let Attr::Known(format) = format {
                validate_format(format, &block.at.attribute("fields").key(name), out);
            }
        }
    }
}

fn validate_format(format: &str, at: &Path, out: &mut Diagnostics) {
    if let Some(mistake) = log_operators::mistake(format) {
        out.error(
            at,
            "Invalid format of an access log",
            format!("{format:?}: {mistake}. Proxies would refuse every listener. A percent sign itself is written %%."),
        );
    }
}
