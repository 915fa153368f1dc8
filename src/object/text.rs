//! The text of an object in the attribute `objects`, beside its key: compact JSON without the parts that the key already says,
//! so that reviewers of a plan read each fact once.

use serde_json::{Value as Json, json};

use super::Key;

/// Members of `metadata` that a key names.
const NAMES: [&str; 2] = ["name", "namespace"];

/// The text of `body` beside its key: without `apiVersion`, `kind`, the name and the namespace.
pub fn to_text(mut body: Json) -> String {
    if let Some(object) = body.as_object_mut() {
        object.remove("apiVersion");
        object.remove("kind");
        if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.retain(|member, _| !NAMES.contains(&member.as_str()));
            if metadata.is_empty() {
                object.remove("metadata");
            }
        }
    }
    body.to_string()
}

/// The whole object of `text` beside `key`. `None` where it isn't JSON, or has `metadata` that aren't an object. JSON that isn't
/// an object, such as the `null` of an object that isn't read yet, is returned as it is.
pub fn from_text(key: &Key, text: &str) -> Option<Json> {
    let mut body: Json = serde_json::from_str(text).ok()?;
    let Some(object) = body.as_object_mut() else { return Some(body) };
    object.insert("apiVersion".to_owned(), json!(key.kind.api_version()));
    object.insert("kind".to_owned(), json!(key.kind.kind));
    let metadata = object.entry("metadata").or_insert_with(|| json!({})).as_object_mut()?;
    metadata.insert("name".to_owned(), json!(key.name));
    if let Some(namespace) = &key.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().expect("a key")
    }

    #[test]
    fn a_text_and_its_key_give_the_whole_object_back() {
        let key = key("Service/pci/payments");
        for rest in [
            json!({ "spec": { "name": "kept", "namespace": "kept" } }),
            json!({ "metadata": { "labels": { "app": "x" } } }),
            json!({}),
        ] {
            let text = rest.to_string();
            let whole = from_text(&key, &text).expect("an object");
            assert_eq!((&whole["apiVersion"], &whole["kind"]), (&json!("v1"), &json!("Service")));
            assert_eq!(
                (&whole["metadata"]["name"], &whole["metadata"]["namespace"]),
                (&json!("payments"), &json!("pci"))
            );
            assert_eq!(to_text(whole), text);
        }
    }

    #[test]
    fn an_object_of_a_cluster_has_no_namespace() {
        let whole = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "pci" } });
        assert_eq!(to_text(whole.clone()), "{}");
        assert_eq!(from_text(&key("Namespace/pci"), "{}"), Some(whole));
    }

    #[test]
    fn other_json_is_kept_and_broken_text_is_none() {
        assert_eq!(to_text(Json::Null), "null");
        assert_eq!(from_text(&key("Namespace/pci"), "null"), Some(Json::Null));
        for broken in ["", "{", r#"{"metadata":"x"}"#] {
            assert_eq!(from_text(&key("Namespace/pci"), broken), None, "{broken}");
        }
    }
}
