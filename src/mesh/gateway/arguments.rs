//! The arguments and computed attributes of `mesh_gateway`. Methods give each argument its default.

use super::tls::{CipherSuite, GatewayProtocol, ServerTlsMode, TlsVersion};
use crate::{
    known::Known,
    mesh::{
        manifest::StringMap,
        names,
        overrides::Override,
        patterns,
        port::PortNumber,
        reference::Caller,
        service::{AuthorizationMode, EndUser},
        timeouts::Timeouts,
    },
    model,
    schema::{
        Attr, Block, Blocks, Map, Set,
        model::{block, computed, optional, required},
    },
};

model! {
    /// An ingress gateway: the hosts, ports and TLS settings that its pods serve, and the clients that they
    /// admit. A chart installs the pods.
    pub struct Gateway {
        /// Name of the Gateway object.
        name: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// Namespace of the Gateway object, and of the gateway's pods if `workload_namespace` isn't set.
        namespace: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// Namespace of the gateway's pods, if it differs from that of the Gateway: hosts of an application can
        /// be declared in its namespace, and be served by a gateway of the platform. The AuthorizationPolicy is
        /// written there, and Istio reads the Secrets of `credential_name` there. It has no effect if istiod runs
        /// with `PILOT_SCOPE_GATEWAY_TO_NAMESPACE`. Defaults to `namespace`.
        workload_namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of the gateway's pods.
        selector: Map<String> = required().non_empty("At least one label."),
        /// Service account of the gateway's pods. Defaults to the gateway's `name`.
        service_account: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Enforcement of `allow` at the gateway. `off`: no AuthorizationPolicy is written. `dry_run`: requests
        /// that no rule admits pass, and Istio counts them. `enforce`: they get status 403. Without `allow`
        /// blocks, every client is admitted to the hosts of the servers. With `enforce`, hosts of other Gateways
        /// on the same pods are refused. If the mesh denies by default, only `enforce` admits clients. Defaults
        /// to `off`.
        authorization_mode: Attr<AuthorizationMode> = optional(),
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
        /// Port of the gateway, and the hosts that are served on it (`servers`).
        server: Blocks<Server> = block().required(),
        /// Requests that the gateway admits, instead of all requests for the hosts of the servers. Requires
        /// `authorization_mode`.
        allow: Blocks<GatewayAllow> = block(),
        /// JSON merge patch of a rendered object, for an Istio field that no argument sets.
        r#override: Blocks<Override> = block(),
        /// Time limits of operations on this resource.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port of the gateway, and the hosts that are served on it.
    pub struct Server {
        /// Port of the gateway's Service (`port.number`).
        port: Attr<PortNumber> = required(),
        /// Port on which the gateway's pods listen (`port.targetPort`). Defaults to `port`.
        target_port: Attr<PortNumber> = optional(),
        /// Protocol that clients speak on the port (`port.protocol`).
        protocol: Attr<GatewayProtocol> = required(),
        /// Hosts that the gateway serves: exact names, wildcards like `*.example.com`, or `*`.
        hosts: Set<String> = required()
            .non_empty("At least one host.")
            .each("DNS names, with `*.` at the start or without, or `*`.", patterns::is_gateway_host),
        /// Namespaces whose routes may use these hosts, or `["*"]` for every namespace. With `["*"]` every user
        /// who may write a VirtualService in any namespace can take over the traffic of a host.
        namespaces: Set<String> = required()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, or `*` alone.", |t| t == "*" || names::is_label(t)),
        /// Whether requests are redirected to HTTPS with status 301 (`tls.httpsRedirect`). Only for servers of
        /// HTTP in clear text (`http`, `http2` and `grpc`). Defaults to `false`.
        https_redirect: Attr<bool> = optional(),
        /// TLS settings of the server. Required with `https` and `tls`.
        tls: Block<Tls> = block(),
    }
}

model! {
    /// Requests that the gateway admits. A request must match all arguments of one block. Arguments that aren't
    /// set match any value, but hosts and ports are always among those of the servers.
    pub struct GatewayAllow {
        /// Callers with an identity in the mesh, such as `shop/checkout`. Clients outside of the mesh have no
        /// identity. Defaults to every client.
        from: Set<Caller> = optional().non_empty("At least one caller; leave the argument out for every client."),
        /// Hosts that requests are sent to, by their header `Host`: exact, or with one `*` at the start or end. A
        /// pattern without a port matches any port. Servers that forward connections (`tls`, `tcp`, `mongo`) see no
        /// hosts. Defaults to the hosts of the servers.
        hosts: Set<String> = optional()
            .non_empty("At least one host; leave the argument out for those of the servers.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of servers (their `port`). Defaults to the ports of all servers.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for all."),
        /// HTTP methods of the requests. Defaults to any.
        methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for any.")
            .each("Methods in capitals, like `GET`; for any, leave the argument out instead of `*`.", patterns::is_method),
        /// HTTP paths of the requests, before any rewrite. Defaults to any.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Addresses that connections come from (`ipBlocks`). Behind a load balancer these can be its own.
        /// Defaults to any.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients (`remoteIpBlocks`), from `X-Forwarded-For` or the PROXY protocol according to the
        /// mesh's `numTrustedProxies`. Defaults to any.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// End user whose verified token the requests carry. A `jwt` block of `mesh_global_defaults` declares the
        /// issuer. Defaults to any request, with or without a token.
        end_user: Block<EndUser> = block(),
    }
}

model! {
    /// TLS settings of a server.
    pub struct Tls {
        /// TLS mode. `simple`: the gateway terminates TLS. `mutual` and `optional_mutual`: it also asks clients
        /// for a certificate. `istio_mutual`: mutual TLS with the mesh's certificates. `passthrough`: the
        /// workload terminates TLS. `auto_passthrough`: the service that the server name (SNI) names does, as
        /// between clusters. Defaults to `simple`.
        mode: Attr<ServerTlsMode> = optional(),
        /// Secret with the certificate, in the namespace of the gateway's pods (`credentialName`). Required with
        /// `simple`, `mutual` and `optional_mutual`.
        credential_name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Minimum TLS version (`minProtocolVersion`). Defaults to `1.3`.
        min_version: Attr<TlsVersion> = optional(),
        /// Maximum TLS version (`maxProtocolVersion`). Defaults to the proxy's own.
        max_version: Attr<TlsVersion> = optional(),
        /// Cipher suites of TLS 1.2 (`cipherSuites`). Requires `min_version = "1.2"`. Defaults to Istio's.
        cipher_suites: Set<CipherSuite> = optional().non_empty("At least one suite."),
    }
}

model! {
    /// The computed attributes of a gateway.
    pub struct Outputs {
        /// Identity of the gateway's pods, in the form that `from` accepts:
        /// `cluster.local/ns/istio-ingress/sa/public`.
        principal: Attr<String> = computed(),
    }
}

impl Gateway {
    /// The labels of the gateway's pods.
    pub(super) fn selector(&self) -> Known<StringMap> {
        self.selector.required_elements()
    }

    /// The namespace of the gateway's pods: that of the Gateway by default.
    pub(super) fn workload_namespace(&self) -> Known<&String> {
        self.workload_namespace.known()?.map_or_else(|| self.namespace.required(), Ok)
    }

    /// The service account of the gateway's pods: the name of the gateway by default.
    pub(super) fn service_account(&self) -> Known<&String> {
        self.service_account.known()?.map_or_else(|| self.name.required(), Ok)
    }
}

impl Gateway {
    /// Whether the gateway's policy is written, and enforced: by default it isn't written.
    pub(super) fn authorization_mode(&self) -> Known<AuthorizationMode> {
        self.authorization_mode.or(AuthorizationMode::Off)
    }
}

impl Server {
    /// The port on which the pods listen: `port` by default.
    pub(super) fn target_port(&self) -> Known<PortNumber> {
        self.target_port.copied()?.map_or_else(|| self.port.required().copied(), Ok)
    }

    /// Whether clients are redirected to HTTPS: false by default.
    pub(super) fn https_redirect(&self) -> Known<bool> {
        self.https_redirect.or(false)
    }
}

impl Tls {
    /// The TLS mode: `simple` by default.
    pub(super) fn mode(&self) -> Known<ServerTlsMode> {
        self.mode.or(ServerTlsMode::Simple)
    }

    /// The minimum version: TLS 1.3 by default.
    pub(super) fn min_version(&self) -> Known<TlsVersion> {
        self.min_version.or(TlsVersion::V13)
    }
}
