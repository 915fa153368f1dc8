//! Rules across arguments.

use std::collections::BTreeSet;

use super::{AccessLog, ExtensionProvider, InstallConfig, Locality, Tls};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{istio::sidecar::OutboundMode, labels},
    schema::{At, Attr},
};

impl InstallConfig {
    /// Reports violations of rules across arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        self.validate_exports(out);
        self.validate_trust_domains(out);
        self.validate_retries(out);
        if let Ok(Some(tls)) = self.tls.known() {
            validate_tls(tls, out);
        }
        if let Ok(Some(locality)) = self.locality.known() {
            Locality::validate(locality, out);
        }
        if let Ok(Some(log)) = self.access_log.known() {
            AccessLog::validate(log, out);
        }
        if let Ok(providers) = self.extension_provider.known() {
            ExtensionProvider::validate(providers, out);
        }
        for block in self.discovery_namespaces.known().unwrap_or_default() {
            labels::validate_selector(&block.labels, &block.at.attribute("labels"), out);
        }
    }

    fn validate_exports(&self, out: &mut Diagnostics) {
        for (name, exports) in [
            ("default_export_to", &self.default_export_to),
            ("default_service_export_to", &self.default_service_export_to),
            ("default_virtual_service_export_to", &self.default_virtual_service_export_to),
            ("default_destination_rule_export_to", &self.default_destination_rule_export_to),
        ] {
            let Attr::Known(elements) = exports else { continue };
            if elements.known.contains("*") && elements.known.len() > 1 {
                let at = Path::root().attribute(name);
                out.error(
                    &at,
                    "\"*\" combined with other values",
                    "\"*\" are all namespaces. Write it alone, or remove it.",
                );
            }
        }
        let hides = |exports: &BTreeSet<String>| !exports.contains("*");
        if self.outbound_traffic_policy() == Ok(OutboundMode::AllowAny)
            && self.default_export_to(&self.default_service_export_to).as_ref().is_ok_and(hides)
        {
            let own = self.default_service_export_to.is_set();
            let name = if own { "default_service_export_to" } else { "default_export_to" };
            out.error(
                &Path::root().attribute(name),
                "Hidden services would be called in clear text",
                format!(
                    "With outbound_traffic_policy = \"allow_any\", a call of a service that is hidden from its caller leaves as clear \
                     text and without identity, whatever mutual TLS the mesh has. Write {name} = [\"*\"], or outbound_traffic_policy = \
                     \"registry_only\"."
                ),
            );
        }
    }

    fn validate_trust_domains(&self, out: &mut Diagnostics) {
        let (Ok(trust_domain), Attr::Known(aliases)) =
            (self.trust_domain.or("cluster.local".to_owned()), &self.trust_domain_aliases)
        else {
            return;
        };
        if aliases.known.contains(&trust_domain) {
            out.error(
                &Path::root().attribute("trust_domain_aliases"),
                "The trust domain is its own alias",
                format!("{trust_domain:?} is the trust domain. Write the ones that its identities had before, or have elsewhere."),
            );
        }
    }

    fn validate_retries(&self, out: &mut Diagnostics) {
        let Ok(Some(retries)) = self.default_retries.known() else { return };
        if retries.attempts == Attr::Known(0) && retries.on.is_set() {
            out.error(
                &retries.at.attribute("on"),
                "Conditions of retries that are off",
                "With attempts = 0 nothing is retried. Remove on, or write another number.",
            );
        }
    }
}

fn validate_tls(tls: &At<Tls>, out: &mut Diagnostics) {
    let Attr::Known(fips) = tls.fips else { return };
    for (name, is_set) in [
        ("min_version", tls.min_version.is_set()),
        ("gateway_min_version", tls.gateway_min_version.is_set()),
        ("cipher_suites", tls.cipher_suites.is_set()),
        ("ecdh_curves", tls.ecdh_curves.is_set()),
    ] {
        if is_set {
            out.error(
                &tls.at.attribute(name),
                format!("{name} beside fips"),
                format!("Proxies apply the policy of FIPS {fips} last, and it overrides {name}. Remove one of them."),
            );
        }
    }
}
