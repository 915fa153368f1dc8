//! Live checks of an external service: objects of other tools for the same hosts. The functions are pure: the results of
//! queries go in, findings come out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{ExternalService, traffic_policy::traffic_policy};
use crate::{
    json_path::{at, text},
    known::{Known, as_known},
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{HiddenLocality, SecondDestinationRule, SecondServiceEntry, SecondVirtualService},
            Findings, LiveQuery,
        },
        istio::destination_rule::TrafficKind,
        live_objects::{
            Visibility, annotation_value, namespace, object_visibility, routes_in_mesh, strings, summarize_names,
            summarize_objects,
        },
        locality_check, mesh_config, outbound_policy,
    },
    object::{Key, Kind, annotation, kind, resource_name, resource_type},
    query::{Query, QueryResults},
};

/// The queries of the live checks: all objects of each kind that the resource renders, and the mesh's configuration.
pub fn live_queries(external: &ExternalService, mesh: &Mesh, rendered: &Rendered) -> Vec<LiveQuery> {
    let renders = |kind: &'static Kind| rendered.iter().flatten().any(|(key, _)| key.kind == kind);
    let queries = [
        (&kind::SERVICE_ENTRY, &[SecondServiceEntry][..]),
        (&kind::DESTINATION_RULE, &[SecondDestinationRule]),
        (&kind::VIRTUAL_SERVICE, &[SecondVirtualService]),
    ];
    let queries = queries.into_iter().filter(|(kind, _)| renders(kind));
    let queries = queries.map(|(kind, checks)| LiveQuery { query: Query::list_all_namespaces(kind), checks });
    let configs = mesh_config::keys(mesh).filter(|_| renders(&kind::DESTINATION_RULE));
    let configs = configs.map(|key| LiveQuery { query: Query::Get(key), checks: &[HiddenLocality] });
    let outbound = if external.is_hidden() { outbound_policy::live_queries(mesh) } else { Vec::new() };
    queries.chain(configs).chain(outbound).collect()
}

impl ExternalService {
    /// The live checks. A check is skipped where it needs an unknown value or a query without a result.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        let Ok(view) = ExternalServiceView::new(self, mesh, rendered, results) else { return };
        let _ = check_service_entries(&view, out);
        let _ = check_destination_rules(&view, out);
        let _ = check_virtual_services(&view, out);
        if self.disables_locality() == Ok(true) {
            locality_check::check_mesh_configs(&mesh_config::read(mesh, results), out);
        }
        if self.is_hidden() {
            let consequence = format!(
                "{} is exported to some namespaces only. Such proxies in other namespaces forward calls of it unchanged, \
                 so requests to http:// addresses leave the mesh in clear text.",
                view.id
            );
            outbound_policy::live_checks(mesh, results, &consequence, out);
        }
    }

    /// Whether the DestinationRule switches locality load balancing off although no argument says so.
    fn disables_locality(&self) -> Known<bool> {
        let policy = traffic_policy(self, TrafficKind::Connections)?;
        Ok(policy.is_some_and(|policy| policy.load_balancer.is_some())
            && locality_check::is_unset(self.load_balancing.known()))
    }

    /// Whether some namespace doesn't see the hosts.
    fn is_hidden(&self) -> bool {
        self.export_to.required_elements().is_ok_and(|namespaces| !namespaces.contains("*"))
    }
}

/// The arguments that the live checks need, the objects that the plan would write, and the live objects.
struct ExternalServiceView<'a> {
    id: String,
    namespace: &'a str,
    /// The argument that sets the hosts.
    argument: &'static str,
    hosts: Vec<String>,
    export_to: &'a BTreeSet<String>,
    /// The keys of the rendered objects.
    keys: Vec<&'a Key>,
    mesh: &'a Mesh,
    results: &'a QueryResults,
}

impl<'a> ExternalServiceView<'a> {
    fn new(
        external: &'a ExternalService,
        mesh: &'a Mesh,
        rendered: &'a Rendered,
        results: &'a QueryResults,
    ) -> Known<Self> {
        Ok(Self {
            id: external.id(mesh)?,
            namespace: external.namespace(mesh)?,
            argument: external.hosts_argument(),
            hosts: external.hosts()?.iter().map(ToString::to_string).collect(),
            export_to: external.export_to.required_elements()?,
            keys: as_known(rendered)?.iter().map(|(key, _)| key).collect(),
            mesh,
            results,
        })
    }

    /// The live objects of a kind that this resource doesn't own. Those with the key of an object of this resource are left
    /// out, since the engine reports their owners.
    fn conflict_candidates(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        let mut live = self.results.list_all_namespaces(kind)?;
        live.retain(|live| !self.is_own(kind, live));
        Ok(live)
    }

    /// Whether an object belongs to this resource, or has the key of one that does.
    fn is_own(&self, kind: &'static Kind, live: &Json) -> bool {
        let resource = annotation_value(live, annotation::RESOURCE);
        resource == Some(&resource_name(resource_type::EXTERNAL_SERVICE, &self.id))
            || self.keys.iter().any(|key| key.is_of(kind, live))
    }

    fn is_exported_to(&self, namespace: &str) -> bool {
        self.export_to.contains("*") || self.export_to.contains(namespace)
    }

    /// Whether some namespace sees both this resource and a live object. Otherwise Istio keeps the two apart.
    fn shares_namespace(&self, live: &Json) -> bool {
        match object_visibility(live) {
            Visibility::AllNamespaces => true,
            Visibility::Namespaces(namespaces) => namespaces.iter().any(|namespace| self.is_exported_to(namespace)),
        }
    }

    /// Whether a live object lists one of the hosts in `spec.hosts`.
    fn lists_host(&self, live: &Json) -> bool {
        strings(live, &["spec", "hosts"]).any(|host| self.hosts.iter().any(|own| own == host))
    }

    /// The hosts as findings list them.
    fn host_list(&self) -> String {
        summarize_names(self.hosts.iter().map(String::as_str))
    }
}

fn check_service_entries(view: &ExternalServiceView, out: &mut Findings) -> Known<()> {
    let mut live = view.conflict_candidates(&kind::SERVICE_ENTRY)?;
    live.retain(|live| view.lists_host(live) && view.shares_namespace(live));
    if !live.is_empty() {
        out.report(
            SecondServiceEntry,
            view.argument,
            "Host is defined by two ServiceEntries",
            &format!(
                "ServiceEntry {} defines {} as well, and some namespace sees both: there the older one applies, with its ports and TLS mode. Remove the other one, or leave the host to them.",
                summarize_objects(live),
                view.host_list()
            ),
        );
    }
    Ok(())
}

/// Istio uses the rule in the namespace of the client, then one in that of the host, then one in the root namespace.
fn check_destination_rules(view: &ExternalServiceView, out: &mut Findings) -> Known<()> {
    let conflicts = |live: &Json| {
        let (host, namespace) = (text(live, &["spec", "host"]).unwrap_or_default(), namespace(live));
        let takes_precedence =
            namespace != view.namespace && view.is_exported_to(namespace) && namespace != view.mesh.root_namespace;
        let selects_all_workloads = at(live, &["spec", "workloadSelector"]).is_null();
        let applies_to = |own: &String| host == own || takes_precedence && covers(host, own);
        selects_all_workloads && (takes_precedence || namespace == view.namespace) && view.hosts.iter().any(applies_to)
    };
    let mut live = view.conflict_candidates(&kind::DESTINATION_RULE)?;
    live.retain(|live| conflicts(live));
    if !live.is_empty() {
        out.report(
            SecondDestinationRule,
            view.argument,
            "Another DestinationRule is for the same host",
            &format!(
                "DestinationRule {} is for {} as well. In the caller's own namespace it takes precedence, and alone decides whether proxies speak TLS: without a TLS mode they send clear text. Remove it.",
                summarize_objects(live),
                view.host_list()
            ),
        );
    }
    Ok(())
}

fn check_virtual_services(view: &ExternalServiceView, out: &mut Findings) -> Known<()> {
    if !view.keys.iter().any(|key| key.kind == &kind::VIRTUAL_SERVICE) {
        return Ok(());
    }
    let mut live = view.conflict_candidates(&kind::VIRTUAL_SERVICE)?;
    live.retain(|live| routes_in_mesh(live) && view.lists_host(live) && view.shares_namespace(live));
    if !live.is_empty() {
        out.report(
            SecondVirtualService,
            view.argument,
            "Another VirtualService is for the same host",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: the older one applies, the other has no effect. \
                 Remove theirs.",
                summarize_objects(live),
                view.host_list()
            ),
        );
    }
    Ok(())
}

/// Whether the host of a rule is a wildcard that includes another host.
fn covers(rule: &str, host: &str) -> bool {
    rule == "*" || rule.strip_prefix('*').is_some_and(|domain| host.ends_with(domain))
}
