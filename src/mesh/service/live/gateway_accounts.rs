//! The service accounts of the gateways that `ingress` blocks name: a rule for another account doesn't let a gateway in.

use super::{caller_identity::CallerIdentity, queries::LiveQueries, view::ServiceView};
use crate::{
    known::Known,
    mesh::{
        checks::{Code::GatewayAccount, Findings},
        live_objects::name,
        names,
        recorded_gateway::{GatewayWorkloads, recorded_workloads},
        service::Ingress,
    },
    object::kind,
    schema::At,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if view.allow_policies().next().is_none() {
        return;
    }
    for block in view.context.service.ingress.known().into_iter().flatten() {
        if let Ok(gateway) = block.gateway.required() {
            queries.list(&kind::GATEWAY, &gateway.namespace, &[GatewayAccount]);
        }
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    for block in view.context.service.ingress.known().into_iter().flatten() {
        // A block is skipped where its check needs an unknown value or a query without a result.
        let _ = check_account(view, block, out);
    }
}

fn check_account(view: &ServiceView, block: &At<Ingress>, out: &mut Findings) -> Known<()> {
    let gateway = block.gateway.required()?;
    let gateways = view.results.list(&kind::GATEWAY, &gateway.namespace)?;
    let live = gateways.into_iter().find(|live| name(live) == gateway.name);
    let Some(GatewayWorkloads { namespace: home, service_account: account }) = live.and_then(recorded_workloads) else {
        return Ok(());
    };
    let principal = names::principal(&view.context.mesh.trust_domain, &home, &account);
    let identity = CallerIdentity { principal, namespace: &home, account: &account };
    let mut policies = view.allow_policies().peekable();
    if policies.peek().is_some() && !policies.any(|policy| identity.may_be_allowed_by(policy)) {
        let (namespace, name) = (&gateway.namespace, &gateway.name);
        out.report_at(
            GatewayAccount,
            block.at.attribute("service_account"),
            "The gateway has another service account",
            &format!(
                "The workloads of mesh_gateway {namespace}/{name} run as {home}/{account}, which no rule admits: requests \
                 through the gateway get 403. Write service_account = \"{home}/{account}\" in the ingress block.",
            ),
        );
    }
    Ok(())
}
