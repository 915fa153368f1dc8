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
    /// Services, external services and mesh-wide defaults of an Istio mesh, written as intent. Plans show the exact Istio
    /// objects, offline too; applies write them by server-side apply.
    pub struct ProviderConfig {
        /// Who this configuration is: unique for each state, for example `infra-payments/prod`. It is written on every
        /// object, and objects of another owner are left alone.
        owner: Attr<String> = required().text(names::OWNER, names::is_owner),
        /// Path of a kubeconfig. Also `KUBE_CONFIG_PATH`.
        config_path: Attr<String> = optional().text(NOT_EMPTY, is_not_empty),
        /// Paths of kubeconfigs, merged as kubectl merges them. Also `KUBE_CONFIG_PATHS`.
        config_paths: List<String> = optional(),
        /// Context of the kubeconfig; its current one unless written. Also `KUBE_CTX`.
        config_context: Attr<String> = optional(),
        /// User of the kubeconfig in place of the context's. Also `KUBE_CTX_AUTH_INFO`.
        config_context_auth_info: Attr<String> = optional(),
        /// Cluster of the kubeconfig in place of the context's. Also `KUBE_CTX_CLUSTER`.
        config_context_cluster: Attr<String> = optional(),
        /// Address of the API server, `https://host:port`. Also `KUBE_HOST`.
        host: Attr<String> = optional().text(NOT_EMPTY, is_not_empty),
        /// Bearer token. Also `KUBE_TOKEN`.
        token: Attr<Secret> = optional().sensitive(),
        /// Certificate authority of the API server, PEM. Also `KUBE_CLUSTER_CA_CERT_DATA`.
        cluster_ca_certificate: Attr<String> = optional(),
        /// Client certificate, PEM. Also `KUBE_CLIENT_CERT_DATA`.
        client_certificate: Attr<String> = optional(),
        /// Key of the client certificate, PEM. Also `KUBE_CLIENT_KEY_DATA`.
        client_key: Attr<Secret> = optional().sensitive(),
        /// Whether the API server's certificate goes unverified; for trials only. Also `KUBE_INSECURE`.
        insecure: Attr<bool> = optional(),
        /// Name to verify in the API server's certificate. Also `KUBE_TLS_SERVER_NAME`.
        tls_server_name: Attr<String> = optional(),
        /// Proxy on the way to the API server, `http://`, `https://` or `socks5://`. Also `KUBE_PROXY_URL`.
        proxy_url: Attr<Secret> = optional().sensitive(),
        /// Whether to be the service account of the pod that Terraform runs in. Excludes every other way of naming cluster and
        /// credentials.
        in_cluster: Attr<bool> = optional(),
        /// Where mesh-wide configuration lives; `istio-system` unless written.
        root_namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// DNS domain of the cluster; `cluster.local` unless written.
        cluster_domain: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Trust domain of the mesh's identities; `cluster.local` unless written.
        trust_domain: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// How services get a name that stays when they move: `{name}.{namespace}.example.internal`. Callers call it everywhere
        /// in the mesh, where proxies answer DNS (`ISTIO_META_DNS_CAPTURE`). Without `{namespace}`, two namespaces may claim
        /// the same name.
        global_name_template: Attr<Template> = optional(),
        /// Whether `global_name_template` gives the services of this configuration their global names; true unless written. With
        /// false it only says which names `calls` lists, of services that other configurations declare.
        global_names: Attr<bool> = optional(),
        /// Namespaces of gateways: every service is visible there.
        gateway_namespaces: Set<String> = optional(),
        /// Hosts that every Sidecar of a service lists, as `namespace/host`: tracing, external authorization.
        platform_hosts: Set<String> = optional(),
        /// Revisions of the installed Istio, whose configuration live checks read: the ConfigMap `istio-<revision>` of the root
        /// namespace, and the ConfigMap `istio` for the revision `default`. Defaults to `["default"]`.
        revisions: Set<String> = optional().non_empty("At least one revision.").each(names::LABEL, names::is_label),
        /// Labels on every object that is made.
        labels: Map<String> = optional(),
        /// Annotations on every object that is made. Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// Whether the cluster is left out: nothing is read from it and nothing checked with it. Plans of new resources show what the
        /// configuration alone gives, in `terraform test` for example. Resources in the state can't be read (see `on_unreadable`), and
        /// an apply that has something to write fails. The connection arguments are ignored. Defaults to `false`.
        offline: Attr<bool> = optional(),
        /// What a plan makes of resources that it can't read: `error` unless written, so that a drift report never says "no
        /// changes" about what it didn't see; or `warn`. While the connection is unknown until apply, it is a warning in any case.
        on_unreadable: Attr<OnUnreadable> = optional(),
        /// Whether each resource records its arguments in an annotation of one of its objects; true unless written. With false,
        /// who may read the objects can't read the arguments there (`objects` and the objects themselves still have their
        /// values), an import knows no arguments, and the live checks `shared-workload` and `shared-account` can't compare
        /// these services. It holds from the next change of each resource on.
        record_arguments: Attr<bool> = optional(),
        /// Whether fields of Services, ServiceAccounts and Namespaces are taken from managers that set them to another value.
        /// Without it such a conflict is an error in the plan.
        force_conflicts: Attr<bool> = optional(),
        /// What findings of live checks are worth: `off`, `warn` or `error`, by the check's code, like `{ IST0103 = "off" }`. A
        /// finding warns unless written; pods in ambient mode are an error. The guide "Live checks" lists the codes.
        checks: Map<Level> = optional(),
        /// Program that gives the credentials: an exec plugin, as in a kubeconfig. It is run on first use, and again when what
        /// it gave expires or isn't accepted. It gets no stdin, and what it prints is never shown.
        exec: Block<ExecPlugin> = block(),
        /// What a `mesh_service` gets that doesn't say otherwise.
        defaults: Block<ServiceDefaults> = block(),
        /// Facts of the installed mesh that the written objects depend on. They are the same for all configurations of a mesh:
        /// take them from a module or a variable file of the platform. Live checks compare them with the cluster.
        installed: Block<Installed> = block(),
    }
}

model! {
    /// A program that prints an `ExecCredential`.
    pub struct ExecPlugin {
        /// Version of the `ExecCredential` that it prints.
        api_version: Attr<String> = required().text(EXEC_API_VERSIONS, is_exec_api_version),
        /// The program: a path, or a name that is looked for in `PATH`.
        command: Attr<String> = required().text(NOT_EMPTY, is_not_empty),
        /// Its arguments.
        args: List<String> = optional(),
        /// Environment variables beside Terraform's own.
        env: Map<Secret> = optional().sensitive(),
    }
}

model! {
    /// Defaults of services.
    pub struct ServiceDefaults {
        /// `resiliency` of every `mesh_service` that doesn't set it: `low`, `medium`, `high` or `none`. Without it such services
        /// keep the defaults of Istio and of the mesh.
        resiliency: Attr<Preset> = optional(),
        /// `request_timeout` of every `mesh_service` that sets neither `request_timeout` nor `streaming`, but for its gRPC ports.
        /// Without it no timeout is written.
        request_timeout: Attr<Duration> = optional(),
        /// `authorization_mode` of a service.
        authorization_mode: Attr<AuthorizationMode> = optional(),
    }
}

model! {
    /// Facts of the installed mesh.
    pub struct Installed {
        /// What proxies do with calls of hosts that they don't know: `registry_only` (the calls fail) or `allow_any` (they leave
        /// as clear text), as `outboundTrafficPolicy` of the mesh's Sidecars and of `meshConfig` says. Defaults to `allow_any`,
        /// as Istio's own does. Only with `registry_only` are services hidden from namespaces that may not call them: otherwise
        /// hiding would turn refused calls into clear text. The live check `outbound-policy` compares it with the cluster.
        outbound_traffic_policy: Attr<OutboundMode> = optional(),
        /// Whether the proxies of all workloads answer DNS queries for hosts of the mesh (`ISTIO_META_DNS_CAPTURE`). Defaults to
        /// `false`. Global names of services with TCP ports need it.
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
