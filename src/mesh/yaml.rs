//! JSON documents as YAML.

use serde_json::Value as Json;

/// Returns a document as YAML. JSON is YAML as well, so it stands in for a document that can't be written otherwise.
pub(super) fn yaml(document: &Json) -> String {
    serde_saphyr::to_string(document).unwrap_or_else(|_| format!("{document}\n"))
}
