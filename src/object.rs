//! What is wanted in a cluster: plain data. The domain makes it, the engine compares it, the Kubernetes layer writes it.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::Value as Json;

use crate::diagnostics::Path;

/// A kind that we write or look at: a row of the static table [`kind`], so that nothing needs discovery or a cluster at plan.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// `VirtualService`.
    pub kind: &'static str,
    /// `networking.istio.io`; empty for the core group.
    pub group: &'static str,
    /// `v1`.
    pub version: &'static str,
    /// `virtualservices`.
    pub plural: &'static str,
    /// Objects live in a namespace.
    pub namespaced: bool,
    /// Ownership the fields of an object of this kind are.
    pub territory: FieldOwnership,
}

/// What of an object's fields is ours, where we made the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldOwnership {
    /// Nobody else has business in this kind: the whole `spec` is ours, and the annotations and labels with meaning.
    Exclusive,
    /// Controllers and people write here too: only the fields that we set are ours.
    Shared,
}

impl Kind {
    /// `networking.istio.io/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The kinds that we write, and those that we only look at.
pub mod kind {
    use super::{
        FieldOwnership::{Exclusive, Shared},
        Kind,
    };

    macro_rules! kinds {
        ($(#[$all:meta])* $ALL:ident; $($(#[$doc:meta])* $NAME:ident = $kind:literal $group:literal $version:literal $plural:literal $territory:ident $namespaced:literal;)*) => {
            $($(#[$doc])* pub static $NAME: Kind = Kind {
                kind: $kind, group: $group, version: $version, plural: $plural, namespaced: $namespaced, territory: $territory,
            };)*
            $(#[$all])*
            pub static $ALL: &[&Kind] = &[$(&$NAME),*];
        };
    }

    kinds! {
        /// Every kind that we write.
        ALL;
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
        /// EnvoyFilter; Istio serves it as v1alpha3 alone.
        ENVOY_FILTER = "EnvoyFilter" "networking.istio.io" "v1alpha3" "envoyfilters" Exclusive true;
        /// AuthorizationPolicy.
        AUTHORIZATION_POLICY = "AuthorizationPolicy" "security.istio.io" "v1" "authorizationpolicies" Exclusive true;
        /// PeerAuthentication.
        PEER_AUTHENTICATION = "PeerAuthentication" "security.istio.io" "v1" "peerauthentications" Exclusive true;
        /// Gateway, Istio's.
        GATEWAY = "Gateway" "networking.istio.io" "v1" "gateways" Exclusive true;
        /// Role.
        ROLE = "Role" "rbac.authorization.k8s.io" "v1" "roles" Exclusive true;
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
        /// Every kind that is only looked at, never written, imported or deleted.
        LOOKED_AT;
        /// Pod.
        POD = "Pod" "" "v1" "pods" Shared true;
        /// ConfigMap: the mesh's own configuration is in one.
        CONFIG_MAP = "ConfigMap" "" "v1" "configmaps" Shared true;
    }

    /// The row of `name` ("VirtualService").
    pub fn named(name: &str) -> Option<&'static Kind> {
        ALL.iter().copied().find(|k| k.kind == name)
    }
}

/// Which object. Prints and parses as `VirtualService/pci/payments-pci`, or `Namespace/pci` where there is no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The kind.
    pub kind: &'static Kind,
    /// The namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Key {
    /// An object in a namespace.
    pub fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }

    /// An object of the whole cluster.
    pub fn of_cluster(kind: &'static Kind, name: &str) -> Self {
        Self { kind, namespace: None, name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind.kind, self.name),
            None => write!(f, "{}/{}", self.kind.kind, self.name),
        }
    }
}

/// The text isn't the key of an object of a kind that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl std::str::FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, namespace, name] => (kind, Some((*namespace).to_owned()), name),
            [kind, name] => (kind, None, name),
            _ => return Err(NotAKey),
        };
        let kind = kind::named(kind).filter(|k| k.namespaced == namespace.is_some()).ok_or(NotAKey)?;
        Ok(Self { kind, namespace, name: (*name).to_owned() })
    }
}

/// Keys of the labels and annotations by which we know our objects.
pub mod stamp {
    /// Label on everything that we made: `"true"`; what an import lists.
    pub const MANAGED: &str = "terraform-provider-mesh/managed";
    /// Annotation: the provider's `owner`.
    pub const OWNER: &str = "terraform-provider-mesh/owner";
    /// Annotation: `mesh_service/pci/payments`.
    pub const RESOURCE: &str = "terraform-provider-mesh/resource";
    /// Annotation: the random id of one life of a resource, from create to destroy.
    pub const INSTANCE: &str = "terraform-provider-mesh/instance";
    /// Annotation on one object of each resource: the arguments as written, which an import reads.
    pub const ARGUMENTS: &str = "terraform-provider-mesh/arguments";
}

/// When an object is written: lower first, deletion in reverse. The engine only compares; `mesh::stage` gives the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage(pub u8);

/// How a resource deals with objects that aren't its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takeover {
    /// Objects of others with the names of ours are taken over.
    pub adopt: bool,
    /// Kinds that are somebody else's from now on: an object of ours is released, not deleted.
    pub leaves: Vec<&'static Kind>,
    /// Objects of others that go once all of ours are there; the highest stage first.
    pub displaces: BTreeMap<Key, Stage>,
    /// A Namespace of ours goes with whatever is in it; else it stays while it holds anything of others.
    pub empties: bool,
}

/// How to get from what is live to what is wanted. Pure, written by the domain, obeyed by the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// One write, or one delete.
    InPlace,
    /// `first` at the object's own stage; what is wanted only after all others, and after the [`Transition`]'s time.
    Via {
        /// What holds both the old and the new.
        first: Json,
    },
    /// The server can't change it in place: delete, then create.
    Recreate,
}

/// How one object changes.
#[derive(Clone, Copy, Debug)]
pub enum Transition {
    /// One write, whatever is live.
    InPlace,
    /// As `how` decides from what is live (our fields of it) and what is wanted, which is null where the object goes.
    By {
        /// The decision.
        how: fn(live: &Json, wanted: &Json) -> Move,
        /// How long the data plane needs to leave the old.
        settle: Duration,
    },
}

impl Transition {
    /// The move, and how long to wait before its last step.
    pub fn decide(&self, live: &Json, wanted: &Json) -> (Move, Duration) {
        match self {
            Self::InPlace => (Move::InPlace, Duration::ZERO),
            Self::By { how, settle } => match how(live, wanted) {
                via @ Move::Via { .. } => (via, *settle),
                other => (other, Duration::ZERO),
            },
        }
    }
}

/// Ours as a whole, or some fields of somebody else's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementScope {
    /// Created, stamped and deleted by us.
    Whole,
    /// Somebody else's: never created, stamped or deleted; our fields are given back on destroy.
    Fields,
}

/// One wanted object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Which.
    pub key: Key,
    /// Ownership it is.
    pub holding: ManagementScope,
    /// Exactly the fields that we own, `apiVersion`, `kind` and the names in `metadata` included.
    pub body: Json,
    /// When it is written.
    pub stage: Stage,
    /// How it changes.
    pub transition: Transition,
    /// Where in the HCL a field comes from, `("spec.http", path)`: the server's errors are put there; longest prefix wins.
    pub origins: Vec<(String, Path)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_as_it_parses() {
        for text in ["VirtualService/pci/payments-pci", "Service/pci/payments"] {
            assert_eq!(text.parse::<Key>().map(|k| k.to_string()), Ok(text.to_owned()));
        }
        for text in ["VirtualService/payments", "Unheard/pci/x", "", "a/b/c/d"] {
            assert_eq!(text.parse::<Key>(), Err(NotAKey), "{text}");
        }
    }
}
