//! `mesh_global_defaults`: the objects that configure the whole mesh. They are in the root namespace, except for the policies
//! of gateways, which are in the gateways' namespaces, and the guardrails, which are cluster-scoped. Each object exists only
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
//! | [`telemetry`] | the Telemetry |
//! | [`guardrails`] | the ValidatingAdmissionPolicies with their bindings |
//! | [`protections`] | warnings about plans that end a protection |
//! | [`validate`] | rules across arguments |
//! | [`live`], [`narrow_exports`] | live checks |

mod arguments;
mod authorization;
mod context;
mod egress_host;
mod external_authorization;
mod guardrails;
mod jwks;
mod jwt;
mod live;
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
pub use telemetry::{AccessLogging, Metric, Metrics, Telemetry, Tracing};

use self::context::DefaultsContext;
use super::{Mesh, Rendered, names, stage};
use crate::object::{Key, Stage, kind};

/// The objects that some configuration renders, with their stages. Objects whose name contains a digest are missing: those of
/// `gateway_access`, and of `jwt` with a selector.
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
        objects.extend(self.telemetry.known()?.map(|block| block.render(&context)));
        if let Some(block) = self.guardrails.known()? {
            objects.extend(block.render(&context)?);
        }
        Ok(objects)
    }
}
