//! What holds for the whole mesh where nobody says otherwise. Everything lives in the root namespace, but for what a gateway
//! needs at its door and for the guardrails, which are the cluster's; and nothing is there that isn't written.
//!
//! | file | objects |
//! | --- | --- |
//! | [`mtls`] | PeerAuthentication |
//! | [`authorization`] | AuthorizationPolicies: deny-all, its trials, and the gateways' doors |
//! | [`end_user`], [`external`] | AuthorizationPolicies of requests: whose token they carry, whom proxies ask |
//! | [`jwt`] | RequestAuthentications |
//! | [`sidecar`] | Sidecar |
//! | [`resiliency`] | DestinationRule, and the EnvoyFilter of generated routes |
//! | [`telemetry`] | Telemetry |
//! | [`guardrails`] | ValidatingAdmissionPolicies and their bindings |
//! | [`holds`] | none: what a change or a destroy opens |
//! | [`live`] | none: what the installed mesh contradicts |
//! | [`validate`] | none: what must hold across arguments |

mod authorization;
mod end_user;
mod external;
mod guardrails;
mod holds;
mod jwks;
mod jwt;
mod live;
mod mtls;
mod resiliency;
mod sidecar;
mod telemetry;
mod validate;

use std::collections::BTreeSet;

pub use authorization::{Allow, Authorization, GatewayAccess, Mode};
pub use end_user::RequireEndUser;
pub use external::ExternalAuthorization;
pub use guardrails::{Action, Guarded, Guardrails};
pub use jwks::Jwks;
pub use jwt::Jwt;
pub use sidecar::EgressHost;
pub use telemetry::{AccessLogging, Metric, Metrics, Telemetry, Tracing};

use super::{
    Mesh, Rendered,
    duration::Duration,
    istio::{peer_authentication::MtlsMode, sidecar::Outbound},
    manifest::{Metadata, Texts, manifest},
    resiliency::{Preset, Retries},
    stage,
};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    object::{Key, Kind, ManagementScope, Object, Stage, Transition, kind},
    schema::Block,
};

/// The parts. The outer `Known` says whether it is written, which decides whether there is an object.
#[derive(Clone, Debug)]
pub struct GlobalDefaults {
    /// Whether workloads accept clear text.
    pub mtls: Known<Option<Known<MtlsMode>>>,
    /// What happens to calls that no policy allows.
    pub authorization: Known<Option<Authorization>>,
    /// Gateways of others that keep their way in.
    pub gateway_access: Known<Vec<GatewayAccess>>,
    /// What workloads may call; `None` inside: their own namespace and the root one.
    pub sidecar: Known<Option<Known<Option<BTreeSet<EgressHost>>>>>,
    /// What happens to calls to anything else.
    pub outbound_traffic_policy: Known<Option<Outbound>>,
    /// How failures are met.
    pub resiliency: Known<Option<Preset>>,
    /// Of requests to services that have no routes of their own.
    pub request_timeout: Known<Option<Duration>>,
    /// Likewise.
    pub retries: Block<Retries>,
    /// Ownership tokens are verified, in order.
    pub jwt: Known<Vec<Jwt>>,
    /// Whether requests must carry a verified token.
    pub require_end_user: Known<Option<RequireEndUser>>,
    /// Who is asked about requests.
    pub external_authorization: Known<Option<ExternalAuthorization>>,
    /// What proxies tell.
    pub telemetry: Known<Option<Telemetry>>,
    /// What the API server keeps others from.
    pub guardrails: Known<Option<Guardrails>>,
    /// On every object.
    pub labels: Known<Texts>,
    /// On every object.
    pub annotations: Known<Texts>,
}

/// The defaults, in their mesh.
#[derive(Clone, Copy, Debug)]
struct Site<'a> {
    defaults: &'a GlobalDefaults,
    mesh: &'a Mesh,
}

/// Every object that some configuration renders, but for those that carry a digest in their names.
pub fn could_render(mesh: &Mesh) -> Vec<(Key, Stage)> {
    let here = [
        (&kind::DESTINATION_RULE, "default", stage::TARGETS),
        (&kind::ENVOY_FILTER, resiliency::ROUTE, stage::TARGETS),
        (&kind::AUTHORIZATION_POLICY, authorization::AUDIT, stage::OPENING),
        (&kind::REQUEST_AUTHENTICATION, "default", stage::OPENING),
        (&kind::TELEMETRY, "default", stage::OPENING),
        (&kind::SIDECAR, "default", stage::ROUTES),
        (&kind::PEER_AUTHENTICATION, "default", stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, authorization::DENY_ALL, stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, end_user::NAME, stage::CLOSING),
        (&kind::AUTHORIZATION_POLICY, external::NAME, stage::CLOSING),
    ];
    let here = here.map(|(kind, name, stage)| (Key::new(kind, &mesh.root_namespace, name), stage));
    here.into_iter().chain(guardrails::could_render(mesh)).collect()
}

impl GlobalDefaults {
    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let site = Site { defaults: self, mesh };
        let mut objects = mtls::objects(&site)?;
        objects.extend(authorization::objects(&site)?);
        objects.extend(sidecar::objects(&site)?);
        objects.extend(resiliency::objects(&site)?);
        objects.extend(jwt::objects(&site)?);
        objects.extend(end_user::objects(&site)?);
        objects.extend(external::objects(&site)?);
        objects.extend(telemetry::objects(&site)?);
        objects.extend(guardrails::objects(&site)?);
        Ok(objects)
    }
}

impl Site<'_> {
    fn root(&self) -> &str {
        &self.mesh.root_namespace
    }

    fn key(&self, kind: &'static Kind, name: &str) -> Key {
        Key::new(kind, self.root(), name)
    }

    fn metadata(&self) -> Known<Metadata> {
        Ok(Metadata::of(self.mesh).and(as_known(&self.defaults.labels)?, as_known(&self.defaults.annotations)?))
    }

    /// An object; `origins` say which argument a field comes from.
    fn object(&self, key: Key, spec: &impl serde::Serialize, stage: Stage, origins: &[(&str, &str)]) -> Known<Object> {
        Ok(object(key, self.metadata()?, spec, stage, origins))
    }
}

fn object(
    key: Key,
    metadata: Metadata,
    spec: &impl serde::Serialize,
    stage: Stage,
    origins: &[(&str, &str)],
) -> Object {
    let shared = [("metadata.labels", "labels"), ("metadata.annotations", "annotations")];
    let origin = |(field, argument): &(&str, &str)| ((*field).to_owned(), Path::root().attribute(argument));
    Object {
        body: manifest(&key, metadata, spec),
        key,
        scope: ManagementScope::Whole,
        stage,
        transition: Transition::InPlace,
        origins: shared.iter().chain(origins).map(origin).collect(),
    }
}
