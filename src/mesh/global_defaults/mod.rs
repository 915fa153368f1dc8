//! `mesh_global_defaults`: the objects that configure the whole mesh. They are in the root namespace, except for the policies
//! of gateways, which are in the gateways' namespaces, RequestAuthentications for one namespace, and the guardrails, which are cluster-scoped. Each object exists only
//! if its arguments are set.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments; blocks are declared in the files that render them |
//! | [`context`] | what all objects share |
//! | [`mtls`] | the PeerAuthentication |
//! | [`authorization`] | the AuthorizationPolicies of deny-all and of gateways |
//! | [`require_end_user`], [`external_authorization`] | AuthorizationPolicies of requests |
//! | [`jwt`], [`jwks`] | the RequestAuthentications, and the keys in them |
//! | [`sidecar`], [`egress_host`] | the Sidecar, and the hosts in it |
//! | [`resiliency`] | the DestinationRule, and the EnvoyFilter for generated routes |
//! | [`telemetry`] | the Telemetries |
//! | [`guardrails`] | the ValidatingAdmissionPolicies with their bindings |
//! | [`protections`] | warnings about plans that end a protection |
//! | [`change`] | checks of a change |
//! | [`validate`] | rules across arguments |
//! | [`live`], [`live_authorization`], [`narrow_exports`] | live checks |

mod arguments;
mod authorization;
mod change;
mod context;
mod egress_host;
mod external_authorization;
mod guardrails;
mod jwks;
mod jwt;
mod live;
mod live_authorization;
mod mtls;
mod narrow_exports;
mod protections;
mod require_end_user;
mod resiliency;
mod sidecar;
mod telemetry;
mod validate;

pub use arguments::GlobalDefaults;
pub use authorization::{Allow, Authorization, DenyAllMode, GatewayAccess};
pub use egress_host::EgressHost;
pub use external_authorization::ExternalAuthorization;
pub use guardrails::{Guardrails, RestrictedKind, ValidationAction};
pub use jwks::Jwks;
pub use jwt::Jwt;
pub use mtls::Mtls;
pub use require_end_user::RequireEndUser;
pub use sidecar::Sidecar;

use self::context::DefaultsContext;
use super::{
    Mesh, Rendered, names,
    overrides::{apply_overrides, validate_overrides},
    stage,
};
use crate::{
    diagnostics::Diagnostics,
    object::{Key, Stage, kind},
};

/// The objects that some configuration renders, with their stages. Objects whose name contains a digest are missing: those of
/// `gateway_access`, and of `jwt` and `telemetry` with a selector. So are those of `jwt` in other namespaces.
pub fn possible_objects(mesh: &Mesh) -> Vec<(Key, Stage)> {
    let in_root_namespace = [
        (&kind::DESTINATION_RULE, "default", stage::TARGETS),
        (&kind::ENVOY_FILTER, names::DEFAULT_ROUTE_FILTER, stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, authorization::AUDIT, stage::OPENING),
        (&kind::REQUEST_AUTHENTICATION, "default", stage::TOKENS),
        (&kind::TELEMETRY, "default", stage::OPENING),
        (&kind::SIDECAR, "default", stage::ROUTES),
        (&kind::PEER_AUTHENTICATION, "default", stage::MTLS),
        (&kind::AUTHORIZATION_POLICY, authorization::DENY_ALL, stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, require_end_user::NAME, stage::SUBTRACTING),
        (&kind::AUTHORIZATION_POLICY, external_authorization::NAME, stage::SUBTRACTING),
    ];
    let keyed = in_root_namespace.map(|(kind, name, stage)| (Key::new(kind, &mesh.root_namespace, name), stage));
    keyed.into_iter().chain(guardrails::possible_objects(mesh)).collect()
}

impl GlobalDefaults {
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
        let context = DefaultsContext::new(mesh, &self.labels, &self.annotations);
        let mut objects = Vec::new();
        objects.extend(self.mtls.known()?.map(|block| block.render(&context)));
        if let Some(block) = self.authorization.known()? {
            objects.extend(block.render(&self.gateway_access, &context)?);
        }
        objects.extend(sidecar::objects(&self.sidecar, self.outbound_traffic_policy(), &context)?);
        objects.extend(self.render_resiliency(&context)?);
        objects.extend(jwt::objects(self.jwt.known()?, &context)?);
        objects.extend(self.require_end_user.known()?.map(|block| block.render(&context)));
        objects.extend(self.external_authorization.known()?.map(|block| block.render(&context)).transpose()?);
        objects.extend(telemetry::objects(self.telemetry.known()?, &context)?);
        if let Some(block) = self.guardrails.known()? {
            objects.extend(block.render(&context)?);
        }
        Ok(objects)
    }
}

/// The suffix by which an `override` block chooses the object: none for the usual one of its kind, else its name.
#[expect(clippy::unnecessary_wraps, reason = "the type of other resources' suffixes")]
fn override_suffix(key: &Key) -> Option<String> {
    let usual = ["default", names::DEFAULT_ROUTE_FILTER, authorization::AUDIT, authorization::DENY_ALL];
    Some(if usual.contains(&key.name.as_str()) { String::new() } else { key.name.clone() })
}
