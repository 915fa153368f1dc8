//! What the written objects name and somebody else has: Gateways, issuers, authorizers; and the pods of versions.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{
        hosts_overlap, items, labels, name, namespace, selector_matches_labels, string_map, strings, summarize_names,
    },
};
use crate::{
    diagnostics::Path,
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{
            Code::{GatewayHost, MissingIssuer, MissingProvider, MissingReference, NoVersion},
            Findings,
        },
        mesh_config::{self, MeshConfig},
    },
    object::{Object, kind},
};

/// How a policy asks for the issuer of a token.
const ISSUER: &str = "request.auth.claims[iss]";

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    let (home, root) = (view.site.namespace, view.site.mesh.root_namespace.as_str());
    if subsets(view).next().is_some() {
        wants.all(&kind::POD, home, &[NoVersion]);
    }
    let gateways: BTreeSet<&str> = routes(view).filter_map(|(_, gateway)| Some(gateway.split_once('/')?.0)).collect();
    for gateways in gateways {
        wants.all(&kind::GATEWAY, gateways, &[MissingReference, GatewayHost]);
    }
    if asked(view).next().is_some() {
        wants.all(&kind::REQUEST_AUTHENTICATION, home, &[MissingIssuer]);
        wants.all(&kind::REQUEST_AUTHENTICATION, root, &[MissingIssuer]);
    }
    if providers(view).next().is_some() {
        wants.all(&kind::CONFIG_MAP, root, &[MissingProvider]);
    }
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    // A check that needs what nobody knows says nothing.
    let _ = versions(view, out);
    for (object, gateway) in routes(view) {
        let _ = ingress(view, object, gateway, out);
    }
    let _ = end_users(view, out);
    let _ = authorizers(view, out);
}

/// The subsets that would be written: name and labels.
fn subsets<'a>(view: &'a View) -> impl Iterator<Item = &'a Json> {
    view.wanted(&kind::DESTINATION_RULE).flat_map(|object| items(&object.body, &["spec", "subsets"]))
}

fn versions(view: &View, out: &mut Findings) -> Known<()> {
    let pods = view.pods()?;
    if pods.is_empty() {
        // That there is none at all is another check's to say.
        return Ok(());
    }
    let missing: Vec<&str> = subsets(view)
        .filter(|subset| {
            let wanted = string_map(subset, &["labels"]);
            !pods.iter().any(|pod| selector_matches_labels(&wanted, &labels(pod)))
        })
        .filter_map(|subset| text(subset, &["name"]))
        .collect();
    if !missing.is_empty() {
        out.report(
            NoVersion,
            "version",
            "A version has no pods",
            &format!(
                "No pod of this service carries the labels of version {}: requests that are sent there fail with 503. Roll the \
                 version out before it gets any, or correct its labels.",
                summarize_names(missing)
            ),
        );
    }
    Ok(())
}

/// The routes of gateways that would be written, with each gateway that they name.
fn routes<'a>(view: &'a View) -> impl Iterator<Item = (&'a Object, &'a str)> {
    let named = |object: &'a Object| strings(&object.body, &["spec", "gateways"]).map(move |gateway| (object, gateway));
    view.wanted(&kind::VIRTUAL_SERVICE).flat_map(named).filter(|(_, gateway)| *gateway != "mesh")
}

fn ingress(view: &View, object: &Object, gateway: &str, out: &mut Findings) -> Known<()> {
    let Some((home, wanted)) = gateway.split_once('/') else { return Ok(()) };
    let gateways = view.found.list(&kind::GATEWAY, home)?;
    let Some(live) = gateways.into_iter().find(|live| name(live) == wanted) else {
        out.report(
            MissingReference,
            "ingress",
            "The Gateway isn't there",
            &format!(
                "There is no Gateway {wanted} in {home}, so nothing of its hosts comes in. If this run makes it, all is well; \
                 else correct gateway: namespace/name of Istio's Gateway, not of its Deployment."
            ),
        );
        return Ok(());
    };
    let served: Vec<&str> =
        items(live, &["spec", "servers"]).iter().flat_map(|server| strings(server, &["hosts"])).collect();
    let is_served =
        |host: &&str| served.iter().any(|served| serves(served, host, view.site.namespace, namespace(live)));
    let lost: Vec<&str> = strings(&object.body, &["spec", "hosts"]).filter(|host| !is_served(host)).collect();
    if !lost.is_empty() {
        out.report(
            GatewayHost,
            "ingress",
            "The Gateway doesn't serve a host",
            &format!(
                "Gateway {gateway} serves {}, not {} for namespace {}: requests for it get 404. Add the host to the Gateway, or \
                 correct hosts.",
                if served.is_empty() { "no host".to_owned() } else { summarize_names(served.iter().copied()) },
                summarize_names(lost.iter().copied()),
                view.site.namespace
            ),
        );
    }
    Ok(())
}

/// Whether a server's entry, `host` or `namespace/host`, takes routes of `home` for `host`.
fn serves(entry: &str, host: &str, home: &str, gateways: &str) -> bool {
    let (from, entry) = entry.split_once('/').unwrap_or(("*", entry));
    (from == "*" || from == home || from == "." && home == gateways) && hosts_overlap(entry, host)
}

/// What policies ask of the issuers of tokens.
fn asked<'a>(view: &'a View) -> impl Iterator<Item = &'a Json> {
    let rules = view.wanted(&kind::AUTHORIZATION_POLICY).flat_map(|object| items(&object.body, &["spec", "rules"]));
    rules.flat_map(|rule| items(rule, &["when"])).filter(|condition| text(condition, &["key"]) == Some(ISSUER))
}

fn end_users(view: &View, out: &mut Findings) -> Known<()> {
    if asked(view).next().is_none() {
        return Ok(());
    }
    let root = &view.site.mesh.root_namespace;
    let mut all = view.here(&kind::REQUEST_AUTHENTICATION)?;
    all.extend(view.found.list(&kind::REQUEST_AUTHENTICATION, root)?);
    let own = view.labels()?;
    let holding = all.into_iter().filter(|live| {
        selector_matches_labels(&string_map(live, &["spec", "selector", "matchLabels"]), &own)
            && at(live, &["spec", "targetRefs"]).is_null()
    });
    let verified: BTreeSet<&str> = holding
        .flat_map(|live| items(live, &["spec", "jwtRules"]))
        .filter_map(|rule| text(rule, &["issuer"]))
        .collect();
    if verified.is_empty() && asked(view).any(|condition| strings(condition, &["notValues"]).any(|value| value == "*"))
    {
        out.report(
            MissingIssuer,
            "require_end_user",
            "Nobody verifies tokens of end users",
            &format!(
                "No RequestAuthentication in {} or {root} verifies tokens for this service, so no request ever has an end user, \
                 and all are refused. The central team adds one: jwt of mesh_global_defaults.",
                view.site.namespace
            ),
        );
        return Ok(());
    }
    let wanted: BTreeSet<&str> = asked(view).flat_map(|condition| strings(condition, &["values"])).collect();
    let missing: Vec<&str> = wanted.difference(&verified).copied().collect();
    if !missing.is_empty() {
        out.report(
            MissingIssuer,
            "",
            "Nobody verifies tokens of an issuer",
            &format!(
                "No RequestAuthentication in {} or {root} verifies tokens of {} for this service, so no request ever has an end \
                 user of it, and rules that ask for one let nobody in. The central team adds it: jwt of mesh_global_defaults.",
                view.site.namespace,
                summarize_names(missing)
            ),
        );
    }
    Ok(())
}

/// The authorizers that policies ask.
fn providers<'a>(view: &'a View) -> impl Iterator<Item = &'a str> {
    view.wanted(&kind::AUTHORIZATION_POLICY).filter_map(|object| text(&object.body, &["spec", "provider", "name"]))
}

fn authorizers(view: &View, out: &mut Findings) -> Known<()> {
    let root = &view.site.mesh.root_namespace;
    let maps = view.found.list(&kind::CONFIG_MAP, root)?;
    let meshes = mesh_config::from_config_maps(&maps);
    if meshes.is_empty() {
        // The mesh is configured elsewhere.
        return Ok(());
    }
    let defined: BTreeSet<&str> = meshes.iter().flat_map(MeshConfig::external_authorizers).collect();
    for provider in providers(view).filter(|provider| !defined.contains(provider)) {
        out.report_at(
            MissingProvider,
            Path::root().attribute("external_authorization"),
            "The mesh doesn't know this authorizer",
            &format!(
                "The mesh's configuration in {root} doesn't define {provider} as an authorizer{}: every request that it would be \
                 asked about is refused. Correct provider, or have it added to extensionProviders.",
                if defined.is_empty() { String::new() } else { format!(", but {}", summarize_names(defined.iter().copied())) }
            ),
        );
    }
    Ok(())
}
