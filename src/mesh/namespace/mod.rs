//! `mesh_namespace`: the Namespace of a team, the objects that hold in it where a service sets nothing else, and the rights of
//! the team.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`namespace_object`] | the Namespace |
//! | [`rbac`], [`service_account`] | the RoleBinding of the team |
//! | [`sidecar`] | the Sidecar |
//! | [`pod_security`] | labels of the Namespace for Pod Security |
//! | [`authorization`] | the AuthorizationPolicies that deny by default, with the rules of `allow` |
//! | [`mtls`] | the PeerAuthentications |
//! | [`rate_limit`] | the EnvoyFilters |
//! | [`telemetry`] | the Telemetries |
//! | [`change`] | checks of a change |
//! | [`validate`] | rules across arguments |
//! | [`live`], [`live_authorization`] | live checks |

mod arguments;
mod authorization;
mod change;
mod live;
mod live_authorization;
mod mtls;
mod namespace_object;
mod pod_security;
mod rate_limit;
mod rbac;
mod service_account;
mod sidecar;
mod telemetry;
mod validate;

pub use arguments::{Mtls, MtlsException, Namespace, PodSecurity, RateLimit, Rbac};
pub use pod_security::PodSecurityLevel;
pub use service_account::ServiceAccountRef;

use super::{
    Mesh, Rendered,
    manifest::Metadata,
    overrides::{apply_overrides, validate_overrides},
    stage, telemetry as mesh_telemetry,
};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    object::{Key, Stage, kind},
};

/// The objects that some configuration of a namespace renders, with their stages. Objects whose names the arguments determine are
/// missing: PeerAuthentications of single services, EnvoyFilters of ports, and what has a selector.
pub fn possible_objects(name: &str) -> Vec<(Key, Stage)> {
    let contents = [
        (&kind::ROLE_BINDING, rbac::NAME, stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, authorization::AUDIT, stage::OPENING),
        (&kind::TELEMETRY, mesh_telemetry::NAME, stage::OPENING),
        (&kind::SIDECAR, sidecar::NAME, stage::ROUTES),
        (&kind::PEER_AUTHENTICATION, mtls::NAME, stage::MTLS),
        (&kind::AUTHORIZATION_POLICY, authorization::DENY_ALL, stage::CLOSING),
    ];
    let contents = contents.map(|(kind, object, stage)| (Key::new(kind, name, object), stage));
    std::iter::once((namespace_object::key(name), stage::NAMESPACE)).chain(contents).collect()
}

impl Namespace {
    /// Renders the objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let objects = self.unpatched_objects(mesh)?;
        Ok(apply_overrides(self.r#override.known()?, &override_suffix, objects))
    }

    /// Reports faults of `override` blocks.
    fn validate_overrides(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok([_, ..]) = self.r#override.known() {
            validate_overrides(&self.r#override, &override_suffix, &self.unpatched_objects(mesh), out);
        }
    }

    /// The objects without the patches of `override` blocks.
    fn unpatched_objects(&self, mesh: &Mesh) -> Rendered {
        let name = self.name.required()?;
        let parts = [
            namespace_object::objects(self, mesh, name)?,
            rbac::objects(self, mesh, name)?,
            sidecar::objects(self, mesh, name)?,
            authorization::objects(self, mesh, name)?,
            mtls::objects(self, mesh, name)?,
            rate_limit::objects(self, mesh, name)?,
            telemetry::objects(self, mesh, name)?,
        ];
        Ok(parts.into_iter().flatten().collect())
    }

    /// The labels and annotations of the objects that this resource creates.
    fn metadata(&self, mesh: &Mesh) -> Known<Metadata> {
        Ok(Metadata::from_mesh(mesh)
            .merged_with(&self.labels.elements_or_empty()?, &self.annotations.elements_or_empty()?))
    }
}

/// The suffix by which an `override` block chooses the object: none for the one of its kind that every namespace may have, else its
/// name. The Namespace and the RoleBinding have no `spec`.
fn override_suffix(key: &Key) -> Option<String> {
    if key.kind == &kind::NAMESPACE || key.kind == &kind::ROLE_BINDING {
        return None;
    }
    let usual = [sidecar::NAME, authorization::AUDIT, authorization::DENY_ALL];
    Some(if usual.contains(&key.name.as_str()) { String::new() } else { key.name.clone() })
}
