//! The arguments of `guardrails`. Methods give each argument its default.

use std::collections::{BTreeMap, BTreeSet};

use super::pod_settings::is_setting;
use crate::{
    known::Known,
    mesh::{
        global_name::{GLOBAL_NAME, is_global_name},
        manifest::StringMap,
        names,
        patterns::is_external_host,
        text::text_enum,
    },
    model,
    schema::{
        Attr, Elements, Map, Set, Value,
        model::{is_not_empty, optional},
    },
};

text_enum! {
    /// What the API server does with a request that violates a guardrail.
    pub enum ValidationAction {
        /// It denies the request.
        Deny = "deny",
        /// It admits the request with a warning in the response.
        Warn = "warn",
        /// It admits the request and records the violation in its audit log.
        Audit = "audit",
    }

    /// Kinds that guardrails can restrict to the root namespace. Kinds that configure a single service aren't among them.
    pub enum RestrictedKind {
        /// EnvoyFilter, which changes the configuration of proxies.
        EnvoyFilter = "EnvoyFilter",
        /// Gateway, the listeners of gateway proxies.
        Gateway = "Gateway",
        /// All namespaced kinds of the Kubernetes Gateway API, like HTTPRoute, which routes beside VirtualServices.
        GatewayApi = "GatewayAPI",
        /// PeerAuthentication, the mutual TLS mode of workloads.
        PeerAuthentication = "PeerAuthentication",
        /// ProxyConfig, the startup options of proxies.
        ProxyConfig = "ProxyConfig",
        /// RequestAuthentication, the issuers whose tokens are verified.
        RequestAuthentication = "RequestAuthentication",
        /// Telemetry, the traces, access logs and metrics of proxies.
        Telemetry = "Telemetry",
        /// WasmPlugin, code that runs in proxies.
        WasmPlugin = "WasmPlugin",
        /// WorkloadEntry, a workload outside the cluster.
        WorkloadEntry = "WorkloadEntry",
        /// WorkloadGroup, a template of WorkloadEntries.
        WorkloadGroup = "WorkloadGroup",
    }
}

model! {
    /// Rules of the API server for all objects outside the root namespace (`ValidatingAdmissionPolicy`). They
    /// also apply to this provider: an object that would be refused is an error of the plan. Existing objects
    /// stay until they are changed.
    pub struct Guardrails {
        /// Kinds that are accepted in the root namespace only. Defaults to none.
        root_only: Set<RestrictedKind> = optional().non_empty("At least one kind; leave the argument out for none."),
        /// Whether the API server also validates the values of teams' objects. A ServiceEntry is `MESH_INTERNAL`,
        /// without endpoints, for the namespace's own global names. A VirtualService is for hosts of its
        /// namespace, or of gateways if `ingress_hosts` grants them, and requests of gateways go to Services of
        /// the namespace. A Sidecar is `REGISTRY_ONLY`. A DestinationRule is for services of the mesh, and its
        /// `tls` is neither `DISABLE`, which is the mode if none is set, nor unverified. An ALLOW policy names
        /// callers or paths. A Service is no `ExternalName` and has no `externalIPs`. Defaults to `false`.
        team_rules: Attr<bool> = optional(),
        /// Global names that `team_rules` grants a namespace, in addition to those of the provider's
        /// `global_name_template`: namespace to names. Defaults to none.
        global_names: Map<Elements<String>> = optional()
            .check("Namespaces, with one name each at least.", are_granted)
            .check(GLOBAL_NAME, are_global_names),
        /// Hosts for which VirtualServices of a namespace may be bound to gateways under `team_rules`: namespace to hosts.
        /// `*.shop.example.com` grants all names below `shop.example.com`, and not `shop.example.com` itself. Defaults to none:
        /// then teams route no requests of gateways, except for their global names.
        ingress_hosts: Map<Elements<String>> = optional()
            .check("Namespaces, with at least one host each.", are_granted)
            .check(INGRESS_HOST, are_ingress_hosts),
        /// Whether pods must keep their traffic in the proxy: no `sidecar.istio.io/inject` other than `true`, no ports, addresses or
        /// interfaces left out of interception, no other proxy image, bootstrap or template, no `proxy.istio.io/config`, no
        /// `hostNetwork`. Requires `namespace_selector`, because pods of `kube-system` and of gateways need these settings.
        /// Controllers create pods, so `exempt_groups` doesn't help those who write a Deployment; `pod_annotations` does. Defaults
        /// to `false`.
        workload_rules: Attr<bool> = optional(),
        /// Values that `workload_rules` admits in addition to those of Istio's injection with default options: an annotation or a
        /// label of pods to values. For example `{ "traffic.sidecar.istio.io/excludeOutboundPorts" = ["3306"] }`. With Istio's CNI
        /// plugin, list what the mesh leaves out of interception everywhere. Defaults to none.
        pod_annotations: Map<Elements<String>> = optional()
            .check("Annotations and labels that `workload_rules` validates, with at least one value each.", are_pod_annotations),
        /// Whether objects that this provider made for the platform can't be changed or deleted by others: those of
        /// `mesh_namespace`, `mesh_global_defaults`, `mesh_gateway` and `mesh_external_service`, as the annotation `terraform-provider-mesh/resource` says, which can't be written or removed either.
        /// So teams keep `deny-all` and the Sidecar of a `mesh_namespace` as they are. A Namespace can't be deleted; its labels may
        /// change. Requires `exempt_groups`, with the platform's own pipeline. Defaults to `false`.
        protect_platform_objects: Attr<bool> = optional(),
        /// Whether a new Namespace must have the labels of `namespace_selector`, and no Namespace may lose them
        /// or change its labels for injection (`istio-injection`, `istio.io/rev`, `istio.io/dataplane-mode`). It
        /// applies to the whole cluster. Requires `namespace_selector` and `exempt_groups`, whose members alone
        /// can create namespaces without guardrails. Defaults to `false`.
        require_namespace_labels: Attr<bool> = optional(),
        /// Handling of violations. `deny`: the request is refused. `warn`: it is admitted, and the client gets a
        /// warning. `audit`: it is admitted, and the API server's audit log records the violation. Defaults to
        /// `deny`.
        action: Attr<ValidationAction> = optional(),
        /// Groups of users to which the rules don't apply, by the names that the API server knows: pipelines of
        /// the platform, which make exceptions. Defaults to none.
        exempt_groups: Set<String> = optional()
            .non_empty("At least one group; leave the argument out for none.")
            .each("Values must not be empty.", |t| !t.is_empty()),
        /// Labels of the namespaces in which the rules apply. Users who may label namespaces can leave the rules,
        /// so teams shouldn't have that right. For one namespace: `{ "kubernetes.io/metadata.name" = "shop" }`.
        /// Defaults to all namespaces.
        namespace_selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Contact for users whose request is refused, named in the message. Defaults to `the platform team`.
        contact: Attr<String> = optional().text("A single line.", is_line),
    }
}

impl ValidationAction {
    /// The value of `validationActions` in a binding.
    pub(super) const fn kubernetes(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

impl Guardrails {
    /// The kinds that exist only in the root namespace: none by default.
    pub(super) fn root_only(&self) -> Known<BTreeSet<RestrictedKind>> {
        self.root_only.elements_or_empty()
    }

    /// Whether the values of objects are validated: false by default.
    pub(super) fn team_rules(&self) -> Known<bool> {
        self.team_rules.or(false)
    }

    /// The global names of each namespace in addition to those of the provider's template: none by default.
    pub(super) fn global_names(&self) -> Known<Granted> {
        granted(&self.global_names)
    }

    /// The hosts of gateways that each namespace may route: none by default.
    pub(super) fn ingress_hosts(&self) -> Known<Granted> {
        granted(&self.ingress_hosts)
    }

    /// Whether pods are validated: false by default.
    pub(super) fn workload_rules(&self) -> Known<bool> {
        self.workload_rules.or(false)
    }

    /// Values of annotations and labels of pods that are valid in addition to the usual ones: none by default.
    pub(super) fn pod_annotations(&self) -> Known<Granted> {
        granted(&self.pod_annotations)
    }

    /// Whether the platform's objects are protected: false by default.
    pub(super) fn protect_platform_objects(&self) -> Known<bool> {
        self.protect_platform_objects.or(false)
    }

    /// Whether Namespaces must have the labels of the selector: false by default.
    pub(super) fn require_namespace_labels(&self) -> Known<bool> {
        self.require_namespace_labels.or(false)
    }

    /// What the API server does with violations: `deny` by default.
    pub(in crate::mesh::global_defaults) fn action(&self) -> Known<ValidationAction> {
        self.action.or(ValidationAction::Deny)
    }

    /// The groups of users to which the guardrails don't apply: none by default.
    pub(super) fn exempt_groups(&self) -> Known<BTreeSet<String>> {
        self.exempt_groups.elements_or_empty()
    }

    /// The labels of the namespaces in which the guardrails apply. Empty, the default: all namespaces.
    pub(super) fn namespace_selector(&self) -> Known<StringMap> {
        self.namespace_selector.elements_or_empty()
    }

    /// Whom to ask, for the messages of the API server: `the platform team` by default.
    pub(super) fn contact(&self) -> Known<&str> {
        Ok(self.contact.known()?.map_or("the platform team", String::as_str))
    }
}

/// What is granted to each namespace or for each key.
pub(super) type Granted = BTreeMap<String, BTreeSet<String>>;

fn granted(texts: &Map<Elements<String>>) -> Known<Granted> {
    let granted = texts.known()?.into_iter().flatten();
    granted.map(|(namespace, names)| Ok((namespace.clone(), names.required_elements()?.clone()))).collect()
}

fn are_granted(value: &Value) -> bool {
    let Value::Map(granted) = value else { return true };
    !granted.is_empty() && granted.iter().all(|(namespace, names)| names::is_label(namespace) && is_not_empty(names))
}

fn are_pod_annotations(value: &Value) -> bool {
    let Value::Map(admitted) = value else { return true };
    !admitted.is_empty() && admitted.iter().all(|(key, values)| is_setting(key) && is_not_empty(values))
}

fn are_global_names(value: &Value) -> bool {
    each_granted(value, is_global_name)
}

/// What [`are_ingress_hosts`] accepts.
const INGRESS_HOST: &str = "DNS names with a dot, with or without `*.` in front, like `shop.example.com`.";

fn are_ingress_hosts(value: &Value) -> bool {
    each_granted(value, is_external_host)
}

/// Whether each known text of each list is valid.
fn each_granted(value: &Value, is_valid: fn(&str) -> bool) -> bool {
    let Value::Map(granted) = value else { return true };
    let lists = granted.values().filter_map(|names| if let Value::List(names) = names { Some(names) } else { None });
    lists.flatten().all(|name| !matches!(name, Value::String(name) if !is_valid(name)))
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}
