//! The arguments and outputs of `mesh_access`.

use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::names,
    model,
    schema::{
        Attr, Elements, Map, Set,
        model::{computed, optional, required},
    },
};

model! {
    /// Callers that may call a workload now, by the AuthorizationPolicies, PeerAuthentications and
    /// RequestAuthentications in the cluster, of this provider and of other tools. For audits and `check` blocks.
    /// The policies are evaluated for requests with every combination of the values that their rules name, and of
    /// one value that no rule names.
    pub struct WorkloadAccess {
        /// Namespace of the workload's pods.
        namespace: Attr<String> = required().text(names::LABEL, names::is_label),
        /// Kubernetes Service of the workload. Conflicts with `selector`.
        service: Attr<String> = optional().text(names::SERVICE_NAME, names::is_service_name),
        /// Labels of the workload's pods. Labels that all of its live pods have count as well, if the provider's
        /// user may list pods. Conflicts with `service`. Defaults to the selector of `service`.
        selector: Map<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// The computed attributes of the data source.
    pub struct Outputs {
        /// Callers of which at least some requests are admitted, in the form that `from` accepts. `shop/*` stands for
        /// the workloads of a namespace that no rule names individually, `*` for those of all other namespaces, and
        /// `anonymous` for clients without an identity. Requests that an external authorizer is asked about count as
        /// admitted.
        callers: Set<String> = computed(),
        /// The requests of each caller that are admitted: `all`, or the values that rules name and that distinguish
        /// them, such as `GET /orders`. A port that the workload's Services declare with another protocol than HTTP is
        /// listed by its connections, such as `TCP port 5432`. On such a port an ALLOW rule about methods, paths,
        /// hosts, headers or tokens admits nothing, and a DENY rule applies by its other fields alone. A port whose
        /// protocol Istio detects counts as an HTTP port.
        admitted: Map<Elements<String>> = computed(),
        /// Whether no ALLOW policy is enforced at the workload, so that every request is admitted that no DENY or
        /// CUSTOM policy refuses.
        is_open: Attr<bool> = computed(),
        /// Whether clear text is refused (`STRICT`) on every port without a port-level mode.
        strict_mtls: Attr<bool> = computed(),
        /// Policies that are enforced at the workload: `namespace/name` to its action, `ALLOW`, `DENY` or `CUSTOM`.
        policies: Map<String> = computed(),
        /// Issuers whose tokens the workload verifies.
        issuers: Set<String> = computed(),
    }
}

impl WorkloadAccess {
    /// Reports violations of rules across arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        if self.service == Attr::Null && self.selector == Attr::Null {
            out.error(
                &Path::root(),
                "Missing service or selector",
                "The data source doesn't say which workload of the namespace it is about. Write service, or selector with the labels of \
                 its pods.",
            );
        }
        if self.service.is_set() && self.selector.is_set() {
            out.error(
                &Path::root().attribute("selector"),
                "service beside selector",
                "The labels are those of the Service's selector. Remove one of the two arguments.",
            );
        }
    }
}
