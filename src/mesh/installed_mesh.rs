//! Facts of the installed Istio that rendering depends on. The provider's `installed` block states them, since a plan renders
//! the same objects with and without a cluster; the live check `outbound-policy` compares them with the cluster.

use super::istio::sidecar::OutboundMode;

/// The facts that the `installed` block states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstalledMesh {
    /// Treatment of calls of hosts that the proxies of the mesh don't know.
    pub outbound_traffic_policy: OutboundMode,
    /// Whether the proxies answer DNS queries, with addresses for the hosts of ServiceEntries (`ISTIO_META_DNS_CAPTURE`).
    pub dns_capture: bool,
}

impl Default for InstalledMesh {
    /// The defaults of Istio.
    fn default() -> Self {
        Self { outbound_traffic_policy: OutboundMode::AllowAny, dns_capture: false }
    }
}

impl InstalledMesh {
    /// Whether calls of a service that is hidden from the caller fail. Where they don't, the proxy forwards them to the address
    /// that the application has looked up, as clear text and without identity, whatever the mesh's mutual TLS is.
    pub fn refuses_unknown_hosts(&self) -> bool {
        self.outbound_traffic_policy == OutboundMode::RegistryOnly
    }
}
