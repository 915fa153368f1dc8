//! `mesh_gateway`: the Gateway for pods that a chart installs, and, with `authorization_mode`, the AuthorizationPolicy of the
//! requests that it admits.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`gateway_object`] | the Gateway |
//! | [`server`], [`tls`] | one server of it |
//! | [`policy`] | the AuthorizationPolicy |
//! | [`change`] | checks of a change |
//! | [`validate`] | rules across arguments |
//! | [`live`], [`live_authorization`], [`live_scope`] | live checks |

mod arguments;
mod change;
mod gateway_object;
mod live;
mod live_authorization;
mod live_scope;
mod policy;
mod server;
mod tls;
mod validate;

pub use arguments::{Gateway, GatewayAllow, Outputs, Server, Tls};
pub use tls::{CipherSuite, GatewayProtocol, ServerTlsMode, TlsVersion};

use super::{
    Mesh, Rendered,
    manifest::Metadata,
    names,
    overrides::{apply_overrides, validate_overrides},
    service::AuthorizationMode,
    stage,
};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    object::{Key, Stage, kind},
    schema::Attr,
};

/// The objects that some configuration of a gateway renders, with their stages. Where `workload_namespace` names another namespace,
/// the policy is there.
pub fn possible_objects(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    vec![
        (Key::new(&kind::GATEWAY, namespace, name), stage::TARGETS),
        (Key::new(&kind::AUTHORIZATION_POLICY, namespace, &names::object_name(name, namespace)), stage::OPENING),
    ]
}

impl Gateway {
    /// Renders the objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let objects = self.unpatched_objects(mesh)?;
        Ok(apply_overrides(self.r#override.known()?, &override_suffix, objects))
    }

    /// Reports violations of rules that need the provider's arguments: faults of `override` blocks.
    pub fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if let Ok([_, ..]) = self.r#override.known() {
            validate_overrides(&self.r#override, &override_suffix, &self.unpatched_objects(mesh), out);
        }
    }

    /// The objects without the patches of `override` blocks.
    fn unpatched_objects(&self, mesh: &Mesh) -> Rendered {
        let (namespace, name) = (self.namespace.required()?, self.name.required()?);
        let gateway = Key::new(&kind::GATEWAY, namespace, name);
        let mut objects = vec![(gateway.clone(), gateway_object::gateway(self, mesh, gateway))];
        if self.authorization_mode()? != AuthorizationMode::Off {
            let policy = self.policy_key()?;
            objects.push((policy.clone(), policy::policy(self, mesh, policy)));
        }
        Ok(objects)
    }

    /// The key of the AuthorizationPolicy. Policies with a selector are for pods of their own namespace; the name contains that of
    /// the Gateway, since gateways of several namespaces may have the same pods.
    fn policy_key(&self) -> Known<Key> {
        let name = names::object_name(self.name.required()?, self.namespace.required()?);
        Ok(Key::new(&kind::AUTHORIZATION_POLICY, self.workload_namespace()?, &name))
    }

    /// The computed attributes.
    pub fn outputs(&self, mesh: &Mesh) -> Outputs {
        Outputs { principal: Attr::computed(self.principal(mesh)) }
    }

    fn principal(&self, mesh: &Mesh) -> Known<String> {
        Ok(names::principal(&mesh.trust_domain, self.workload_namespace()?, self.service_account()?))
    }

    fn metadata(&self, mesh: &Mesh) -> Known<Metadata> {
        Ok(Metadata::from_mesh(mesh)
            .merged_with(&self.labels.elements_or_empty()?, &self.annotations.elements_or_empty()?))
    }
}

/// A gateway has one object of each kind, so `override` blocks have no suffix.
#[expect(clippy::unnecessary_wraps, reason = "the type of other resources' suffixes")]
fn override_suffix(_: &Key) -> Option<String> {
    Some(String::new())
}
