//! Hosts in the form in which Sidecars list them.

use std::fmt;

use crate::mesh::{
    names::{is_label, is_subdomain},
    text::Text,
};

/// A host that workloads may call, as `namespace/host`: `./*`, `istio-system/*`, `shop/api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EgressHost(String);

impl fmt::Display for EgressHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for EgressHost {
    fn accepted_values() -> String {
        "Hosts as `namespace/host`: `./*` (the workload's own namespace), `istio-system/*`, `*/api.example.com`."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let is_valid = text.split_once('/').is_some_and(|(namespace, host)| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            (matches!(namespace, "." | "*" | "~") || is_label(namespace))
                && (host == "*" || name.contains('.') && is_subdomain(name))
        });
        if !is_valid {
            return Err(format!(
                "{text:?} isn't a host of the mesh. Write \"namespace/host\", like \"./*\" (the workload's own namespace), \
                 \"istio-system/*\" or \"shop/catalog.shop.svc.cluster.local\"; hosts are whole names."
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
