//! The service accounts of the gateways that `ingress` blocks name: a rule for another account doesn't let a gateway in.

use serde_json::Value as Json;

use super::{caller_identity::CallerIdentity, queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        checks::{Code::GatewayAccount, Findings},
        live_objects::name,
        names,
        service::Ingress,
    },
    object::{annotation, kind, resource_id, resource_type},
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
    let Some(account) = gateways.into_iter().find(|live| name(live) == gateway.name).and_then(recorded_account) else {
        return Ok(());
    };
    let principal = names::principal(&view.context.mesh.trust_domain, &gateway.namespace, &account);
    let identity = CallerIdentity { principal: &principal, namespace: &gateway.namespace, account: &account };
    let mut policies = view.allow_policies().peekable();
    if policies.peek().is_some() && !policies.any(|policy| identity.may_be_allowed_by(policy)) {
        let (namespace, name) = (&gateway.namespace, &gateway.name);
        out.report_at(
            GatewayAccount,
            block.at.attribute("service_account"),
            "The gateway has another service account",
            &format!(
                "The workloads of mesh_gateway {namespace}/{name} run as {namespace}/{account}, which no rule admits: requests \
                 through the gateway get 403. Write service_account = \"{namespace}/{account}\" in the ingress block.",
            ),
        );
    }
    Ok(())
}

/// The service account that a `mesh_gateway` records: by default its name. Gateways of other tools say nothing about the
/// accounts of their workloads.
fn recorded_account(live: &Json) -> Option<String> {
    let annotation = |key: &str| text(live, &["metadata", "annotations", key]);
    resource_id(resource_type::GATEWAY, annotation(annotation::RESOURCE)?)?;
    let arguments: Json = serde_json::from_str(annotation(annotation::ARGUMENTS)?).ok()?;
    Some(text(&arguments, &["service_account"]).unwrap_or_else(|| name(live)).to_owned())
}
