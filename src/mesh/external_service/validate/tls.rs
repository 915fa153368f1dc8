//! Rules for TLS that the proxy originates.

use super::{
    super::{ExternalService, Port, TlsSettings, ports::carries_host_name, tls::Origination},
    argument,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::{At, Attr},
};

impl ExternalService {
    pub(super) fn validate_tls(&self, out: &mut Diagnostics) {
        self.validate_wildcard_names(out);
        let originations = self.originations();
        let is_mutual = originations.as_ref().map(|all| all.contains(&Origination::Mutual));
        let Ok(settings) = self.tls_settings.known() else { return };
        let Some(settings) = settings else {
            if is_mutual == Ok(true) {
                report_missing_certificate(&argument("tls_settings"), out);
            }
            return;
        };
        if originations.as_deref() == Ok(&[]) {
            out.error(
                &settings.at,
                "tls_settings without TLS of the proxy",
                "tls_settings configures TLS that the proxy originates, and the proxy originates TLS on no port of this \
                 resource. Write tls = \"originate\", or remove the block.",
            );
        }
        if settings.sni.is_set() && settings.subject_alt_names == Attr::Null {
            out.error(
                &settings.at.attribute("sni"),
                "sni without subject_alt_names",
                "With sni and without subject_alt_names, a proxy accepts the certificate of any host. Write \
                 subject_alt_names as well, or remove sni: the proxy then uses the host for both.",
            );
        }
        settings.validate_pair(out);
        match is_mutual {
            Ok(true) => settings.validate_mutual(out),
            Ok(false) => settings.validate_not_mutual(out),
            Err(_) => {}
        }
        self.validate_credential(settings, out);
    }

    /// For a wildcard the proxy takes the names to verify from requests, which ports without host names don't have.
    fn validate_wildcard_names(&self, out: &mut Diagnostics) {
        let (Ok(ports), Ok(true)) = (self.port.known(), self.has_wildcard()) else { return };
        let originates_without_names = |port: &At<Port>| {
            port.protocol.required().is_ok_and(|protocol| !carries_host_name(*protocol))
                && self.port_tls(port).is_ok_and(|mode| mode.origination().is_some())
        };
        let Ok(settings) = self.tls_settings.known() else { return };
        let sets_names = settings.is_some_and(|settings| settings.subject_alt_names != Attr::Null);
        if ports.iter().any(originates_without_names) && !sets_names {
            out.error(
                &argument("tls_settings"),
                "Certificate of a wildcard isn't verified",
                "On a port without requests the proxy doesn't know which host of the wildcard is meant, so it could check no name \
                 in the certificate. Write sni and subject_alt_names in tls_settings, or the exact host.",
            );
        }
    }
}

impl At<TlsSettings> {
    /// A certificate and its key are set together.
    fn validate_pair(&self, out: &mut Diagnostics) {
        let (certificate, key) = (&self.client_certificate, &self.client_key);
        for (set, at, other, missing) in [
            (certificate, "client_certificate", key, "client_key"),
            (key, "client_key", certificate, "client_certificate"),
        ] {
            if set.is_set() && *other == Attr::Null {
                out.error(
                    &self.at.attribute(at),
                    "client_certificate and client_key are set together",
                    format!("A client certificate needs its key. Write {missing} as well."),
                );
            }
        }
    }

    /// A port with mutual TLS needs a client certificate.
    fn validate_mutual(&self, out: &mut Diagnostics) {
        if [&self.client_certificate, &self.client_key, &self.credential_name].iter().all(|path| **path == Attr::Null) {
            report_missing_certificate(&self.at, out);
        }
    }

    /// A client certificate has no effect where no port has mutual TLS.
    fn validate_not_mutual(&self, out: &mut Diagnostics) {
        let paths = [("client_certificate", &self.client_certificate), ("client_key", &self.client_key)];
        for (name, _) in paths.into_iter().filter(|(_, path)| path.is_set()) {
            out.error(
                &self.at.attribute(name),
                "Client certificate without originate_mutual",
                "The proxy presents a client certificate with tls = \"originate_mutual\" alone. Write that, or remove the path.",
            );
        }
    }
}

fn report_missing_certificate(at: &Path, out: &mut Diagnostics) {
    out.error(
        at,
        "originate_mutual without a client certificate",
        "With tls = \"originate_mutual\" the proxy presents a client certificate. Write client_certificate and client_key in \
         tls_settings, the paths of files that are mounted into the sidecar, or credential_name and workload_selector.",
    );
}
