//! Handshakes that the proxy begins.

use super::{
    super::{ExternalService, TlsSettings, tls::Origination},
    argument,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
    mesh::Mesh,
};

fn is_written<T>(argument: &Known<Option<T>>) -> bool {
    matches!(argument, Ok(Some(_)))
}

fn is_missing<T>(argument: &Known<Option<T>>) -> bool {
    matches!(argument, Ok(None))
}

fn setting(name: &str) -> Path {
    argument("tls_settings").attribute(name)
}

impl ExternalService {
    pub(super) fn check_tls(&self, out: &mut Diagnostics) {
        self.check_origination_without_names(out);
        let originations = self.originations();
        let is_mutual = originations.as_ref().map(|all| all.contains(&Origination::Mutual));
        let Ok(settings) = as_known(&self.tls_settings) else { return };
        let Some(settings) = settings else {
            if is_mutual == Ok(true) {
                no_certificate(&argument("tls_settings"), out);
            }
            return;
        };
        if originations.as_deref() == Ok(&[]) {
            out.error(
                &argument("tls_settings"),
                "Settings of TLS that the proxy doesn't speak",
                "They say what the proxy does where it begins TLS, and on no port does it. Write tls = \"originate\", or remove the \
                 block.",
            );
        }
        if is_written(&settings.sni) && is_missing(&settings.subject_alt_names) {
            out.error(
                &setting("sni"),
                "sni without subject_alt_names",
                "A proxy that is told which name to ask for, and not which to look for in the certificate, checks no name at all, \
                 and takes any host's certificate. Write subject_alt_names as well, or remove sni: the host's own name then is \
                 both.",
            );
        }
        check_certificates(settings, is_mutual == Ok(true), is_mutual == Ok(false), out);
        self.check_credential(settings, out);
    }

    fn check_credential(&self, settings: &TlsSettings, out: &mut Diagnostics) {
        if is_written(&settings.credential_name) {
            for (name, is_written) in [
                ("ca", is_written(&settings.ca)),
                ("client_certificate", is_written(&settings.client_certificate)),
                ("client_key", is_written(&settings.client_key)),
            ] {
                if is_written {
                    out.error(
                        &setting(name),
                        "A file beside a Secret",
                        format!("Istio takes certificates from credential_name or from files. Remove {name}, or credential_name."),
                    );
                }
            }
        }
        match (&settings.credential_name, &settings.workload_selector) {
            (Ok(Some(_)), Ok(None)) => {
                out.error(
                    &setting("credential_name"),
                    "A Secret that no sidecar would read",
                    "Sidecars go by credential_name only for workloads that a selector chooses, and would speak no TLS at all else. \
                     Write workload_selector with the labels of those workloads, or mount the files and write their paths in \
                     client_certificate, client_key and ca.",
                );
            }
            (Ok(None), Ok(Some(_))) => {
                out.error(
                    &setting("workload_selector"),
                    "Workloads chosen for nothing",
                    "workload_selector says whose sidecars read the Secret of credential_name. Write that, or remove the selector.",
                );
            }
            (Ok(Some(_)), Ok(Some(_))) => self.check_credential_is_local(out),
            _ => {}
        }
    }

    /// Istio goes by a rule with a selector in the rule's own namespace alone.
    fn check_credential_is_local(&self, out: &mut Diagnostics) {
        let (Ok(Some(home)), Ok(namespaces)) = (&self.namespace, &self.export_to) else { return };
        if namespaces.iter().any(|namespace| namespace != home) {
            out.error(
                &argument("export_to"),
                "Namespaces without the Secret",
                format!(
                    "The workloads of workload_selector are those of {home}, the resource's own namespace: Istio chooses workloads \
                     nowhere else. Write export_to = [\"{home}\"], and a mesh_external_service for each other namespace."
                ),
            );
        }
    }

    pub(super) fn check_credential_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Ok(Some(settings)) = as_known(&self.tls_settings).map(Option::as_ref) else { return };
        if !is_written(&settings.credential_name) || !is_written(&settings.workload_selector) {
            return;
        }
        let Ok(home) = as_known(&self.namespace) else { return };
        if home.as_ref().is_none_or(|home| *home == mesh.root_namespace) {
            out.error(
                &argument("namespace"),
                "A Secret that no sidecar would read",
                format!(
                    "Istio chooses workloads in a rule's own namespace alone, and {} has none that call. Write namespace, that of the \
                     workloads of workload_selector, which has the Secret too.",
                    mesh.root_namespace
                ),
            );
        }
    }
}

/// `mutual`: some port is known to show a certificate; `not_mutual`: none does.
fn check_certificates(settings: &TlsSettings, mutual: bool, not_mutual: bool, out: &mut Diagnostics) {
    let both = [
        ("client_certificate", &settings.client_certificate, "client_key", &settings.client_key),
        ("client_key", &settings.client_key, "client_certificate", &settings.client_certificate),
    ];
    for (name, written, other, missing) in both {
        if is_written(written) && is_missing(missing) {
            out.error(
                &setting(name),
                "Half of a certificate",
                format!("A certificate is of use with its key alone. Write {other} as well."),
            );
        }
        if is_written(written) && not_mutual {
            out.error(
                &setting(name),
                "A certificate that isn't shown",
                "The proxy shows a certificate of its own with tls = \"originate_mutual\" alone. Write that, or remove the path.",
            );
        }
    }
    if mutual
        && is_missing(&settings.client_certificate)
        && is_missing(&settings.client_key)
        && is_missing(&settings.credential_name)
    {
        no_certificate(&argument("tls_settings"), out);
    }
}

fn no_certificate(at: &Path, out: &mut Diagnostics) {
    out.error(
        at,
        "No certificate to show",
        "With tls = \"originate_mutual\" the proxy shows a certificate of its own. Write client_certificate and client_key in \
         tls_settings, the paths of files that are mounted into the sidecar, or credential_name and workload_selector.",
    );
}
