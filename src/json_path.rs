//! Reads and writes inside JSON of unknown shape, by paths of member names. A missing value reads as null.

use serde_json::{Map, Value as Json};

/// Returns the value at `path`, or null if there is none.
pub fn at<'a>(json: &'a Json, path: &[&str]) -> &'a Json {
    path.iter().fold(json, |inner, name| inner.get(name).unwrap_or(&Json::Null))
}

/// Returns the text at `path`, if there is one.
pub fn text<'a>(json: &'a Json, path: &[&str]) -> Option<&'a str> {
    at(json, path).as_str()
}

/// Sets the value at `path`. Parents that are missing or no objects become objects.
pub fn set(json: &mut Json, path: &[&str], value: Json) {
    let Some((name, rest)) = path.split_first() else {
        *json = value;
        return;
    };
    if !json.is_object() {
        *json = Json::Object(Map::new());
    }
    if let Json::Object(members) = json {
        set(members.entry((*name).to_owned()).or_insert(Json::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_text_is_none() {
        let json = json!({"a": {"b": "c"}, "d": [1]});
        assert_eq!(text(&json, &["a", "b"]), Some("c"));
        for path in [&["a", "x"][..], &["a", "b", "c"], &["d", "e"], &["d"]] {
            assert_eq!(text(&json, path), None);
        }
    }

    #[test]
    fn set_creates_parents() {
        let mut json = json!({"a": 1});
        set(&mut json, &["b", "c"], json!(2));
        set(&mut json, &["a", "d"], json!(3));
        assert_eq!(json, json!({"a": {"d": 3}, "b": {"c": 2}}));
    }
}
