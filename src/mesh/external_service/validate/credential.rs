//! Rules for the Secret that has the client certificate, and for the workloads that read it.

use super::{
    super::{ExternalService, TlsSettings},
    argument,
};
use crate::{
    diagnostics::Diagnostics,
    mesh::Mesh,
    schema::{At, Attr},
};

impl ExternalService {
    pub(super) fn validate_credential(&self, settings: &At<TlsSettings>, out: &mut Diagnostics) {
        if settings.credential_name.is_set() {
            let files = [
                ("ca", &settings.ca),
                ("client_certificate", &settings.client_certificate),
                ("client_key", &settings.client_key),
            ];
            for (name, _) in files.into_iter().filter(|(_, path)| path.is_set()) {
                out.error(
                    &settings.at.attribute(name),
                    "A file beside a Secret",
                    format!("Istio takes certificates from credential_name or from files. Remove {name}, or credential_name."),
                );
            }
        }
        match (&settings.credential_name, &settings.workload_selector) {
            // An egress gateway reads the Secret without a selector.
            (Attr::Known(_), Attr::Null) if self.egress_gateway.is_set() => {}
            (Attr::Known(_), Attr::Null) => {
                out.error(
                    &settings.at.attribute("credential_name"),
                    "credential_name without workload_selector",
                    "Sidecars read the Secret of credential_name only if workload_selector selects their workload; without \
                     it they would send clear text. Write workload_selector with the labels of the calling workloads, or \
                     mount the files and write their paths in client_certificate, client_key and ca.",
                );
            }
            (Attr::Null, Attr::Known(_)) => {
                out.error(
                    &settings.at.attribute("workload_selector"),
                    "workload_selector without credential_name",
                    "workload_selector says whose sidecars read the Secret of credential_name. Write that, or remove the selector.",
                );
            }
            (Attr::Known(_), Attr::Known(_)) => self.validate_credential_is_local(out),
            _ => {}
        }
    }

    /// Istio applies a rule with a workload selector only in the namespace of the rule.
    fn validate_credential_is_local(&self, out: &mut Diagnostics) {
        let (Attr::Known(own), Ok(namespaces)) = (&self.namespace, self.export_to.required_elements()) else { return };
        if namespaces.iter().any(|namespace| namespace != own) {
            out.error(
                &argument("export_to"),
                "Namespaces without the Secret",
                format!(
                    "The workloads of workload_selector are those of {own}, the resource's own namespace: Istio chooses workloads \
                     nowhere else. Write export_to = [\"{own}\"], and a mesh_external_service for each other namespace."
                ),
            );
        }
    }

    pub(super) fn validate_credential_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Ok(Some(settings)) = self.tls_settings.known() else { return };
        let is_of_sidecars = settings.credential_name.is_set() && settings.workload_selector.is_set();
        // With an egress gateway the selector is reported already.
        if !is_of_sidecars || self.egress_gateway.is_set() {
            return;
        }
        if self.namespace(mesh).is_ok_and(|namespace| namespace == mesh.root_namespace) {
            out.error(
                &argument("namespace"),
                "credential_name in the root namespace",
                format!(
                    "A DestinationRule with workload_selector applies only to workloads of its own namespace, and no \
                     callers run in the root namespace {}. Set namespace to that of the calling workloads, which must also \
                     contain the Secret.",
                    mesh.root_namespace
                ),
            );
        }
    }
}
