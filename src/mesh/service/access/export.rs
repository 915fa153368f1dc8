//! All callers of the service, and the namespaces that see it. Its Service, DestinationRule, VirtualService and ServiceEntry
//! share one list of namespaces: a proxy that sees a route without its subsets answers 503.

use std::collections::BTreeSet;

use super::{AuthorizationMode, allow::access_caller};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::ExportTo,
        reference::Caller,
        service::{ServiceContext, ingress},
    },
};

/// Returns the callers that are admitted once the policies are enforced. Callers that `deny` refuses are among them.
pub(super) fn enforced_callers(context: &ServiceContext) -> Known<BTreeSet<Caller>> {
    let mut callers: BTreeSet<Caller> = access_caller(context)?.into_iter().collect();
    for block in context.service.allow()? {
        callers.extend(block.callers(context)?);
    }
    callers.extend(ingress::callers(context)?);
    Ok(callers)
}

/// Returns the callers that are admitted in the present mode.
pub(in crate::mesh::service) fn callers(context: &ServiceContext) -> Known<BTreeSet<Caller>> {
    if context.authorization_mode()? == AuthorizationMode::Enforce {
        enforced_callers(context)
    } else {
        Ok(BTreeSet::from([Caller::Anonymous]))
    }
}

/// The namespaces that see the service: those of `export_to`, or those of its callers. Its own and those of gateways are always
/// among them.
pub(in crate::mesh::service) fn export_to(context: &ServiceContext) -> Known<ExportTo> {
    let namespaces = match context.service.authorization.export_to.elements()? {
        Some(namespaces) => namespaces.clone(),
        None => namespaces_of(&callers(context)?),
    };
    if namespaces.contains("*") {
        return Ok(ExportTo::from(["*".to_owned()]));
    }
    let is_own = |namespace: &String| namespace == "." || namespace == context.namespace;
    let gateways = ingress::callers(context)?.into_iter().filter_map(|gateway| gateway.namespace().map(str::to_owned));
    let others = namespaces.into_iter().chain(gateways).chain(context.mesh.gateway_namespaces.iter().cloned());
    Ok(std::iter::once(".".to_owned()).chain(others.filter(|namespace| !is_own(namespace))).collect())
}

/// The namespaces of callers. Where any workload may call, or nothing is enforced yet, these are all namespaces.
fn namespaces_of(callers: &BTreeSet<Caller>) -> BTreeSet<String> {
    callers.iter().map(|caller| caller.namespace().unwrap_or("*").to_owned()).collect()
}

/// The argument that determines the list of namespaces.
pub(in crate::mesh::service) fn argument(context: &ServiceContext) -> Path {
    let is_set = context.service.authorization.export_to.is_set();
    Path::root().attribute(if is_set { "export_to" } else { "allow" })
}
