//! The arguments and computed attributes of `mesh_external_service`. Methods give each argument its default.

use super::{Address, ClientTlsMode, EgressGateway, EndpointAddress, Host, Resolution};
use crate::{
    known::{Known, all, any},
    mesh::{
        Mesh,
        duration::Duration,
        names,
        overrides::Override,
        port::{PortNumber, Protocol},
        resiliency::{
            CircuitBreaker, Connections, LoadBalancing, OutlierDetection, Preset, Retries, selects_endpoints,
        },
        timeouts::Timeouts,
    },
    model,
    schema::{
        Attr, Block, Blocks, Map, Set,
        model::{block, computed, optional, required},
    },
};

model! {
    /// A service outside the mesh: its hosts, its ports, who speaks TLS to it, and which namespaces see it.
    pub struct ExternalService {
        /// What applications call. Conflicts with `hosts`. Without either, the resource is about `addresses` that have no name.
        host: Attr<Host> = optional(),
        /// What applications call, where the same holds for many hosts; with `name`.
        hosts: Set<Host> = optional().non_empty("At least one host."),
        /// Name of its objects. Required with `hosts`, and with `addresses` alone. Defaults to `host` with dashes for dots.
        name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Who speaks TLS: the application (`passthrough`, the default), the proxy (`originate`; the application calls
        /// `http://`), the proxy with a certificate of its own (`originate_mutual`), or nobody (`none`).
        tls: Attr<ClientTlsMode> = optional(),
        /// The namespaces whose workloads call it; `*`: every one.
        export_to: Set<String> = required()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, or `*`.", |text| text == "*" || names::is_label(text)),
        /// How a host becomes an address (`resolution`). `dns`: the proxy looks up the host, or the names in `endpoint` blocks, and
        /// balances over all addresses of the answer. `dns_round_robin`: the proxy takes the first address of each answer only, and
        /// connections to earlier ones are kept: for hosts with many or changing addresses. `dynamic_dns`: the proxy looks up the host
        /// that each request names, whatever address the application has; only for wildcards on ports of HTTP (not `tls`),
        /// and since Istio 1.28 (older clusters refuse it at plan). `static`: the addresses in `endpoint` blocks. `none`: the address
        /// that the application has looked up. Defaults to `none` for wildcards and for addresses without a host, to `static` or
        /// `dns` by the addresses in `endpoint` blocks, else to `dns`.
        resolution: Attr<Resolution> = optional(),
        /// Addresses that applications connect to (`addresses`). Ports whose protocol doesn't carry the name of the host need
        /// them, since by these alone proxies tell its connections from those to other hosts; with DNS capture (`installed {
        /// dns_capture = true }` of the provider) Istio allocates one where none is written. Ranges only with `static` and `none`.
        /// Without `host` and `hosts` they are all there is: `calls` then lists `<name>.addresses.invalid`, a host that no DNS
        /// server knows.
        addresses: Set<Address> = optional().non_empty("At least one address."),
        /// Resiliency preset: retries, connection pool limits and outlier detection (see the guide "Resiliency presets"). `none`
        /// switches them off. Without it nothing is written, and Istio's defaults hold. The provider's `defaults` don't apply.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries (`http.timeout`). `0s`: no timeout. It cuts streams. Only for ports on which
        /// the application speaks clear text to its proxy. Without it none is written.
        request_timeout: Attr<Duration> = optional(),
        /// Where its objects are; the root namespace unless written.
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        /// Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them. Adopted ServiceAccounts and Services are left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// `owner` of another configuration of this provider, of which objects of the same names are taken over. Defaults to
        /// none: the plan refuses objects of every other owner, with `adopt_existing` too. Give them up there first, with a
        /// `removed` block or `terraform state rm`, or the two configurations take them from each other.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Whether plans that delete or replace the resource are refused; false unless written. To delete it, apply `false`
        /// first.
        deletion_protection: Attr<bool> = optional(),
        /// The ports, where they aren't those that `tls` needs: 443 with `passthrough`; 80 and 443 with `originate` and
        /// `originate_mutual`, where 443 passes through (but not with `dynamic_dns`); 80 with `none`.
        port: Blocks<Port> = block(),
        /// What the proxy says where it speaks TLS. Without it server certificates are checked against the system's
        /// authorities and the name of the host.
        tls_settings: Block<TlsSettings> = block(),
        /// Where the hosts are, with `resolution` `static` (IP addresses) or `dns` (names).
        endpoint: Blocks<Endpoint> = block(),
        /// The egress gateway through which everything leaves that is for the hosts. Without it proxies of callers connect to the
        /// hosts themselves.
        egress_gateway: Block<EgressGateway> = block(),
        /// Retries of failed requests (`http.retries`). Each field overrides the preset's value. Only for ports on which the
        /// application speaks clear text to its proxy.
        retries: Block<Retries> = block(),
        /// Connection pool limits of each caller's proxy (`trafficPolicy.connectionPool`). Each field overrides the preset's value;
        /// without a preset only the block's own fields are written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// How long connections live, and what they speak (`trafficPolicy.connectionPool`).
        connections: Block<Connections> = block(),
        /// Ejection of addresses that fail (`trafficPolicy.outlierDetection`). Each field overrides the preset's value; without a
        /// preset only the block's own fields are written, and `consecutive5xxErrors`.
        outlier_detection: Block<OutlierDetection> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`).
        load_balancing: Block<LoadBalancing> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port.
    pub struct Port {
        /// What applications call.
        number: Attr<PortNumber> = required(),
        /// What applications speak. Proxies tell hosts apart by names, which HTTP and TLS carry; other protocols need
        /// `addresses`, or an address that Istio allocates (see there).
        protocol: Attr<Protocol> = required(),
        /// Where the host listens; 443 where the proxy speaks TLS for HTTP, else `number`, unless written.
        target_port: Attr<PortNumber> = optional(),
        /// Who speaks TLS on this port; what the resource says unless written. `tls` and `https` always pass through.
        tls: Attr<ClientTlsMode> = optional(),
    }
}

model! {
    /// What the proxy says where it speaks TLS. Paths are of files in the sidecar, which the workload mounts there. Istio has no
    /// setting for the minimum version of TLS to external hosts: the proxy speaks TLS 1.2 or later.
    pub struct TlsSettings {
        /// Path of the authorities that server certificates are checked against; the system's unless written.
        ca: Attr<String> = optional().text(PATH, is_path),
        /// The name that is asked for; the host unless written, and for wildcards the host of the request. With
        /// `subject_alt_names` alone: by itself it would switch the check of the certificate's name off.
        sni: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// The names of which the certificate must carry one; the host unless written.
        subject_alt_names: Set<String> = optional()
            .non_empty("At least one name.")
            .each("Texts.", |text| !text.is_empty()),
        /// Path of the proxy's own certificate, with `originate_mutual`.
        client_certificate: Attr<String> = optional().text(PATH, is_path),
        /// Path of the key of `client_certificate`.
        client_key: Attr<String> = optional().text(PATH, is_path),
        /// The Secret in `namespace` that has the certificate, its key and the authorities, instead of files. With
        /// `workload_selector`, in a namespace of workloads.
        credential_name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// The labels of the workloads whose sidecars read the Secret; their service accounts need the right to. Other workloads
        /// of the namespace speak TLS without it.
        workload_selector: Map<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// Where the hosts are.
    pub struct Endpoint {
        /// IP address, or a DNS name that proxies look up, with `resolution = "dns"`.
        address: Attr<EndpointAddress> = required(),
        /// Where it listens, by the port that applications call: `{ 443 = 8443 }`; as the port says unless written.
        ports: Map<PortNumber> = optional().non_empty("At least one port."),
        /// Where it is, as nodes say it: `region/zone`.
        locality: Attr<String> = optional().text("Parts between slashes, three at most.", is_locality),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// What applications call, by the first port; null for wildcards and for many hosts.
        url: Attr<String> = computed(),
    }
}

impl ExternalService {
    /// The hosts: those of `hosts`, or the single one.
    pub(super) fn hosts(&self) -> Known<Vec<Host>> {
        match self.hosts.elements()? {
            Some(hosts) => Ok(hosts.iter().cloned().collect()),
            None => Ok(vec![self.single_host()?]),
        }
    }

    /// The host where there is no `hosts`: `host`, or one that stands for addresses without a name.
    pub(super) fn single_host(&self) -> Known<Host> {
        if self.has_only_addresses() {
            return self.name.required().map(|name| Host::of_addresses(name));
        }
        self.host.required().cloned()
    }

    /// Whether the resource is about addresses that have no host.
    pub(super) fn has_only_addresses(&self) -> bool {
        self.host == Attr::Null && self.hosts.elements() == Ok(None) && self.addresses != Attr::Null
    }

    /// The name of the objects: the host with dashes for dots by default.
    pub(super) fn object_name(&self) -> Known<String> {
        match self.name.known()? {
            Some(name) => Ok(name.clone()),
            None => self.host.required().map(Host::object_name),
        }
    }

    /// The namespace of the objects: the root namespace of the mesh by default.
    pub(super) fn namespace<'a>(&'a self, mesh: &'a Mesh) -> Known<&'a str> {
        Ok(self.namespace.known()?.map_or(&mesh.root_namespace, |namespace| namespace))
    }

    /// The TLS mode of ports that don't set one: `passthrough` by default.
    pub(super) fn tls(&self) -> Known<ClientTlsMode> {
        self.tls.or(ClientTlsMode::Passthrough)
    }

    /// The TLS mode of a port: that of the resource by default.
    pub(super) fn port_tls(&self, port: &Port) -> Known<ClientTlsMode> {
        port.tls.copied()?.map_or_else(|| self.tls(), Ok)
    }

    /// The resolution. By default that of the endpoints where there are any, `none` for wildcards and for addresses without a
    /// host, and `dns` otherwise.
    pub(super) fn resolution(&self) -> Known<Resolution> {
        if let Some(resolution) = self.resolution.copied()? {
            return Ok(resolution);
        }
        let endpoints = self.endpoint.known()?;
        if !endpoints.is_empty() {
            let is_named =
                any(endpoints.iter().map(|endpoint| endpoint.address.required().map(EndpointAddress::is_name)))?;
            return Ok(if is_named { Resolution::Dns } else { Resolution::Static });
        }
        if self.has_only_addresses() {
            return Ok(Resolution::None);
        }
        // A wildcard has no address that the proxy could look up: it connects to the one that the application looked up.
        Ok(if self.has_wildcard()? { Resolution::None } else { Resolution::Dns })
    }

    /// The `tls_settings` block, or one without arguments where it is not set.
    pub(super) fn tls_settings(&self) -> Known<TlsSettings> {
        Ok(self.tls_settings.known()?.map(|block| block.arguments.clone()).unwrap_or_default())
    }

    /// Whether an argument is set that is rendered into the DestinationRule as limits, outlier detection or load balancing.
    pub(super) fn has_traffic_policy(&self) -> Known<bool> {
        any([
            self.resiliency.known().map(|preset| preset.is_some()),
            self.circuit_breaker.known().map(|block| block.is_some()),
            self.connections.known().map(|block| block.is_some()),
            self.outlier_detection.known().map(|block| block.is_some()),
            selects_endpoints(&self.load_balancing),
        ])
    }

    /// Whether an argument is set that is rendered into the routes.
    pub(super) fn is_routed(&self) -> Known<bool> {
        let arguments = any([
            self.resiliency.known().map(|preset| preset.is_some()),
            self.retries.known().map(|block| block.is_some()),
            self.request_timeout.known().map(|timeout| timeout.is_some()),
        ]);
        all([self.sees_requests(), arguments])
    }
}

impl Port {
    /// The port on which the host listens: by default 443 where the proxy originates TLS for HTTP, and `number` otherwise.
    pub(super) fn target_port(&self, originates_tls: bool) -> Known<PortNumber> {
        if let Some(target_port) = self.target_port.copied()? {
            return Ok(target_port);
        }
        let wraps_http = originates_tls && self.protocol.required()?.is_http();
        Ok(if wraps_http { PortNumber::HTTPS } else { *self.number.required()? })
    }
}

/// The rule of [`is_path`] in words.
const PATH: &str = "The path of a file, from the root.";

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() > 1 && !text.ends_with('/') && !text.chars().any(char::is_control)
}

fn is_locality(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    parts.len() <= 3 && parts.iter().all(|part| names::is_label_value(part) && !part.is_empty())
}
