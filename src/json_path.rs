//! Reading and writing inside JSON of which nothing is sure: what isn't there is null, and nothing panics.

use serde_json::{Map, Value as Json};

/// The value under `path`; null where there is none.
pub fn at<'a>(json: &'a Json, path: &[&str]) -> &'a Json {
    path.iter().fold(json, |inner, name| inner.get(name).unwrap_or(&Json::Null))
}

/// The text under `path`.
pub fn text<'a>(json: &'a Json, path: &[&str]) -> Option<&'a str> {
    at(json, path).as_str()
}

/// Sets the value under `path`, and makes the objects on the way there.
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
    fn nothing_is_sure() {
        let json = json!({"a": {"b": "c"}, "d": [1]});
        assert_eq!(text(&json, &["a", "b"]), Some("c"));
        for path in [&["a", "x"][..], &["a", "b", "c"], &["d", "e"], &["d"]] {
            assert_eq!(text(&json, path), None);
        }
    }

    #[test]
    fn what_is_on_the_way_is_made() {
        let mut json = json!({"a": 1});
        set(&mut json, &["b", "c"], json!(2));
        set(&mut json, &["a", "d"], json!(3));
        assert_eq!(json, json!({"a": {"d": 3}, "b": {"c": 2}}));
    }
}
