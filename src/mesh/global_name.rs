//! Global names: hosts by which services are called from every namespace of the mesh. The provider block may have a
//! template that makes a global name of each service's name and namespace.

use std::fmt;

use super::{patterns::is_external_host, text::Text};

/// The sentence for the documentation that says what [`is_global_name`] accepts.
pub const GLOBAL_NAME: &str = "A DNS name with a dot, like `payments.example.internal`.";

/// Whether `text` is a DNS name with at least two labels. Wildcards and IP addresses are refused.
pub fn is_global_name(text: &str) -> bool {
    !text.starts_with("*.") && is_external_host(text)
}

/// A template of global names, like `{name}.{namespace}.example.internal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

const NAME: &str = "{name}";
const NAMESPACE: &str = "{namespace}";

impl Template {
    /// Fills in the name and namespace of a service. The result isn't a valid [global name](is_global_name) if a label
    /// of it is too long.
    pub fn expand(&self, name: &str, namespace: &str) -> String {
        self.0.replace(NAMESPACE, namespace).replace(NAME, name)
    }

    /// Returns the global name of a service, or `None` if the expanded template isn't a valid global name.
    pub fn global_name(&self, name: &str, namespace: &str) -> Option<String> {
        Some(self.expand(name, namespace)).filter(|text| is_global_name(text))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Template {
    fn accepted_values() -> String {
        "A DNS name in which `{name}` stands for the service and `{namespace}` for its namespace, like \
         `{name}.{namespace}.example.internal`."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let template = Self(text.to_owned());
        let rest = text.replace(NAMESPACE, "").replace(NAME, "");
        if let Some((_, from)) = rest.split_once('{') {
            let inner = from.split_once('}').map_or(from, |(inner, _)| inner);
            return Err(format!("{text:?}: {{{inner}}} stands for nothing. Write {NAME}, {NAMESPACE} and fixed text."));
        }
        if !text.contains(NAME) {
            return Err(format!(
                "{text:?}: every service would have the same name. Write {NAME} where its own belongs."
            ));
        }
        if template.global_name("name", "namespace").is_none() {
            return Err(format!(
                "{text:?} makes no DNS name: {:?}. Write lowercase letters, digits, dashes and dots around {NAME} and \
                 {NAMESPACE}, as in \"{NAME}.{NAMESPACE}.example.internal\".",
                template.expand("name", "namespace")
            ));
        }
        Ok(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_expands_to_a_global_name() {
        for (text, expanded) in [
            ("{name}.{namespace}.example.internal", "payments.pci.example.internal"),
            ("{name}.example.internal", "payments.example.internal"),
            ("{name}-{namespace}.x.io", "payments-pci.x.io"),
            ("{name}.{namespace}.{name}", "payments.pci.payments"),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.to_string(), text);
            assert_eq!(template.global_name("payments", "pci"), Some(expanded.to_owned()));
        }
    }

    #[test]
    fn invalid_templates_are_refused() {
        for text in [
            "",
            "{name}",
            "{name}.",
            ".{name}.x",
            "*.{name}.x",
            "{namespace}.example.internal",
            "{name}.{team}.x",
            "{name}.{namespace",
            "{name}}.x",
            "{Name}.x",
            "https://{name}.x.io",
            "{name}.x.io:80",
            "{name}.0",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn too_long_names_have_no_global_name() {
        let template = Template::parse("{name}-{namespace}.x.io").unwrap();
        assert_eq!(template.global_name(&"a".repeat(40), &"b".repeat(40)), None);
    }

    #[test]
    fn global_names_are_validated() {
        assert!(is_global_name("payments.example.internal"));
        for bad in ["payments", "*.example.internal", "10.0.0.1", "Payments.example.internal", "a..b", ""] {
            assert!(!is_global_name(bad), "{bad}");
        }
    }
}
