//! Live checks of an external service: who else is there for its hosts. Pure: facts in, findings out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::ExternalService;
use crate::{
    json_path::{at, text},
    known::{Known, as_known},
    mesh::{
        Mesh,
        checks::{
            Code::{SecondDestinationRule, SecondServiceEntry, SecondVirtualService},
            Findings, LiveQuery,
        },
        live_objects::{Seen, items, name, namespace, place, seen, some, words},
    },
    object::{Key, Kind, annotation, kind, resource_name, resource_type},
    query::{Query, QueryResults},
};

impl ExternalService {
    /// What the live checks want to know.
    pub fn live_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let Ok(rendered) = self.render(mesh) else { return Vec::new() };
        let writes = |kind: &'static Kind| rendered.iter().any(|(key, _)| key.kind == kind);
        let all = [
            (&kind::SERVICE_ENTRY, &[SecondServiceEntry][..]),
            (&kind::DESTINATION_RULE, &[SecondDestinationRule]),
            (&kind::VIRTUAL_SERVICE, &[SecondVirtualService]),
        ];
        let asked = all.into_iter().filter(|(kind, _)| writes(kind));
        asked.map(|(kind, by)| LiveQuery { query: Query::list_all_namespaces(kind), by }).collect()
    }

    /// The live checks.
    pub fn live_checks(&self, mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        // A check that needs what nobody knows says nothing.
        let Ok(view) = View::of(self, mesh, found) else { return };
        let _ = entries(&view, out);
        let _ = rules(&view, out);
        let _ = routes(&view, out);
    }
}

/// An external service, what the plan would write for it, and what was found.
struct View<'a> {
    id: String,
    home: String,
    /// Where its hosts are said.
    argument: &'static str,
    hosts: Vec<&'a str>,
    callers: &'a BTreeSet<String>,
    keys: Vec<Key>,
    mesh: &'a Mesh,
    found: &'a QueryResults,
}

impl<'a> View<'a> {
    fn of(external: &'a ExternalService, mesh: &'a Mesh, found: &'a QueryResults) -> Known<Self> {
        let site = external.site(mesh)?;
        Ok(Self {
            id: external.id(mesh)?,
            home: site.namespace.to_owned(),
            argument: site.hosts_argument(),
            hosts: external.all_hosts()?.into_iter().map(super::Host::as_str).collect(),
            callers: as_known(&external.export_to)?,
            keys: external.render(mesh)?.into_iter().map(|(key, _)| key).collect(),
            mesh,
            found,
        })
    }

    /// Objects of a kind that aren't this resource's, nor become it by this plan (whose they are then, the engine judges).
    fn others(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        let mut found = self.found.list_all_namespaces(kind)?;
        found.retain(|live| !self.is_ours(kind, live));
        Ok(found)
    }

    fn is_ours(&self, kind: &'static Kind, live: &Json) -> bool {
        let resource = text(live, &["metadata", "annotations", annotation::RESOURCE]);
        resource == Some(&resource_name(resource_type::EXTERNAL_SERVICE, &self.id))
            || self.keys.contains(&Key::new(kind, namespace(live), name(live)))
    }

    fn is_called_from(&self, namespace: &str) -> bool {
        self.callers.contains("*") || self.callers.contains(namespace)
    }

    /// Whether some namespace sees both: where none does, Istio keeps the two apart.
    fn meets(&self, live: &Json) -> bool {
        match seen(live) {
            Seen::ByAll => true,
            Seen::By(namespaces) => namespaces.iter().any(|namespace| self.is_called_from(namespace)),
        }
    }
}

/// The first few of these objects.
fn places<'a>(found: impl IntoIterator<Item = &'a Json>) -> String {
    let places: Vec<String> = found.into_iter().map(place).collect();
    some(places.iter().map(String::as_str))
}

fn entries(view: &View, out: &mut Findings) -> Known<()> {
    let is_same =
        |live: &&Json| words(live, &["spec", "hosts"]).any(|host| view.hosts.contains(&host)) && view.meets(live);
    let found: Vec<&Json> = view.others(&kind::SERVICE_ENTRY)?.into_iter().filter(is_same).collect();
    if !found.is_empty() {
        out.tell(
            SecondServiceEntry,
            view.argument,
            "The host is defined twice",
            &format!(
                "ServiceEntry {} defines {} as well, and some namespace sees both: there the older one holds, with its ports and its \
                 way of TLS. Remove theirs, or leave the host to them.",
                places(found),
                some(view.hosts.iter().copied())
            ),
        );
    }
    Ok(())
}

/// Istio takes the rule of the caller's namespace, then that of the host's, then that of the root.
fn rules(view: &View, out: &mut Findings) -> Known<()> {
    let is_same = |live: &&Json| {
        let (host, place) = (text(live, &["spec", "host"]).unwrap_or_default(), namespace(live));
        let hides = place != view.home && view.is_called_from(place) && place != view.mesh.root_namespace;
        let is_for_all = at(live, &["spec", "workloadSelector"]).is_null();
        let is_for = |own: &&str| host == *own || hides && covers(host, own);
        is_for_all && (hides || place == view.home) && view.hosts.iter().any(is_for)
    };
    let found: Vec<&Json> = view.others(&kind::DESTINATION_RULE)?.into_iter().filter(is_same).collect();
    if !found.is_empty() {
        out.tell(
            SecondDestinationRule,
            view.argument,
            "Another DestinationRule is for the same host",
            &format!(
                "DestinationRule {} is for {} as well. In the caller's own namespace it comes first, and says alone whether proxies \
                 speak TLS: where it doesn't, they send clear text. Remove it.",
                places(found),
                some(view.hosts.iter().copied())
            ),
        );
    }
    Ok(())
}

fn routes(view: &View, out: &mut Findings) -> Known<()> {
    if !view.keys.iter().any(|key| key.kind == &kind::VIRTUAL_SERVICE) {
        return Ok(());
    }
    let is_same = |live: &&Json| {
        let gateways = items(live, &["spec", "gateways"]);
        (gateways.is_empty() || gateways.iter().any(|gateway| gateway == "mesh"))
            && words(live, &["spec", "hosts"]).any(|host| view.hosts.contains(&host))
            && view.meets(live)
    };
    let found: Vec<&Json> = view.others(&kind::VIRTUAL_SERVICE)?.into_iter().filter(is_same).collect();
    if !found.is_empty() {
        out.tell(
            SecondVirtualService,
            view.argument,
            "Another VirtualService is for the same host",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: the older one works, the other does nothing. \
                 Remove theirs.",
                places(found),
                some(view.hosts.iter().copied())
            ),
        );
    }
    Ok(())
}

/// Whether a host of a rule, maybe a wildcard, takes in another.
fn covers(rule: &str, host: &str) -> bool {
    rule == "*" || rule.strip_prefix('*').is_some_and(|domain| host.ends_with(domain))
}
