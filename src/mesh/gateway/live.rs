//! Live checks of a gateway: routes that are bound to it, and that it wouldn't serve. Pure: facts in, findings out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Gateway;
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::checks::{Code::GatewayHost, Findings, LiveQuery},
    object::kind,
    query::{Query, QueryResults},
};

/// So many are named.
const NAMED: usize = 3;

impl Gateway {
    /// What the live checks want to know.
    pub fn live_queries(&self) -> Vec<LiveQuery> {
        vec![LiveQuery { query: Query::list_all_namespaces(&kind::VIRTUAL_SERVICE), checks: &[GatewayHost] }]
    }

    /// The live checks.
    pub fn live_checks(&self, found: &QueryResults, out: &mut Findings) {
        let Ok(routes) = found.list_all_namespaces(&kind::VIRTUAL_SERVICE) else { return };
        let lost: BTreeSet<String> = routes.iter().flat_map(|live| self.unserved(live).unwrap_or_default()).collect();
        if lost.is_empty() {
            return;
        }
        let first: Vec<_> = lost.iter().take(NAMED).map(String::as_str).collect();
        let more = match lost.len().saturating_sub(first.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.report(
            GatewayHost,
            "server",
            "The gateway doesn't serve hosts that are routed",
            &format!(
                "Routes are bound to this gateway for {}{more}, and no server has the host for that namespace, so nobody gets \
                 there. Add the hosts to a server, or take them out of the routes.",
                first.join(", ")
            ),
        );
    }

    /// Hosts of a VirtualService that is bound to this gateway, and that no server has for its namespace.
    fn unserved(&self, live: &Json) -> Known<Vec<String>> {
        let (namespace, name) = (self.namespace.required()?, self.name.required()?);
        let servers = self.server.known()?;
        let home = text(live, &["metadata", "namespace"]).unwrap_or_default();
        let words = |path: &[&str]| -> Vec<String> {
            let items = at(live, path).as_array().into_iter().flatten();
            items.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let (whole, short) = (format!("{namespace}/{name}"), home == namespace);
        let bound = words(&["spec", "gateways"]).iter().any(|bound| *bound == whole || short && bound == name);
        let mut lost = Vec::new();
        for host in words(&["spec", "hosts"]).into_iter().filter(|_| bound) {
            let mut served = false;
            for server in servers {
                served |= server.serves(&host, home)?;
            }
            if !served {
                lost.push(format!("{host} ({home}/{})", text(live, &["metadata", "name"]).unwrap_or_default()));
            }
        }
        Ok(lost)
    }
}
