//! All callers of the service, and the namespaces that see it. Its Service, DestinationRule and VirtualService share one list of
//! namespaces: a proxy that sees a route without its subsets answers 503.

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

/// The namespaces that see the Service, its DestinationRule and its VirtualService: those of `export_to`, or else those of its
/// callers if the mesh refuses calls of unknown hosts. Where it doesn't, the calls of a proxy from which the service is hidden
/// would leave as clear text, so every namespace sees it, and policies refuse.
pub(in crate::mesh::service) fn export_to(context: &ServiceContext) -> Known<ExportTo> {
    if is_written(context)? || context.mesh.installed.refuses_unknown_hosts() {
        narrowed_export_to(context)
    } else {
        Ok(ExportTo::from(["*".to_owned()]))
    }
}

/// The namespaces that see the global name: those of `export_to`, or those of its callers. In others the name doesn't exist, so
/// calls fail before anything is sent. Where proxies don't answer DNS queries, a TCP port of a ServiceEntry takes the calls of
/// all destinations on that port, so fewer namespaces are better in any mesh.
pub(in crate::mesh::service) fn global_name_export_to(context: &ServiceContext) -> Known<ExportTo> {
    narrowed_export_to(context)
}

/// Whether the `exportTo` annotation of a Service that another tool manages is set: for a written `export_to`, where the
/// service is hidden from namespaces that may not call it, and beside a route or rule (`is_routed`), which takes a Service that
/// the same namespaces see. Else another tool's annotation, or the default of the mesh, stays.
pub(in crate::mesh::service) fn sets_annotation(context: &ServiceContext, is_routed: bool) -> Known<bool> {
    let follows_callers =
        context.mesh.installed.refuses_unknown_hosts() && context.authorization_mode()? == AuthorizationMode::Enforce;
    Ok(is_routed || follows_callers || is_written(context)?)
}

fn is_written(context: &ServiceContext) -> Known<bool> {
    Ok(context.service.authorization.export_to.known()?.is_some())
}

/// The service's own namespace and those of gateways, with those of `export_to` or of the callers.
fn narrowed_export_to(context: &ServiceContext) -> Known<ExportTo> {
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
