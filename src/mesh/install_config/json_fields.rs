//! Fields of JSON objects.

use serde_json::Value as Json;

/// Sets a field of an object. Other values stay as they are.
pub(super) fn set(object: &mut Json, field: &str, value: Json) {
    if let Json::Object(fields) = object {
        fields.insert(field.to_owned(), value);
    }
}
