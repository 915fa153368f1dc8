//! What must hold across arguments. Each rule runs when what *it* needs is known, so that one validation tells all mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allow, AuthorizationMode, Management, Port, Service};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, part},
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
        if let Ok(blocks) = self.allow() {
            for block in blocks {
                self.check_allow(block, out);
            }
        }
        self.check_traffic(out);
        if let Ok(mode) = self.authorization.mode {
            self.check_says_something(mode, out);
        }
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        self.check_traffic_in_mesh(mesh, out);
        if self.authorization.mode == Ok(None) {
            self.check_says_something(Some(mesh.defaults.authorization_mode), out);
        }
        if let Ok(Some(Ok(calls))) = &self.calls {
            for destination in calls {
                check_host_is_external(destination, mesh, out);
            }
        }
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

    fn check_allow(&self, block: &Allow, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        let attribute = match (&block.methods, &block.paths) {
            (Ok(Some(_)), _) => Some("methods"),
            (_, Ok(Some(_))) => Some("paths"),
            _ => None,
        };
        let Ok(named) = &block.ports else { return };
        for number in named.iter().flatten() {
            let at = block.at.attribute("ports");
            if let Some(port) = ports.iter().find(|port| port.number == Ok(*number)) {
                if let (Some(attribute), Ok(protocol)) = (attribute, port.protocol)
                    && !protocol.is_http()
                {
                    out.error(
                        &at,
                        format!("HTTP rule on {protocol} port {number}"),
                        format!(
                            "A proxy sees no {attribute} on a port that speaks {protocol}, so the rule would never match there. \
                             Remove {number} from ports, and write an allow block of its own for it, with from and ports alone."
                        ),
                    );
                }
            } else if ports.iter().all(|port| port.number.is_ok()) {
                out.error(
                    &at,
                    format!("No port {number}"),
                    format!(
                        "The service has {}. Write numbers of port blocks (not target ports), or add a port block.",
                        listed(ports)
                    ),
                );
            }
        }
        if let (Some(attribute), None, Ok(false)) = (attribute, named, self.speaks_http()) {
            out.error(
                &block.at.attribute(attribute),
                "HTTP rule without an HTTP port",
                format!(
                    "A proxy sees {attribute} only on ports that speak http, http2 or grpc, and the service has {}, so the rule \
                     would never match. Remove {attribute}, or write the port block that is meant.",
                    listed(ports)
                ),
            );
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
fn listed(ports: &[Port]) -> String {
    let shown = |port: &Port| -> Known<String> { Ok(format!("{} ({})", part(&port.number)?, part(&port.protocol)?)) };
    let known: Vec<String> = ports.iter().filter_map(|port| shown(port).ok()).collect();
    if known.is_empty() { "no port".to_owned() } else { format!("port {}", known.join(", ")) }
}

fn check_host_is_external(destination: &Destination, mesh: &Mesh, out: &mut Diagnostics) {
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
