//! TLS that the proxy originates: the server name that it sends, the names that it verifies, and its certificates.

use super::{ExternalService, Host, TlsSettings};
use crate::{
    known::{Known, Unknown},
    mesh::{istio::destination_rule::ClientTls, manifest::StringMap},
};

/// How the proxy originates TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origination {
    /// The proxy verifies the certificate of the server.
    Simple,
    /// The proxy also presents a client certificate.
    Mutual,
}

const SIMPLE: &str = "SIMPLE";
const MUTUAL: &str = "MUTUAL";

impl ExternalService {
    /// Whether only selected workloads read the Secret of the certificate.
    pub(super) fn selects_workloads(&self) -> Known<bool> {
        Ok(self.tls_settings()?.workload_selector.known()?.is_some())
    }

    /// The labels of the workloads that read the Secret.
    pub(super) fn workload_selector(&self) -> Known<StringMap> {
        self.tls_settings()?.workload_selector.required_elements()
    }
}

impl TlsSettings {
    /// The TLS settings of proxies that read no Secret: of all workloads, or of those that the selector doesn't match. The
    /// latter originate TLS all the same, since otherwise they would send clear text to the TLS port of the host.
    pub(super) fn client_tls(&self, host: &Host, origination: Origination) -> Known<ClientTls> {
        let tls = self.server_names(host)?;
        if self.workload_selector.known()?.is_some() {
            return Ok(tls);
        }
        let tls = ClientTls { ca_certificates: self.ca.known()?.cloned(), ..tls };
        Ok(match origination {
            Origination::Simple => tls,
            // Istio refuses MUTUAL without the two files. Validation reports a missing one.
            Origination::Mutual => ClientTls {
                mode: MUTUAL,
                client_certificate: Some(self.client_certificate.required()?.clone()),
                private_key: Some(self.client_key.required()?.clone()),
                ..tls
            },
        })
    }

    /// The TLS settings of the proxies of selected workloads, which read the Secret.
    pub(super) fn selected_client_tls(&self, host: &Host, origination: Origination) -> Known<ClientTls> {
        let mode = if origination == Origination::Mutual { MUTUAL } else { SIMPLE };
        let credential_name = Some(self.credential_name.required()?.clone());
        Ok(ClientTls { mode, credential_name, ..self.server_names(host)? })
    }

    /// The server name and the names to verify: those of an exact host by default. For a wildcard the proxy takes both from
    /// each request where neither is set.
    fn server_names(&self, host: &Host) -> Known<ClientTls> {
        let exact = (!host.is_wildcard()).then(|| host.to_string());
        let sni = self.sni.known()?.cloned();
        let subject_alt_names = match (self.subject_alt_names.elements()?, &sni) {
            (Some(names), _) => Some(names.iter().cloned().collect()),
            (None, None) => exact.clone().map(|host| vec![host]),
            // A server name without names to verify would switch verification off. Validation reports it.
            (None, Some(_)) => return Err(Unknown),
        };
        Ok(ClientTls { mode: SIMPLE, sni: sni.or(exact), subject_alt_names, ..ClientTls::default() })
    }
}
