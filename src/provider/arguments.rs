//! The arguments of the provider block. Methods give each argument its default.

use std::collections::BTreeSet;

use crate::{
    known::Known,
    kubernetes::Secret,
    mesh::{
        Defaults, checks::Level, duration::Duration, global_name::Template, installed_mesh::InstalledMesh,
        istio::sidecar::OutboundMode, names, resiliency::Preset, service::AuthorizationMode,
    },
    model,
    resources::OnUnreadable,
    schema::{
        Attr, Block, List, Map, Set,
        model::{block, optional, required},
    },
};

model! {
    /// Services, external services, gateways, namespaces and mesh-wide defaults of an Istio mesh. Plans show the
    /// exact Istio objects, also without a cluster; applies write them by server-side apply.
    pub struct ProviderConfig {
        /// Name of this configuration, unique for each state, for example `infra-payments/prod`. It is written on
        /// every object. Objects of another owner aren't changed, unless a resource names that owner in
        /// `adopt_from_owner`.
        owner: Attr<String> = required().text(names::OWNER, names::is_owner),
        /// Path of a kubeconfig file. Environment variable: `KUBE_CONFIG_PATH`. Defaults to none: there is no
        /// fallback to `~/.kube/config`.
        config_path: Attr<String> = optional().text(NOT_EMPTY, is_not_empty),
        /// Paths of kubeconfig files, merged as by kubectl. Environment variable: `KUBE_CONFIG_PATHS`. Defaults
        /// to none.
        config_paths: List<String> = optional(),
        /// Context of the kubeconfig. Environment variable: `KUBE_CTX`. Defaults to the current context of the
        /// kubeconfig.
        config_context: Attr<String> = optional(),
        /// User of the kubeconfig. Environment variable: `KUBE_CTX_AUTH_INFO`. Defaults to that of the context.
        config_context_auth_info: Attr<String> = optional(),
        /// Cluster of the kubeconfig. Environment variable: `KUBE_CTX_CLUSTER`. Defaults to that of the context.
        config_context_cluster: Attr<String> = optional(),
        /// Address of the API server, `https://host:port`. Environment variable: `KUBE_HOST`. Defaults to that of
        /// the kubeconfig.
        host: Attr<String> = optional().text(NOT_EMPTY, is_not_empty),
        /// Bearer token for the API server. Environment variable: `KUBE_TOKEN`. Defaults to that of the
        /// kubeconfig.
        token: Attr<Secret> = optional().sensitive(),
        /// Certificate authority of the API server, as PEM. Environment variable: `KUBE_CLUSTER_CA_CERT_DATA`.
        /// Defaults to that of the kubeconfig, otherwise to the system's authorities.
        cluster_ca_certificate: Attr<String> = optional(),
        /// Client certificate, as PEM. Environment variable: `KUBE_CLIENT_CERT_DATA`. Defaults to that of the
        /// kubeconfig.
        client_certificate: Attr<String> = optional(),
        /// Key of the client certificate, as PEM. Environment variable: `KUBE_CLIENT_KEY_DATA`. Defaults to that
        /// of the kubeconfig.
        client_key: Attr<Secret> = optional().sensitive(),
        /// Whether verification of the API server's certificate is switched off. Only for tests: the credentials
        /// are sent to any server that answers. Environment variable: `KUBE_INSECURE`. Defaults to `false`.
        insecure: Attr<bool> = optional(),
        /// Name that the API server's certificate is verified for. Environment variable: `KUBE_TLS_SERVER_NAME`.
        /// Defaults to the host of the API server.
        tls_server_name: Attr<String> = optional(),
        /// Proxy for connections to the API server, `http://`, `https://` or `socks5://`. Environment variable:
        /// `KUBE_PROXY_URL`. Defaults to that of the kubeconfig.
        proxy_url: Attr<Secret> = optional().sensitive(),
        /// Whether the provider connects as the service account of the pod in which Terraform runs. Conflicts with
        /// all other arguments for cluster and credentials. Defaults to `false`.
        in_cluster: Attr<bool> = optional(),
        /// Root namespace of the mesh, with the objects that apply to all of it. Defaults to `istio-system`.
        root_namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// DNS domain of the cluster. Defaults to `cluster.local`.
        cluster_domain: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Trust domain of the mesh's identities. Defaults to `cluster.local`.
        trust_domain: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Template of global names of services, such as `{name}.{namespace}.example.internal`. They resolve if
        /// proxies answer DNS queries (`ISTIO_META_DNS_CAPTURE`). Without `{namespace}`, services of two namespaces
        /// can claim the same name; with it, a service that moves keeps its name by `global_name`. Defaults to none.
        global_name_template: Attr<Template> = optional(),
        /// Whether the services of this configuration get global names by `global_name_template`. With `false`
        /// they get none from it; `calls` still uses it for the names of services of other configurations. Defaults
        /// to `true`.
        global_names: Attr<bool> = optional(),
        /// Namespaces of gateways, in which every service is visible. Defaults to none.
        gateway_namespaces: Set<String> = optional(),
        /// Hosts that the Sidecar of every service lists, as `namespace/host`: those of collectors and external
        /// authorizers, and the Kubernetes API if workloads call it. Defaults to none.
        platform_hosts: Set<String> = optional(),
        /// Revisions of the installed Istio, whose configuration live checks read: the ConfigMap `istio-<revision>` of the root
        /// namespace, and the ConfigMap `istio` for the revision `default`. Defaults to `["default"]`.
        revisions: Set<String> = optional().non_empty("At least one revision.").each(names::LABEL, names::is_label),
        /// Labels of every object that the provider writes. Defaults to none.
        labels: Map<String> = optional(),
        /// Annotations of every object that the provider writes. Sensitive values are shown in clear text in
        /// `objects` and in the cluster. Defaults to none.
        annotations: Map<String> = optional(),
        /// Whether plans run without a cluster: nothing is read from it or validated by it. Plans of new
        /// resources show the objects that the configuration gives, in `terraform test` for example (see the
        /// guide "Testing mesh configuration"). Resources in the state can't be read (see `on_unreadable`), and
        /// an apply that has something to write fails. The connection arguments are ignored. Defaults to `false`.
        offline: Attr<bool> = optional(),
        /// Result of a plan for resources that can't be read. `error`: the plan fails, so that a drift report
        /// never says "no changes" about resources that it didn't read. `warn`: the plan warns and uses the
        /// state. Defaults to `error`. A connection that is unknown until apply is a warning in any case.
        on_unreadable: Attr<OnUnreadable> = optional(),
        /// Whether each resource records its arguments in an annotation of one of its objects. With `false`,
        /// users who may read the objects can't read the arguments there (`objects` and the objects themselves
        /// still contain their values), an import finds no arguments, and the live checks `shared-workload` and
        /// `shared-account` can't compare these services. A change takes effect with the next update of each
        /// resource. Defaults to `true`.
        record_arguments: Attr<bool> = optional(),
        /// Whether fields of Services, ServiceAccounts and Namespaces are taken from other field managers that
        /// set another value. With `false` such a conflict is an error in the plan. Defaults to `false`.
        force_conflicts: Attr<bool> = optional(),
        /// Levels of live checks, `off`, `warn` or `error`, by the code of the check: `{ IST0103 = "off" }`.
        /// Defaults to the levels in the guide "Live checks", which lists the codes.
        checks: Map<Level> = optional(),
        /// Exec plugin that prints the credentials, as in a kubeconfig. It runs on first use, and again when its
        /// credentials expire or aren't accepted. It gets no stdin, and its output is never shown.
        exec: Block<ExecPlugin> = block(),
        /// Defaults of every `mesh_service` of this configuration.
        defaults: Block<ServiceDefaults> = block(),
        /// Facts about the installed mesh that rendered objects depend on. They are the same for all
        /// configurations of a mesh: take them from a module or a variable file of the platform. Live checks
        /// compare them with the cluster.
        installed: Block<Installed> = block(),
    }
}

model! {
    /// A program that prints an `ExecCredential`.
    pub struct ExecPlugin {
        /// Version of the `ExecCredential` that it prints.
        api_version: Attr<String> = required().text(EXEC_API_VERSIONS, is_exec_api_version),
        /// Program to run: a path, or a name that is looked up in `PATH`.
        command: Attr<String> = required().text(NOT_EMPTY, is_not_empty),
        /// Arguments of the program. Defaults to none.
        args: List<String> = optional(),
        /// Environment variables of the program, in addition to Terraform's own. Defaults to none.
        env: Map<Secret> = optional().sensitive(),
    }
}

model! {
    /// Defaults of services.
    pub struct ServiceDefaults {
        /// Default of `resiliency` of every `mesh_service`. Without it, services without the argument keep the
        /// defaults of Istio and of the mesh.
        resiliency: Attr<Preset> = optional(),
        /// Default of `request_timeout` of every `mesh_service` without `streaming`, except for gRPC ports.
        /// Without it no timeout is written.
        request_timeout: Attr<Duration> = optional(),
        /// Default of `authorization_mode` of every `mesh_service`. Defaults to `enforce`.
        authorization_mode: Attr<AuthorizationMode> = optional(),
    }
}

model! {
    /// Facts of the installed mesh.
    pub struct Installed {
        /// Calls of hosts that proxies don't know, as the mesh's Sidecars and `meshConfig` set it
        /// (`outboundTrafficPolicy`). `registry_only`: they fail. `allow_any`: they leave in clear text. Only
        /// with `registry_only` are services hidden from namespaces that may not call them: otherwise refused
        /// calls would become clear text. The live check `outbound-policy` compares it with the cluster. Defaults
        /// to `allow_any`, which is Istio's default.
        outbound_traffic_policy: Attr<OutboundMode> = optional(),
        /// Whether the proxies of all workloads answer DNS queries for hosts of the mesh
        /// (`ISTIO_META_DNS_CAPTURE`). Global names of services with TCP ports need it. Defaults to `false`.
        dns_capture: Attr<bool> = optional(),
    }
}

impl ProviderConfig {
    /// The namespace with the objects of the whole mesh: `istio-system` by default.
    pub(super) fn root_namespace(&self) -> Known<String> {
        self.root_namespace.or("istio-system".to_owned())
    }

    /// The DNS domain of the cluster: `cluster.local` by default.
    pub(super) fn cluster_domain(&self) -> Known<String> {
        self.cluster_domain.or("cluster.local".to_owned())
    }

    /// The trust domain of the mesh: `cluster.local` by default.
    pub(super) fn trust_domain(&self) -> Known<String> {
        self.trust_domain.or("cluster.local".to_owned())
    }

    /// The revisions of Istio whose configuration live checks read: `default` by default.
    pub(super) fn revisions(&self) -> Known<BTreeSet<String>> {
        Ok(self.revisions.elements()?.cloned().unwrap_or_else(|| [names::DEFAULT_REVISION.to_owned()].into()))
    }

    /// Whether services get global names by the template: true by default.
    pub(super) fn global_names(&self) -> Known<bool> {
        self.global_names.or(true)
    }

    /// Whether the pod's service account connects: false by default.
    pub(super) fn in_cluster(&self) -> Known<bool> {
        self.in_cluster.or(false)
    }

    /// Whether fields of other field managers are taken over: false by default, and where the value is unknown.
    pub(super) fn force_conflicts(&self) -> bool {
        self.force_conflicts.or(false).unwrap_or(false)
    }

    /// Whether arguments are recorded: true by default. Where the value is unknown, nothing is recorded.
    pub(super) fn record_arguments(&self) -> bool {
        self.record_arguments.or(true).unwrap_or(false)
    }

    /// Whether the cluster is left out: false by default.
    pub(super) fn offline(&self) -> Known<bool> {
        self.offline.or(false)
    }

    /// Whether an unreadable resource fails a plan: `error` by default, and where the value is unknown.
    pub(super) fn on_unreadable(&self) -> OnUnreadable {
        self.on_unreadable.or(OnUnreadable::Error).unwrap_or(OnUnreadable::Error)
    }

    /// The facts of the installed mesh: Istio's defaults where the block doesn't say otherwise.
    pub(super) fn installed(&self) -> Known<InstalledMesh> {
        self.installed.known()?.map_or_else(|| Ok(InstalledMesh::default()), |installed| installed.with_fallbacks())
    }

    /// The arguments that every `mesh_service` has by default.
    pub(super) fn service_defaults(&self) -> Known<Defaults> {
        self.defaults.known()?.map_or_else(|| Ok(Defaults::default()), |defaults| defaults.with_fallbacks())
    }
}

impl Installed {
    fn with_fallbacks(&self) -> Known<InstalledMesh> {
        let fallback = InstalledMesh::default();
        Ok(InstalledMesh {
            outbound_traffic_policy: self.outbound_traffic_policy.or(fallback.outbound_traffic_policy)?,
            dns_capture: self.dns_capture.or(fallback.dns_capture)?,
        })
    }
}

impl ServiceDefaults {
    fn with_fallbacks(&self) -> Known<Defaults> {
        let fallback = Defaults::default();
        Ok(Defaults {
            resiliency: self.resiliency.copied()?,
            request_timeout: self.request_timeout.copied()?,
            authorization_mode: self.authorization_mode.or(fallback.authorization_mode)?,
        })
    }
}

/// An empty text is refused, not ignored: it is most often an output without a value, and ignoring it would connect to the
/// cluster of another argument or of the environment.
const NOT_EMPTY: &str = "It can't be empty: leave it out, or set it to null.";

fn is_not_empty(text: &str) -> bool {
    !text.is_empty()
}

const EXEC_API_VERSIONS: &str = "\"client.authentication.k8s.io/v1\" or \"client.authentication.k8s.io/v1beta1\"; Kubernetes 1.24 removed v1alpha1.";

fn is_exec_api_version(text: &str) -> bool {
    ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"].contains(&text)
}
