//! Live checks: problems of a configuration that only the objects in the cluster show. A plan reports them as warnings,
//! and they never change a planned value. Each check has a code, which is that of `istioctl analyze` if it has one for
//! the problem. By the code the provider block turns the check off, or makes its findings errors.

use std::collections::BTreeMap;

use super::text::text_enum;
use crate::{diagnostics::Path, query::Query};

text_enum! {
    /// How the findings of a check are reported.
    pub enum Level {
        /// The check doesn't run.
        Off = "off",
        /// Findings are warnings.
        Warn = "warn",
        /// Findings are errors, and the plan fails.
        Error = "error",
    }
}

text_enum! {
    /// The code of a check. [`Code::description`] says what each check finds.
    pub enum Code {
        /// `ReferencedResourceNotFound` of `istioctl analyze`.
        MissingReference = "IST0101",
        /// `NamespaceNotInjected` of `istioctl analyze`.
        NamespaceNotInjected = "IST0102",
        /// `PodMissingProxy` of `istioctl analyze`.
        PodMissingProxy = "IST0103",
        /// `ConflictingMeshGatewayVirtualServiceHosts` of `istioctl analyze`.
        SecondVirtualService = "IST0109",
        /// `ConflictingSidecarWorkloadSelectors` of `istioctl analyze`.
        SecondSidecar = "IST0110",
        /// `DeploymentAssociatedToMultipleServices` of `istioctl analyze`.
        TwoProtocols = "IST0116",
        /// `PortNameIsNotUnderNamingConvention` of `istioctl analyze`.
        PortProtocol = "IST0118",
        /// `NamespaceMultipleInjectionLabels` of `istioctl analyze`.
        TwoInjectionLabels = "IST0123",
        /// `NoMatchingWorkloadsFound` of `istioctl analyze`.
        NoWorkload = "IST0127",
        /// `VirtualServiceHostNotFoundInGateway` of `istioctl analyze`.
        GatewayHost = "IST0132",
        /// `DeploymentConflictingPorts` of `istioctl analyze`.
        TwoPorts = "IST0137",
        /// `InvalidApplicationUID` of `istioctl analyze`.
        ProxyUser = "IST0144",
        /// `IneffectivePolicy` of `istioctl analyze`.
        Ambient = "IST0167",
        /// `DestinationRuleSubsetNotSelectPods` of `istioctl analyze`.
        NoVersion = "IST0173",
        /// `ConflictingServiceEntryProtocol` of `istioctl analyze`, reported for any second ServiceEntry of a host.
        SecondServiceEntry = "IST0177",
        /// Mesh-wide defaults of resiliency that the service's objects hide.
        HiddenDefaults = "hidden-defaults",
        /// Locality load balancing that outlier detection is written without.
        HiddenLocality = "hidden-locality",
        /// A callee that isn't exported to the namespace.
        HiddenCallee = "hidden-callee",
        /// A ServiceAccount that doesn't exist.
        MissingAccount = "missing-account",
        /// A port that the Service doesn't have.
        MissingPort = "missing-port",
        /// Callers that gain or lose access by a change.
        ChangedAccess = "changed-access",
        /// A gateway that no policy admits clients to, where the mesh denies by default.
        ClosedGateway = "closed-gateway",
        /// Tokens of other issuers, which every workload refuses.
        ForeignTokens = "foreign-tokens",
        /// A gateway with another service account than the rules of the service admit.
        GatewayAccount = "gateway-account",
        /// An istiod that takes Gateways for workloads of their own namespace alone.
        GatewayScope = "gateway-scope",
        /// A `mesh_namespace` that admits callers to every workload of the namespace.
        NamespaceAllow = "namespace-allow",
        /// Destinations that proxies don't know any more.
        NarrowedCalls = "narrowed-calls",
        /// A `meshConfig` that doesn't normalize paths.
        PathNormalization = "path-normalization",
        /// A host of another Gateway on the same pods that a policy refuses.
        RefusedGatewayHost = "refused-gateway-host",
        /// A second external authorizer for the same pods.
        SecondAuthorizer = "second-authorizer",
        /// A rule for callers without an identity where strict mutual TLS refuses them.
        StrictAnonymous = "strict-anonymous",
        /// A port of the Service that no `port` block declares.
        UndeclaredPort = "undeclared-port",
        /// An external authorizer that the Sidecar doesn't list.
        UnlistedAuthorizer = "unlisted-authorizer",
        /// A `meshConfig` that exports everything by default.
        MeshExport = "mesh-export",
        /// A `meshConfig` that allows every outbound call.
        MeshOutbound = "mesh-outbound",
        /// A `meshConfig` that retries requests.
        MeshRetries = "mesh-retries",
        /// A `meshConfig` that accepts TLS below 1.2.
        MeshTls = "mesh-tls",
        /// An extension provider that `meshConfig` doesn't define.
        MissingProvider = "missing-provider",
        /// A token issuer that no RequestAuthentication verifies.
        MissingIssuer = "missing-issuer",
        /// A Service that namespaces would no longer see.
        NarrowedVisibility = "narrowed-visibility",
        /// A namespace that may call by the default of `access`.
        OpenedAccess = "opened-access",
        /// Objects that are hidden from namespaces, in a mesh that stops to refuse calls of unknown hosts.
        NarrowExports = "narrow-exports",
        /// Pods with another service account.
        OtherAccount = "other-account",
        /// Another AuthorizationPolicy for the same pods.
        OtherPolicy = "other-policy",
        /// A Service with another selector.
        OtherSelector = "other-selector",
        /// A Service with another target port.
        OtherTargetPort = "other-target-port",
        /// Proxies that let calls of unknown hosts out, where the provider block states that none does.
        OutboundPolicy = "outbound-policy",
        /// Another VirtualService that matches the same at a gateway.
        OverlappingIngress = "overlapping-ingress",
        /// A patch of an AuthorizationPolicy.
        PolicyOverride = "policy-override",
        /// A callee whose AuthorizationPolicies don't allow the service.
        RefusedByCallee = "refused-by-callee",
        /// Another DestinationRule for the same host.
        SecondDestinationRule = "second-destination-rule",
        /// A headless or ExternalName Service.
        ServiceType = "service-type",
        /// Another `mesh_service` with the same service account.
        SharedAccount = "shared-account",
        /// Another `mesh_service` that selects the same pods.
        SharedWorkload = "shared-workload",
    }
}

impl Code {
    /// Returns a sentence for the documentation that says what the check finds.
    #[expect(clippy::too_many_lines, reason = "a sentence for each code")]
    pub const fn description(self) -> &'static str {
        match self {
            Self::MissingReference => {
                "`calls`, `ingress` or a `route` names a service, an external host or a Gateway that doesn't exist."
            }
            Self::NamespaceNotInjected => {
                "Pods of the namespace get no sidecar: it has no label for injection, or a label that turns injection off."
            }
            Self::PodMissingProxy => "Pods of the service run without a sidecar, so none of its rules apply to them.",
            Self::SecondVirtualService => "Another VirtualService is for the same host: only one of them applies.",
            Self::SecondSidecar => "Another Sidecar selects the same pods: only one of them applies.",
            Self::TwoProtocols => "Another Service sends another protocol to the same port of the same pods.",
            Self::PortProtocol => "A port of the Service names another protocol than its `port` block, or none.",
            Self::TwoInjectionLabels => "The namespace has two labels for injection, of which one is ignored.",
            Self::NoWorkload => "`selector` matches no pod, so no rule of the service has an effect.",
            Self::GatewayHost => "The Gateway doesn't serve a host of `ingress`.",
            Self::TwoPorts => "Another Service has another port for the same target port of the same pods.",
            Self::ProxyUser => {
                "A container runs as user 1337, the user of the sidecar, so its traffic bypasses the sidecar."
            }
            Self::Ambient => "The namespace or a pod is in ambient mode, where rules for sidecars don't apply.",
            Self::NoVersion => "The labels of a `version` match no pod, so requests for it fail.",
            Self::SecondServiceEntry => {
                "Another ServiceEntry or VirtualService defines the same global name or external host."
            }
            Self::HiddenDefaults => {
                "A DestinationRule or a route of the service hides limits, ejection, timeout or retries of the mesh's defaults."
            }
            Self::HiddenLocality => {
                "Outlier detection is written with locality load balancing off, but the Service or the mesh enables it."
            }
            Self::HiddenCallee => {
                "`calls` names a service or an external host that isn't exported to the namespace, or a `route` names one that isn't exported to the service's callers."
            }
            Self::MissingAccount => "The ServiceAccount doesn't exist, and this resource doesn't create it.",
            Self::MissingPort => {
                "The Service, or another Service that a `route` sends requests to, lacks a port that the configuration names; or no Service leads to the port of a `rate_limit`."
            }
            Self::ChangedAccess => {
                "A change admits callers that were refused, or refuses callers that were admitted. Needs no cluster."
            }
            Self::ClosedGateway => "Requests are denied by default, and no policy admits clients to a gateway.",
            Self::ForeignTokens => {
                "A first `jwt` block without `selector`: workloads refuse tokens of all other issuers. Needs no cluster."
            }
            Self::GatewayAccount => {
                "The `mesh_gateway` of an `ingress` runs as a service account that no rule of the service admits."
            }
            Self::GatewayScope => {
                "istiod only applies Gateways to workloads of their own namespace, and `workload_namespace` is another one."
            }
            Self::NamespaceAllow => {
                "`allow` of the `mesh_namespace` admits callers that neither a rule of the service nor `effective_callers` names."
            }
            Self::NarrowedCalls => {
                "A change of `calls` or `sidecar` removes destinations from proxies. Needs no cluster."
            }
            Self::PathNormalization => {
                "A rule names paths, and the installed mesh doesn't decode and merge slashes: `//a` and `/%2fa` bypass it."
            }
            Self::RefusedGatewayHost => {
                "An enforced policy of a `mesh_gateway` refuses hosts of another Gateway on the same pods."
            }
            Self::SecondAuthorizer => {
                "Two external authorizers apply to the same pods: Istio refuses every request that one of them would check."
            }
            Self::StrictAnonymous => {
                "A rule admits callers without an identity, but strict mutual TLS refuses them. An error in `mesh_namespace`."
            }
            Self::UndeclaredPort => {
                "The Service has a port without a `port` block, so enforced rules refuse all requests to it."
            }
            Self::UnlistedAuthorizer => {
                "The Sidecar doesn't list the external authorizer, so every request that it would check is refused."
            }
            Self::MeshExport => "The installed mesh exports objects without `exportTo` to every namespace.",
            Self::MeshOutbound => {
                "The installed mesh admits calls of unknown hosts, but the mesh's defaults refuse them."
            }
            Self::MeshRetries => {
                "The mesh's defaults switch retries off, but the installed mesh still retries at gateways and in other tools' routes."
            }
            Self::MeshTls => "The installed mesh accepts TLS below 1.2.",
            Self::MissingProvider => {
                "The mesh's configuration doesn't define a provider of `external_authorization` or `telemetry`."
            }
            Self::MissingIssuer => {
                "No RequestAuthentication verifies tokens of an `end_user`'s issuer for the service."
            }
            Self::NarrowedVisibility => "The live Service will no longer be visible in some namespaces.",
            Self::OpenedAccess => {
                "The last `allow` block is removed, so the default of `access` admits the whole namespace. Needs no cluster."
            }
            Self::NarrowExports => {
                "The mesh's defaults no longer refuse calls of unknown hosts, while services are hidden from namespaces: calls from there are sent in clear text."
            }
            Self::OtherAccount => "Pods of the service run as another service account than `service_account`.",
            Self::OtherPolicy => {
                "Another tool's AuthorizationPolicy applies to the same pods: it admits or refuses other callers than `allow` and `deny`."
            }
            Self::OtherSelector => {
                "The Service selects other pods than `selector`, so rules and traffic apply to different pods."
            }
            Self::OtherTargetPort => {
                "A port of the Service has another target port than `target_port`, so rules apply to the wrong port. An error with `authorization_mode = \"enforce\"`."
            }
            Self::OutboundPolicy => {
                "`installed` of the provider states `registry_only`, but a Sidecar or `meshConfig` admits calls of unknown hosts. A warning while the cluster has no `mesh_global_defaults`."
            }
            Self::PolicyOverride => {
                "An `override` patches an AuthorizationPolicy, so the arguments don't show the allowed callers. Needs no cluster."
            }
            Self::RefusedByCallee => {
                "A service has AuthorizationPolicies, and none of them admits this service, which names it in `calls`, or the callers that a `route` sends there."
            }
            Self::OverlappingIngress => {
                "Another VirtualService has overlapping paths of the same host at the same gateway, or the same port: its `exportTo` and age decide which is tried first."
            }
            Self::SecondDestinationRule => {
                "Another tool's DestinationRule is for the same host: the older one applies, and one in a caller's namespace takes precedence there."
            }
            Self::ServiceType => "The Service is headless or an ExternalName, where some settings don't work.",
            Self::SharedAccount => {
                "Another `mesh_service` has the same service account, so callees can't distinguish the two."
            }
            Self::SharedWorkload => "Another `mesh_service` selects the same pods, so the rules of both apply to them.",
        }
    }

    /// Returns the default level of the check.
    pub const fn level(self) -> Level {
        match self {
            Self::Ambient
            | Self::ClosedGateway
            | Self::GatewayScope
            | Self::OutboundPolicy
            | Self::SecondAuthorizer
            | Self::UnlistedAuthorizer => Level::Error,
            _ => Level::Warn,
        }
    }
}

/// The levels that the provider's argument `checks` sets.
#[derive(Clone, Debug, Default)]
pub struct Levels(pub BTreeMap<Code, Level>);

impl Levels {
    /// Returns the level of a check: the one that is set, or else the default.
    pub fn of(&self, code: Code) -> Level {
        self.0.get(&code).copied().unwrap_or(code.level())
    }

    /// Returns the level of a finding: the one that is set for its check, or else its own.
    pub fn of_finding(&self, finding: &Finding) -> Level {
        self.0.get(&finding.code).copied().unwrap_or(finding.level)
    }
}

/// A query to the cluster, and the checks that need its result.
#[derive(Clone, Debug)]
pub struct LiveQuery {
    /// Objects to read.
    pub query: Query,
    /// Checks that need the objects. If all of them are off, the query isn't run. If the query fails, they are skipped.
    pub checks: &'static [Code],
}

/// A problem that a check has found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Code of the check.
    pub code: Code,
    /// Path of the argument that the problem is about.
    pub at: Path,
    /// The problem in a few words, the same for every resource, so that Terraform groups equal warnings.
    pub summary: &'static str,
    /// Details: the consequence, and what to do about it.
    pub detail: String,
    /// The level at which the finding is reported where the provider block sets none for its check.
    pub level: Level,
}

/// The findings of all checks of one resource.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Reports a finding at the argument `at`, or at the resource if `at` is empty. The code is appended to `detail`.
    pub fn report(&mut self, code: Code, at: &str, summary: &'static str, detail: &str) {
        self.report_at(code, argument(at), summary, detail);
    }

    /// Reports a finding as [`report`](Self::report) does, which is a warning unless the provider block sets the level of the
    /// check.
    pub fn report_warning(&mut self, code: Code, at: &str, summary: &'static str, detail: &str) {
        self.report_with_level(Level::Warn, code, argument(at), summary, detail);
    }

    /// Reports a finding at a path. The code is appended to `detail`.
    pub fn report_at(&mut self, code: Code, at: Path, summary: &'static str, detail: &str) {
        self.report_with_level(code.level(), code, at, summary, detail);
    }

    /// Reports a finding with a level of its own, which holds unless the provider block sets the level of the check. The code is
    /// appended to `detail`.
    pub fn report_with_level(&mut self, level: Level, code: Code, at: Path, summary: &'static str, detail: &str) {
        self.0.push(Finding { code, at, summary, detail: format!("{detail} ({code})"), level });
    }
}

fn argument(name: &str) -> Path {
    if name.is_empty() { Path::root() } else { Path::root().attribute(name) }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
