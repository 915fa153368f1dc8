//! Everybody who may call, and the namespaces that see the service: one list for its Service, DestinationRule,
//! VirtualService and ServiceEntry, since one that is seen without another it needs answers 503.

use std::collections::BTreeSet;

use super::{AuthorizationMode, allow::access_caller};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        istio::ExportTo,
        reference::Caller,
        service::{Site, ingress},
    },
};

/// Everybody who may call, once it is enforced. What `deny` refuses isn't taken away.
pub(super) fn allowed(site: &Site) -> Known<BTreeSet<Caller>> {
    let mut callers: BTreeSet<Caller> = access_caller(site)?.into_iter().collect();
    for block in site.service.allow()? {
        callers.extend(block.callers(site)?);
    }
    callers.extend(ingress::callers(site)?);
    Ok(callers)
}

/// Everybody who may call today.
pub(in crate::mesh::service) fn callers(site: &Site) -> Known<BTreeSet<Caller>> {
    if site.authorization_mode()? == AuthorizationMode::Enforce {
        allowed(site)
    } else {
        Ok(BTreeSet::from([Caller::Anonymous]))
    }
}

/// The namespaces that see the service: those that `export_to` lists, or those of its callers; beside them always its own,
/// without which it would be hidden from itself, and the gateways'.
pub(in crate::mesh::service) fn export_to(site: &Site) -> Known<ExportTo> {
    let namespaces = match as_known(&site.service.authorization.export_to)? {
        Some(written) => written.clone(),
        None => of_callers(&callers(site)?),
    };
    if namespaces.contains("*") {
        return Ok(ExportTo::from(["*".to_owned()]));
    }
    let own = |namespace: &String| namespace == "." || namespace == site.namespace;
    let gateways = ingress::callers(site)?.into_iter().filter_map(|gateway| gateway.namespace().map(str::to_owned));
    let others = namespaces.into_iter().chain(gateways).chain(site.mesh.gateway_namespaces.iter().cloned());
    Ok(std::iter::once(".".to_owned()).chain(others.filter(|namespace| !own(namespace))).collect())
}

/// All, where anybody may call or nothing is enforced yet: whoever calls today without being named still does tomorrow.
fn of_callers(callers: &BTreeSet<Caller>) -> BTreeSet<String> {
    callers.iter().map(|caller| caller.namespace().unwrap_or("*").to_owned()).collect()
}

/// The argument that the export follows from.
pub(in crate::mesh::service) fn argument(site: &Site) -> Path {
    let written = matches!(site.service.authorization.export_to, Ok(Some(_)));
    Path::root().attribute(if written { "export_to" } else { "allow" })
}
