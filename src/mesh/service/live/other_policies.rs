//! AuthorizationPolicies of other tools for the pods of the service. Istio adds all policies of a pod up, so that they let in
//! or refuse whom this resource's arguments don't.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::{at, set, text},
    known::Known,
    mesh::{
        checks::{Code::OtherPolicy, Findings},
        live_objects::{annotation_value, items, namespace, namespaced_name, string_map, strings, summarize_names},
        manifest::StringMap,
        names,
        policy_evaluation::{Decision, HttpRequest, Policies, Request, Workload, is_dry_run},
        service::AuthorizationMode,
    },
    object::{annotation, kind, resource_id, resource_type},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if !is_enforced(view) {
        return;
    }
    for namespace in BTreeSet::from([view.context.namespace, &view.context.mesh.root_namespace]) {
        queries.list(&kind::AUTHORIZATION_POLICY, namespace, &[OtherPolicy]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // The check is skipped where it needs an unknown value or a query without a result.
    let _ = check_policies(view, out);
}

/// Whether the service has policies that are enforced. Others don't change what they say.
fn is_enforced(view: &ServiceView) -> bool {
    view.renders(&kind::AUTHORIZATION_POLICY) && view.context.authorization_mode() == Ok(AuthorizationMode::Enforce)
}

fn check_policies(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if !is_enforced(view) {
        return Ok(());
    }
    let pod_labels = view.pod_labels()?;
    let mut found: BTreeMap<Effect, Vec<String>> = BTreeMap::new();
    for policy in candidates(view) {
        if selects_pods(view, policy)?
            && let Some(effect) = effect(view, policy, &pod_labels)?
        {
            found.entry(effect).or_default().push(namespaced_name(policy));
        }
    }
    for (effect, names) in found {
        let names = summarize_names(names.iter().map(String::as_str));
        let service = view.id();
        let (summary, consequence) = match effect {
            Effect::Admits(callers) => (
                "Another policy lets callers in",
                format!("lets in {callers}, whatever allow and access leave out. effective_callers doesn't name them"),
            ),
            Effect::Refuses => (
                "Another policy refuses callers",
                "refuses every request that it matches, also of callers that allow names".to_owned(),
            ),
            Effect::Asks(provider) => (
                "Another policy asks an authorizer",
                format!("asks {provider} about every request that it matches, also of callers that allow names"),
            ),
        };
        out.report(
            OtherPolicy,
            "allow",
            summary,
            &format!(
                "AuthorizationPolicy {names} is for pods of {service} as well, and {consequence}. If that isn't meant, remove it \
                 and write what it should say as allow or deny blocks. A policy in the service's namespace is removed in the same \
                 apply if replaces names it."
            ),
        );
    }
    Ok(())
}

/// What a policy does beside those of the service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// An ALLOW policy, which admits these callers.
    Admits(String),
    /// A DENY policy.
    Refuses,
    /// A CUSTOM policy of this extension provider.
    Asks(String),
}

/// The policies of the namespace and of the root namespace that neither this resource nor a resource for this purpose writes:
/// `mesh_global_defaults` for the mesh; in the namespace `mesh_namespace`, and resources of other workloads, for whose pods
/// other checks look.
fn candidates<'a>(view: &ServiceView<'a>) -> Vec<&'a Json> {
    let (home, root) = (view.context.namespace, view.context.mesh.root_namespace.as_str());
    let is_of = |policy: &Json, resource_types: &[&str]| {
        let resource = annotation_value(policy, annotation::RESOURCE).unwrap_or_default();
        resource_types.iter().any(|resource_type| resource_id(resource_type, resource).is_some())
    };
    let of_home = [
        resource_type::NAMESPACE,
        resource_type::SERVICE,
        resource_type::GATEWAY,
        resource_type::EXTERNAL_SERVICE,
        resource_type::GLOBAL_DEFAULTS,
    ];
    let expected = |policy: &Json| {
        if namespace(policy) == home {
            is_of(policy, &of_home)
        } else {
            is_of(policy, &[resource_type::GLOBAL_DEFAULTS])
        }
    };
    // Teams often have no right to read the root namespace. Then the policies of their own are checked.
    let lists = BTreeSet::from([home, root])
        .into_iter()
        .filter_map(|namespace| view.results.list(&kind::AUTHORIZATION_POLICY, namespace).ok());
    lists
        .flatten()
        .filter(|policy| view.may_conflict(&kind::AUTHORIZATION_POLICY, policy) && !expected(policy))
        .collect()
}

/// Whether the policy is for pods of the service.
fn selects_pods(view: &ServiceView, policy: &Json) -> Known<bool> {
    let spec = at(policy, &["spec"]);
    Ok(at(spec, &["targetRef"]).is_null()
        && items(spec, &["targetRefs"]).is_empty()
        && view.shares_pods_with(&string_map(spec, &["selector", "matchLabels"]))?)
}

/// The effect of a policy that is for pods of the service. `None`: it has none, since it is a dry run, has no rule, is for
/// ports that the service doesn't have, or only marks requests.
fn effect(view: &ServiceView, policy: &Json, pod_labels: &StringMap) -> Known<Option<Effect>> {
    let rules = items(policy, &["spec", "rules"]);
    let mut ports = BTreeSet::new();
    for port in view.context.service.ports()? {
        ports.insert(port.target_port()?.to_string());
    }
    // A rule without a port is for all of them.
    let is_for_ports = |rule: &Json| {
        let operations = items(rule, &["to"]);
        let is_for_ports = |to: &Json| {
            let mut named = strings(to, &["operation", "ports"]).peekable();
            named.peek().is_none() || named.any(|port| ports.contains(port))
        };
        operations.is_empty() || operations.iter().any(is_for_ports)
    };
    if is_dry_run(policy) || !rules.iter().any(is_for_ports) {
        return Ok(None);
    }
    Ok(match text(policy, &["spec", "action"]) {
        None | Some("ALLOW") => Some(Effect::Admits(admitted_callers(view, policy, pod_labels)?)),
        Some("DENY") => Some(Effect::Refuses),
        Some("CUSTOM") => {
            Some(Effect::Asks(text(policy, &["spec", "provider", "name"]).unwrap_or("an authorizer").to_owned()))
        }
        _ => None,
    })
}

/// Describes the callers that an ALLOW policy admits, by requests that callers would make of whom no policy should know.
fn admitted_callers(view: &ServiceView, policy: &Json, pod_labels: &StringMap) -> Known<String> {
    let mesh = view.context.mesh;
    let unnamed = |namespace: &str| Some(names::principal(&mesh.trust_domain, namespace, "no-such-account"));
    let probes = [
        (None, "every client, also without an identity".to_owned()),
        (unnamed("no-such-namespace"), "every workload of the mesh".to_owned()),
        (unnamed(view.context.namespace), format!("every workload of {}", view.context.namespace)),
    ];
    let mut labels = pod_labels.clone();
    labels.extend(string_map(policy, &["spec", "selector", "matchLabels"]));
    let workload = Workload { namespace: view.context.namespace.to_owned(), labels };
    let mut manifest = policy.clone();
    set(&mut manifest, &["kind"], kind::AUTHORIZATION_POLICY.kind.into());
    let policies = Policies::of_workload([&manifest], &workload, &mesh.root_namespace);
    for (principal, description) in probes {
        for port in view.context.service.ports()? {
            let request =
                probe(principal.clone(), port.target_port()?.into(), port.protocol()?.is_http(), &view.context.host());
            if policies.as_ref().is_ok_and(|policies| policies.decide(&request) == Decision::Admitted) {
                return Ok(description);
            }
        }
    }
    Ok("every request that it matches".to_owned())
}

/// A request without a token, headers or a path that a rule would name.
fn probe(principal: Option<String>, port: u16, is_http: bool, host: &str) -> Request {
    // An address that is reserved for documentation.
    let source_ip = [192, 0, 2, 1].into();
    let http =
        HttpRequest { method: "GET".to_owned(), path: "/".to_owned(), host: host.to_owned(), ..HttpRequest::default() };
    Request {
        principal,
        source_ip,
        remote_ip: source_ip,
        port,
        sni: None,
        attributes: BTreeMap::new(),
        http: is_http.then_some(http),
    }
}
