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
    /// A service outside the mesh: its hosts, its ports, the origin of TLS, and the namespaces in which it is
    /// visible.
    pub struct ExternalService {
        /// Host that applications call (`hosts`). Conflicts with `hosts`. Without either, the resource describes
        /// `addresses` that have no name.
        host: Attr<Host> = optional(),
        /// Hosts that applications call, if several share all settings (`hosts`). Requires `name`. Conflicts with
        /// `host`.
        hosts: Set<Host> = optional().non_empty("At least one host."),
        /// Name of the resource's objects. Required with `hosts`, and with `addresses` without a host. Defaults
        /// to `host` with dashes for dots.
        name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Origin of TLS to the hosts. `passthrough`: the application speaks TLS. `originate`: the proxy does,
        /// and the application calls `http://`. `originate_mutual`: the proxy does, with a client certificate of
        /// `tls_settings`. `none`: there is no TLS. Timeouts and retries apply to requests that the application
        /// sends without TLS. Defaults to `passthrough`.
        tls: Attr<ClientTlsMode> = optional(),
        /// Namespaces whose workloads can call the hosts (`exportTo`), or `["*"]` for all of them.
        export_to: Set<String> = required()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, or `*`.", |text| text == "*" || names::is_label(text)),
        /// Source of the hosts' addresses (`resolution`). `dns`: the proxy looks up the host, or the names in
        /// `endpoint` blocks, and balances over all addresses of the answer. `dns_round_robin`: the proxy uses
        /// the first address of each answer, and keeps connections to earlier ones: for hosts with many or
        /// changing addresses. `dynamic_dns`: the proxy looks up the host that each request names, and ignores
        /// the address that the application looked up; only for wildcards on HTTP ports (not `tls`), and since
        /// Istio 1.28 (older clusters refuse it in the plan). `static`: the addresses in `endpoint` blocks.
        /// `none`: the address that the application looked up. Defaults to `none` for wildcards and for addresses
        /// without a host, to `static` or `dns` according to the `endpoint` blocks, otherwise to `dns`.
        resolution: Attr<Resolution> = optional(),
        /// Addresses that applications connect to (`addresses`). Required for protocols that don't carry a host
        /// name, because proxies distinguish their connections by address only; with DNS capture (`installed {
        /// dns_capture = true }` of the provider) Istio allocates one instead. Ranges only with `static` and
        /// `none`. Without `host` and `hosts` the resource describes the addresses alone: other services list it
        /// in `calls` as `<name>.addresses.invalid`, a host that no DNS server knows. Defaults to none.
        addresses: Set<Address> = optional().non_empty("At least one address."),
        /// Resiliency preset: retries, connection pool limits and outlier detection (see the guide "Resiliency
        /// presets"). `none` switches them off. Without it nothing is written, and Istio's defaults apply. The
        /// provider's `defaults` don't apply.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries (`http.timeout`). `0s`: no timeout. It ends streams. Only
        /// for ports on which the application speaks clear text to its proxy. Without it no timeout is written.
        request_timeout: Attr<Duration> = optional(),
        /// Namespace of the resource's objects. Defaults to the provider's `root_namespace`.
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of every object of this resource, in addition to the provider's `labels`. Defaults to none.
        labels: Map<String> = optional(),
        /// Annotations of every object of this resource, in addition to the provider's `annotations`. Sensitive
        /// values are shown in clear text in `objects` and in the cluster. Defaults to none.
        annotations: Map<String> = optional(),
        /// Whether existing objects of the same names that have no `owner` (those of other tools) are taken over.
        /// With `false` the plan fails and names the tool that wrote them. For objects of another `owner` see
        /// `adopt_from_owner`. Defaults to `false`.
        adopt_existing: Attr<bool> = optional(),
        /// Value of `owner` in another configuration of this provider, whose objects of the same names are taken over
        /// (see the guide "Adopting existing objects"). Release them there first, with a `removed` block or
        /// `terraform state rm`: otherwise the two configurations take them from each other. Defaults to none: the
        /// plan refuses objects of every other owner, even with `adopt_existing`.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Whether plans that delete or replace the resource are refused. Apply `false` before deleting it.
        /// Defaults to `false`.
        deletion_protection: Attr<bool> = optional(),
        /// Ports of the hosts. Defaults to those that `tls` needs: 443 with `passthrough`; 80 and 443 with
        /// `originate` and `originate_mutual`, where 443 passes through (not with `dynamic_dns`); 80 with `none`.
        port: Blocks<Port> = block(),
        /// TLS settings of the proxy, with `originate` and `originate_mutual`. Without the block, server
        /// certificates are verified with the system's authorities and the name of the host.
        tls_settings: Block<TlsSettings> = block(),
        /// Addresses of the hosts, with `resolution` `static` (IP addresses) or `dns` (names) (`endpoints`).
        endpoint: Blocks<Endpoint> = block(),
        /// Egress gateway through which all traffic for the hosts leaves the mesh. Without the block, the proxies
        /// of callers connect to the hosts directly.
        egress_gateway: Block<EgressGateway> = block(),
        /// Retries of failed requests (`http.retries`). Each field overrides the preset's value. Only for ports on which the
        /// application speaks clear text to its proxy.
        retries: Block<Retries> = block(),
        /// Connection pool limits of each caller's proxy (`trafficPolicy.connectionPool`), such as the maximum number
        /// of connections. Each field overrides the preset's value; without a preset only the fields of the block are
        /// written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// Lifetime and protocol of connections (`trafficPolicy.connectionPool`). Their maximum number is
        /// `max_connections` of `circuit_breaker`.
        connections: Block<Connections> = block(),
        /// Ejection of failing addresses (`trafficPolicy.outlierDetection`). Each field overrides the preset's
        /// value; without a preset only the fields of the block and `consecutive5xxErrors` are written.
        outlier_detection: Block<OutlierDetection> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`).
        load_balancing: Block<LoadBalancing> = block(),
        /// JSON merge patch of a rendered object, for an Istio field that no argument sets.
        r#override: Blocks<Override> = block(),
        /// Time limits of operations on this resource.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port of the hosts.
    pub struct Port {
        /// Port that applications call.
        number: Attr<PortNumber> = required(),
        /// Protocol that applications speak on the port. Proxies distinguish hosts by name, which HTTP and TLS
        /// carry; other protocols need `addresses`, or an address that Istio allocates.
        protocol: Attr<Protocol> = required(),
        /// Port on which the host listens (`targetPort`). Defaults to `443` if the proxy originates TLS for HTTP,
        /// otherwise to `number`.
        target_port: Attr<PortNumber> = optional(),
        /// Origin of TLS on this port. `tls` and `https` ports always pass through. Defaults to the resource's
        /// `tls`.
        tls: Attr<ClientTlsMode> = optional(),
    }
}

model! {
    /// TLS settings of the proxy. Paths are paths of files in the sidecar, which the workload mounts there. Istio
    /// has no setting for the minimum version of TLS to external hosts: the proxy speaks TLS 1.2 or later.
    pub struct TlsSettings {
        /// Path of the authorities that verify server certificates (`caCertificates`). Defaults to the system's.
        ca: Attr<String> = optional().text(PATH, is_path),
        /// Server name in the TLS handshake (`sni`). Requires `subject_alt_names`, because the name of the
        /// certificate would not be verified otherwise. Defaults to the host; for wildcards to the host of the
        /// request.
        sni: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Names of which the server certificate must contain one (`subjectAltNames`). Defaults to the host.
        subject_alt_names: Set<String> = optional()
            .non_empty("At least one name.")
            .each("Values must not be empty.", |text| !text.is_empty()),
        /// Path of the client certificate (`clientCertificate`). Required with `originate_mutual`, unless
        /// `credential_name` is set.
        client_certificate: Attr<String> = optional().text(PATH, is_path),
        /// Path of the key of `client_certificate` (`privateKey`). Required with `client_certificate`.
        client_key: Attr<String> = optional().text(PATH, is_path),
        /// Secret in `namespace` with the client certificate, its key and the authorities (`credentialName`).
        /// Requires `workload_selector`, and a `namespace` of workloads. Conflicts with the paths of files.
        credential_name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Labels of the workloads whose sidecars read the Secret (`workloadSelector`). Their service accounts
        /// need the right to read it. Other workloads of the namespace speak TLS without a certificate. Required
        /// with `credential_name`.
        workload_selector: Map<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// An address of the hosts.
    pub struct Endpoint {
        /// IP address; or with `resolution = "dns"` a DNS name that proxies look up.
        address: Attr<EndpointAddress> = required(),
        /// Ports on which the endpoint listens, by the port that applications call: `{ 443 = 8443 }`. Defaults to
        /// the `target_port` of each port.
        ports: Map<PortNumber> = optional().non_empty("At least one port."),
        /// Locality of the endpoint, in the form of node labels: `region/zone` (`locality`). Defaults to none.
        locality: Attr<String> = optional().text("Parts between slashes, three at most.", is_locality),
    }
}

model! {
    /// The computed attributes of an external service.
    pub struct Outputs {
        /// URL that applications call, with the first port. Null for wildcards and for several hosts.
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
            // Addresses that aren't known yet may turn out to be null, and then the host is missing.
            self.addresses.elements()?;
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
