//! What the proxy says in the handshakes that it begins.

use std::collections::BTreeSet;

use super::{ExternalService, Host};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{istio::destination_rule::ClientTls, manifest::StringMap},
};

/// How the proxy begins TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origination {
    /// It checks the server's certificate.
    Simple,
    /// It shows one of its own, too.
    Mutual,
}

/// What the proxy says where it speaks TLS, as far as it is written.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The file of the authorities that server certificates are checked against.
    pub ca: Known<Option<String>>,
    /// The name that is asked for.
    pub sni: Known<Option<String>>,
    /// The names of which the certificate must carry one.
    pub subject_alt_names: Known<Option<BTreeSet<String>>>,
    /// The file of the proxy's own certificate.
    pub client_certificate: Known<Option<String>>,
    /// The file of its key.
    pub client_key: Known<Option<String>>,
    /// The Secret that has all of these.
    pub credential_name: Known<Option<String>>,
    /// The workloads whose proxies may read the Secret. Outside: whether it is written.
    pub workload_selector: Known<Option<Known<StringMap>>>,
}

impl TlsSettings {
    /// Nothing is written.
    const NONE: Self = Self {
        ca: Ok(None),
        sni: Ok(None),
        subject_alt_names: Ok(None),
        client_certificate: Ok(None),
        client_key: Ok(None),
        credential_name: Ok(None),
        workload_selector: Ok(None),
    };
}

impl ExternalService {
    fn settings(&self) -> Known<&TlsSettings> {
        Ok(as_known(&self.tls_settings)?.as_ref().unwrap_or(&TlsSettings::NONE))
    }

    /// Whether some workloads have a Secret that others don't have.
    pub(super) fn chooses_workloads(&self) -> Known<bool> {
        Ok(as_known(&self.settings()?.workload_selector)?.is_some())
    }

    /// The workloads that have a Secret.
    pub(super) fn chosen(&self) -> Known<StringMap> {
        as_known(&self.settings()?.workload_selector)?.clone().ok_or(Unknown)?
    }

    /// What proxies say that have nothing but files: of all workloads, or of those that weren't chosen. These begin TLS all the
    /// same, since clear text would go to the port of TLS.
    pub(super) fn client_tls(&self, host: &Host, origination: Origination) -> Known<ClientTls> {
        let settings = self.settings()?;
        let tls = names(settings, host)?;
        if as_known(&settings.workload_selector)?.is_some() {
            return Ok(tls);
        }
        let tls = ClientTls { ca_certificates: settings.ca.clone()?, ..tls };
        Ok(match origination {
            Origination::Simple => tls,
            // Without the two Istio refuses it, and the rule on certificates has told it.
            Origination::Mutual => ClientTls {
                mode: MUTUAL,
                client_certificate: Some(settings.client_certificate.clone()?.ok_or(Unknown)?),
                private_key: Some(settings.client_key.clone()?.ok_or(Unknown)?),
                ..tls
            },
        })
    }

    /// What the proxies of chosen workloads say.
    pub(super) fn chosen_tls(&self, host: &Host, origination: Origination) -> Known<ClientTls> {
        let settings = self.settings()?;
        let mode = if origination == Origination::Mutual { MUTUAL } else { SIMPLE };
        let credential_name = Some(settings.credential_name.clone()?.ok_or(Unknown)?);
        Ok(ClientTls { mode, credential_name, ..names(settings, host)? })
    }
}

const SIMPLE: &str = "SIMPLE";
const MUTUAL: &str = "MUTUAL";

/// The name that is asked for, and those that the certificate must carry: of an exact host, its own. A wildcard's come with each
/// request, by which the proxy goes where neither is written.
fn names(settings: &TlsSettings, host: &Host) -> Known<ClientTls> {
    let own = (!host.is_wildcard()).then(|| host.to_string());
    let sni = settings.sni.clone()?;
    let subject_alt_names = match (settings.subject_alt_names.clone()?, &sni) {
        (Some(written), _) => Some(written.into_iter().collect()),
        (None, None) => own.clone().map(|own| vec![own]),
        // A name that is asked for, and not looked for in the certificate, switches the check of names off: it was told.
        (None, Some(_)) => return Err(Unknown),
    };
    Ok(ClientTls { mode: SIMPLE, sni: sni.or(own), subject_alt_names, ..ClientTls::default() })
}
