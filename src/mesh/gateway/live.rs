//! Live checks of a gateway: VirtualServices that are bound to it for hosts that it doesn't serve. The functions are pure:
//! the results of queries go in, findings come out. The checks of its policy are in [`super::live_authorization`].

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Gateway;
use crate::{
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Code::GatewayHost, Findings, LiveQuery},
        live_objects::{namespace, namespaced_name, strings, summarize_names},
    },
    object::kind,
    query::{Query, QueryResults},
};

impl Gateway {
    /// The queries of the live checks.
    pub fn live_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let mut queries =
            vec![LiveQuery { query: Query::list_all_namespaces(&kind::VIRTUAL_SERVICE), checks: &[GatewayHost] }];
        queries.extend(self.policy_queries(mesh));
        queries.extend(self.scope_queries(mesh));
        queries
    }

    /// The live checks. A VirtualService is skipped where its check needs an unknown value.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        self.policy_checks(mesh, rendered, results, out);
        self.scope_checks(mesh, results, out);
        let Ok(virtual_services) = results.list_all_namespaces(&kind::VIRTUAL_SERVICE) else { return };
        let unserved: BTreeSet<String> =
            virtual_services.iter().flat_map(|live| self.unserved_hosts(live).unwrap_or_default()).collect();
        if !unserved.is_empty() {
            out.report(
                GatewayHost,
                "server",
                "The gateway doesn't serve hosts that are routed",
                &format!(
                    "Routes are bound to this gateway for {}, and no server has the host for that namespace, so no request gets there. Add the hosts to a server, or take them out of the routes.",
                    summarize_names(unserved.iter().map(String::as_str))
                ),
            );
        }
    }

    /// The hosts of a VirtualService that is bound to this gateway, if no server serves them for its namespace. Each has the
    /// form of the message, `host (namespace/name)`.
    fn unserved_hosts(&self, virtual_service: &Json) -> Known<Vec<String>> {
        if !self.is_bound(virtual_service)? {
            return Ok(Vec::new());
        }
        let mut unserved = Vec::new();
        for host in strings(virtual_service, &["spec", "hosts"]) {
            if !self.serves(host, namespace(virtual_service))? {
                unserved.push(format!("{host} ({})", namespaced_name(virtual_service)));
            }
        }
        Ok(unserved)
    }

    /// Whether a VirtualService names this gateway, as `namespace/name` or, in the namespace of the gateway, as `name`.
    fn is_bound(&self, virtual_service: &Json) -> Known<bool> {
        let (own_namespace, own_name) = (self.namespace.required()?, self.name.required()?);
        let qualified_name = format!("{own_namespace}/{own_name}");
        let is_local = namespace(virtual_service) == own_namespace;
        let mut gateways = strings(virtual_service, &["spec", "gateways"]);
        Ok(gateways.any(|gateway| gateway == qualified_name || is_local && gateway == own_name))
    }

    /// Whether a server serves a host for routes of a namespace.
    fn serves(&self, host: &str, route_namespace: &str) -> Known<bool> {
        let mut is_served = false;
        for server in self.server.known()? {
            is_served |= server.serves(host, route_namespace)?;
        }
        Ok(is_served)
    }
}
