//! What the service calls: whether it is there, visible here, and lets the service in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{
        Visibility, hosts_overlap, items, namespaced_name, object_visibility, selector_matches_labels,
        service_visibility, string_map, strings, summarize_names,
    },
};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{
            Code::{HiddenCallee, MissingReference, RefusedByCallee},
            Findings,
        },
        istio::DRY_RUN,
        names,
        reference::Destination,
    },
    object::{Key, kind},
};

/// What is called, by where it is.
struct Callees<'a> {
    services: Vec<Key>,
    hosts: Vec<(&'a str, &'a str)>,
}

fn callees<'a>(view: &'a View) -> Known<Callees<'a>> {
    let mut callees = Callees { services: Vec::new(), hosts: Vec::new() };
    let Some(calls) = view.site.service.calls.elements()? else { return Ok(callees) };
    for destination in calls {
        match destination {
            Destination::Namespace(_) => {}
            Destination::Service { namespace, name } => {
                let namespace = namespace.as_deref().unwrap_or(view.site.namespace);
                callees.services.push(Key::new(&kind::SERVICE, namespace, name));
            }
            Destination::Host { namespace, host } => {
                callees.hosts.push((namespace.as_deref().unwrap_or(&view.site.mesh.root_namespace), host));
            }
        }
    }
    Ok(callees)
}

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    let Ok(callees) = callees(view) else { return };
    for service in &callees.services {
        wants.one(service.clone(), &[MissingReference, HiddenCallee, RefusedByCallee]);
    }
    let homes = callees.services.iter().filter_map(|service| service.namespace.as_deref());
    let mut homes: BTreeSet<&str> = homes.collect();
    if !homes.is_empty() {
        homes.insert(&view.site.mesh.root_namespace);
    }
    for home in homes {
        wants.all(&kind::AUTHORIZATION_POLICY, home, &[RefusedByCallee]);
    }
    for home in callees.hosts.iter().map(|(home, _)| *home).collect::<BTreeSet<_>>() {
        wants.all(&kind::SERVICE_ENTRY, home, &[MissingReference, HiddenCallee]);
    }
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    let Ok(callees) = callees(view) else { return };
    let (mut missing, mut hidden) = (Vec::new(), BTreeMap::new());
    let mut refused = BTreeMap::new();
    for key in &callees.services {
        match view.found.get(key) {
            Ok(Some(service)) => {
                note_hidden(view, "Service", service, service_visibility(service), &mut hidden);
                if let Ok(Some(policies)) = refusing(view, service) {
                    refused.insert(namespaced_name(service), policies);
                }
            }
            Ok(None) => missing.push(format!("Service {}", place_of(key))),
            Err(_) => {}
        }
    }
    for (home, host) in &callees.hosts {
        let Ok(entries) = view.found.list(&kind::SERVICE_ENTRY, home) else { continue };
        let mut entries =
            entries.into_iter().filter(|entry| strings(entry, &["spec", "hosts"]).any(|own| hosts_overlap(own, host)));
        match entries.next() {
            None => missing.push(format!("a ServiceEntry for {host} in {home}")),
            Some(first) if !entries.any(|other| object_visibility(other).includes(view.site.namespace)) => {
                note_hidden(view, "ServiceEntry", first, object_visibility(first), &mut hidden);
            }
            Some(_) => {}
        }
    }
    tell(view, &missing, &hidden, &refused, out);
}

fn tell(
    view: &View,
    missing: &[String],
    hidden: &BTreeMap<String, Visibility>,
    refused: &BTreeMap<String, String>,
    out: &mut Findings,
) {
    let home = view.site.namespace;
    if !missing.is_empty() {
        out.report(
            MissingReference,
            "calls",
            "What is called isn't there",
            &format!(
                "calls needs {}, and there is none. Its calls fail until there is. If this run makes it, all is well; else correct \
                 the name, or its namespace.",
                missing.join(", ")
            ),
        );
    }
    if !hidden.is_empty() {
        let each: Vec<String> = hidden.iter().map(|(who, seen)| format!("{who} (visible to {seen})")).collect();
        out.report(
            HiddenCallee,
            "calls",
            "What is called isn't visible here",
            &format!(
                "{home} doesn't see {}: its calls fail. Ask the owner to allow this service, or to export to {home}.",
                each.join(", ")
            ),
        );
    }
    if !refused.is_empty() {
        let each: Vec<String> = refused.iter().map(|(who, by)| format!("{who} (by {by})")).collect();
        out.report(
            RefusedByCallee,
            "calls",
            "What is called doesn't let this service in",
            &format!(
                "Rules of who may call leave out {}: {}. Ask the owner to allow it. If this run does, all is well.",
                principal(view).unwrap_or_default(),
                each.join(", ")
            ),
        );
    }
}

fn note_hidden(view: &View, what: &str, live: &Json, seen: Visibility, hidden: &mut BTreeMap<String, Visibility>) {
    if !seen.includes(view.site.namespace) {
        hidden.insert(format!("{what} {}", namespaced_name(live)), seen);
    }
}

fn place_of(key: &Key) -> String {
    format!("{}/{}", key.namespace.as_deref().unwrap_or_default(), key.name)
}

fn principal(view: &View) -> Known<String> {
    let account = view.site.service.service_account()?;
    Ok(names::principal(&view.site.mesh.trust_domain, view.site.namespace, account))
}

/// The ALLOW policies of a callee, where there are some and none of them can let the service in.
fn refusing(view: &View, callee: &Json) -> Known<Option<String>> {
    let account = view.site.service.service_account()?;
    let ours = Caller { principal: principal(view)?, namespace: view.site.namespace, account };
    let labels = string_map(callee, &["spec", "selector"]);
    let home = super::live_objects::namespace(callee);
    if labels.is_empty() {
        return Ok(None);
    }
    let root = view.site.mesh.root_namespace.as_str();
    let mut policies = view.found.list(&kind::AUTHORIZATION_POLICY, home)?;
    if home != root {
        // What holds for the mesh is often not to be seen: then the callee's own policies decide.
        policies.extend(view.found.list(&kind::AUTHORIZATION_POLICY, root).unwrap_or_default());
    }
    let holding: Vec<&Json> = policies.into_iter().filter(|policy| holds(policy, &labels)).collect();
    if holding.is_empty()
        || holding.iter().any(|policy| items(policy, &["spec", "rules"]).iter().any(|rule| ours.may(rule)))
    {
        return Ok(None);
    }
    let names: Vec<String> = holding.iter().map(|policy| namespaced_name(policy)).collect();
    Ok(Some(format!("AuthorizationPolicy {}", summarize_names(names.iter().map(String::as_str)))))
}

/// Whether an ALLOW policy is enforced on workloads with these labels.
fn holds(policy: &Json, labels: &crate::mesh::manifest::StringMap) -> bool {
    let spec = at(policy, &["spec"]);
    matches!(text(spec, &["action"]), None | Some("ALLOW"))
        && text(policy, &["metadata", "annotations", DRY_RUN]) != Some("true")
        && at(spec, &["targetRef"]).is_null()
        && at(spec, &["targetRefs"]).is_null()
        && selector_matches_labels(&string_map(spec, &["selector", "matchLabels"]), labels)
}

/// Who calls, as rules see it.
struct Caller<'a> {
    principal: String,
    namespace: &'a str,
    account: &'a str,
}

impl Caller<'_> {
    /// Whether a rule may let it in: by who it is; what it does isn't known.
    fn may(&self, rule: &Json) -> bool {
        let from = items(rule, &["from"]);
        from.is_empty() || from.iter().any(|from| self.is(at(from, &["source"])))
    }

    /// Whether it may be a source. Addresses and end users aren't known, and count as right.
    fn is(&self, source: &Json) -> bool {
        // A service account without a namespace is one of the policy's own namespace, and counts as right.
        let account = format!("{}/{}", self.namespace, self.account);
        let sides = [
            ("principals", "notPrincipals", self.principal.as_str()),
            ("namespaces", "notNamespaces", self.namespace),
            ("serviceAccounts", "notServiceAccounts", account.as_str()),
        ];
        sides.iter().all(|(yes, no, own)| {
            let mut named = strings(source, &[yes]).peekable();
            let is_named = named.peek().is_none()
                || named.any(|pattern| fits(pattern, own) || *yes == "serviceAccounts" && pattern == self.account);
            is_named && !strings(source, &[no]).any(|pattern| fits(pattern, own))
        })
    }
}

/// Exact, or with `*` at the start or end, or `*` alone.
fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(start)) => text.starts_with(start),
        _ => pattern == text,
    }
}
