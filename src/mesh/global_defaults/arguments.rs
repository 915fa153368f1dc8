//! The arguments of `mesh_global_defaults`. The blocks are declared in the files that render them.

use super::{
    authorization::{Authorization, GatewayAccess},
    external_authorization::ExternalAuthorization,
    guardrails::Guardrails,
    jwt::Jwt,
    mtls::Mtls,
    require_end_user::RequireEndUser,
    sidecar::Sidecar,
};
use crate::{
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::sidecar::OutboundMode,
        names,
        overrides::Override,
        resiliency::{LoadBalancing, Preset, Retries},
        telemetry::Telemetry,
        timeouts::Timeouts,
    },
    model,
    schema::{
        Attr, Block, Blocks, Map,
        model::{block, optional},
    },
};

model! {
    /// Defaults of the whole mesh: mutual TLS, authorization, outbound traffic, resiliency, tokens of end users
    /// and guardrails. There is one per cluster and root namespace. Only arguments that are set have an effect.
    pub struct GlobalDefaults {
        /// Calls of hosts that the mesh doesn't know (`outboundTrafficPolicy` of the mesh's Sidecar).
        /// `registry_only`: they fail. `allow_any`: they leave the mesh unchanged. Defaults to `registry_only`
        /// with a `sidecar` block, otherwise to `meshConfig`.
        outbound_traffic_policy: Attr<OutboundMode> = optional(),
        /// Resiliency preset for services without their own settings: limits and outlier detection if they have
        /// no DestinationRule, retries if their routes set neither timeout nor retries. `none` switches retries
        /// off and writes no limits. Without it Istio's defaults apply.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries, for services whose routes set neither timeout nor
        /// retries. It ends their streams as well. Without it there is no timeout.
        request_timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Labels of every object of this resource, in addition to the provider's `labels`. Defaults to none.
        labels: Map<String> = optional(),
        /// Annotations of every object of this resource, in addition to the provider's `annotations`. Sensitive
        /// values are shown in clear text in `objects` and in the cluster. Defaults to none.
        annotations: Map<String> = optional(),
        /// Whether plans that delete the resource are refused. Apply `false` before deleting it. Defaults to
        /// `false`.
        deletion_protection: Attr<bool> = optional(),
        /// Whether existing objects of the same names that have no `owner` (those of other tools) are taken over.
        /// With `false` the plan fails and names the tool that wrote them. For objects of another `owner` see
        /// `adopt_from_owner`. Defaults to `false`.
        adopt_existing: Attr<bool> = optional(),
        /// Value of `owner` in another configuration of this provider, whose objects of the same names are taken over
        /// (see the guide "Adopting existing objects"). Release them there first, with a `removed` block or
        /// `terraform state rm`: otherwise the two configurations take them from each other. Defaults to none: the
        /// plan refuses objects of every other owner, even with `adopt_existing`.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Mutual TLS between all workloads (`PeerAuthentication`). Without the block `meshConfig` and Istio's
        /// default (`permissive`) apply.
        mtls: Block<Mtls> = block(),
        /// Requests that no policy allows (deny-all `AuthorizationPolicy`). Without the block Istio admits them.
        authorization: Block<Authorization> = block(),
        /// Gateway of another tool that keeps admitting clients when other requests are denied by default. One
        /// block for each gateway.
        gateway_access: Blocks<GatewayAccess> = block(),
        /// Destinations of workloads whose service and namespace set no `calls` (`Sidecar`). Without the block
        /// their proxies know every service of the mesh.
        sidecar: Block<Sidecar> = block(),
        /// Retries of requests to services whose routes set neither timeout nor retries. Each field overrides the preset's value.
        retries: Block<Retries> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`) in the DestinationRule of `resiliency`, which
        /// has outlier detection.
        load_balancing: Block<LoadBalancing> = block(),
        /// Issuer whose tokens workloads verify (`RequestAuthentication`), one block for each; also the headers,
        /// cookies and query parameters in which they look for tokens. A request with an invalid token gets status
        /// 401, a request without one passes: `require_end_user`, here or in a `mesh_service`, requires a token.
        jwt: Blocks<Jwt> = block(),
        /// Refusal of requests without a verified token of an end user. Without the block they are admitted.
        require_end_user: Block<RequireEndUser> = block(),
        /// External authorizer that decides about requests before any other policy does (action `CUSTOM`).
        /// Without the block no authorizer is asked.
        external_authorization: Block<ExternalAuthorization> = block(),
        /// Tracing, access logs and metrics of all proxies (`Telemetry`), one block for each `selector`. Without
        /// blocks the installation's configuration applies.
        telemetry: Blocks<Telemetry> = block(),
        /// Rules of the API server for objects of teams, which apply even to users with all rights
        /// (`ValidatingAdmissionPolicy`). Without the block there are none.
        guardrails: Block<Guardrails> = block(),
        /// JSON merge patch of a rendered object, for an Istio field that no argument sets.
        r#override: Blocks<Override> = block(),
        /// Time limits of operations on this resource.
        timeouts: Block<Timeouts> = block(),
    }
}

impl GlobalDefaults {
    /// Whether proxies let through requests to hosts that the mesh doesn't know. By default they don't if there is a `sidecar`
    /// block; without one, the mesh configuration decides, which is `None`.
    pub(super) fn outbound_traffic_policy(&self) -> Known<Option<OutboundMode>> {
        Ok(match self.outbound_traffic_policy.copied()? {
            None if self.sidecar.known()?.is_some() => Some(OutboundMode::RegistryOnly),
            policy => policy,
        })
    }
}
