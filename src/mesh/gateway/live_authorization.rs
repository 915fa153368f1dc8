//! Live checks of the gateway's policy: other Gateways on the same pods whose hosts it refuses, a deny-all under which nothing lets
//! clients in, paths that the mesh doesn't normalize, and issuers of tokens that nothing verifies.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Gateway;
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{ClosedGateway, MissingIssuer, PathNormalization, RefusedGatewayHost},
            Findings, LiveQuery,
        },
        live_issuers::{self, Workloads},
        live_objects::{
            hosts_overlap, items, name, namespace, namespaced_name, selector_matches_labels, string_map, strings,
            summarize_names,
        },
        live_policies::{admits_clients, applies, check_path_normalization, is_enforced, rendered_bodies},
        mesh_config,
        service::AuthorizationMode,
    },
    object::kind,
    query::{Query, QueryResults},
};

impl Gateway {
    /// The queries of these checks.
    pub(super) fn policy_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let Ok(home) = self.workload_namespace() else { return Vec::new() };
        let policies = BTreeSet::from([home, &mesh.root_namespace]);
        let policies = policies.into_iter().map(|namespace| Query::list(&kind::AUTHORIZATION_POLICY, namespace));
        let mut queries: Vec<LiveQuery> =
            policies.map(|query| LiveQuery { query, checks: &[ClosedGateway, RefusedGatewayHost] }).collect();
        if self.authorization_mode() == Ok(AuthorizationMode::Enforce) {
            let query = Query::list_all_namespaces(&kind::GATEWAY);
            queries.push(LiveQuery { query, checks: &[RefusedGatewayHost] });
        }
        if matches!(self.allow.known(), Ok(blocks) if blocks.iter().any(|block| block.paths.is_set())) {
            let keys = mesh_config::keys(mesh).map(Query::Get);
            queries.extend(keys.map(|query| LiveQuery { query, checks: &[PathNormalization] }));
        }
        if matches!(self.allow.known(), Ok(blocks) if blocks.iter().any(|block| block.end_user.is_set())) {
            let namespaces = BTreeSet::from([home, &mesh.root_namespace]).into_iter();
            let lists = namespaces.map(|namespace| Query::list(&kind::REQUEST_AUTHENTICATION, namespace));
            queries.extend(lists.map(|query| LiveQuery { query, checks: &[MissingIssuer] }));
        }
        queries
    }

    /// Each check is skipped where it needs an unknown value or a query without a result.
    pub(super) fn policy_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        let policy = rendered_bodies(rendered, &kind::AUTHORIZATION_POLICY).next();
        check_path_normalization(policy.into_iter(), &mesh_config::read(mesh, results), out);
        if let (Ok(namespace), Ok(labels)) = (self.workload_namespace(), self.selector()) {
            let workloads = Workloads { name: "this gateway", namespace, labels: &labels };
            let _ = live_issuers::check(policy.as_slice(), &workloads, mesh, results, out);
        }
        let _ = match (self.authorization_mode(), policy) {
            (Ok(AuthorizationMode::Enforce), Some(policy)) => self.check_other_gateways(mesh, policy, results, out),
            (Ok(AuthorizationMode::Off | AuthorizationMode::DryRun), _) => self.check_is_open(mesh, results, out),
            _ => Ok(()),
        };
    }

    /// The enforced ALLOW policies of the gateway's pods, without its own.
    fn other_allow_policies<'a>(&self, mesh: &Mesh, results: &'a QueryResults) -> Known<Vec<&'a Json>> {
        let (home, root, labels) = (self.workload_namespace()?, &mesh.root_namespace, self.selector()?);
        let own = self.policy_key()?.name;
        let mut policies = results.list(&kind::AUTHORIZATION_POLICY, home)?;
        if home != root {
            // Not every pipeline may read the root namespace.
            policies.extend(results.list(&kind::AUTHORIZATION_POLICY, root).unwrap_or_default());
        }
        policies.retain(|policy| {
            let is_own = namespace(policy) == home && name(policy) == own;
            !is_own && is_enforced(policy, "ALLOW") && applies(policy, home, &labels, root)
        });
        Ok(policies)
    }

    /// Reports hosts of other Gateways on the same pods that the planned policy refuses.
    fn check_other_gateways(
        &self,
        mesh: &Mesh,
        policy: &Json,
        results: &QueryResults,
        out: &mut Findings,
    ) -> Known<()> {
        let (own_namespace, own_name, labels) = (self.namespace.required()?, self.name.required()?, self.selector()?);
        let policies = self.other_allow_policies(mesh, results)?;
        let rules: Vec<&Json> =
            policies.into_iter().chain([policy]).flat_map(|policy| items(policy, &["spec", "rules"])).collect();
        let mut refused = BTreeSet::new();
        for gateway in results.list_all_namespaces(&kind::GATEWAY)? {
            let selector = string_map(gateway, &["spec", "selector"]);
            let is_own = namespace(gateway) == own_namespace && name(gateway) == own_name;
            let shares_pods =
                selector_matches_labels(&selector, &labels) || selector_matches_labels(&labels, &selector);
            if is_own || selector.is_empty() || !shares_pods {
                continue;
            }
            let hosts = items(gateway, &["spec", "servers"])
                .iter()
                .filter(|server| {
                    matches!(text(server, &["port", "protocol"]), Some("HTTP" | "HTTPS" | "HTTP2" | "GRPC"))
                })
                .flat_map(|server| strings(server, &["hosts"]))
                .map(|host| host.rsplit('/').next().unwrap_or(host))
                .filter(|host| !rules.iter().any(|rule| admits_host(rule, host)));
            refused.extend(hosts.map(|host| format!("{host} ({})", namespaced_name(gateway))));
        }
        if !refused.is_empty() {
            out.report(
                RefusedGatewayHost,
                "authorization_mode",
                "The policy refuses hosts of other Gateways",
                &format!(
                    "The policy holds for all pods that selector means, and these serve {}, too, which it doesn't admit: requests \
                     get 403. Add the hosts to a server or an allow block, or give these Gateways a policy of their own first.",
                    summarize_names(refused.iter().map(String::as_str))
                ),
            );
        }
        Ok(())
    }

    /// Reports a gateway that policies of others close, and that no policy opens.
    fn check_is_open(&self, mesh: &Mesh, results: &QueryResults, out: &mut Findings) -> Known<()> {
        let policies = self.other_allow_policies(mesh, results)?;
        let (home, labels) = (self.workload_namespace()?, self.selector()?);
        if !policies.is_empty() && !admits_clients(policies.iter().copied(), home, &labels, &mesh.root_namespace) {
            let names: Vec<String> = policies.iter().map(|policy| namespaced_name(policy)).collect();
            out.report(
                ClosedGateway,
                "authorization_mode",
                "No policy admits clients to a gateway",
                &format!(
                    "AuthorizationPolicy {} refuses what no policy allows, at this gateway too, and no policy allows its clients: all of \
                     them get 403. Write authorization_mode = \"enforce\", which admits them to the hosts of the servers.",
                    summarize_names(names.iter().map(String::as_str))
                ),
            );
        }
        Ok(())
    }
}

/// Whether a rule admits requests for a host: one without hosts and ports, or with a host that overlaps.
fn admits_host(rule: &Json, host: &str) -> bool {
    let operations = items(rule, &["to"]);
    let admits = |to: &Json| {
        let mut hosts = strings(to, &["operation", "hosts"]).peekable();
        let is_any = hosts.peek().is_none() && items(to, &["operation", "ports"]).is_empty();
        is_any || hosts.any(|pattern| hosts_overlap(pattern, host))
    };
    operations.is_empty() || operations.iter().any(admits)
}
