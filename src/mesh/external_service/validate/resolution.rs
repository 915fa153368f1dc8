//! Rules for resolution, addresses and endpoints.

use super::{
    super::{Address, ClientTlsMode, Endpoint, EndpointAddress, ExternalService, Host, Resolution},
    argument,
};
use crate::{
    diagnostics::Diagnostics,
    schema::{At, Attr},
};

/// What stands in the way of `dynamic_dns` on ports where proxies see no requests.
const DYNAMIC_DNS_TAKES_REQUESTS: &str = "Proxies look up the host that requests name. From TLS handshakes Istio takes it too, but \
    only on an address that it allocates, and there it applies the caller's own AuthorizationPolicies to the connections: a workload \
    with any ALLOW policy is refused.";

impl ExternalService {
    pub(super) fn validate_resolution(&self, out: &mut Diagnostics) {
        let endpoints = self.endpoint.known();
        let has_endpoints = endpoints.is_ok_and(|endpoints| !endpoints.is_empty());
        if matches!(self.resolution, Attr::Known(Resolution::Dns | Resolution::DnsRoundRobin))
            && self.has_wildcard() == Ok(true)
            && !has_endpoints
        {
            out.error(
                &argument("resolution"),
                "Wildcard host with DNS resolution",
                "A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the \
                 application wanted to. Write \"dynamic_dns\" for proxies to look up the host of each request (Istio 1.28 and \
                 later). Or write the exact hosts.",
            );
        }
        if self.resolution == Attr::Known(Resolution::DynamicDns) {
            self.validate_dynamic_dns(out);
        }
        if let (Attr::Known(Resolution::DnsRoundRobin), Ok([_, second, ..])) = (self.resolution, endpoints) {
            out.error(
                &second.at,
                "Several endpoints with dns_round_robin",
                "With resolution = \"dns_round_robin\" proxies look up one name. Leave one endpoint, or write resolution = \"dns\".",
            );
        }
        if self.resolution == Attr::Known(Resolution::Static) {
            for endpoint in endpoints.unwrap_or_default() {
                if endpoint.address.required().is_ok_and(EndpointAddress::is_name) {
                    out.error(
                        &endpoint.at.attribute("address"),
                        "Endpoint name without DNS resolution",
                        "With resolution = \"static\" endpoints are IP addresses. Remove resolution, or write resolution = \"dns\": \
                         proxies then look the names of endpoints up.",
                    );
                }
            }
        }
        if self.resolution == Attr::Known(Resolution::Static) && endpoints.is_ok_and(<[_]>::is_empty) {
            out.error(
                &argument("resolution"),
                "No endpoints",
                "With resolution = \"static\" requests go to endpoint blocks, and without one they fail. Write one for each \
                 address of the host.",
            );
        }
        if let (Attr::Known(resolution @ (Resolution::DynamicDns | Resolution::None)), Ok([first, ..])) =
            (self.resolution, endpoints)
        {
            out.error(
                &first.at,
                "Endpoint without static or DNS resolution",
                format!(
                    "With resolution = \"{resolution}\" Istio doesn't use endpoint blocks: the address comes from the \
                     request or the connection. Remove the endpoint blocks, or write resolution = \"static\" or \"dns\"."
                ),
            );
        }
        self.validate_addresses(out);
        for endpoint in endpoints.unwrap_or_default() {
            self.validate_endpoint(endpoint, out);
        }
    }

    /// The proxy takes the host to look up from requests and TLS handshakes.
    fn validate_dynamic_dns(&self, out: &mut Diagnostics) {
        if let Ok(hosts) = self.hosts()
            && !hosts.iter().all(Host::is_wildcard)
        {
            out.error(
                &argument("resolution"),
                "dynamic_dns without a wildcard",
                "With resolution = \"dynamic_dns\" proxies look up the host of each request, which Istio offers for wildcards only. \
                 Write \"dns\", or a wildcard.",
            );
        }
        if self.addresses.is_set() {
            out.error(
                &argument("addresses"),
                "Addresses with dynamic_dns",
                "With resolution = \"dynamic_dns\" proxies go by the host of each request, and not by addresses. Remove addresses.",
            );
        }
        let Ok(ports) = self.port.known() else { return };
        if ports.is_empty() && self.tls() == Ok(ClientTlsMode::Passthrough) {
            out.error(
                &argument(if self.tls.is_set() { "tls" } else { "resolution" }),
                "dynamic_dns with TLS of the application",
                format!("{DYNAMIC_DNS_TAKES_REQUESTS} Write tls = \"originate\": the application calls http://, and the proxy speaks TLS."),
            );
        }
        for port in ports {
            if let Attr::Known(protocol) = port.protocol
                && !protocol.is_http()
            {
                out.error(
                    &port.at.attribute("protocol"),
                    format!("dynamic_dns with {protocol}"),
                    format!("{DYNAMIC_DNS_TAKES_REQUESTS} Write protocol = \"http\", \"http2\" or \"grpc\", or remove the port."),
                );
            }
        }
    }

    fn validate_addresses(&self, out: &mut Diagnostics) {
        if let (Ok(Resolution::Dns | Resolution::DnsRoundRobin), Ok(Some(addresses))) =
            (self.resolution(), self.addresses.elements())
            && let Some(range) = addresses.iter().copied().find(|address| Address::is_range(*address))
        {
            out.error(
                &argument("addresses"),
                "Address range with DNS resolution",
                format!(
                    "Proxies would send connections into {range} to the one address that DNS knows. Write single addresses, \
                     or resolution = \"none\" for connections to go where they wanted to."
                ),
            );
        }
    }

    fn validate_endpoint(&self, endpoint: &At<Endpoint>, out: &mut Diagnostics) {
        let (Ok(target_ports), Ok(ports)) = (endpoint.ports.elements_or_empty(), self.resolved_ports()) else { return };
        let numbers: Vec<String> = ports.iter().map(|port| port.number.to_string()).collect();
        for number in target_ports.keys().filter(|number| !numbers.contains(number)) {
            out.error(
                &endpoint.at.attribute("ports").key(number),
                "Unknown port",
                format!(
                    "ports says where the endpoint listens for each port that applications call, and these are {}.",
                    numbers.join(", ")
                ),
            );
        }
    }
}
