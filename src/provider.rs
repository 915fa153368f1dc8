//! The provider block, and the one list of everything offered.

use std::{collections::BTreeMap, env};

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::ReportedMessages,
    known::Known,
    kubernetes::{Cluster, Connection, Exec, InClusterConfig, Secret},
    mesh::{
        Defaults, Mesh,
        checks::{Code, Level, Levels},
        duration::Duration,
        global_name::Template,
        labels, names,
        resiliency::Preset,
        service::AuthorizationMode,
        text::Text,
    },
    model,
    plugin::interface::{Provider, Resource},
    resources::{
        Context, OnUnreadable, Run,
        arguments::{is_namespace, text, texts},
        external_service::ExternalService,
        gateway::Gateway,
        global_defaults::GlobalDefaults,
        managed::managed,
        namespace::Namespace,
        service::Service,
    },
    schema::{
        Attr, Block, List, Map, Type, Value,
        model::{Model, Scalar, Set, block, mismatch, optional, required},
    },
};

/// The source address, without a registry's host.
pub const ADDRESS: &str = "mesh-provider/mesh";

model! {
    /// Services, external services and mesh-wide defaults of an Istio mesh, written as intent. Plans show the exact Istio
    /// objects, offline too; applies write them by server-side apply.
    pub struct Config {
        /// Who this configuration is: unique for each state, for example `infra-payments/prod`. It is written on every
        /// object, and objects of another owner are left alone.
        owner: Attr<String> = required().check("1 to 253 characters without control characters.", |v| text(v, is_owner)),
        /// Path of a kubeconfig. Also `KUBE_CONFIG_PATH`.
        config_path: Attr<String> = optional().check(WRITTEN, is_written),
        /// Paths of kubeconfigs, merged as kubectl merges them. Also `KUBE_CONFIG_PATHS`.
        config_paths: List<String> = optional(),
        /// Context of the kubeconfig; its current one unless written. Also `KUBE_CTX`.
        config_context: Attr<String> = optional(),
        /// User of the kubeconfig in place of the context's. Also `KUBE_CTX_AUTH_INFO`.
        config_context_auth_info: Attr<String> = optional(),
        /// Cluster of the kubeconfig in place of the context's. Also `KUBE_CTX_CLUSTER`.
        config_context_cluster: Attr<String> = optional(),
        /// Address of the API server, `https://host:port`. Also `KUBE_HOST`.
        host: Attr<String> = optional().check(WRITTEN, is_written),
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
        root_namespace: Attr<String> = optional().check(names::LABEL, is_namespace),
        /// DNS domain of the cluster; `cluster.local` unless written.
        cluster_domain: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// Trust domain of the mesh's identities; `cluster.local` unless written.
        trust_domain: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
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
        /// Labels on every object that is made.
        labels: Map<String> = optional(),
        /// Annotations on every object that is made.
        annotations: Map<String> = optional(),
        /// What a plan makes of resources that it can't read: `error` unless written, so that a drift report never says "no
        /// changes" about what it didn't see; or `warn`.
        on_unreadable: Attr<OnUnreadable> = optional(),
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
    }
}

model! {
    /// A program that prints an `ExecCredential`.
    pub struct ExecPlugin {
        /// Version of the `ExecCredential` that it prints.
        api_version: Attr<String> = required().check(EXEC_VERSIONS, |v| text(v, is_exec_version)),
        /// The program: a path, or a name that is looked for in `PATH`.
        command: Attr<String> = required().check(WRITTEN, is_written),
        /// Its arguments.
        args: List<String> = optional(),
        /// Environment variables beside Terraform's own.
        env: Map<Secret> = optional().sensitive(),
    }
}

model! {
    /// Defaults of services.
    pub struct ServiceDefaults {
        /// `resiliency` of a service.
        resiliency: Attr<Preset> = optional(),
        /// `request_timeout` of a service.
        request_timeout: Attr<Duration> = optional(),
        /// `authorization_mode` of a service.
        authorization_mode: Attr<AuthorizationMode> = optional(),
    }
}

impl Scalar for Secret {
    fn kind() -> Type {
        Type::String
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::String(text) => Ok(Self::from(text.clone())),
            _ => Err(mismatch::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}

/// Everything offered.
pub fn provider() -> Provider<Context> {
    let resources: [Box<dyn Resource<Context>>; 5] = [
        managed::<Service>(),
        managed::<ExternalService>(),
        managed::<GlobalDefaults>(),
        managed::<Namespace>(),
        managed::<Gateway>(),
    ];
    Provider {
        schema: Config::schema(),
        validate,
        configure,
        resources: resources.into_iter().map(|resource| (resource.name(), resource)).collect(),
        data_sources: BTreeMap::new(),
        functions: BTreeMap::new(),
    }
}

/// An empty text is most often an output that isn't there yet; another way of connecting must not take its place.
const WRITTEN: &str = "It can't be empty: leave it out, or set it to null.";

fn is_written(value: &Value) -> bool {
    text(value, |text| !text.is_empty())
}

const EXEC_VERSIONS: &str = "\"client.authentication.k8s.io/v1\" or \"client.authentication.k8s.io/v1beta1\"; Kubernetes 1.24 removed v1alpha1.";

fn is_exec_version(text: &str) -> bool {
    ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"].contains(&text)
}

fn is_owner(text: &str) -> bool {
    (1..=253).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Rules of the provider block. Unknown values are admitted everywhere: they come from resources of the same run.
fn validate(config: &Value, out: &mut Diagnostics) {
    let config = Config::decode(config, &Path::root(), out);
    let at = Path::root();
    labels::validate_labels(&config.labels, &at.attribute("labels"), out);
    labels::validate_annotations(&config.annotations, &at.attribute("annotations"), out);
    if let (Ok(Some(_)), Ok(Some(_))) = (config.config_path.known(), config.config_paths.known()) {
        out.error(
            &at.attribute("config_path"),
            "Two ways of naming kubeconfigs",
            "config_path and config_paths exclude each other. Put all paths into config_paths.",
        );
    }
    one_way_to_connect(&config, out);
    check_template(&config, out);
    if let Ok(Some(checks)) = config.checks.known() {
        for (code, fault) in checks.keys().filter_map(|code| Some((code, Code::parse(code).err()?))) {
            out.error(&at.attribute("checks").key(code), "Unknown code of a check", fault);
        }
    }
    if let Ok(Some(hosts)) = config.platform_hosts.owned_elements() {
        for host in hosts.iter().filter(|host| !is_platform_host(host)) {
            out.error(
                &at.attribute("platform_hosts"),
                "Invalid platform host",
                format!("{host:?} isn't namespace/host, like \"istio-system/*\" or \"observability/otel.observability.svc.cluster.local\"."),
            );
        }
    }
    if let Ok(Some(namespaces)) = config.gateway_namespaces.owned_elements() {
        for namespace in namespaces.iter().filter(|namespace| !names::is_label(namespace)) {
            out.error(
                &at.attribute("gateway_namespaces"),
                "Invalid namespace",
                format!("{namespace:?}: {}", names::LABEL),
            );
        }
    }
}

/// Kubernetes' own names are no names of the mesh.
fn check_template(config: &Config, out: &mut Diagnostics) {
    let (Ok(template), Ok(domain)) =
        (config.global_name_template.known(), config.cluster_domain.or("cluster.local".to_owned()))
    else {
        return;
    };
    if let Some(template) = template
        && names::is_in_cluster(&template.filled("name", "namespace"), &domain)
    {
        out.error(
            &Path::root().attribute("global_name_template"),
            "A global name in the cluster's domain",
            format!(
                "{domain} is the cluster's own, where Kubernetes says which hosts there are. Write a template in a domain that \
                 nothing else answers for, like \"{{name}}.{{namespace}}.example.internal\"."
            ),
        );
    }
}

/// A pod is cluster and credentials at once, and a plugin gives what a token is.
fn one_way_to_connect(config: &Config, out: &mut Diagnostics) {
    fn known<T>(argument: &Attr<T>) -> bool {
        matches!(argument, Attr::Known(_))
    }
    let exec = matches!(config.exec, Block::One(_));
    if config.in_cluster == Attr::Known(true) {
        let others = [
            ("config_path", known(&config.config_path)),
            ("config_paths", known(&config.config_paths)),
            ("config_context", known(&config.config_context)),
            ("config_context_auth_info", known(&config.config_context_auth_info)),
            ("config_context_cluster", known(&config.config_context_cluster)),
            ("host", known(&config.host)),
            ("token", known(&config.token)),
            ("cluster_ca_certificate", known(&config.cluster_ca_certificate)),
            ("client_certificate", known(&config.client_certificate)),
            ("client_key", known(&config.client_key)),
            ("exec", exec),
        ];
        for (other, _) in others.iter().filter(|(_, written)| *written) {
            out.error(
                &Path::root().attribute(other),
                "Two ways to connect",
                format!(
                    "in_cluster and {other} exclude each other: a pod's service account says all. Remove one of them."
                ),
            );
        }
    } else if exec && known(&config.token) {
        out.error(
            &Path::root().attribute("token"),
            "Two credentials",
            "token and exec exclude each other: the plugin's token would never be used. Remove one of them.",
        );
    }
}

/// `namespace/host`: Istio refuses short names in a Sidecar.
fn is_platform_host(text: &str) -> bool {
    text.split_once('/').is_some_and(|(namespace, host)| {
        let host = host.strip_prefix("*.").unwrap_or(host);
        (namespace == "*" || namespace == "." || names::is_label(namespace))
            && (host == "*" || host.contains('.') && names::is_subdomain(host))
    })
}

/// Asks nothing of a network: the cluster is connected to on first use.
fn configure(config: &Value, out: &mut Diagnostics) -> Result<Context, Reported> {
    let config = Config::decode(config, &Path::root(), out);
    out.no_errors()?;
    let connection = connection(&config).map(|written| written.with_environment(|name| env::var(name).ok()));
    Ok(Context {
        mesh: mesh(&config),
        owner: config.owner.owned(),
        cluster: Cluster::new(connection),
        // Both only matter where the cluster is asked, and an unknown value is as if it weren't written.
        force_conflicts: config.force_conflicts.or(false).unwrap_or(false),
        on_unreadable: config.on_unreadable.or(OnUnreadable::Error).unwrap_or(OnUnreadable::Error),
        checks: levels(&config.checks),
        reported: ReportedMessages::default(),
        run: Run::default(),
    })
}

/// Levels that come at apply are as if they weren't written: until then nothing is silenced.
fn levels(written: &Map<Level>) -> Levels {
    let written = written.known().ok().flatten().cloned().unwrap_or_default();
    let level = |(code, level): (String, Attr<Level>)| Some((Code::parse(&code).ok()?, *level.required().ok()?));
    Levels(written.into_iter().filter_map(level).collect())
}

fn connection(config: &Config) -> Known<Connection> {
    let text = |argument: &Attr<String>| argument.known().map(Option::<&String>::cloned);
    let secret = |argument: &Attr<Secret>| argument.known().map(Option::<&Secret>::cloned);
    Ok(Connection {
        config_paths: match text(&config.config_path)? {
            Some(path) => vec![path],
            None => config.config_paths.owned_elements()?.unwrap_or_default(),
        },
        config_context: text(&config.config_context)?,
        config_context_auth_info: text(&config.config_context_auth_info)?,
        config_context_cluster: text(&config.config_context_cluster)?,
        host: text(&config.host)?,
        token: secret(&config.token)?,
        cluster_ca_certificate: text(&config.cluster_ca_certificate)?,
        client_certificate: text(&config.client_certificate)?,
        client_key: secret(&config.client_key)?,
        insecure: config.insecure.known()?.copied(),
        tls_server_name: text(&config.tls_server_name)?,
        exec: config.exec.inner()?.map(exec).transpose()?,
        in_cluster: config.in_cluster.or(false)?.then(InClusterConfig::default),
        proxy_url: secret(&config.proxy_url)?,
        environment_proxy: None,
    })
}

fn exec(plugin: &ExecPlugin) -> Known<Exec> {
    Ok(Exec {
        api_version: plugin.api_version.owned()?,
        command: plugin.command.owned()?,
        args: plugin.args.owned_elements()?.unwrap_or_default(),
        env: plugin.env.owned_elements()?.unwrap_or_default(),
    })
}

fn mesh(config: &Config) -> Known<Mesh> {
    let written = config.defaults.inner()?.cloned().unwrap_or_default();
    let usual = Defaults::default();
    Ok(Mesh {
        root_namespace: config.root_namespace.or("istio-system".to_owned())?,
        cluster_domain: config.cluster_domain.or("cluster.local".to_owned())?,
        trust_domain: config.trust_domain.or("cluster.local".to_owned())?,
        global_name_template: config.global_name_template.known()?.cloned(),
        global_names: config.global_names.or(true)?,
        gateway_namespaces: config.gateway_namespaces.owned_elements()?.unwrap_or_default(),
        platform_hosts: config.platform_hosts.owned_elements()?.unwrap_or_default(),
        labels: texts(&config.labels)?,
        annotations: texts(&config.annotations)?,
        defaults: Defaults {
            resiliency: written.resiliency.or(usual.resiliency)?,
            request_timeout: written.request_timeout.known()?.copied(),
            authorization_mode: written.authorization_mode.or(usual.authorization_mode)?,
        },
    })
}
