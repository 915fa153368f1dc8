//! Conditions of `when` blocks, by the attributes that Istio knows
//! (<https://istio.io/latest/docs/reference/config/security/conditions/>).

use super::AttributeCondition;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{istio::authorization_policy::Condition, patterns},
    schema::{At, Attr},
};

/// The sentence for the documentation that says what [`is_key`] accepts.
pub(super) const KEYS: &str = "Attributes of Istio that have no argument, like `request.headers[x-team]`.";

/// The attributes that have a name in brackets, and those without.
const WITH_NAME: [&str; 3] = ["request.headers", "request.auth.claims", ENVOY_FILTERS];
const PLAIN: [&str; 5] =
    ["request.auth.principal", "request.auth.audiences", "request.auth.presenter", "connection.sni", DESTINATION_IP];

const ENVOY_FILTERS: &str = "experimental.envoy.filters.";
const DESTINATION_IP: &str = "destination.ip";

/// The attributes for which arguments stand. By these alone it is known who may call.
const ARGUMENTS: [(&str, &str); 7] = [
    ("source.ip", "ip_blocks"),
    ("remote.ip", "remote_ip_blocks"),
    ("source.namespace", "from = [\"namespace/*\"]"),
    ("source.principal", "from"),
    ("source.serviceAccount", "from"),
    ("source.trustDomain", "from"),
    ("destination.port", "ports or target_ports"),
];

/// Whether a text is the key of a condition. Keys for which arguments stand are reported by [`validate`], with the argument.
pub(super) fn is_key(text: &str) -> bool {
    let is_named = |attribute: &&str| {
        let name = text.strip_prefix(*attribute).and_then(|rest| rest.find('[').map(|start| rest.split_at(start)));
        name.is_some_and(|(filter, name)| {
            // Only the attributes of filters have more than a name.
            (*attribute == ENVOY_FILTERS) != filter.is_empty() && is_name(name)
        })
    };
    PLAIN.contains(&text) || ARGUMENTS.iter().any(|(key, _)| *key == text) || WITH_NAME.iter().any(is_named)
}

/// Whether a text is one or more names in brackets.
fn is_name(text: &str) -> bool {
    let names = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    names.split("][").all(|name| !name.is_empty() && !name.contains(['[', ']']))
}

impl AttributeCondition {
    /// Whether proxies know the attribute only on HTTP ports.
    pub(super) fn is_of_requests(&self) -> Known<bool> {
        Ok(self.key.required()?.starts_with("request."))
    }

    /// Renders the condition.
    pub(super) fn render(&self) -> Known<Condition> {
        Ok(Condition {
            key: self.key.required()?.clone(),
            values: self.values.elements_or_empty()?,
            not_values: self.not_values.elements_or_empty()?,
        })
    }
}

/// Reports conditions for which arguments stand, those without values, and values that no attribute has.
pub(super) fn validate(condition: &At<AttributeCondition>, out: &mut Diagnostics) {
    if condition.values == Attr::Null && condition.not_values == Attr::Null {
        out.error(
            &condition.at,
            "Condition without values",
            "Write values, not_values, or both: values = [\"*\"] asks for any value, not_values = [\"*\"] for none.",
        );
    }
    let Ok(key) = condition.key.required() else { return };
    if let Some((_, argument)) = ARGUMENTS.iter().find(|(attribute, _)| attribute == key) {
        out.error(
            &condition.at.attribute("key"),
            format!("{key} has an argument"),
            format!(
                "Conditions are for attributes that have no argument, and for {key} there is one. Write {argument}, in the block itself \
                 or in its except block."
            ),
        );
        return;
    }
    for (argument, values) in [("values", &condition.values), ("not_values", &condition.not_values)] {
        for value in values.elements().ok().flatten().into_iter().flatten() {
            let (is_valid, accepted) = match key.as_str() {
                DESTINATION_IP => (patterns::is_ip_block(value), patterns::IP_BLOCK),
                _ => (key.starts_with(ENVOY_FILTERS) || patterns::is_pattern(value), patterns::PATTERN),
            };
            if !is_valid {
                out.error(
                    &condition.at.attribute(argument),
                    format!("Invalid value of {key:.40}"),
                    format!("{accepted} Got {value:?}."),
                );
            } else if is_regex_by_mistake(value) && !key.starts_with(ENVOY_FILTERS) {
                out.error(
                    &condition.at.attribute(argument),
                    "Regular expression in a condition",
                    format!(
                        "AuthorizationPolicies have no regular expressions, and {value:?} would match no request that you mean. Write \
                         the values, or one * at the start or end."
                    ),
                );
            }
        }
    }
}

/// Whether a value was probably meant as a regular expression. One that ends with `.*` may be a prefix, such as that of a version.
fn is_regex_by_mistake(value: &str) -> bool {
    patterns::looks_like_regex(value.strip_suffix(".*").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_validated() {
        for key in [
            "request.headers[x-team]",
            "request.auth.claims[groups]",
            "request.auth.claims[realm][roles]",
            "request.auth.principal",
            "connection.sni",
            "destination.ip",
            "source.ip",
            "experimental.envoy.filters.network.mysql_proxy[db.table]",
        ] {
            assert!(is_key(key), "{key}");
        }
        for key in [
            "",
            "request.headers",
            "request.headers[]",
            "request.headers:x",
            "request.headersx[y]",
            "request.auth.claims[a]b",
            "request.auth.principal[x]",
            "request.method",
            "destination.labels[app]",
            "experimental.envoy.filters.[x]",
            "experimental.envoy.filters.a",
        ] {
            assert!(!is_key(key), "{key}");
        }
    }
}
