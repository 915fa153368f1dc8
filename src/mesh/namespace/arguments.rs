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
        labels::default_selector,
        manifest::StringMap,
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
    /// A team's namespace, managed by the platform: sidecar injection, defaults for its workloads, mutual TLS,
    /// and the team's rights in it.
    pub struct Namespace {
        /// Name of the Kubernetes Namespace.
        name: Attr<String> = required().replaces().text(names::LABEL, names::is_label),
        /// Team that owns the namespace: the value of its label `team`. Defaults to no label.
        team: Attr<String> = optional().text(LABEL_VALUE, is_team),
        /// Whether pods get a sidecar: the label `istio-injection`. Conflicts with `revision`. Defaults to no
        /// label: the installation's configuration decides.
        injection: Attr<bool> = optional(),
        /// Revision of Istio whose sidecar the pods get: the label `istio.io/rev`. Conflicts with `injection`.
        /// Defaults to no label.
        revision: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Whether this resource creates and deletes the Namespace. With `false` another tool does, and only the
        /// labels and annotations that are set here are managed. Defaults to `true`.
        create: Attr<bool> = optional(),
        /// Destinations of workloads whose service sets no `calls`, in addition to the namespace itself (`egress`
        /// of a `Sidecar`). Their proxies know these destinations only; `outbound_traffic_policy` decides about
        /// other calls. Defaults to the Sidecar of the mesh.
        calls: Set<Destination> = optional(),
        /// Calls of hosts that `calls` doesn't list (`outboundTrafficPolicy` of the Sidecar). `registry_only`:
        /// they fail. `allow_any`: they leave the proxy unchanged, to services of the mesh in clear text.
        /// `inherit`: `meshConfig` decides, not the mesh's Sidecar. Requires `calls`. Defaults to
        /// `registry_only`.
        outbound_traffic_policy: Attr<UnlistedCalls> = optional(),
        /// Requests in the namespace that no policy allows. `off`: no policy is written, and a deny-all of the
        /// mesh may apply. `audit`: every request is marked, which an access log shows by
        /// `%DYNAMIC_METADATA(envoy.common:access_log_hint)%`. `dry_run`: they are counted, correctly if the services'
        /// policies are in dry run too. `enforce`: they get status 403. It applies to the namespace's own deny-all
        /// policy, not to the services' policies. Defaults to `off`.
        authorization_mode: Attr<DenyAllMode> = optional(),
        /// Whether a destroy deletes the Namespace with everything in it. With `false`, a Namespace with objects
        /// that this provider didn't create is not deleted. Apply the change before the destroy. Defaults to
        /// `false`.
        force_destroy: Attr<bool> = optional(),
        /// Labels of the Namespace and of every object of this resource, in addition to the provider's `labels`.
        /// Defaults to none.
        labels: Map<String> = optional(),
        /// Annotations of the Namespace and of every object of this resource, in addition to the provider's
        /// `annotations`. Sensitive values are shown in clear text in `objects` and in the cluster. Defaults to
        /// none.
        annotations: Map<String> = optional(),
        /// Whether an existing Namespace, and existing objects of the same names, are taken over if they have no
        /// `owner` (those of other tools). With `false` the plan fails and names the tool that wrote them. An adopted
        /// Namespace remains after a destroy. For objects of another `owner` see `adopt_from_owner`. Defaults to
        /// `false`.
        adopt_existing: Attr<bool> = optional(),
        /// Value of `owner` in another configuration of this provider, whose objects of the same names are taken over
        /// (see the guide "Adopting existing objects"). Release them there first, with a `removed` block or
        /// `terraform state rm`: otherwise the two configurations take them from each other. Defaults to none: the
        /// plan refuses objects of every other owner, even with `adopt_existing`.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Pod Security levels of the namespace: its labels `pod-security.kubernetes.io/…`.
        pod_security: Block<PodSecurity> = block(),
        /// Requests that every workload of the namespace admits, such as those of metrics scrapers (rules of the
        /// deny-all policy). They add to `allow` of each `mesh_service`. `effective_callers` of services doesn't
        /// name them; the live check `namespace-allow` of services does. `from` doesn't accept `anonymous`: write
        /// it in `allow` of `mesh_service`.
        /// Requires `authorization_mode = "enforce"` or `"dry_run"`; with `dry_run` nothing is admitted yet.
        allow: Blocks<Allow> = block(),
        /// Local rate limit of inbound HTTP requests (`EnvoyFilter`). Each proxy counts by itself, so a workload
        /// of three pods admits three times as many. Requests over the limit get status 429. One block for each
        /// selector and port.
        rate_limit: Blocks<RateLimit> = block(),
        /// Tracing, access logs and metrics of the namespace's proxies (`Telemetry`), one block for each
        /// `selector`. Without blocks the mesh's settings apply.
        telemetry: Blocks<Telemetry> = block(),
        /// Mutual TLS of the namespace's workloads (`PeerAuthentication`). Without the block the mesh's setting
        /// applies.
        mtls: Block<Mtls> = block(),
        /// Rights in the namespace: a RoleBinding to a ClusterRole. `mesh-app-team` has rights on workloads, and
        /// of Istio's kinds on traffic settings and authorization only, which suffices to apply `mesh_service`.
        rbac: Block<Rbac> = block(),
        /// JSON merge patch of a rendered object, for an Istio field that no argument sets.
        r#override: Blocks<Override> = block(),
        /// Time limits of operations on this resource.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// Pod Security levels, as in the Pod Security Standards. With `baseline` or `restricted`, sidecars need
    /// Istio's CNI plugin: without it their init container needs `NET_ADMIN`, which both levels refuse.
    pub struct PodSecurity {
        /// Level that pods must meet; other pods are refused. Defaults to no label.
        enforce: Attr<PodSecurityLevel> = optional(),
        /// Version of Kubernetes whose definition of the enforced level applies: `latest` or a minor version.
        /// Defaults to the API server's configuration, usually `latest`.
        enforce_version: Attr<String> = optional().text(VERSION, is_version),
        /// Level whose violations are recorded in the API server's audit log. Defaults to no label.
        audit: Attr<PodSecurityLevel> = optional(),
        /// Version of Kubernetes whose definition of the audited level applies. Defaults to the API server's
        /// configuration.
        audit_version: Attr<String> = optional().text(VERSION, is_version),
        /// Level whose violations cause a warning to the client. Defaults to no label.
        warn: Attr<PodSecurityLevel> = optional(),
        /// Version of Kubernetes whose definition of the `warn` level applies. Defaults to the API server's
        /// configuration.
        warn_version: Attr<String> = optional().text(VERSION, is_version),
    }
}

model! {
    /// A local rate limit. Requests that policies refuse don't count.
    pub struct RateLimit {
        /// Labels of the workloads (`workloadSelector`). Defaults to all workloads of the namespace.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Port on which the workloads listen for HTTP: the Service's target port. Other ports aren't limited,
        /// nor is a port without a Service.
        port: Attr<PortNumber> = required(),
        /// Number of requests that each proxy admits per interval (`tokens_per_fill`).
        requests: Attr<u32> = required().range(1..=i64::from(i32::MAX)),
        /// Interval of the limit (`fill_interval`). Defaults to `1s`.
        interval: Attr<Duration> = optional().check("At least `50ms`.", is_refill_interval),
        /// Number of requests that each proxy admits at once, after an interval with fewer (`max_tokens`). Not
        /// less than `requests`. Defaults to `requests`.
        burst: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
    }
}

model! {
    /// Mutual TLS of the namespace's workloads.
    pub struct Mtls {
        /// Mutual TLS mode of all workloads. `strict`: clear text is refused. `permissive`: clear text and mutual
        /// TLS are accepted. `disable`: clear text only. Defaults to `strict`.
        mode: Attr<MtlsMode> = optional(),
        /// Port of a workload that has another mode (`portLevelMtls`), for callers that have no sidecar.
        exception: Blocks<MtlsException> = block(),
    }
}

model! {
    /// A port that has another mode, for callers that have no sidecar.
    pub struct MtlsException {
        /// Kubernetes Service of the workload.
        service: Attr<String> = required().text(names::SERVICE_NAME, names::is_service_name),
        /// Labels of the workload's pods. Defaults to `{ app = service }`.
        selector: Map<String> = optional().non_empty("At least one label."),
        /// Port of the Kubernetes Service.
        port: Attr<PortNumber> = required(),
        /// Port on which the pods listen, which is the one that Istio matches. Defaults to `port`.
        target_port: Attr<PortNumber> = optional(),
        /// Mutual TLS mode of the port. Defaults to `permissive`.
        mode: Attr<MtlsMode> = optional(),
    }
}

model! {
    /// Rights in the namespace.
    pub struct Rbac {
        /// ClusterRole whose rights the subjects get in this namespace. An administrator of the cluster installs
        /// `mesh-app-team` once (`examples/rbac/app-team-role.yaml`). The pipeline needs the right to `bind` the
        /// role. A change deletes the RoleBinding and creates it again. Defaults to `mesh-app-team`.
        cluster_role: Attr<String> = optional().text(ROLE_NAME, is_role_name),
        /// Groups, by the names that the API server's authentication gives them. Defaults to none.
        groups: Set<String> = optional().each(SUBJECT_NAMES, is_subject_name),
        /// Users, by the names that the API server's authentication gives them. Defaults to none.
        users: Set<String> = optional().each(SUBJECT_NAMES, is_subject_name),
        /// Service accounts of pipelines and other programs. Defaults to none.
        service_accounts: Set<ServiceAccountRef> = optional(),
    }
}

impl Namespace {
    /// Whether this resource creates and deletes the Namespace: true by default.
    pub(super) fn create(&self) -> Known<bool> {
        self.create.or(true)
    }

    /// Treatment of calls that `calls` doesn't list: proxies refuse them by default.
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
            None => Ok(default_selector(self.service.required()?)),
        }
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
