//! What must hold across arguments. Each rule runs when what *it* needs is known, so that one validation tells all mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{AuthorizationMode, Management, Port, Service};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
    mesh::{
        Mesh,
        port::{PortNumber, Protocol},
        reference::Destination,
    },
};

impl Service {
    /// Rules that need no provider arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        self.check_identity(out);
        self.check_ports(out);
        self.check_access(out);
        self.check_global_name(out);
        self.check_traffic(out);
        self.check_ingress(out);
        self.check_unmanaged(out);
        self.check_rivals(out);
        if let Ok(mode) = self.authorization.mode {
            self.check_says_something(mode, out);
        }
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        self.check_replaces(mesh, out);
        self.check_overrides(mesh, out);
        self.check_traffic_in_mesh(mesh, out);
        if self.authorization.mode == Ok(None) {
            self.check_says_something(Some(mesh.defaults.authorization_mode), out);
        }
        self.check_access_in_mesh(mesh, out);
        if let Ok(Some(Ok(calls))) = &self.calls {
            for destination in calls {
                check_host_is_external(destination, mesh, out);
            }
        }
        self.check_global_name_in_mesh(mesh, out);
        if self.namespace.as_ref() == Ok(&mesh.root_namespace) {
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

    fn check_identity(&self, out: &mut Diagnostics) {
        if self.service_account.as_deref() == Ok("default") {
            out.error(
                &Path::root().attribute("service_account"),
                "Service account \"default\"",
                "Every workload of the namespace without an account of its own runs as \"default\", so rules about it would be \
                 about all of them. Give the service an account of its own, and its workload's pods the same \
                 serviceAccountName.",
            );
        }
    }

    fn check_ports(&self, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        if ports.is_empty() && self.management.is_ok_and(|management| management != Management::None) {
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
            if let Ok(number) = port.number
                && !numbers.insert(number)
            {
                out.error(
                    &port.at.attribute("number"),
                    format!("Port {number} declared twice"),
                    "A Service has each port once. Remove one of the blocks, or give it another number.",
                );
            } else if let (Ok(target), Ok(protocol)) = (port.target_port, port.protocol)
                && let Some(other) = targets.insert(target, protocol)
                && other.is_http() != protocol.is_http()
            {
                out.error(
                    &port.at.attribute("protocol"),
                    format!("Two protocols on target port {target}"),
                    format!(
                        "The workload's proxy sees only where it listens, and {other} and {protocol} are told apart by the port. \
                         Use one protocol, or two target ports."
                    ),
                );
            }
        }
    }

    /// Without policy and Sidecar there is nothing to say of a workload that has no Service.
    fn check_says_something(&self, mode: Option<AuthorizationMode>, out: &mut Diagnostics) {
        let silent = self.management == Ok(Management::None)
            && self.create_service_account == Ok(false)
            && mode == Some(AuthorizationMode::Off)
            && matches!(self.calls, Ok(None));
        if silent {
            out.error(
                &Path::root(),
                "The resource says nothing",
                "With service = \"none\" and authorization_mode = \"off\" there is no object to make. Write calls, or let \
                 authorization be checked, or remove the resource.",
            );
        }
    }
}

/// The ports as messages show them.
pub(super) fn listed(ports: &[Port]) -> String {
    let shown =
        |port: &Port| -> Known<String> { Ok(format!("{} ({})", as_known(&port.number)?, as_known(&port.protocol)?)) };
    let known: Vec<String> = ports.iter().filter_map(|port| shown(port).ok()).collect();
    if known.is_empty() { "no port".to_owned() } else { format!("port {}", known.join(", ")) }
}

pub(in crate::mesh) fn check_host_is_external(destination: &Destination, mesh: &Mesh, out: &mut Diagnostics) {
    let Destination::Host { host, .. } = destination else { return };
    let Some(inside) = host.strip_suffix(&mesh.cluster_domain).and_then(|rest| rest.strip_suffix('.')) else { return };
    let right = match inside.split('.').collect::<Vec<_>>().as_slice() {
        ["*", namespace, "svc"] => format!("\"{namespace}/*\""),
        [name, namespace, "svc"] => format!("\"{namespace}/{name}\""),
        _ => "\"namespace/name\"".to_owned(),
    };
    out.error(
        &Path::root().attribute("calls"),
        format!("{host:.40} is a host of the cluster"),
        format!(
            "In calls, {host} would be looked for among external services. Write {right} for a service of the cluster."
        ),
    );
}
