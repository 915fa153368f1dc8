//! Names as an application in a workload resolves them.

use std::{net::Ipv4Addr, process::Command};

use super::sandbox::Sandbox;

/// Resolves names by the system's resolver inside a workload, whose questions the sidecar's DNS proxy answers.
pub(super) struct Resolver {
    network: String,
    mount: String,
}

impl Resolver {
    /// The resolver of the workload in `sandbox`.
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        let namespaces = format!("/proc/{}/ns", sandbox.id());
        Self { network: format!("--net={namespaces}/net"), mount: format!("--mount={namespaces}/mnt") }
    }

    /// The first address of a name.
    pub(super) fn resolve(&self, name: &str) -> Result<Ipv4Addr, String> {
        let output = Command::new("nsenter")
            .args([&self.network, &self.mount, "getent", "ahostsv4", name])
            .output()
            .map_err(|error| format!("running nsenter: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let address = text.split_whitespace().next().and_then(|word| word.parse().ok());
        address.ok_or_else(|| format!("the name {name} has no address"))
    }
}

/// The content of resolv.conf in a pod of `namespace`.
pub(super) fn resolv_conf(namespace: &str) -> String {
    format!(
        "nameserver {NAME_SERVER}\nsearch {namespace}.svc.cluster.local svc.cluster.local cluster.local\n\
         options ndots:5 timeout:1 attempts:1\n"
    )
}

/// Address of the cluster's DNS server, which knows no name of the cluster: sidecars answer for these.
pub(super) const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 53);
