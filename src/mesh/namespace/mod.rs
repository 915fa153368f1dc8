//! `mesh_namespace`: the Namespace of a team, the objects that hold in it where a service sets nothing else, and the rights of
//! the team.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`namespace_object`] | the Namespace |
//! | [`rbac`], [`service_account`] | the RoleBinding of the team |
//! | [`sidecar`] | the Sidecar |
//! | [`authorization`] | the AuthorizationPolicies that deny by default |
//! | [`mtls`] | the PeerAuthentications |
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
mod rbac;
mod service_account;
mod sidecar;
mod validate;

pub use arguments::{Mtls, MtlsException, Namespace, Rbac};
pub use service_account::ServiceAccountRef;

use super::{Mesh, Rendered, manifest::Metadata, stage};
use crate::{
    known::Known,
    object::{Key, Stage, kind},
};

/// The objects that some configuration of a namespace renders, with their stages. The PeerAuthentications of single services
/// are missing, since only the arguments name the services.
pub fn possible_objects(name: &str) -> Vec<(Key, Stage)> {
    let contents = [
        (&kind::ROLE_BINDING, rbac::NAME, stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, authorization::AUDIT, stage::OPENING),
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
        let name = self.name.required()?;
        let parts = [
            namespace_object::objects(self, mesh, name)?,
            rbac::objects(self, mesh, name)?,
            sidecar::objects(self, mesh, name)?,
            authorization::objects(self, mesh, name)?,
            mtls::objects(self, mesh, name)?,
        ];
        Ok(parts.into_iter().flatten().collect())
    }

    /// The labels and annotations of the objects that this resource creates.
    fn metadata(&self, mesh: &Mesh) -> Known<Metadata> {
        Ok(Metadata::from_mesh(mesh)
            .merged_with(&self.labels.elements_or_empty()?, &self.annotations.elements_or_empty()?))
    }
}
