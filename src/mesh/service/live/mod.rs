//! Live checks of a service: contradictions between its arguments and the objects in the cluster. The functions are pure:
//! the results of queries go in, findings come out.
//!
//! The checks compare the rendered objects with the live ones, so an object that isn't rendered (of an unmanaged kind, or of
//! a policy that is off) isn't checked. A check is skipped where it needs an unknown value or a query without a result.
//!
//! | file | checks |
//! | --- | --- |
//! | [`view`], [`queries`] | none: the input of the checks, and their queries |
//! | [`namespace`] | sidecar injection, ambient mode |
//! | [`workload`] | pods, the service account |
//! | [`service`] | the live Service: ports, selector, type |
//! | [`visibility`] | namespaces that will no longer see the Service |
//! | [`outbound`] | the policy for calls of unknown hosts |
//! | [`calls`] | existence and visibility of the callees |
//! | [`callee_policies`] | authorization policies of the callees |
//! | [`conflicts`] | Istio objects of other tools for the same host or the same pods |
//! | [`other_policies`] | AuthorizationPolicies of other tools for the same pods |
//! | [`namespace_allow`] | callers that the namespace's own policy admits |
//! | [`second_services`] | other Services of the same pods |
//! | [`authorization`] | settings of the mesh that affect the policies: path normalization, mutual TLS, authorizers |
//! | [`other_resources`] | other `mesh_service` resources with the same pods or service account |
//! | [`global_name`] | objects of other tools for the same global name |
//! | [`hidden_defaults`] | defaults of the mesh that the objects of the service hide |
//! | [`locality`] | locality load balancing that the DestinationRule switches off |
//! | [`gateway_routes`] | VirtualServices that match the same at a gateway |
//! | [`gateway_accounts`] | service accounts of the gateways of `ingress` blocks |
//! | [`route_targets`] | other Services and external hosts that routes send requests to |
//! | [`references`] | objects that rules, routes and policies name: versions, Gateways, issuers, authorizers |

mod authorization;
mod callee_policies;
mod caller_identity;
mod calls;
mod conflicts;
mod gateway_accounts;
mod gateway_routes;
mod global_name;
mod hidden_defaults;
mod locality;
mod namespace;
mod namespace_allow;
mod other_policies;
mod other_resources;
mod outbound;
mod queries;
mod references;
mod route_targets;
mod second_services;
mod service;
mod view;
mod visibility;
mod workload;

use queries::LiveQueries;
use view::ServiceView;

use super::Service;
use crate::{
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
    },
    query::QueryResults,
};

impl Service {
    /// The queries of the live checks. A query that needs an unknown value is left out.
    pub fn live_queries(&self, mesh: &Mesh, rendered: &Rendered) -> Vec<LiveQuery> {
        let results = QueryResults::default();
        let Ok(view) = ServiceView::new(self, mesh, rendered, &results) else { return Vec::new() };
        let mut queries = LiveQueries::default();
        for add_queries in QUERIES {
            add_queries(&view, &mut queries);
        }
        queries.0
    }

    /// The live checks.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        let Ok(view) = ServiceView::new(self, mesh, rendered, results) else { return };
        if matches!(view.live_namespace(), Ok(None)) {
            // The plan of the objects reports the missing namespace, in which there is nothing to check.
            return;
        }
        for check in CHECKS {
            check(&view, out);
        }
    }
}

/// The queries of each file.
const QUERIES: [fn(&ServiceView, &mut LiveQueries); 20] = [
    namespace::live_queries,
    workload::live_queries,
    service::live_queries,
    visibility::live_queries,
    outbound::live_queries,
    calls::live_queries,
    callee_policies::live_queries,
    conflicts::live_queries,
    other_policies::live_queries,
    namespace_allow::live_queries,
    authorization::live_queries,
    second_services::live_queries,
    other_resources::live_queries,
    global_name::live_queries,
    hidden_defaults::live_queries,
    locality::live_queries,
    gateway_accounts::live_queries,
    gateway_routes::live_queries,
    route_targets::live_queries,
    references::live_queries,
];

/// The checks of each file, in the order of their findings.
const CHECKS: [fn(&ServiceView, &mut Findings); 20] = [
    namespace::live_checks,
    workload::live_checks,
    service::live_checks,
    visibility::live_checks,
    outbound::live_checks,
    calls::live_checks,
    callee_policies::live_checks,
    conflicts::live_checks,
    other_policies::live_checks,
    namespace_allow::live_checks,
    authorization::live_checks,
    second_services::live_checks,
    other_resources::live_checks,
    global_name::live_checks,
    hidden_defaults::live_checks,
    locality::live_checks,
    gateway_accounts::live_checks,
    gateway_routes::live_checks,
    route_targets::live_checks,
    references::live_checks,
];
