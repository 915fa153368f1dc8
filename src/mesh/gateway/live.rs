//! Live checks: routes that are bound to a gateway for hosts that it doesn't serve. The functions are pure: the results of
//! queries go in, findings come out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Gateway;
use crate::{
    known::Known,
    mesh::{
        checks::{Code::GatewayHost, Findings, LiveQuery},
        live_objects,
    },
    object::kind,
    query::{Query, QueryResults},
};

/// The number of hosts that a finding names. It only counts the others.
const MAX_NAMED_HOSTS: usize = 3;

impl Gateway {
    /// The queries of the live checks.
    pub fn live_queries(&self) -> Vec<LiveQuery> {
        vec![LiveQuery { query: Query::list_all_namespaces(&kind::VIRTUAL_SERVICE), checks: &[GatewayHost] }]
    }

    /// The live checks.
    pub fn live_checks(&self, results: &QueryResults, out: &mut Findings) {
        let Ok(routes) = results.list_all_namespaces(&kind::VIRTUAL_SERVICE) else { return };
        let unserved: BTreeSet<String> =
            routes.iter().flat_map(|live| self.unserved_hosts(live).unwrap_or_default()).collect();
        if unserved.is_empty() {
            return;
        }
        let first: Vec<_> = unserved.iter().take(MAX_NAMED_HOSTS).map(String::as_str).collect();
        let more = match unserved.len().saturating_sub(first.len()) {
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

    /// The hosts of a VirtualService that no server serves for its namespace; none if it isn't bound to this gateway.
    fn unserved_hosts(&self, live: &Json) -> Known<Vec<String>> {
        let (namespace, name) = (self.namespace.required()?, self.name.required()?);
        let servers = self.server.known()?;
        let route_namespace = live_objects::namespace(live);
        // A VirtualService may name a gateway of its own namespace without the namespace.
        let qualified_name = format!("{namespace}/{name}");
        let is_bound = live_objects::strings(live, &["spec", "gateways"])
            .any(|gateway| gateway == qualified_name || route_namespace == namespace && gateway == name);
        let mut unserved = Vec::new();
        for host in live_objects::strings(live, &["spec", "hosts"]).filter(|_| is_bound) {
            let mut is_served = false;
            for server in servers {
                is_served |= server.serves(host, route_namespace)?;
            }
            if !is_served {
                unserved.push(format!("{host} ({})", live_objects::namespaced_name(live)));
            }
        }
        Ok(unserved)
    }
}
