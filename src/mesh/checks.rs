//! Live checks: what the cluster shows to be wrong with a configuration, or with what stands around it. They warn, and
//! change no value. Each has a code, by which it is silenced or made an error: `istioctl analyze`'s where there is one.

use std::collections::BTreeMap;

use super::text::text_enum;
use crate::{diagnostics::Path, query::Query};

text_enum! {
    /// What a finding is worth.
    pub enum Level {
        /// Nothing: nobody looks.
        Off = "off",
        /// A warning.
        Warn = "warn",
        /// An error, which ends the plan.
        Error = "error",
    }
}

text_enum! {
    /// Every check. What it says is in [`Code::description`].
    pub enum Code {
        /// Istio's ReferencedResourceNotFound.
        MissingReference = "IST0101",
        /// Istio's NamespaceNotInjected.
        NamespaceNotInjected = "IST0102",
        /// Istio's PodMissingProxy.
        PodMissingProxy = "IST0103",
        /// Istio's ConflictingMeshGatewayVirtualServiceHosts.
        SecondVirtualService = "IST0109",
        /// Istio's ConflictingSidecarWorkloadSelectors.
        SecondSidecar = "IST0110",
        /// Istio's DeploymentAssociatedToMultipleServices.
        TwoProtocols = "IST0116",
        /// Istio's PortNameIsNotUnderNamingConvention.
        PortProtocol = "IST0118",
        /// Istio's NamespaceMultipleInjectionLabels.
        TwoInjectionLabels = "IST0123",
        /// Istio's NoMatchingWorkloadsFound.
        NoWorkload = "IST0127",
        /// Istio's VirtualServiceHostNotFoundInGateway.
        GatewayHost = "IST0132",
        /// Istio's DeploymentConflictingPorts.
        TwoPorts = "IST0137",
        /// Istio's InvalidApplicationUID.
        ProxyUser = "IST0144",
        /// Istio's IneffectivePolicy.
        Ambient = "IST0167",
        /// Istio's DestinationRuleSubsetNotSelectPods.
        NoVersion = "IST0173",
        /// Istio's ConflictingServiceEntryProtocol, for any second ServiceEntry.
        SecondServiceEntry = "IST0177",
        /// Hidden callee.
        HiddenCallee = "hidden-callee",
        /// Missing account.
        MissingAccount = "missing-account",
        /// Missing port.
        MissingPort = "missing-port",
        /// Mesh export.
        MeshExport = "mesh-export",
        /// Mesh outbound.
        MeshOutbound = "mesh-outbound",
        /// Mesh TLS.
        MeshTls = "mesh-tls",
        /// Missing provider.
        MissingProvider = "missing-provider",
        /// Missing issuer.
        MissingIssuer = "missing-issuer",
        /// Narrowed visibility.
        NarrowedVisibility = "narrowed-visibility",
        /// Other account.
        OtherAccount = "other-account",
        /// Other selector.
        OtherSelector = "other-selector",
        /// Other target port.
        OtherTargetPort = "other-target-port",
        /// Refused by callee.
        RefusedByCallee = "refused-by-callee",
        /// Second destination rule.
        SecondDestinationRule = "second-destination-rule",
        /// Service type.
        ServiceType = "service-type",
        /// Shared account.
        SharedAccount = "shared-account",
        /// Shared workload.
        SharedWorkload = "shared-workload",
    }
}

impl Code {
    /// What it finds, for the docs.
    pub const fn description(self) -> &'static str {
        match self {
            Self::MissingReference => {
                "`calls` or `ingress` names a service, an external host or a Gateway that isn't there."
            }
            Self::NamespaceNotInjected => {
                "Pods of the namespace get no sidecar: it carries no label for injection, or one against it."
            }
            Self::PodMissingProxy => "Pods of the service run without a sidecar, so none of its rules hold there.",
            Self::SecondVirtualService => {
                "Somebody else's VirtualService is for the same host: only one of them works."
            }
            Self::SecondSidecar => "Somebody else's Sidecar selects the same pods: only one of them works.",
            Self::TwoProtocols => "Another Service sends another protocol to the same port of the same pods.",
            Self::PortProtocol => "A port of the Service says another protocol than its `port` block, or none.",
            Self::TwoInjectionLabels => "The namespace carries two labels for injection, of which one is ignored.",
            Self::NoWorkload => "`selector` matches no pod, so no rule of the service holds anywhere.",
            Self::GatewayHost => "The Gateway doesn't serve a host of `ingress`.",
            Self::TwoPorts => "Another Service has another port for the same target port of the same pods.",
            Self::ProxyUser => "A container runs as user 1337, the sidecar's own, and so past the sidecar.",
            Self::Ambient => "The namespace or a pod is in ambient mode, where rules for sidecars don't hold.",
            Self::NoVersion => "The labels of a `version` match no pod, so requests for it fail.",
            Self::SecondServiceEntry => {
                "Somebody else's ServiceEntry or VirtualService defines the same global name or external host."
            }
            Self::HiddenCallee => "`calls` names a service or an external host that isn't exported to the namespace.",
            Self::MissingAccount => "The ServiceAccount isn't there, and isn't made here.",
            Self::MissingPort => "The Service hasn't a port that a `port` block names.",
            Self::MeshExport => "The installed mesh shows to every namespace what nobody exports.",
            Self::MeshOutbound => {
                "The installed mesh lets every call out, where the mesh's defaults let out none that nobody declares."
            }
            Self::MeshTls => "The installed mesh accepts TLS below 1.2.",
            Self::MissingProvider => {
                "The mesh's configuration doesn't define a provider of `external_authorization` or `telemetry`."
            }
            Self::MissingIssuer => {
                "No RequestAuthentication verifies tokens of an `end_user`'s issuer for the service."
            }
            Self::NarrowedVisibility => "Namespaces that see the live Service today won't see it any more.",
            Self::OtherAccount => "Pods of the service run as another service account than `service_account`.",
            Self::OtherSelector => {
                "The Service selects other pods than `selector`, so rules and traffic meet different pods."
            }
            Self::OtherTargetPort => {
                "The Service sends a port elsewhere than `target_port`, so rules govern the wrong port."
            }
            Self::RefusedByCallee => {
                "A service that `calls` names has rules of who may call, and none of them lets this one in."
            }
            Self::SecondDestinationRule => {
                "Somebody else's DestinationRule is for the same host: which one holds is by chance."
            }
            Self::ServiceType => "The Service is headless or an ExternalName, where some settings don't work.",
            Self::SharedAccount => {
                "Another `mesh_service` has the same service account, so callees can't tell the two apart."
            }
            Self::SharedWorkload => "Another `mesh_service` selects the same pods, so the rules of both hold there.",
        }
    }

    /// Its level unless the provider's `checks` says another.
    pub const fn level(self) -> Level {
        match self {
            Self::Ambient => Level::Error,
            _ => Level::Warn,
        }
    }
}

/// The levels that are written.
#[derive(Clone, Debug, Default)]
pub struct Levels(pub BTreeMap<Code, Level>);

impl Levels {
    /// What a finding of `code` is worth.
    pub fn of(&self, code: Code) -> Level {
        self.0.get(&code).copied().unwrap_or(code.level())
    }
}

/// A question to the cluster, and the checks that need the answer.
#[derive(Clone, Debug)]
pub struct LiveQuery {
    /// What is asked.
    pub query: Query,
    /// Where all of these are off, nobody asks; where there is no answer, they are skipped.
    pub checks: &'static [Code],
}

/// What one check found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which.
    pub code: Code,
    /// Where in the resource.
    pub at: Path,
    /// What: the same words for every resource, so that Terraform tells many as one.
    pub summary: &'static str,
    /// Why it matters and what to do next.
    pub detail: String,
}

/// What all checks of a resource found.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Tells a finding; the code is written behind `detail`.
    pub fn report(&mut self, code: Code, at: &str, summary: &'static str, detail: &str) {
        let at = if at.is_empty() { Path::root() } else { Path::root().attribute(at) };
        self.report_at(code, at, summary, detail);
    }

    /// Likewise, at any path.
    pub fn report_at(&mut self, code: Code, at: Path, summary: &'static str, detail: &str) {
        self.0.push(Finding { code, at, summary, detail: format!("{detail} ({code})") });
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
