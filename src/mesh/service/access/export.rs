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
        service::{Site, ingress},
    },
};

/// The callers that are admitted once the policies are enforced. Callers that `deny` refuses are among them.
pub(super) fn allowed(site: &Site) -> Known<BTreeSet<Caller>> {
    let mut callers: BTreeSet<Caller> = access_caller(site)?.into_iter().collect();
    for block in site.service.allow()? {
        callers.extend(block.callers(site)?);
    }
    callers.extend(ingress::callers(site)?);
    Ok(callers)
}

/// The callers that are admitted in the present mode.
pub(in crate::mesh::service) fn callers(site: &Site) -> Known<BTreeSet<Caller>> {
    if site.authorization_mode()? == AuthorizationMode::Enforce {
        allowed(site)
    } else {
        Ok(BTreeSet::from([Caller::Anonymous]))
    }
}

/// The namespaces that see the service: those of `export_to`, or those of its callers. Its own and those of gateways are always
/// among them.
pub(in crate::mesh::service) fn export_to(site: &Site) -> Known<ExportTo> {
    let namespaces = match site.service.authorization.export_to.elements()? {
        Some(namespaces) => namespaces.clone(),
        None => namespaces_of(&callers(site)?),
    };
    if namespaces.contains("*") {
        return Ok(ExportTo::from(["*".to_owned()]));
    }
    let own = |namespace: &String| namespace == "." || namespace == site.namespace;
    let gateways = ingress::callers(site)?.into_iter().filter_map(|gateway| gateway.namespace().map(str::to_owned));
    let others = namespaces.into_iter().chain(gateways).chain(site.mesh.gateway_namespaces.iter().cloned());
    Ok(std::iter::once(".".to_owned()).chain(others.filter(|namespace| !own(namespace))).collect())
}

/// The namespaces of callers. Where any workload may call, or nothing is enforced yet, these are all namespaces.
fn namespaces_of(callers: &BTreeSet<Caller>) -> BTreeSet<String> {
    callers.iter().map(|caller| caller.namespace().unwrap_or("*").to_owned()).collect()
}

/// The argument that the list of namespaces follows from.
pub(in crate::mesh::service) fn argument(site: &Site) -> Path {
    let is_set = site.service.authorization.export_to.is_set();
    Path::root().attribute(if is_set { "export_to" } else { "allow" })
}
