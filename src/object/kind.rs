//! The Kubernetes kinds of the provider, as a static table: a plan needs neither discovery nor a cluster.

use std::{cmp::Ordering, ptr};

use FieldOwnership::{Exclusive, Shared};

/// A Kubernetes kind, in the one version that the provider uses.
#[derive(Debug)]
pub struct Kind {
    /// The kind as manifests name it: `VirtualService`.
    pub kind: &'static str,
    /// The API group: `networking.istio.io`. Empty for the core group.
    pub group: &'static str,
    /// The version of the group: `v1`.
    pub version: &'static str,
    /// The resource name in URLs: `virtualservices`.
    pub plural: &'static str,
    /// Whether objects of the kind are in a namespace.
    pub namespaced: bool,
    /// Which fields of an object are the provider's, if the provider created the object.
    pub field_ownership: FieldOwnership,
}

/// Which fields of an object belong to the provider, if the provider created the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOwnership {
    /// No other tool is expected to write objects of the kind: all of `spec` belongs to the provider, and so do the
    /// annotations and labels that Istio reads.
    Exclusive,
    /// Controllers and other tools write objects of the kind as well: only the fields that the provider sets are its own.
    Shared,
}

impl Ord for Kind {
    /// By kind, group and version. Keys are compared very often, and nearly always those of one kind, which is one static.
    fn cmp(&self, other: &Self) -> Ordering {
        if ptr::eq(self, other) {
            return Ordering::Equal;
        }
        (self.kind, self.group, self.version).cmp(&(other.kind, other.group, other.version))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Kind {}

impl Kind {
    /// The `apiVersion` of manifests: `networking.istio.io/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// Declares one static per kind, and the list of them. The columns: kind, group, version, plural, ownership of fields,
/// namespaced.
macro_rules! kinds {
    ($(#[$list_doc:meta])* $LIST:ident; $($(#[$doc:meta])* $NAME:ident = $kind:literal $group:literal $version:literal $plural:literal $field_ownership:ident $namespaced:literal;)*) => {
        $($(#[$doc])* pub static $NAME: Kind = Kind {
            kind: $kind, group: $group, version: $version, plural: $plural, namespaced: $namespaced, field_ownership: $field_ownership,
        };)*
        $(#[$list_doc])*
        pub static $LIST: &[&Kind] = &[$(&$NAME),*];
    };
}

kinds! {
    /// The kinds of which the provider writes objects.
    MANAGED;
    /// Namespace.
    NAMESPACE = "Namespace" "" "v1" "namespaces" Shared false;
    /// Service.
    SERVICE = "Service" "" "v1" "services" Shared true;
    /// ServiceAccount.
    SERVICE_ACCOUNT = "ServiceAccount" "" "v1" "serviceaccounts" Shared true;
    /// ServiceEntry.
    SERVICE_ENTRY = "ServiceEntry" "networking.istio.io" "v1" "serviceentries" Exclusive true;
    /// DestinationRule.
    DESTINATION_RULE = "DestinationRule" "networking.istio.io" "v1" "destinationrules" Exclusive true;
    /// VirtualService.
    VIRTUAL_SERVICE = "VirtualService" "networking.istio.io" "v1" "virtualservices" Exclusive true;
    /// Sidecar.
    SIDECAR = "Sidecar" "networking.istio.io" "v1" "sidecars" Exclusive true;
    /// EnvoyFilter, which Istio serves as v1alpha3 only.
    ENVOY_FILTER = "EnvoyFilter" "networking.istio.io" "v1alpha3" "envoyfilters" Exclusive true;
    /// AuthorizationPolicy.
    AUTHORIZATION_POLICY = "AuthorizationPolicy" "security.istio.io" "v1" "authorizationpolicies" Exclusive true;
    /// PeerAuthentication.
    PEER_AUTHENTICATION = "PeerAuthentication" "security.istio.io" "v1" "peerauthentications" Exclusive true;
    /// Istio's Gateway, not that of the Gateway API.
    GATEWAY = "Gateway" "networking.istio.io" "v1" "gateways" Exclusive true;
    /// RoleBinding.
    ROLE_BINDING = "RoleBinding" "rbac.authorization.k8s.io" "v1" "rolebindings" Exclusive true;
    /// RequestAuthentication.
    REQUEST_AUTHENTICATION = "RequestAuthentication" "security.istio.io" "v1" "requestauthentications" Exclusive true;
    /// Telemetry.
    TELEMETRY = "Telemetry" "telemetry.istio.io" "v1" "telemetries" Exclusive true;
    /// ValidatingAdmissionPolicy.
    VALIDATING_ADMISSION_POLICY = "ValidatingAdmissionPolicy" "admissionregistration.k8s.io" "v1" "validatingadmissionpolicies" Exclusive false;
    /// ValidatingAdmissionPolicyBinding.
    VALIDATING_ADMISSION_POLICY_BINDING = "ValidatingAdmissionPolicyBinding" "admissionregistration.k8s.io" "v1" "validatingadmissionpolicybindings" Exclusive false;
}

kinds! {
    /// The kinds that live checks read, and of which the provider never writes, imports or deletes an object.
    READ_ONLY;
    /// Pod.
    POD = "Pod" "" "v1" "pods" Shared true;
    /// ConfigMap: `meshConfig` is in one.
    CONFIG_MAP = "ConfigMap" "" "v1" "configmaps" Shared true;
    /// Deployment: that of istiod sets its environment.
    DEPLOYMENT = "Deployment" "apps" "v1" "deployments" Shared true;
    /// MutatingWebhookConfiguration: those of sidecar injection name the revisions of istiod and their tags.
    MUTATING_WEBHOOK_CONFIGURATION = "MutatingWebhookConfiguration" "admissionregistration.k8s.io" "v1" "mutatingwebhookconfigurations" Shared false;
}

/// Returns the managed kind that manifests call `name` ("VirtualService").
pub fn by_name(name: &str) -> Option<&'static Kind> {
    MANAGED.iter().copied().find(|kind| kind.kind == name)
}
