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
    /// What holds for the whole mesh where nobody says otherwise: one per cluster and root namespace. Nothing holds that isn't
    /// written.
    pub struct GlobalDefaults {
        /// What happens to calls that nothing in the mesh declares: they fail (`registry_only`) or leave the mesh as they are
        /// (`allow_any`). Absent: `registry_only` with a `sidecar` block, else what the installation says.
        outbound_traffic_policy: Attr<OutboundMode> = optional(),
        /// Resiliency preset for services that set none of it themselves: limits and ejection where they have no DestinationRule,
        /// retries where their routes set neither timeout nor retries. `none` switches retries off, and writes no limits. Without it
        /// Istio's defaults hold.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries, to services whose routes set neither timeout nor retries. It cuts their
        /// streams as well. Without it there is no timeout.
        request_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Labels on every object of this resource.
        labels: Map<String> = optional(),
        /// Annotations on every object of this resource.
        /// Sensitive values show in clear, in `objects` and in the cluster.
        annotations: Map<String> = optional(),
        /// Whether a destroy is refused; false unless written.
        deletion_protection: Attr<bool> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them.
        adopt_existing: Attr<bool> = optional(),
        /// `owner` of another configuration of this provider, of which objects of the same names are taken over. Defaults to
        /// none: the plan refuses objects of every other owner, with `adopt_existing` too. Give them up there first, with a
        /// `removed` block or `terraform state rm`, or the two configurations take them from each other.
        adopt_from_owner: Attr<String> = optional().text(names::OWNER, names::is_owner),
        /// Whether workloads accept clear text from each other. Absent: what the installation says.
        mtls: Block<Mtls> = block(),
        /// What happens to calls that no policy allows. Absent: what the installation says.
        authorization: Block<Authorization> = block(),
        /// A gateway of somebody else, which keeps its way in while calls that no policy allows are refused; one block for each.
        gateway_access: Blocks<GatewayAccess> = block(),
        /// What workloads may call, where their service doesn't say `calls`. Absent: everything in the mesh.
        sidecar: Block<Sidecar> = block(),
        /// Retries of requests to services whose routes set neither timeout nor retries. Each field overrides the preset's value.
        retries: Block<Retries> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`) in the DestinationRule of `resiliency`, which has outlier detection.
        load_balancing: Block<LoadBalancing> = block(),
        /// An issuer whose tokens workloads verify; one block for each. A request with a wrong token is refused, one without
        /// passes: `require_end_user`, here or on a service, asks for one.
        jwt: Blocks<Jwt> = block(),
        /// Whether requests must carry a verified token of an end user. Absent: they needn't.
        require_end_user: Block<RequireEndUser> = block(),
        /// Whom proxies ask about requests, before they look at any other rule. Absent: nobody.
        external_authorization: Block<ExternalAuthorization> = block(),
        /// What proxies report of requests; one block for each `selector`. Defaults to what the installation says.
        telemetry: Blocks<Telemetry> = block(),
        /// What the API server keeps teams from, whatever their rights allow. Absent: nothing.
        guardrails: Block<Guardrails> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
        /// How long operations may take.
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
