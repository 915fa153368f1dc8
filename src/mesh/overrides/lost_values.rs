//! The values that a patch removes from lists. A merge patch replaces a list as a whole.

use serde_json::Value as Json;

/// Returns the paths of values in lists of `before` that `after` doesn't have, such as `spec.http[0].timeout`. Members that a
/// patch removes from objects aren't among them: the patch names each of those.
pub(super) fn lost_values(before: &Json, after: &Json) -> Vec<String> {
    let mut lost = Vec::new();
    compare_outside_lists(before, after, "", &mut lost);
    lost
}

fn compare_outside_lists(before: &Json, after: &Json, path: &str, lost: &mut Vec<String>) {
    match (before, after) {
        (Json::Object(members), Json::Object(others)) => {
            for (name, value) in members {
                let Some(other) = others.get(name) else { continue };
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare_outside_lists(value, other, &path, lost);
            }
        }
        (Json::Array(_), Json::Array(_)) => compare(before, after, path, lost),
        _ => {}
    }
}

/// Compares a list or a part of one. Elements that are there at another position aren't lost.
fn compare(before: &Json, after: &Json, path: &str, lost: &mut Vec<String>) {
    match (before, after) {
        (Json::Object(members), Json::Object(others)) => {
            for (name, value) in members {
                compare(value, others.get(name).unwrap_or(&Json::Null), &format!("{path}.{name}"), lost);
            }
        }
        (Json::Array(elements), Json::Array(others)) => {
            for (n, element) in elements.iter().enumerate().filter(|(_, element)| !others.contains(element)) {
                compare(element, others.get(n).unwrap_or(&Json::Null), &format!("{path}[{n}]"), lost);
            }
        }
        _ if before == after => {}
        _ => lost.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_lists_are_lost() {
        let before = json!({ "spec": { "hosts": ["a", "b"], "http": [{ "route": [{ "x": 1 }], "timeout": "3s" }], "gone": [1] } });
        let lost = |after: Json| lost_values(&before, &json!({ "spec": after }));
        assert_eq!(lost(json!({ "hosts": ["b", "c"] })), ["spec.hosts[0]"]);
        assert_eq!(lost(json!({ "http": [{ "corsPolicy": {} }] })), ["spec.http[0].route", "spec.http[0].timeout"]);
        assert_eq!(lost(json!({ "http": [{ "route": [{ "x": 2 }], "timeout": "3s" }] })), ["spec.http[0].route[0].x"]);
        assert_eq!(lost(json!({ "http": [] })), ["spec.http[0]"]);
    }

    #[test]
    fn what_is_repeated_or_removed_by_name_is_not_lost() {
        let before = json!({ "spec": { "hosts": ["a", "b"], "exportTo": ["."], "tls": { "mode": "SIMPLE" } } });
        let after = json!({ "spec": { "hosts": ["c", "b", "a"], "tls": { "mode": "MUTUAL" } } });
        assert_eq!(lost_values(&before, &after), Vec::<String>::new());
    }
}
