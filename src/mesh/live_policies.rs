//! What AuthorizationPolicies and PeerAuthentications mean for a workload, live or rendered. The objects are JSON, so any field may
//! be missing or have an unexpected type.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    Rendered,
    checks::{
        Code::{ClosedGateway, PathNormalization, UnlistedAuthorizer},
        Findings,
    },
    live_objects::{
        annotation_value, items, namespace, namespaced_name, selector_matches_labels, string_map, strings,
        summarize_names,
    },
    manifest::StringMap,
    mesh_config::MeshConfig,
    policy_evaluation::is_dry_run,
    recorded_gateway::workload_namespace,
};
use crate::{
    diagnostics::Path,
    json_path::{at, text},
    object::{Kind, annotation, resource_id, resource_type},
};

/// The bodies of the rendered objects of a kind that are known.
pub(super) fn rendered_bodies<'a>(rendered: &'a Rendered, kind: &'static Kind) -> impl Iterator<Item = &'a Json> {
    let known = rendered.iter().flatten().filter_map(|(_, object)| object.as_ref().ok());
    known.filter(move |object| object.key.kind == kind).map(|object| &object.body)
}

/// Whether a policy selects workloads with these labels in `home`. Policies in the root namespace apply to every namespace.
pub(super) fn applies(policy: &Json, home: &str, labels: &StringMap, root: &str) -> bool {
    let spec = at(policy, &["spec"]);
    (namespace(policy) == home || namespace(policy) == root)
        && at(spec, &["targetRef"]).is_null()
        && items(spec, &["targetRefs"]).is_empty()
        && selector_matches_labels(&string_map(spec, &["selector", "matchLabels"]), labels)
}

/// Whether an AuthorizationPolicy is an enforced one with this action.
pub(super) fn is_enforced(policy: &Json, action: &str) -> bool {
    text(policy, &["spec", "action"]).unwrap_or("ALLOW") == action && !is_dry_run(policy)
}

/// Whether a rule of an AuthorizationPolicy matches every request: it has no sources, operations and conditions.
pub(super) fn admits_everything(policy: &Json) -> bool {
    let mut rules = items(policy, &["spec", "rules"]).iter();
    rules.any(|rule| ["from", "to", "when"].iter().all(|part| items(rule, &[part]).is_empty()))
}

/// The rules that match callers without an identity: those without sources, or with one that names no identity. Identities that
/// a source leaves out are others.
pub(super) fn anonymous_rules(policy: &Json) -> impl Iterator<Item = &Json> {
    const IDENTITIES: [&str; 3] = ["principals", "namespaces", "serviceAccounts"];
    let is_anonymous = |from: &Json| IDENTITIES.iter().all(|field| strings(from, &["source", field]).next().is_none());
    items(policy, &["spec", "rules"])
        .iter()
        .filter(move |rule| items(rule, &["from"]).is_empty() || items(rule, &["from"]).iter().any(is_anonymous))
}

/// The ports of workloads that a rule names. `None`: it is for every port.
pub(super) fn rule_ports(rule: &Json) -> Option<BTreeSet<i64>> {
    let operations = items(rule, &["to"]);
    let mut ports = BTreeSet::new();
    for operation in operations {
        let named: BTreeSet<i64> =
            strings(operation, &["operation", "ports"]).filter_map(|port| port.parse().ok()).collect();
        if named.is_empty() {
            return None;
        }
        ports.extend(named);
    }
    (!operations.is_empty()).then_some(ports)
}

/// Whether PeerAuthentications make a workload refuse clear text on a port; `None` is every port without a mode of its own. The
/// one that selects the workload decides, else that of its namespace, else that of the mesh.
pub(super) fn is_strict(
    peer_authentications: &[&Json],
    home: &str,
    labels: &StringMap,
    root: &str,
    port: Option<i64>,
) -> bool {
    let mut applying: Vec<&Json> =
        peer_authentications.iter().copied().filter(|live| applies(live, home, labels, root)).collect();
    applying.sort_by_key(|live| {
        let has_selector = !string_map(live, &["spec", "selector", "matchLabels"]).is_empty();
        (!has_selector, namespace(live) != home)
    });
    let mode = |live: &&Json| -> Option<String> {
        let of_port = port.and_then(|port| text(live, &["spec", "portLevelMtls", &port.to_string(), "mode"]));
        let mode = of_port.or_else(|| text(live, &["spec", "mtls", "mode"]));
        mode.filter(|mode| *mode != "UNSET").map(str::to_owned)
    };
    applying.iter().find_map(mode).is_some_and(|mode| mode == "STRICT")
}

/// Whether a rule of the policies names paths.
pub(super) fn names_paths<'a>(mut policies: impl Iterator<Item = &'a Json>) -> bool {
    policies.any(|policy| {
        let operations = items(policy, &["spec", "rules"]).iter().flat_map(|rule| items(rule, &["to"]));
        let mut paths = operations.flat_map(|to| ["paths", "notPaths"].map(|field| items(to, &["operation", field])));
        paths.any(|paths| !paths.is_empty())
    })
}

/// Reports rules that name paths where the mesh doesn't decode and merge slashes. An ALLOW rule for exact paths can't be passed:
/// other forms of the path don't match it.
pub(super) fn check_path_normalization<'a>(
    policies: impl Iterator<Item = &'a Json>,
    installed: &[MeshConfig],
    out: &mut Findings,
) {
    let Some(mesh) = installed.iter().find(|mesh| !mesh.normalizes_slashes()) else { return };
    let mut affected = BTreeSet::new();
    for policy in policies {
        let is_allow = text(policy, &["spec", "action"]) == Some("ALLOW");
        for to in items(policy, &["spec", "rules"]).iter().flat_map(|rule| items(rule, &["to"])) {
            let included = strings(to, &["operation", "paths"])
                .filter(|path| !matches!(*path, "*" | "/*") && (!is_allow || path.contains(['*', '{'])));
            let excluded = strings(to, &["operation", "notPaths"]).filter(|path| path.contains(['*', '{']));
            affected.extend(included.chain(excluded));
        }
    }
    if !affected.is_empty() {
        out.report(
            PathNormalization,
            "",
            "Rules on paths can be passed by other forms of a path",
            &format!(
                "Rules name {}, and pathNormalization in ConfigMap {} isn't DECODE_AND_MERGE_SLASHES: requests for //a, /%2fa, \
                 /b/..%2fa or /%5ca aren't seen as /a, though many applications answer them so. Set \
                 meshConfig.pathNormalization.normalization to DECODE_AND_MERGE_SLASHES, which also changes the paths that \
                 applications receive, or refuse such paths in the application. Upper and lower case and ;parameters stay \
                 different in any case.",
                summarize_names(affected.iter().copied()),
                mesh.name
            ),
        );
    }
}

/// Reports an external authorizer that a Sidecar doesn't list: the proxy can't ask it, and refuses what it would ask about.
pub(super) fn check_authorizer_is_listed(
    sidecar: &Json,
    home: &str,
    provider: &str,
    installed: &[MeshConfig],
    argument: &Path,
    out: &mut Findings,
) {
    let hosts: Vec<&str> =
        items(sidecar, &["spec", "egress"]).iter().flat_map(|egress| strings(egress, &["hosts"])).collect();
    for service in installed.iter().filter_map(|mesh| mesh.authorizer_service(provider)) {
        let (named, host) = service.split_once('/').map_or((None, service), |(named, host)| (Some(named), host));
        // `name.namespace.svc…` says where the Service is.
        let owner = named.or_else(|| host.split('.').nth(1).filter(|_| host.contains(".svc")));
        let lists = |entry: &&str| {
            let (listed, pattern) = entry.split_once('/').unwrap_or(("*", entry));
            let in_namespace = match (listed, owner) {
                ("*", _) | (_, None) => true,
                (".", Some(owner)) => owner == home,
                (listed, Some(owner)) => owner == listed,
            };
            in_namespace && (pattern == host || pattern.strip_prefix('*').is_some_and(|end| host.ends_with(end)))
        };
        if !hosts.iter().any(lists) {
            let entry = format!("{}/{host}", owner.unwrap_or("*"));
            out.report_at(
                UnlistedAuthorizer,
                argument.clone(),
                "The Sidecar doesn't list the external authorizer",
                &format!(
                    "Proxies know only what their Sidecar lists, and {host} of the authorizer {provider} isn't there: every \
                     request that it would be asked about is refused (403), and it is never asked. Write platform_hosts = \
                     [\"{entry}\"] in the provider block, or list it here."
                ),
            );
            return;
        }
    }
}

/// The extension providers that enforced CUSTOM policies ask.
pub(super) fn authorizers<'a>(policies: impl Iterator<Item = &'a Json>) -> BTreeSet<&'a str> {
    policies
        .filter(|policy| is_enforced(policy, "CUSTOM"))
        .filter_map(|policy| text(policy, &["spec", "provider", "name"]))
        .collect()
}

/// The enforced CUSTOM policies that ask another provider than `provider`, as `namespace/name (provider)`.
pub(super) fn other_authorizers<'a>(policies: impl Iterator<Item = &'a Json>, provider: &str) -> BTreeSet<String> {
    let other = |policy: &Json| {
        let other = text(policy, &["spec", "provider", "name"])?;
        (is_enforced(policy, "CUSTOM") && other != provider).then(|| format!("{} ({other})", namespaced_name(policy)))
    };
    policies.filter_map(other).collect()
}

/// Whether some policy with a selector admits clients without an identity to a gateway.
pub(super) fn admits_clients<'a>(
    mut policies: impl Iterator<Item = &'a Json>,
    home: &str,
    labels: &StringMap,
    root: &str,
) -> bool {
    policies.any(|policy| {
        is_enforced(policy, "ALLOW")
            && applies(policy, home, labels, root)
            && !string_map(policy, &["spec", "selector", "matchLabels"]).is_empty()
            && anonymous_rules(policy).next().is_some()
    })
}

/// Whether a `mesh_external_service` made the Gateway, for egress. It admits its callers by a policy that it writes after the
/// Gateway.
fn is_for_egress(gateway: &Json) -> bool {
    let resource = annotation_value(gateway, annotation::RESOURCE).unwrap_or_default();
    resource_id(resource_type::EXTERNAL_SERVICE, resource).is_some()
}

/// Reports live Gateways whose pods no policy admits clients to, although a deny-all is enforced there.
pub(super) fn check_gateways_are_open(
    gateways: &[&Json],
    policies: &[&Json],
    root: &str,
    argument: Path,
    out: &mut Findings,
) {
    let is_closed = |gateway: &&&Json| {
        let labels = string_map(gateway, &["spec", "selector"]);
        !is_for_egress(gateway)
            && !admits_clients(policies.iter().copied(), &workload_namespace(gateway), &labels, root)
    };
    let closed: Vec<String> = gateways.iter().filter(is_closed).map(|gateway| namespaced_name(gateway)).collect();
    if !closed.is_empty() {
        out.report_at(
            ClosedGateway,
            argument,
            "No policy admits clients to a gateway",
            &format!(
                "Requests that no policy allows are refused at gateways as well, and none allows clients of Gateway {}: all of them \
                 would get 403. Admit them first: authorization_mode = \"enforce\" of a mesh_gateway, or gateway_access of \
                 mesh_global_defaults. If its policy comes in the same run, apply that first.",
                summarize_names(closed.iter().map(String::as_str))
            ),
        );
    }
}
