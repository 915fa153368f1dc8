//! The best practices, each with its code. Codes that live checks have as well mean the same here.

use crate::mesh::text::text_enum;

text_enum! {
    /// How much a departure from a best practice exposes.
    pub enum Severity {
        /// Calls, tokens or connections are open that should be closed.
        High = "high",
        /// A protection is missing behind which others still stand.
        Medium = "medium",
        /// The mesh is harder to run or to change.
        Low = "low",
    }
}

text_enum! {
    /// The code of a best practice. [`BestPractice::departure`] says what departs from it.
    pub enum BestPractice {
        /// Namespaces are injected.
        NamespaceNotInjected = "IST0102",
        /// Pods of injected namespaces have a sidecar.
        PodMissingProxy = "IST0103",
        /// One label decides about injection.
        TwoInjectionLabels = "IST0123",
        /// Policies hold in sidecars.
        Ambient = "IST0167",
        /// Workloads have identities of their own.
        DefaultAccount = "default-account",
        /// Calls in the mesh are encrypted.
        DisabledMtls = "disabled-mtls",
        /// Routes are visible to those who need them.
        ExportedRoute = "exported-route",
        /// One team owns the hosts outside of the mesh.
        ExternalHostNamespace = "external-host-namespace",
        /// Cryptography keeps to a standard.
        Fips = "fips",
        /// Gateways accept TLS 1.2 or newer.
        GatewayTls = "gateway-tls",
        /// Hidden services aren't called in clear text.
        HiddenClearText = "hidden-clear-text",
        /// Objects are private by default.
        MeshExport = "mesh-export",
        /// Calls of unknown hosts fail.
        MeshOutbound = "mesh-outbound",
        /// Workloads speak TLS 1.3.
        MinimumTls = "minimum-tls",
        /// Requests that no policy allows are refused.
        MissingDenyAll = "missing-deny-all",
        /// Proxies know what they call.
        MissingSidecar = "missing-sidecar",
        /// Strict mutual TLS has no exceptions.
        MtlsException = "mtls-exception",
        /// Policies say who may call.
        OpenPolicy = "open-policy",
        /// Rules see the paths that applications see.
        PathNormalization = "path-normalization",
        /// Clear text is refused.
        PermissiveMtls = "permissive-mtls",
        /// Control planes are at most one minor version apart.
        RevisionSkew = "revision-skew",
        /// Tokens are bound to their audience.
        ThirdPartyTokens = "third-party-tokens",
        /// Injection labels name a control plane.
        UnknownRevision = "unknown-revision",
        /// Tokens that are verified are required.
        UnrequiredToken = "unrequired-token",
        /// Control planes are of supported versions.
        UnsupportedIstio = "unsupported-istio",
        /// Certificates of servers are verified.
        UnverifiedTls = "unverified-tls",
        /// External hosts are named.
        WildcardHost = "wildcard-host",
    }
}

impl BestPractice {
    /// Returns how much a departure exposes.
    pub const fn severity(self) -> Severity {
        match self {
            Self::DisabledMtls
            | Self::Fips
            | Self::GatewayTls
            | Self::HiddenClearText
            | Self::MissingDenyAll
            | Self::OpenPolicy
            | Self::PermissiveMtls
            | Self::ThirdPartyTokens
            | Self::UnverifiedTls => Severity::High,
            Self::Ambient
            | Self::DefaultAccount
            | Self::MeshOutbound
            | Self::MtlsException
            | Self::NamespaceNotInjected
            | Self::PathNormalization
            | Self::PodMissingProxy
            | Self::UnknownRevision
            | Self::UnrequiredToken
            | Self::UnsupportedIstio => Severity::Medium,
            Self::ExportedRoute
            | Self::ExternalHostNamespace
            | Self::MeshExport
            | Self::MinimumTls
            | Self::MissingSidecar
            | Self::RevisionSkew
            | Self::TwoInjectionLabels
            | Self::WildcardHost => Severity::Low,
        }
    }

    /// Returns a sentence for the documentation that says what departs from the best practice.
    pub const fn departure(self) -> &'static str {
        match self {
            Self::NamespaceNotInjected => {
                "A Namespace has no label for injection, and pods without a sidecar. Those of Kubernetes itself (`kube-*`), the root \
                 namespace, and Namespaces that are labelled against injection aren't reported."
            }
            Self::PodMissingProxy => {
                "Pods of an injected Namespace have no sidecar, though they don't opt out of it: they were started before the label was set."
            }
            Self::TwoInjectionLabels => {
                "A Namespace carries `istio-injection` and `istio.io/rev`, of which the latter is ignored."
            }
            Self::Ambient => "A Namespace is in ambient mode, where rules that are written for sidecars don't hold.",
            Self::DefaultAccount => {
                "Pods with a sidecar run as the ServiceAccount `default`, so policies can't tell them apart."
            }
            Self::DisabledMtls => "A DestinationRule switches TLS off (`DISABLE`) for calls of a service of the mesh.",
            Self::ExportedRoute => {
                "A VirtualService for calls in the mesh is visible in all namespaces, though proxies refuse calls of unknown hosts. \
                 Those of this provider follow `allow`, and those of the root namespace are for all: they aren't reported."
            }
            Self::ExternalHostNamespace => {
                "A ServiceEntry of an external host is in another namespace than the root namespace."
            }
            Self::Fips => {
                "`fips = true`, and `COMPLIANCE_POLICY` of an istiod is neither `fips-140-2` nor `fips-140-3`."
            }
            Self::GatewayTls => "A server of a Gateway accepts TLS 1.0 or 1.1.",
            Self::HiddenClearText => {
                "`meshConfig` hides objects from other namespaces by default and lets calls of unknown hosts out, so calls of hidden services \
                 leave as clear text."
            }
            Self::MeshExport => {
                "`meshConfig` shows Services, VirtualServices or DestinationRules that don't say so themselves to all namespaces."
            }
            Self::MeshOutbound => {
                "Proxies let calls of unknown hosts out: by the Sidecar of the mesh or `meshConfig`, or by another Sidecar."
            }
            Self::MinimumTls => {
                "Workloads accept TLS below 1.3 from each other (`meshMTLS.minProtocolVersion`). With a `COMPLIANCE_POLICY` of istiod \
                 nothing is reported, since it decides."
            }
            Self::MissingDenyAll => {
                "No enforced policy of the root namespace refuses what others don't allow: workloads without a policy are open."
            }
            Self::MissingSidecar => {
                "Neither the mesh nor an injected Namespace has a Sidecar, so each proxy there has the configuration of all services."
            }
            Self::MtlsException => "A PeerAuthentication accepts clear text, on all ports or on some.",
            Self::OpenPolicy => {
                "An enforced ALLOW policy has a rule without `from`, `to` and `when`, which admits every request."
            }
            Self::PathNormalization => {
                "Policies name paths, and `meshConfig` doesn't decode and merge slashes: `//a` and `/%2fa` pass rules for `/a`."
            }
            Self::PermissiveMtls => "No PeerAuthentication makes mutual TLS strict in the whole mesh.",
            Self::RevisionSkew => "Minor versions of control planes are more than one apart.",
            Self::ThirdPartyTokens => {
                "The API server doesn't offer `serviceaccounts/token`, so proxies can only have tokens that every audience accepts."
            }
            Self::UnknownRevision => {
                "The label `istio.io/rev` of a Namespace names neither a revision nor a tag, so its pods get no sidecar."
            }
            Self::UnrequiredToken => {
                "A RequestAuthentication verifies tokens, and no enforced policy requires one: requests without a token are admitted."
            }
            Self::UnsupportedIstio => {
                "A control plane is older than Istio 1.27, the oldest that this provider supports."
            }
            Self::UnverifiedTls => {
                "A DestinationRule for TLS to servers sets `insecureSkipVerify`, or `sni` without `subjectAltNames`, with which certificates \
                 of other hosts are accepted."
            }
            Self::WildcardHost => "A ServiceEntry of external hosts has a wildcard.",
        }
    }

    /// Returns what to do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NamespaceNotInjected => {
                "Set injection or revision of mesh_namespace, and restart the pods. Label namespaces that stay outside of the mesh with \
                 istio-injection=disabled."
            }
            Self::PodMissingProxy => "Restart the pods.",
            Self::TwoInjectionLabels => "Remove one of the labels.",
            Self::Ambient => "Remove the label istio.io/dataplane-mode, and inject sidecars.",
            Self::DefaultAccount => "Give each workload a ServiceAccount of its own (service_account of mesh_service).",
            Self::DisabledMtls => {
                "Remove trafficPolicy.tls: Istio then uses mutual TLS by itself. A workload without a sidecar needs no DISABLE either."
            }
            Self::ExportedRoute => {
                "Set exportTo to the namespaces of the callers, or describe the service with mesh_service."
            }
            Self::ExternalHostNamespace => {
                "Declare external hosts centrally, with mesh_external_service and its export_to."
            }
            Self::Fips => {
                "Install Istio with tls { fips = \"140-3\" } of mesh_install_config, and images that are built for FIPS."
            }
            Self::GatewayTls => "Set minProtocolVersion to TLSV1_2 or TLSV1_3 (min_version of mesh_gateway).",
            Self::HiddenClearText => {
                "Install Istio with outbound_traffic_policy = \"registry_only\" of mesh_install_config, or with default_export_to = [\"*\"]."
            }
            Self::MeshExport => {
                "Install Istio with default_export_to = [\".\"] of mesh_install_config, together with registry_only."
            }
            Self::MeshOutbound => {
                "Set outbound_traffic_policy to \"registry_only\": in mesh_install_config, in mesh_global_defaults, or where the Sidecar is \
                 written. Declare external hosts first."
            }
            Self::MinimumTls => "Install Istio with tls { min_version = \"1.3\" } of mesh_install_config.",
            Self::MissingDenyAll => {
                "Set authorization { mode = \"enforce\" } of mesh_global_defaults, after the steps of the guide \"From an open mesh to zero trust\"."
            }
            Self::MissingSidecar => "Set sidecar of mesh_global_defaults, or calls of mesh_namespace.",
            Self::MtlsException => {
                "Inject sidecars into the callers, then remove the exception (mtls of mesh_namespace)."
            }
            Self::OpenPolicy => "Name the callers: from in an allow block.",
            Self::PathNormalization => {
                "Install Istio with path_normalization = \"decode_and_merge_slashes\" of mesh_install_config. It changes the paths that \
                 applications receive."
            }
            Self::PermissiveMtls => "Set mtls {} of mesh_global_defaults, when all callers have sidecars.",
            Self::RevisionSkew => "Upgrade the oldest control plane, and move its namespaces.",
            Self::ThirdPartyTokens => "Use a cluster that serves TokenRequest.",
            Self::UnknownRevision => "Correct the label, or install the revision.",
            Self::UnrequiredToken => {
                "Require tokens: require_end_user of mesh_global_defaults, or end_user in the allow blocks of services."
            }
            Self::UnsupportedIstio => "Upgrade Istio.",
            Self::UnverifiedTls => {
                "Set subjectAltNames, and remove insecureSkipVerify. mesh_external_service with tls = \"originate\" verifies by default."
            }
            Self::WildcardHost => "Name the hosts that are called, one by one.",
        }
    }
}
