//! Pieces of CEL, the language of admission policies.

use std::collections::BTreeSet;

/// A text as a literal: JSON's escapes are CEL's too.
pub(super) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list of texts.
pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let literals: BTreeSet<String> = texts.into_iter().map(|item| text(item)).collect();
    format!("[{}]", literals.into_iter().collect::<Vec<_>>().join(", "))
}

/// A DNS label, as part of a regular expression.
pub(super) const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// Whether `host` is of this form, where `{name}` is a DNS label and `{namespace}` the namespace of the request; other
/// characters are those of DNS names.
pub(super) fn is_host(form: &str) -> String {
    let pattern = form.replace('.', "[.]").replace("{name}", LABEL);
    format!("host.matches(\"^{}$\")", pattern.replace("{namespace}", "\" + request.namespace + \""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        assert_eq!(text("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(texts(&["b".to_owned(), "a".to_owned()]), r#"["a", "b"]"#);
    }

    #[test]
    fn forms_of_hosts() {
        assert_eq!(
            is_host("{name}.{namespace}.x.io"),
            "host.matches(\"^[a-z0-9]([-a-z0-9]*[a-z0-9])?[.]\" + request.namespace + \"[.]x[.]io$\")"
        );
    }
}
