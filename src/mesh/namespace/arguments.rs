//! The arguments of `mesh_namespace`. Methods give each argument its default.

use super::{
    pod_security::{PodSecurityLevel, VERSION, is_version},
    rate_limit::is_refill_interval,
    service_account::ServiceAccountRef,
};
use crate::{
    known::Known,
    mesh::{
        duration::Duration,
        global_defaults::{Allow, DenyAllMode},
        istio::{peer_authentication::MtlsMode, sidecar::UnlistedCalls},
        labels::StringMap,
        names,
        overrides::Override,
        port::PortNumber,
        reference::Destination,
        telemetry::Telemetry,
        timeouts::Timeouts,
    },
    model,
    schema::{
        Attr, Block, Blocks, Map, Set,
        model::{block, optional, required},
    },
};

model! {
    /// A team's namespace, owned by the platform: whether its pods get a sidecar, what holds in it where a service doesn't say
    /// otherwise, and what the team may do there.
    pub struct Namespace {
        /// The Namespace.
        name: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// The team that it belongs to, as its label `team`.
        team: Attr<String> = optional().text(LABEL_VALUE, is_team),
        /// Whether its pods get a sidecar: the label `istio-injection`. Excludes `revision`. Absent: what the installation says.
        injection: Attr<bool> = optional(),
        /// The revision of Istio whose sidecar its pods get: the label `istio.io/rev`. Excludes `injection`.
        revision: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Whether the Namespace is made here; true unless written. With false it is somebody else's, of which only the labels
        /// and annotations that are written here are this resource's.
        create: Attr<bool> = optional(),
        /// What its workloads may call where their service doesn't say `calls`, beside everything in the namespace itself: their
        /// proxies know these destinations, and refuse others. Absent: what the mesh's Sidecar says.
        calls: Set<Destination> = optional(),
        /// What proxies do with calls of hosts that `calls` doesn't list (`outboundTrafficPolicy` of the Sidecar):
        /// `registry_only` (the calls fail), `allow_any` (they leave as they are: to services of the mesh as clear text) or
        /// `inherit` (as `meshConfig` says, and not the mesh's Sidecar). Defaults to `registry_only`. Needs `calls`.
        outbound_traffic_policy: Attr<UnlistedCalls> = optional(),
        /// What happens to calls in the namespace that no policy allows: nothing (`off`, the default; then the mesh's own
        /// deny-all may hold), they are marked for access logs (`audit`), counted (`dry_run`; rightly where the services'
        /// policies run dry too), or refused (`enforce`). It governs the namespace's own deny-all, not the services' policies.
        authorization_mode: Attr<DenyAllMode> = optional(),
        /// Whether a destroy deletes the Namespace whatever is in it; false unless written: then one that holds anything which
        /// this provider didn't make is refused. It takes an apply before the destroy.
        force_destroy: Attr<bool> = optional(),
        /// Labels of the Namespace and of every object that is made in it here.
        labels: Map<String> = optional(),
        /// Annotations of the Namespace and of every object that is made in it here.
        /// Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// Whether a Namespace and objects of the same names that somebody else made are taken over; false unless written: then
        /// the plan refuses, and names who has them. An adopted Namespace is left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// `owner` of another configuration of this provider, of which objects of the same names are taken over. Defaults to
        /// none: the plan refuses objects of every other owner, with `adopt_existing` too. Give them up there first, with a
        /// `removed` block or `terraform state rm`, or the two configurations take them from each other.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Pod Security of its pods: labels of the Namespace (`pod-security.kubernetes.io/…`).
        pod_security: Block<PodSecurity> = block(),
        /// Requests that every workload of the namespace accepts, such as those of scrapers: rules of its deny-all. They add to
        /// what `allow` of each `mesh_service` admits, and `effective_callers` of services doesn't name them; a live check of
        /// services does (`namespace-allow`). `from` takes no `anonymous` here. Requires `authorization_mode = "enforce"` or `"dry_run"`; with `dry_run` they admit
        /// nothing yet.
        allow: Blocks<Allow> = block(),
        /// Local rate limit of inbound HTTP requests (`EnvoyFilter`): each proxy counts for itself, so a workload of three pods takes
        /// three times as many. Requests over the limit get 429. One block for each selector and port.
        rate_limit: Blocks<RateLimit> = block(),
        /// What proxies of the namespace report of requests; one block for each `selector`. Defaults to what the mesh says.
        telemetry: Blocks<Telemetry> = block(),
        /// Mutual TLS of its workloads. Absent: what the mesh says.
        mtls: Block<Mtls> = block(),
        /// Who works in the namespace: a RoleBinding gives them the rights of a ClusterRole there. Those of `mesh-app-team` are
        /// workloads, and of Istio's kinds traffic settings and authorization alone; they suffice for runs of `mesh_service`.
        rbac: Block<Rbac> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// Pod Security: what pods may ask for, by the levels of the Pod Security Standards. With `baseline` or `restricted`, sidecars
    /// need Istio's CNI plugin: without it their init container asks for `NET_ADMIN`, which both refuse.
    pub struct PodSecurity {
        /// Level that pods must meet; others are refused.
        enforce: Attr<PodSecurityLevel> = optional(),
        /// Version of Kubernetes whose definition of the enforced level holds: `latest` or a minor version. Defaults to what the
        /// API server is configured with, usually `latest`.
        enforce_version: Attr<String> = optional().text(VERSION, is_version),
        /// Level whose violations the API server's audit log notes.
        audit: Attr<PodSecurityLevel> = optional(),
        /// Version for `audit`, in the same form.
        audit_version: Attr<String> = optional().text(VERSION, is_version),
        /// Level of whose violations clients are warned.
        warn: Attr<PodSecurityLevel> = optional(),
        /// Version for `warn`, in the same form.
        warn_version: Attr<String> = optional().text(VERSION, is_version),
    }
}

model! {
    /// A local rate limit. Requests that policies refuse don't count.
    pub struct RateLimit {
        /// Labels of the workloads (`workloadSelector`). Defaults to all workloads of the namespace.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Port on which the workloads listen for HTTP: the Service's target port. Others aren't limited, nor is a port to which no
        /// Service leads.
        port: Attr<PortNumber> = required(),
        /// Requests that each proxy admits in an interval (`tokens_per_fill`).
        requests: Attr<u32> = required().range(1..=i64::from(i32::MAX)),
        /// The interval (`fill_interval`), of at least 50ms. Defaults to `1s`.
        interval: Attr<Duration> = optional().check("At least `50ms`.", is_refill_interval),
        /// Requests that each proxy admits at once, after a time with few (`max_tokens`). Not less than `requests`. Defaults to
        /// `requests`.
        burst: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
    }
}

model! {
    /// Mutual TLS.
    pub struct Mtls {
        /// Whether workloads accept clear text; `strict` unless written.
        mode: Attr<MtlsMode> = optional(),
        /// A port where another mode holds.
        exception: Blocks<MtlsException> = block(),
    }
}

model! {
    /// A port where another mode holds, for callers that have no sidecar.
    pub struct MtlsException {
        /// The Service.
        service: Attr<String> = required().text(names::SERVICE_NAME, names::is_service_name),
        /// The labels of its workloads; `{ app = service }` unless written.
        selector: Map<String> = optional().non_empty("At least one label."),
        /// The port of the Service.
        port: Attr<PortNumber> = required(),
        /// The port on which the workload listens, which is what Istio goes by; `port` unless written.
        target_port: Attr<PortNumber> = optional(),
        /// What holds there; `permissive` unless written.
        mode: Attr<MtlsMode> = optional(),
    }
}

model! {
    /// Who works in the namespace.
    pub struct Rbac {
        /// ClusterRole whose rights they get in this namespace. Defaults to `mesh-app-team`, which an administrator of the
        /// cluster installs once (`examples/rbac/app-team-role.yaml`). The pipeline needs the right to `bind` it. A change
        /// deletes the RoleBinding and creates it again.
        cluster_role: Attr<String> = optional().text(ROLE_NAME, is_role_name),
        /// Groups, as the cluster's login names them.
        groups: Set<String> = optional().each(SUBJECT_NAMES, is_subject_name),
        /// Users, as the cluster's login names them.
        users: Set<String> = optional().each(SUBJECT_NAMES, is_subject_name),
        /// Pipelines and other programs.
        service_accounts: Set<ServiceAccountRef> = optional(),
    }
}

impl Namespace {
    /// Whether this resource creates and deletes the Namespace: true by default.
    pub(super) fn create(&self) -> Known<bool> {
        self.create.or(true)
    }

    /// What proxies do with calls that `calls` doesn't list: refuse them by default.
    pub(super) fn outbound_traffic_policy(&self) -> Known<UnlistedCalls> {
        self.outbound_traffic_policy.or(UnlistedCalls::RegistryOnly)
    }

    /// What happens to requests in the namespace that no policy allows: `off` by default, which adds no policy.
    pub(super) fn authorization_mode(&self) -> Known<DenyAllMode> {
        self.authorization_mode.or(DenyAllMode::Off)
    }
}

impl RateLimit {
    /// The time after which a proxy admits as many requests again: a second by default.
    pub(super) fn interval(&self) -> Known<Duration> {
        self.interval.or(Duration::seconds(1))
    }

    /// The most requests that a proxy admits at once: as many as in an interval by default.
    pub(super) fn burst(&self) -> Known<u32> {
        self.burst.copied()?.map_or_else(|| self.requests.required().copied(), Ok)
    }
}

impl Mtls {
    /// The mode of all workloads and ports without an exception: `strict` by default.
    pub(super) fn mode(&self) -> Known<MtlsMode> {
        self.mode.or(MtlsMode::Strict)
    }
}

impl MtlsException {
    /// The labels of the service's pods: `app = <service>` by default.
    pub(super) fn selector(&self) -> Known<StringMap> {
        match self.selector.elements()? {
            Some(selector) => Ok(selector),
            None => Ok(Self::default_selector(self.service.required()?)),
        }
    }

    /// The labels of the pods of a service without a `selector`.
    pub(super) fn default_selector(service: &str) -> StringMap {
        StringMap::from([("app".to_owned(), service.to_owned())])
    }

    /// The port on which the pods listen: `port` by default. PeerAuthentications name ports of pods, not of Services.
    pub(super) fn target_port(&self) -> Known<PortNumber> {
        self.target_port.copied()?.map_or_else(|| self.port.required().copied(), Ok)
    }

    /// The mode of the port: `permissive` by default.
    pub(super) fn mode(&self) -> Known<MtlsMode> {
        self.mode.or(MtlsMode::Permissive)
    }
}

const LABEL_VALUE: &str = "A label's value: letters, digits, dashes, underscores and dots; starts and ends with a letter or \
                           digit; 63 characters at most.";

fn is_team(text: &str) -> bool {
    !text.is_empty() && names::is_label_value(text)
}

const ROLE_NAME: &str = "A name without `/` and `%`.";

fn is_role_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '%']) && text != "." && text != ".."
}

const SUBJECT_NAMES: &str = "Names that aren't empty.";

fn is_subject_name(text: &str) -> bool {
    !text.trim().is_empty()
}
