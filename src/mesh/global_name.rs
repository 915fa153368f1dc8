//! Global names: what a service is called everywhere in the mesh, whatever its namespace. The provider may make them of the
//! names that services have anyway, by a template.

use std::fmt;

use super::{reference::is_external_host, text::Text};

/// What [`is_global_name`] admits.
pub const GLOBAL_NAME: &str = "A DNS name with a dot, like `payments.example.internal`.";

/// A DNS name of several parts, and of one service: no wildcard, no address.
pub fn is_global_name(text: &str) -> bool {
    !text.starts_with("*.") && is_external_host(text)
}

/// How the names of services become global ones: `{name}.{namespace}.example.internal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

const NAME: &str = "{name}";
const NAMESPACE: &str = "{namespace}";

impl Template {
    /// What the template makes of a service; it may be no [global name](is_global_name), where a part gets too long.
    pub fn expand(&self, name: &str, namespace: &str) -> String {
        self.0.replace(NAMESPACE, namespace).replace(NAME, name)
    }

    /// The global name of a service; `None` where the template makes none of it.
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
    fn admits() -> String {
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
    fn a_template_is_filled() {
        for (text, filled) in [
            ("{name}.{namespace}.example.internal", "payments.pci.example.internal"),
            ("{name}.example.internal", "payments.example.internal"),
            ("{name}-{namespace}.x.io", "payments-pci.x.io"),
            ("{name}.{namespace}.{name}", "payments.pci.payments"),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.to_string(), text);
            assert_eq!(template.global_name("payments", "pci"), Some(filled.to_owned()));
        }
    }

    #[test]
    fn what_is_no_template() {
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
    fn a_name_may_get_too_long() {
        let template = Template::parse("{name}-{namespace}.x.io").unwrap();
        assert_eq!(template.global_name(&"a".repeat(40), &"b".repeat(40)), None);
    }

    #[test]
    fn global_names() {
        assert!(is_global_name("payments.example.internal"));
        for bad in ["payments", "*.example.internal", "10.0.0.1", "Payments.example.internal", "a..b", ""] {
            assert!(!is_global_name(bad), "{bad}");
        }
    }
}
