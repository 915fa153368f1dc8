//! Expressions in CEL (Common Expression Language), the language of admission policies.

use std::collections::{BTreeMap, BTreeSet};

/// A string literal. The escapes of JSON are valid in CEL, too.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list of string literals.
pub(super) fn strings<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let literals: BTreeSet<String> = texts.into_iter().map(|text| string(text.as_ref())).collect();
    format!("[{}]", literals.into_iter().collect::<Vec<_>>().join(", "))
}

/// A map literal of lists of string literals.
pub(super) fn map(lists: &BTreeMap<String, BTreeSet<String>>) -> String {
    let entry = |(key, texts): (&String, &BTreeSet<String>)| format!("{}: {}", string(key), strings(texts));
    format!("{{{}}}", lists.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// A regular expression for DNS labels.
pub(super) const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// A condition on the variable `host`: it has this form, in which `{name}` is a DNS label and `{namespace}` the namespace of
/// the request. All other characters of `form` are characters of DNS names, or `*`, which stands for itself.
pub(super) fn is_host(form: &str) -> String {
    let pattern = form.replace('.', "[.]").replace('*', "[*]").replace("{name}", LABEL);
    format!("host.matches(\"^{}$\")", pattern.replace("{namespace}", "\" + request.namespace + \""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_literals_are_escaped() {
        assert_eq!(string("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(strings(["b", "a"]), r#"["a", "b"]"#);
    }

    #[test]
    fn map_literals_have_lists_as_values() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let lists = BTreeMap::from([("b".to_owned(), texts(&["2", "1"])), ("a".to_owned(), texts(&[]))]);
        assert_eq!(map(&lists), r#"{"a": [], "b": ["1", "2"]}"#);
    }

    #[test]
    fn host_placeholders_become_expressions() {
        assert_eq!(
            is_host("{name}.{namespace}.x.io"),
            "host.matches(\"^[a-z0-9]([-a-z0-9]*[a-z0-9])?[.]\" + request.namespace + \"[.]x[.]io$\")"
        );
        assert_eq!(is_host("*.x.io"), "host.matches(\"^[*][.]x[.]io$\")");
    }
}
