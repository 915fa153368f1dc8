//! Expressions in CEL (Common Expression Language), the language of admission policies.

use std::collections::BTreeSet;

/// A string literal. The escapes of JSON are valid in CEL, too.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list of string literals.
pub(super) fn strings<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let literals: BTreeSet<String> = texts.into_iter().map(|text| string(text)).collect();
    format!("[{}]", literals.into_iter().collect::<Vec<_>>().join(", "))
}

/// A regular expression for DNS labels.
pub(super) const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// A condition on the variable `host`: it has this form, in which `{name}` is a DNS label and `{namespace}` the namespace of
/// the request. All other characters of `form` are characters of DNS names.
pub(super) fn is_host(form: &str) -> String {
    let pattern = form.replace('.', "[.]").replace("{name}", LABEL);
    format!("host.matches(\"^{}$\")", pattern.replace("{namespace}", "\" + request.namespace + \""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_literals_are_escaped() {
        assert_eq!(string("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(strings(&["b".to_owned(), "a".to_owned()]), r#"["a", "b"]"#);
    }

    #[test]
    fn host_placeholders_become_expressions() {
        assert_eq!(
            is_host("{name}.{namespace}.x.io"),
            "host.matches(\"^[a-z0-9]([-a-z0-9]*[a-z0-9])?[.]\" + request.namespace + \"[.]x[.]io$\")"
        );
    }
}
