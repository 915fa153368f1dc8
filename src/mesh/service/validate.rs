//! Rules across arguments. Each runs as soon as the values that it needs are known, so that one validation reports all
//! mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{AuthorizationMode, Port, Service, ServiceManagement};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered, labels,
        port::{PortNumber, Protocol},
        reference::Destination,
        unlisted_calls,
    },
    object::{Key, kind},
    schema::{At, Attr},
};

impl Service {
    /// Reports violations of rules that need no provider arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        let at = |argument| Path::root().attribute(argument);
        labels::validate_selector(&self.selector, &at("selector"), out);
        labels::validate_labels(&self.labels, &at("labels"), out);
        labels::validate_annotations(&self.annotations, &at("annotations"), out);
        unlisted_calls::validate(&self.outbound_traffic_policy, &self.calls, out);
        self.validate_identity(out);
        self.validate_ports(out);
        self.validate_access(out);
        self.validate_global_name(out);
        self.validate_traffic(out);
        self.validate_ingress(out);
        self.validate_unmanaged(out);
        self.validate_replaced_kinds(out);
    }

    /// Reports violations of rules that need the provider's arguments or the rendered objects.
    pub fn validate_in_mesh(&self, mesh: &Mesh, rendered: &Rendered, out: &mut Diagnostics) {
        self.validate_replaces(rendered, out);
        self.validate_overrides(mesh, out);
        self.validate_traffic_in_mesh(mesh, out);
        self.validate_has_objects(rendered, out);
        self.validate_identity_in_mesh(mesh, out);
        self.validate_access_in_mesh(mesh, out);
        for destination in self.calls.elements().ok().flatten().into_iter().flatten() {
            validate_host_is_external(destination, mesh, out);
        }
        unlisted_calls::validate_in_mesh(&self.outbound_traffic_policy, &self.calls, mesh, out);
        self.validate_global_name_in_mesh(mesh, out);
        if self.namespace() == Ok(&mesh.root_namespace) {
            out.warn(
                &Path::root().attribute("namespace"),
                "Service in the root namespace",
                format!(
                    "Policies in {} apply to the workloads of every namespace that carry the labels of selector. Make sure \
                     that no others do, or give the service a namespace of its own.",
                    mesh.root_namespace
                ),
            );
        }
    }

    fn validate_identity(&self, out: &mut Diagnostics) {
        if !self.has_default_account() {
            return;
        }
        if self.create_service_account() == Ok(true) {
            out.error(
                &Path::root().attribute("service_account"),
                "Service account \"default\" can't be created",
                "Kubernetes makes it in every namespace. Write create_service_account = false, or the name of another account.",
            );
        }
        if let Attr::Known(mode) = self.authorization.authorization_mode {
            report_default_account(mode, out);
        }
    }

    /// Reports the account `default` where the provider's default of `authorization_mode` holds.
    fn validate_identity_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if self.has_default_account() && self.authorization.authorization_mode == Attr::Null {
            report_default_account(mesh.defaults.authorization_mode, out);
        }
    }

    fn has_default_account(&self) -> bool {
        self.service_account().map(String::as_str) == Ok("default")
    }

    fn validate_ports(&self, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        if ports.is_empty() && self.management().is_ok_and(|management| management != ServiceManagement::None) {
            out.error(
                &Path::root().attribute("port"),
                "Missing required block",
                "Istio must know what is spoken on which port. Write a port block for each port of the Service, or service = \
                 \"none\" for a workload without one.",
            );
        }
        let mut numbers = BTreeSet::new();
        let mut targets: BTreeMap<PortNumber, Protocol> = BTreeMap::new();
        for port in ports {
            if let Ok(number) = port.number()
                && !numbers.insert(number)
            {
                out.error(
                    &port.at.attribute("number"),
                    format!("Port {number} declared twice"),
                    "A Service has each port once. Remove one of the blocks, or give it another number.",
                );
            } else if let (Ok(target), Ok(protocol)) = (port.target_port(), port.protocol())
                && let Some(other) = targets.insert(target, protocol)
                && other.is_http() != protocol.is_http()
            {
                out.error(
                    &port.at.attribute("protocol"),
                    format!("Two protocols on target port {target}"),
                    format!(
                        "The workload's proxy sees only where it listens, and {other} and {protocol} are distinguished by the port. \
                         Use one protocol, or two target ports."
                    ),
                );
            }
        }
    }

    /// Reports a resource without an object of its own. The fields of another tool's Service don't suffice: they carry neither the
    /// annotations by which other resources see that the service is declared, nor the arguments for an import.
    fn validate_has_objects(&self, rendered: &Rendered, out: &mut Diagnostics) {
        let Ok(rendered) = rendered else { return };
        let is_existing_service =
            |key: &Key| *key.kind == kind::SERVICE && self.management() == Ok(ServiceManagement::Existing);
        if rendered.iter().all(|(key, _)| is_existing_service(key)) {
            out.error(
                &Path::root(),
                "No objects to create: set at least one argument",
                "With authorization_mode = \"off\" and none of the arguments below, the resource has no Istio object of its own. Write \
                 authorization_mode = \"dry_run\", which refuses no request, or calls, or, for a service that is called by name, \
                 resiliency, request_timeout, streaming, retries, circuit_breaker, connections, outlier_detection, version, route, \
                 ingress, global_name or service = \"managed\"; or remove the resource.",
            );
        }
    }
}

fn report_default_account(mode: AuthorizationMode, out: &mut Diagnostics) {
    let at = Path::root().attribute("service_account");
    let summary = "Service account \"default\"";
    if mode == AuthorizationMode::Off {
        out.warn(
            &at,
            summary,
            "Every workload of the namespace without an account of its own runs as \"default\", so services that allow this one allow \
             all of them. Give the workload an account of its own before authorization_mode becomes \"dry_run\" or \"enforce\".",
        );
    } else {
        out.error(
            &at,
            summary,
            "Every workload of the namespace without an account of its own runs as \"default\", so rules about it would be about all \
             of them. Give the service an account of its own, and its workload's pods the same serviceAccountName. To declare the \
             service before that, write authorization_mode = \"off\".",
        );
    }
}

/// Formats the ports for a message, like `port 80 (http), 5432 (tcp)`.
pub(super) fn format_ports(ports: &[At<Port>]) -> String {
    let format = |port: &At<Port>| -> Known<String> { Ok(format!("{} ({})", port.number()?, port.protocol()?)) };
    let known: Vec<String> = ports.iter().filter_map(|port| format(port).ok()).collect();
    if known.is_empty() { "no port".to_owned() } else { format!("port {}", known.join(", ")) }
}

/// Reports a host of the cluster among external hosts.
pub(in crate::mesh) fn validate_host_is_external(destination: &Destination, mesh: &Mesh, out: &mut Diagnostics) {
    let Destination::Host { host, .. } = destination else { return };
    let Some(subdomain) = host.strip_suffix(&mesh.cluster_domain).and_then(|rest| rest.strip_suffix('.')) else {
        return;
    };
    let replacement = match subdomain.split('.').collect::<Vec<_>>().as_slice() {
        ["*", namespace, "svc"] => format!("\"{namespace}/*\""),
        [name, namespace, "svc"] => format!("\"{namespace}/{name}\""),
        _ => "\"namespace/name\"".to_owned(),
    };
    out.error(
        &Path::root().attribute("calls"),
        format!("{host:.40} is a host of the cluster"),
        format!(
            "In calls, {host} would be looked for among external services. Write {replacement} for a service of the cluster."
        ),
    );
}
