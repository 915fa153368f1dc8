//! The arguments and computed attributes of `mesh_gateway`. Methods give each argument its default.

use super::tls::{CipherSuite, GatewayProtocol, ServerTlsMode, TlsVersion};
use crate::{
    known::Known,
    mesh::{
        labels::StringMap,
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
    /// A door for traffic from outside: what the workloads of a gateway listen for, with which certificates, and for which
    /// hosts they let callers in. The workloads themselves are a chart's.
    pub struct Gateway {
        /// The Gateway.
        name: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// The namespace of the Gateway, and of its workloads unless `workload_namespace` names another.
        namespace: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// The namespace of the gateway's workloads, if it isn't that of the Gateway: hosts that belong to an application may stand in
        /// its namespace, and be served by gateways of the platform. The AuthorizationPolicy is written there, and Istio reads the
        /// Secrets of `credential_name` there. It has no effect on workloads in another namespace where istiod runs with
        /// `PILOT_SCOPE_GATEWAY_TO_NAMESPACE`. Defaults to `namespace`.
        workload_namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// The labels of its workloads.
        selector: Map<String> = required().non_empty("At least one label."),
        /// The service account of its workloads, in their namespace. Defaults to the gateway's name.
        service_account: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Whether requests that no rule admits are refused at the gateway: `off` (writes no AuthorizationPolicy), `dry_run` (Istio
        /// counts what would be refused) or `enforce`. Without `allow` blocks, the rule admits every client to the hosts of the
        /// servers. With `enforce`, hosts of other Gateways on the same pods are refused. Where the mesh denies by default, only
        /// `enforce` lets clients in. Defaults to `off`.
        authorization_mode: Attr<AuthorizationMode> = optional(),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        /// Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them.
        adopt_existing: Attr<bool> = optional(),
        /// `owner` of another configuration of this provider, of which objects of the same names are taken over. Defaults to
        /// none: the plan refuses objects of every other owner, with `adopt_existing` too. Give them up there first, with a
        /// `removed` block or `terraform state rm`, or the two configurations take them from each other.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// A port, and the hosts that are served there.
        server: Blocks<Server> = block().required(),
        /// Requests that the gateway admits, in place of all requests for the hosts of the servers. Requires
        /// `authorization_mode`.
        allow: Blocks<GatewayAllow> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port, and the hosts that are served there.
    pub struct Server {
        /// The port of the gateway's Service.
        port: Attr<PortNumber> = required(),
        /// The port on which the workloads listen for it; `port` unless written.
        target_port: Attr<PortNumber> = optional(),
        /// What is spoken there.
        protocol: Attr<GatewayProtocol> = required(),
        /// The hosts: exact names, wildcards like `*.example.com`, or `*`.
        hosts: Set<String> = required()
            .non_empty("At least one host.")
            .each("DNS names, with `*.` at the start or without, or `*`.", patterns::is_gateway_host),
        /// Namespaces whose routes may use these hosts: names, or `["*"]` for every namespace. With `["*"]` everyone who may write
        /// a VirtualService anywhere can take over the traffic of a host.
        namespaces: Set<String> = required()
            .non_empty("At least one namespace.")
            .each("Names of namespaces, or `*` alone.", |t| t == "*" || names::is_label(t)),
        /// Whether callers are told to come back by HTTPS; false unless written. Only of HTTP in clear text.
        https_redirect: Attr<bool> = optional(),
        /// How TLS ends; with `https` and `tls`.
        tls: Block<Tls> = block(),
    }
}

model! {
    /// Requests that the gateway admits. The arguments of a block must all match; blocks add up. What isn't given is any value,
    /// but the hosts and ports are always among those of the servers.
    pub struct GatewayAllow {
        /// Callers with an identity in the mesh, such as `shop/checkout`. Defaults to every client: those outside of the mesh have
        /// no identity.
        from: Set<Caller> = optional().non_empty("At least one caller; leave the argument out for every client."),
        /// Hosts that requests name, with any port where none is given. Exact, or with one `*` at the start or end. Servers
        /// that forward bytes (`tls`, `tcp`, `mongo`) see no hosts. Defaults to the hosts of the servers.
        hosts: Set<String> = optional()
            .non_empty("At least one host; leave the argument out for those of the servers.")
            .each(patterns::HOST_PATTERN, patterns::is_host_pattern),
        /// Ports of servers (their `port`). Defaults to the ports of all servers.
        ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for all."),
        /// HTTP methods. Defaults to any.
        methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for any.")
            .each("Methods in capitals, like `GET`; for any, leave the argument out instead of `*`.", patterns::is_method),
        /// HTTP paths, before any rewrite. Defaults to any.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for any.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Addresses that connections come from (`ipBlocks`). Behind a load balancer these may be its own. Defaults to any.
        ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// Addresses of clients (`remoteIpBlocks`), by `X-Forwarded-For` or the PROXY protocol as the mesh's `numTrustedProxies`
        /// says. Defaults to any.
        remote_ip_blocks: Set<String> = optional()
            .non_empty("At least one block; leave the argument out for any.")
            .each(patterns::IP_BLOCK, patterns::is_ip_block),
        /// End user whose verified token requests carry. Defaults to any, or none. The RequestAuthentication for the issuer is
        /// written by `jwt` of `mesh_global_defaults`.
        end_user: Block<EndUser> = block(),
    }
}

model! {
    /// How TLS ends.
    pub struct Tls {
        /// `simple` unless written. With `passthrough` a workload ends it, with `auto_passthrough` the service that the server
        /// name names, as between clusters.
        mode: Attr<ServerTlsMode> = optional(),
        /// The Secret with the certificate, in the namespace of the workloads (`workload_namespace`); required with `simple`, `mutual` and
        /// `optional_mutual`.
        credential_name: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// The lowest version; `1.3` unless written.
        min_version: Attr<TlsVersion> = optional(),
        /// The highest version; the proxy's own unless written.
        max_version: Attr<TlsVersion> = optional(),
        /// The suites of TLS 1.2; Istio's unless written. Only with `min_version = "1.2"`.
        cipher_suites: Set<CipherSuite> = optional().non_empty("At least one suite."),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// The identity of its workloads, as `from` takes it: `cluster.local/ns/istio-ingress/sa/public`.
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
