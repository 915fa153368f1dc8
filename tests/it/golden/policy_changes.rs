//! The order in which AuthorizationPolicies change: while a resource is created, changed or destroyed, no request has more
//! or less access than at one of the two ends. The planned writes are carried out one by one in every order that their waves
//! allow, and after each the policies are evaluated for requests that are derived from their rules. Each state in between is
//! also where an apply may fail, so from each the same holds for the way on and for the way back.
//!
//! RequestAuthentications count as well: a token is verified only while one lists its issuer. A request is left out if the
//! issuer of its token comes or goes, since no order of writes can serve such a token. So do
//! PeerAuthentications: where one is strict, requests in clear text are refused. The mode `DISABLE` counts as `PERMISSIVE`.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    engine::schedule::{Deletion, LiveObject, Wave, Write, schedule},
    mesh::{
        policy_evaluation::{Decision, HttpRequest, Policies, Request, Workload},
        provider_change,
    },
    object::{
        Key, Object,
        kind::{AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION},
    },
    resources::{
        ResourceType, gateway::Gateway, global_defaults::GlobalDefaults, namespace::Namespace, service::Service,
    },
    schema::Value,
};

use super::{
    hcl, mesh,
    valid_configs::{ValidConfig, valid_configs},
};

const ROOT: &str = "istio-system";

/// A label of the pods of gateways.
const GATEWAY: &str = "is-gateway";

/// The policies of a resource in the cluster: each with its body and the way in which it will be deleted.
type Cluster = BTreeMap<Key, (Json, Deletion)>;

/// The AuthorizationPolicies, RequestAuthentications and PeerAuthentications of a configuration, or its errors.
fn policies<R: ResourceType>(value: &Value) -> Result<Vec<Object>, String> {
    let mut out = Diagnostics::default();
    let config = R::decode(value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    if out.has_errors() {
        return Err(out.to_string());
    }
    let objects = R::render(&config, &mesh()).expect("all arguments are known");
    let objects = objects.into_iter().map(|(_, object)| object.expect("all arguments are known"));
    let kinds = [&AUTHORIZATION_POLICY, &REQUEST_AUTHENTICATION, &PEER_AUTHENTICATION];
    Ok(objects.filter(|object| kinds.contains(&object.key.kind)).collect())
}

fn policies_of<R: ResourceType>(text: &str) -> Vec<Object> {
    policies::<R>(&hcl::resource(text, R::schema())).expect("a valid configuration")
}

fn cluster(objects: &[Object]) -> Cluster {
    objects.iter().map(|object| (object.key.clone(), stored(object, &object.body))).collect()
}

fn stored(object: &Object, body: &Json) -> (Json, Deletion) {
    (body.clone(), Deletion::of(object, body))
}

fn plan(cluster: &Cluster, desired: &[Object]) -> Vec<Wave> {
    let live = cluster.iter().map(|(key, (body, _))| (key.clone(), LiveObject { owned: body.clone(), current: true }));
    let live = live.collect();
    let undesired = cluster.iter().filter(|(key, _)| desired.iter().all(|object| object.key != **key));
    let deletions = undesired.map(|(key, (_, deletion))| (key.clone(), deletion.clone())).collect();
    schedule(desired, &live, &deletions, &BTreeMap::new())
}

fn perform(write: &Write, desired: &[Object], cluster: &mut Cluster) {
    match write {
        Write::Apply { key, body } => {
            let object = desired.iter().find(|object| object.key == *key).expect("a desired object");
            cluster.insert(key.clone(), stored(object, body));
        }
        Write::Remove { key } | Write::Replace { key } => drop(cluster.remove(key)),
    }
}

/// The states between `cluster` and the desired objects: each with any of the writes of one wave done, and the last one.
fn states(cluster: &Cluster, desired: &[Object]) -> Vec<Cluster> {
    let (mut states, mut cluster) = (Vec::new(), cluster.clone());
    for wave in plan(&cluster, desired) {
        for done in 0..1_u32 << wave.writes.len() {
            let mut state = cluster.clone();
            for (_, write) in wave.writes.iter().enumerate().filter(|(n, _)| done >> n & 1 == 1) {
                perform(write, desired, &mut state);
            }
            states.push(state);
        }
        for write in &wave.writes {
            perform(write, desired, &mut cluster);
        }
    }
    let bodies = |cluster: &Cluster| -> BTreeMap<Key, Json> {
        cluster.iter().map(|(key, (body, _))| (key.clone(), body.clone())).collect()
    };
    let expected = desired.iter().map(|object| (object.key.clone(), object.body.clone())).collect();
    assert_eq!(bodies(&cluster), expected, "the plan doesn't end with the desired objects");
    states.push(cluster);
    states
}

/// The workloads that policies select, and some of `pci`.
fn workloads(objects: &[&Object]) -> Vec<Workload> {
    let labels = |object: &&Object| -> BTreeMap<String, String> {
        serde_json::from_value(object.body["spec"]["selector"]["matchLabels"].clone()).unwrap_or_default()
    };
    let all = objects.iter().flat_map(labels).collect();
    let mut workloads: BTreeSet<(String, BTreeMap<String, String>)> =
        [BTreeMap::new(), all, [("app".to_owned(), "payments".to_owned())].into()]
            .map(|labels| ("pci".to_owned(), labels))
            .into();
    workloads.extend(objects.iter().map(|object| (object.key.namespace.clone().expect("a namespace"), labels(object))));
    let is_gateway = |namespace: &String, own: &BTreeMap<String, String>| {
        let ways_in = objects.iter().filter(|object| object.key.name.starts_with("gateway-access-"));
        let mut here = ways_in.filter(|object| object.key.namespace.as_ref() == Some(namespace));
        here.any(|object| labels(object).iter().all(|(name, value)| own.get(name) == Some(value)))
    };
    let workload = |(namespace, mut labels): (String, BTreeMap<String, String>)| {
        if is_gateway(&namespace, &labels) {
            labels.insert(GATEWAY.to_owned(), "true".to_owned());
        }
        Workload { namespace, labels }
    };
    workloads.into_iter().map(workload).collect()
}

/// Requests with each combination of the values that rules name, and of a value that none names. Of many, some thousands.
fn requests(objects: &[&Object]) -> Vec<Request> {
    let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let other = [("methods", "OPTIONS"), ("paths", "/other"), ("ports", "1"), ("hosts", "other.test")];
    for (field, value) in other {
        values.entry(field).or_default().insert(value.to_owned());
    }
    let mut principals = BTreeSet::from([None, Some("cluster.local/ns/other/sa/other".to_owned())]);
    let mut addresses = BTreeSet::from(["192.0.2.1".to_owned()]);
    let mut tokens = vec![None, Some(json!({ "iss": "other", "sub": "other" }))];
    let mut headers = BTreeSet::from([BTreeMap::new()]);
    let texts = |list: &Json| -> Vec<String> { serde_json::from_value(list.clone()).unwrap_or_default() };
    let concrete = |value: &String| value.replace("{**}", "x").replace("{*}", "x").replace('*', "x");
    let issuers = objects.iter().flat_map(|object| issuers(&object.body));
    tokens.extend(issuers.map(|issuer| Some(json!({ "iss": issuer, "sub": "x" }))));
    let port_modes = objects.iter().filter_map(|object| object.body["spec"]["portLevelMtls"].as_object()).flatten();
    values.entry("ports").or_default().extend(port_modes.map(|(port, _)| port.clone()));
    let rules = objects.iter().filter_map(|object| object.body["spec"]["rules"].as_array()).flatten();
    for rule in rules {
        for source in rule["from"].as_array().into_iter().flatten().map(|from| &from["source"]) {
            let named = |field: &str, negated: &str| [texts(&source[field]), texts(&source[negated])].concat();
            principals.extend(named("principals", "notPrincipals").iter().map(|value| Some(concrete(value))));
            let in_namespace = |name: &String| Some(format!("cluster.local/ns/{name}/sa/x"));
            principals.extend(named("namespaces", "notNamespaces").iter().map(in_namespace));
            let first = |block: &String| block.split('/').next().unwrap_or_default().to_owned();
            addresses.extend(named("ipBlocks", "notIpBlocks").iter().map(first));
            addresses.extend(named("remoteIpBlocks", "notRemoteIpBlocks").iter().map(first));
        }
        for operation in rule["to"].as_array().into_iter().flatten().map(|to| &to["operation"]) {
            for (field, negated) in
                [("methods", "notMethods"), ("paths", "notPaths"), ("ports", "notPorts"), ("hosts", "notHosts")]
            {
                let named = [&operation[field], &operation[negated]].into_iter().flat_map(texts);
                values.entry(field).or_default().extend(named.map(|value| concrete(&value)));
            }
        }
        let mut claims = json!({ "sub": "x" });
        for condition in rule["when"].as_array().into_iter().flatten() {
            let key = condition["key"].as_str().expect("a key");
            if let Some(name) = key.strip_prefix("request.headers[") {
                let named = [texts(&condition["values"]), texts(&condition["notValues"])].concat();
                let name = name.trim_end_matches(']').to_ascii_lowercase();
                headers.extend(named.iter().map(|value| BTreeMap::from([(name.clone(), concrete(value))])));
                continue;
            }
            let Some(names) = key.strip_prefix("request.auth.claims") else { continue };
            let pointer = names.replace("][", "/").replace(['[', ']'], "/");
            let value = texts(&condition["values"]).first().map_or("x".to_owned(), concrete);
            let names: Vec<&str> = pointer.trim_matches('/').split('/').collect();
            terraform_provider_mesh::json_path::set(&mut claims, &names, json!(value));
        }
        if !tokens.contains(&Some(claims.clone())) {
            tokens.push(Some(claims));
        }
    }
    let mut requests = Vec::new();
    for principal in &principals {
        for port in &values["ports"] {
            for address in &addresses {
                let connection = Request {
                    principal: principal.clone(),
                    source_ip: address.parse().expect("an address"),
                    remote_ip: address.parse().expect("an address"),
                    port: port.parse().expect("a port"),
                    sni: None,
                    attributes: BTreeMap::new(),
                    http: None,
                };
                for claims in &tokens {
                    for method in &values["methods"] {
                        for path in &values["paths"] {
                            for host in &values["hosts"] {
                                requests.extend(headers.iter().map(|headers| {
                                    let http = HttpRequest {
                                        method: method.clone(),
                                        path: path.clone(),
                                        host: host.clone(),
                                        headers: headers.clone(),
                                        claims: claims.clone(),
                                    };
                                    Request { http: Some(http), ..connection.clone() }
                                }));
                            }
                        }
                    }
                }
                requests.push(connection);
            }
        }
    }
    let step = requests.len() / 4000 + 1;
    requests.into_iter().step_by(step).collect()
}

/// The issuers of a RequestAuthentication.
fn issuers(body: &Json) -> impl Iterator<Item = &str> {
    let rules = body["spec"]["jwtRules"].as_array().into_iter().flatten();
    rules.map(|rule| rule["issuer"].as_str().expect("an issuer"))
}

/// What becomes of a request.
#[derive(Clone, Debug)]
enum Outcome {
    /// No RequestAuthentication lists the issuer of the token, but one of other issuers applies: the status is 401.
    TokenRefused,
    /// No RequestAuthentication applies, so the policies decide as if there were no token.
    TokenIgnored(Decision),
    /// The policies decide.
    Decided(Decision),
}

impl Outcome {
    /// How much access the request has.
    fn access(&self) -> u8 {
        match self {
            Self::TokenRefused => 0,
            Self::TokenIgnored(decision) | Self::Decided(decision) => match decision {
                Decision::Refused => 0,
                Decision::Asks(_) => 1,
                Decision::Admitted => 2,
            },
        }
    }

    /// Whether the issuer of the token comes or goes with a change.
    fn is_of_changed_issuer(&self, after: &Self) -> bool {
        let refused = |outcome: &Self| matches!(outcome, Self::TokenRefused);
        let ignored = |outcome: &Self| matches!(outcome, Self::TokenIgnored(_));
        refused(self) || refused(after) || ignored(self) != ignored(after)
    }
}

/// The fields of the objects of a kind that apply to a workload.
fn applying<'a>(bodies: &[&'a Json], kind: &str, workload: &Workload) -> Vec<&'a Json> {
    let applies = |body: &&&Json| {
        let labels = body["spec"]["selector"]["matchLabels"].as_object();
        let namespace = &body["metadata"]["namespace"];
        body["kind"] == *kind
            && (namespace == ROOT || *namespace == workload.namespace)
            && labels
                .into_iter()
                .flatten()
                .all(|(name, value)| workload.labels.get(name).is_some_and(|own| value == own))
    };
    bodies.iter().filter(applies).copied().collect()
}

/// Whether a workload refuses clear text on a port: by the PeerAuthentication that selects it, else by that of its namespace,
/// else by that of the mesh. Gateways accept clear text from clients whatever the PeerAuthentications say.
fn is_strict(bodies: &[&Json], workload: &Workload, port: u16) -> bool {
    if workload.labels.contains_key(GATEWAY) {
        return false;
    }
    let mut applying = applying(bodies, "PeerAuthentication", workload);
    applying.sort_by_key(|body| (body["spec"]["selector"].is_null(), body["metadata"]["namespace"] == ROOT));
    let mode = applying.first().map(|body| {
        let of_port = &body["spec"]["portLevelMtls"][port.to_string()]["mode"];
        if of_port.is_null() { &body["spec"]["mtls"]["mode"] } else { of_port }
    });
    mode.is_some_and(|mode| mode == "STRICT")
}

/// The issuers whose tokens a workload accepts. `None` if it verifies no tokens.
fn accepted_issuers<'a>(bodies: &[&'a Json], workload: &Workload) -> Option<BTreeSet<&'a str>> {
    let applying = applying(bodies, "RequestAuthentication", workload);
    (!applying.is_empty()).then(|| applying.into_iter().flat_map(issuers).collect())
}

/// What becomes of each request at each workload. Without `verifying`, tokens are taken as verified, as if a
/// RequestAuthentication of another resource lists all issuers.
fn outcomes(
    cluster: &Cluster,
    others: &[Json],
    workloads: &[Workload],
    requests: &[Request],
    verifying: bool,
) -> Vec<Outcome> {
    let bodies: Vec<&Json> = cluster.values().map(|(body, _)| body).chain(others).collect();
    let at_workload = |workload: &Workload| {
        let policies = Policies::of_workload(bodies.iter().copied(), workload, ROOT).expect("supported policies");
        let accepted = accepted_issuers(&bodies, workload);
        let outcome = |request: &Request| {
            if request.principal.is_none() && is_strict(&bodies, workload, request.port) {
                return Outcome::Decided(Decision::Refused);
            }
            let token = request.http.as_ref().and_then(|http| http.claims.as_ref()).filter(|_| verifying);
            match (token, &accepted) {
                (None, _) => Outcome::Decided(policies.decide(request)),
                (Some(token), Some(accepted)) if accepted.contains(token["iss"].as_str().unwrap_or_default()) => {
                    Outcome::Decided(policies.decide(request))
                }
                (Some(_), Some(_)) => Outcome::TokenRefused,
                (Some(_), None) => {
                    let http = request.http.clone().map(|http| HttpRequest { claims: None, ..http });
                    Outcome::TokenIgnored(policies.decide(&Request { http, ..request.clone() }))
                }
            }
        };
        requests.iter().map(outcome).collect::<Vec<_>>()
    };
    workloads.iter().flat_map(at_workload).collect()
}

/// Describes the first request that has more or less access in between than at both ends. `others` are policies that don't
/// change.
fn find_violation(before: &[Object], after: &[Object], others: &[Json]) -> Option<String> {
    let both: Vec<&Object> = before.iter().chain(after).collect();
    let (workloads, requests) = (workloads(&both), requests(&both));
    let verifying = both.iter().any(|object| object.key.kind == &REQUEST_AUTHENTICATION);
    let decide = |cluster: &Cluster| outcomes(cluster, others, &workloads, &requests, verifying);
    let start = cluster(before);
    let (first, last) = (decide(&start), decide(&cluster(after)));
    let mut checked: Vec<BTreeMap<Key, Json>> = Vec::new();
    let mut check = |state: &Cluster| {
        let bodies: BTreeMap<Key, Json> = state.iter().map(|(key, (body, _))| (key.clone(), body.clone())).collect();
        if checked.contains(&bodies) {
            return None;
        }
        checked.push(bodies);
        let now = decide(state);
        let violates = |n: &usize| {
            let is_excluded = first[*n].is_of_changed_issuer(&last[*n]);
            let [first, last, now] = [&first[*n], &last[*n], &now[*n]].map(Outcome::access);
            !is_excluded && (now < first.min(last) || now > first.max(last))
        };
        let n = (0..now.len()).find(violates)?;
        let (workload, request) = (&workloads[n / requests.len()], &requests[n % requests.len()]);
        let live: Vec<String> = state.iter().map(|(key, (body, _))| format!("{key}: {}", body["spec"])).collect();
        let (first, now, last) = (&first[n], &now[n], &last[n]);
        Some(format!(
            "{first:?} before, {now:?} in between, {last:?} after\n{request:?}\n{workload:?}\n{}",
            live.join("\n")
        ))
    };
    for state in states(&start, after) {
        if let Some(violation) = check(&state) {
            return Some(violation);
        }
        // The apply fails here, and is repeated or taken back.
        for state in states(&state, after).iter().chain(&states(&state, before)) {
            if let Some(violation) = check(state) {
                return Some(format!("after a failed apply: {violation}"));
            }
        }
    }
    None
}

/// An ALLOW policy without rules in the root namespace.
fn deny_all() -> Json {
    json!({
        "kind": "AuthorizationPolicy",
        "metadata": { "name": "deny-all", "namespace": ROOT },
        "spec": { "action": "ALLOW", "rules": [] },
    })
}

/// A policy for pods of `pci` that a team manages.
fn policy_of_team() -> Json {
    json!({
        "kind": "AuthorizationPolicy",
        "metadata": { "name": "team", "namespace": "pci" },
        "spec": {
            "action": "ALLOW",
            "selector": { "matchLabels": { "app": "payments" } },
            "rules": [{ "from": [{ "source": { "namespaces": ["shop"] } }] }],
        },
    })
}

/// Checks the change from `before` to `after` in an open mesh, under deny-all, and beside a policy of a team.
fn assert_monotonic(title: &str, before: &[Object], after: &[Object]) {
    for (mesh, others) in
        [("open mesh", vec![]), ("deny-all", vec![deny_all()]), ("policy of a team", vec![policy_of_team()])]
    {
        let violation = find_violation(before, after, &others);
        assert!(violation.is_none(), "{title} ({mesh}): {}", violation.unwrap_or_default());
    }
}

/// Checks creation, every change from one configuration to another, and destruction.
fn assert_every_change_is_monotonic<R: ResourceType>(configs: &[(&str, String)]) {
    let mut all = vec![("nothing", Vec::new())];
    all.extend(configs.iter().map(|(title, text)| (*title, policies_of::<R>(text))));
    for (before, old) in &all {
        for (after, new) in &all {
            assert_monotonic(&format!("from {before:?} to {after:?}"), old, new);
        }
    }
}

#[test]
fn service_policies_change_without_a_gap() {
    let service = |arguments: &str| {
        format!(
            "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 8080\n  protocol = \"http\"\n}}\n\
             port {{\n  number = 5432\n  protocol = \"tcp\"\n}}\n{}",
            arguments.replace("; ", "\n")
        )
    };
    let configs = [
        ("allow checkout", r#"allow { from = ["shop/checkout"] }"#),
        ("allow all, deny report", r#"allow { from = ["*"] }; deny { from = ["shop/report"] }"#),
        ("allow report, deny checkout", r#"allow { from = ["shop/report"] }; deny { from = ["shop/checkout"] }"#),
        ("deny a path", r#"allow { from = ["*"] }; deny { from = ["*"]; paths = ["/internal/*"] }"#),
        (
            "allow all but report",
            r#"allow { from = ["*"]; except { from = ["shop/report"]; paths = ["/internal/*"] } }"#,
        ),
        (
            "deny all but report, and those with a header",
            r#"allow { from = ["*"] }; deny { from = ["*"]; except { from = ["shop/report"] }; when { key = "request.headers[x-a]"; not_values = ["b"] } }"#,
        ),
        ("end user", r#"allow { from = ["*"] }; require_end_user { except_paths = ["/healthz"] }"#),
        ("end user everywhere", r#"allow { from = ["shop/checkout"] }; require_end_user {}"#),
        ("dry run", r#"authorization_mode = "dry_run"; allow { from = ["shop/checkout"] }; deny { from = ["*"] }"#),
        ("off", r#"authorization_mode = "off"; resiliency = "low""#),
        ("other pods", r#"selector = { tier = "front" }; allow { from = ["*"] }; deny { from = ["shop/report"] }"#),
        (
            "more pods",
            r#"selector = { app = "payments", tier = "front" }; deny { from = ["pci/x"]; paths = ["/internal/*"] }"#,
        ),
        ("authorizer", r#"allow { from = ["shop/report"] }; external_authorization { provider = "opa" }"#),
        (
            "authorizer for a path",
            r#"allow { from = ["*"] }; external_authorization { provider = "opa"; paths = ["/admin/*"] }"#,
        ),
    ];
    let configs = configs.map(|(title, arguments)| {
        let lines = arguments.replace("{ ", "{\n").replace(" }", "\n}");
        (title, service(&lines))
    });
    assert_every_change_is_monotonic::<Service>(&configs);
}

#[test]
fn policies_of_the_mesh_change_without_a_gap() {
    let gateway = r#"gateway_access {
  namespace = "ingress"
  selector = { app = "gateway" }
  ports = [PORTS]
}
"#;
    let defaults = |mode: &str, ports: &str, rest: &str| {
        format!("authorization {{\n  mode = \"{mode}\"\n}}\n{}{rest}", gateway.replace("PORTS", ports))
    };
    let scrapers = "allow {\n    from = [\"anonymous\"]\n    ports = [9090]\n  }\n";
    let tokens = "jwt {\n  issuer = \"https://idp.test\"\n}\nrequire_end_user {\n  except_paths = [\"/healthz\"]\n}";
    let other_issuer = "jwt {\n  issuer = \"https://other.test\"\n}\n";
    let authorizer = "external_authorization {\n  provider = \"opa\"\n  selector = { app = \"gateway\" }\n}";
    let (strict, permissive) = ("mtls {}\n", "mtls {\n  mode = \"permissive\"\n}\n");
    let configs = [
        ("strict, off", defaults("off", "8443", strict)),
        ("permissive, off", defaults("off", "8443", permissive)),
        ("strict, enforce", defaults("enforce", "8443", strict)),
        ("permissive, enforce", defaults("enforce", "8443", permissive)),
        ("permissive, dry run", defaults("dry_run", "8443", permissive)),
        (
            "permissive, enforce, scrapers",
            defaults("enforce", "8443", permissive).replacen('}', &format!("{scrapers}}}"), 1),
        ),
        ("off", defaults("off", "8443", "sidecar {}")),
        ("audit", defaults("audit", "8443", "")),
        ("dry run", defaults("dry_run", "8443", "")),
        ("enforce", defaults("enforce", "8443", "")),
        ("enforce, other port", defaults("enforce", "9443", "")),
        ("enforce, tokens", defaults("enforce", "8443", tokens)),
        ("dry run, authorizer", defaults("dry_run", "8443, 9443", authorizer)),
        ("tokens and authorizer", format!("{tokens}\n{authorizer}")),
        ("enforce, scrapers", defaults("enforce", "8443", "").replacen('}', &format!("{scrapers}}}"), 1)),
        ("tokens of two issuers", defaults("enforce", "8443", &(other_issuer.to_owned() + tokens))),
        ("tokens of another issuer", format!("{other_issuer}require_end_user {{}}")),
    ];
    assert_every_change_is_monotonic::<GlobalDefaults>(&configs);
}

#[test]
fn policies_of_namespaces_and_gateways_change_without_a_gap() {
    let namespace = |mode: &str| format!("name = \"pci\"\nauthorization_mode = \"{mode}\"");
    let modes = ["off", "audit", "dry_run", "enforce"];
    assert_every_change_is_monotonic::<Namespace>(&modes.map(|mode| (mode, namespace(mode))));
    let exception = |mode: &str, port: u16| {
        format!("exception {{\n    service = \"payments\"\n    port = {port}\n    mode = \"{mode}\"\n  }}")
    };
    let (lenient, lenient_elsewhere, strict_on_a_port) =
        (exception("permissive", 9090), exception("permissive", 9091), exception("strict", 9090));
    let of_other_pods = |exception: &str| exception.replace("{\n", "{\n    selector = { tier = \"front\" }\n");
    let configs: Vec<(String, String)> = ["off", "dry_run", "enforce"]
        .into_iter()
        .flat_map(|mode| {
            let mtls = |title: &str, mtls: &str, exception: &str| {
                let block = format!("mtls {{\n  mode = \"{mtls}\"\n  {exception}\n}}");
                (format!("{mode}, {title}"), format!("{}\n{block}", namespace(mode)))
            };
            [
                mtls("strict", "strict", ""),
                mtls("permissive", "permissive", ""),
                mtls("strict but for a port", "strict", &lenient),
                mtls("strict but for another port", "strict", &lenient_elsewhere),
                mtls("strict but for a port of other pods", "strict", &of_other_pods(&lenient)),
                mtls("permissive but for a port", "permissive", &strict_on_a_port),
                mtls("permissive but for a port of other pods", "permissive", &of_other_pods(&strict_on_a_port)),
                (format!("{mode}, no mtls"), namespace(mode)),
            ]
        })
        .collect();
    let configs: Vec<(&str, String)> = configs.iter().map(|(title, text)| (title.as_str(), text.clone())).collect();
    assert_every_change_is_monotonic::<Namespace>(&configs);
    let allow = |mode: &str, mtls: &str, rule: &str| format!("{}\n{mtls}\nallow {{\n{rule}\n}}", namespace(mode));
    let (scraper, anyone) = ("from = [\"monitoring/prometheus\"]\nports = [9090]", "from = [\"*\"]\nports = [9090]");
    let (strict, lenient) = ("mtls {}", format!("mtls {{\n  {lenient}\n}}"));
    assert_every_change_is_monotonic::<Namespace>(&[
        ("off", namespace("off")),
        ("enforced", namespace("enforce")),
        ("a caller in a dry run", allow("dry_run", "", scraper)),
        ("a caller", allow("enforce", "", scraper)),
        ("a caller, strict", allow("enforce", strict, scraper)),
        ("anyone on an excepted port", allow("enforce", &lenient, anyone)),
        ("anyone in a dry run", allow("dry_run", &lenient, anyone)),
    ]);
    let gateway = |arguments: &str| {
        let host = "pay.test";
        format!(
            "{arguments}\nname = \"edge\"\nnamespace = \"pci\"\nselector = {{ app = \"payments\" }}\nserver {{\n  hosts = [\"{host}\"]\n  namespaces = [\"*\"]\n  \
             port = 80\n  protocol = \"http\"\n}}"
        )
    };
    let allow = "authorization_mode = \"enforce\"\nallow {\n  paths = [\"/public/*\"]\n}";
    let arguments = ["", "authorization_mode = \"dry_run\"", "authorization_mode = \"enforce\"", allow];
    assert_every_change_is_monotonic::<Gateway>(&arguments.map(|arguments| (arguments, gateway(arguments))));
}

/// The names of policies in the error about a change of the provider, or nothing.
fn provider_errors(prior: &str, planned: &str) -> String {
    let service = |arguments: &str| {
        let port = "port {\n  number = 8080\n  protocol = \"http\"\n}";
        policies_of::<Service>(&format!("name = \"payments\"\nnamespace = \"pci\"\n{port}\n{arguments}"))
    };
    let mut out = Diagnostics::default();
    provider_change::validate(service(prior).iter(), service(planned).iter(), &mut out);
    out.to_string()
}

#[test]
fn provider_of_an_authorizer_changes_alone() {
    let authorizer = |name: &str| format!("external_authorization {{\n  provider = \"{name}\"\n}}\n");
    let deny = "deny {\n  from = [\"shop/report\"]\n}\n";
    let selector = "selector = { tier = \"front\" }\n";
    let (opa, other) = (authorizer("opa"), authorizer("other"));
    for (prior, planned) in [
        (opa.clone(), other.clone()),
        (opa.clone(), opa.clone() + deny),
        (opa.clone() + deny, other.clone() + deny),
        (deny.to_owned(), other.clone()),
        (opa.clone(), format!("labels = {{ team = \"pay\" }}\n{other}")),
        (opa.clone(), deny.to_owned()),
    ] {
        assert_eq!(provider_errors(&prior, &planned), "", "{prior} to {planned}");
    }
    expect![[r#"
        error at external_authorization.provider: Provider changes together with other policies
          The provider changes from "opa" to "other" beside other AuthorizationPolicies: payments-pci-deny. Istio refuses all requests that two providers would be asked about, so the provider changes by one write, and other policies can't change safely around it. Apply the change of the provider alone, then the others.
    "#]].assert_eq(&provider_errors(&opa, &(other.clone() + deny)));
    let with_selector = provider_errors(&opa, &(other + selector));
    assert!(with_selector.contains("payments-pci-ext-authz, payments-pci-ext-authz-"), "{with_selector}");
}

/// The provider of the CUSTOM policy.
fn provider(objects: &[Object]) -> Option<&str> {
    objects.iter().find_map(|object| object.body["spec"]["provider"]["name"].as_str())
}

/// Checks creation, change, change back and destruction of a resource with random arguments.
/// Whether a deny-all with a rule for callers without an identity goes while mutual TLS becomes less strict. Beside another owner's
/// deny-all, its rule admits clear text until it is deleted: see the limits in docs/reliability.md.
fn opens_clear_text_of_own_exceptions(before: &[Object], after: &[Object]) -> bool {
    let of_kind = |objects: &[Object], kind| -> Vec<Json> {
        objects.iter().filter(|object| object.key.kind == kind).map(|object| object.body["spec"].clone()).collect()
    };
    let admits_anonymous = |objects: &[Object]| {
        let policies = of_kind(objects, &AUTHORIZATION_POLICY).into_iter();
        let allow = policies.filter(|spec| spec["action"] == "ALLOW");
        let rules: Vec<Json> = allow.flat_map(|spec| spec["rules"].as_array().cloned().unwrap_or_default()).collect();
        rules.iter().any(|rule| {
            let sources = rule["from"].as_array().cloned().unwrap_or_default();
            sources.is_empty() || sources.iter().any(|from| from["source"]["principals"].is_null())
        })
    };
    of_kind(before, &PEER_AUTHENTICATION) != of_kind(after, &PEER_AUTHENTICATION)
        && (admits_anonymous(before) || admits_anonymous(after))
}

fn check_random_change<R: ResourceType>(before: &ValidConfig, after: ValidConfig) -> Result<(), TestCaseError> {
    let (Value::Map(old), Value::Map(mut new)) = (before.0.clone(), after.0) else { panic!("arguments") };
    for (name, _) in R::IDENTITY.iter().filter(|(name, _)| old.contains_key(*name)) {
        new.insert((*name).to_owned(), old[*name].clone());
    }
    let (old, new) = (policies::<R>(&before.0), policies::<R>(&Value::Map(new)));
    let (Ok(old), Ok(new)) = (old, new) else { return Ok(()) };
    // Two providers have no order.
    let same_provider = provider(&old).is_none() || provider(&new).is_none() || provider(&old) == provider(&new);
    // Several RequestAuthentications for the same pods that appear at once are outside of the promise: decision 14. Istio merges
    // no two PeerAuthentications. Ways in of two gateways that share pods are a mistake.
    let applies_once = |objects: &[Object]| {
        let of_kind = |kind| objects.iter().filter(move |object| object.key.kind == kind);
        let of_services = of_kind(&PEER_AUTHENTICATION).filter(|object| !object.body["spec"]["selector"].is_null());
        let ways_in = of_kind(&AUTHORIZATION_POLICY).filter(|object| object.key.name.starts_with("gateway-access-"));
        of_kind(&REQUEST_AUTHENTICATION).count() <= 1 && of_services.count() <= 1 && ways_in.count() <= 1
    };
    prop_assume!(same_provider && applies_once(&old) && applies_once(&new));
    for (before, after) in [(&old, &new), (&new, &old), (&old, &Vec::new()), (&Vec::new(), &new)] {
        for others in [vec![], vec![deny_all()]] {
            if !others.is_empty() && opens_clear_text_of_own_exceptions(before, after) {
                continue;
            }
            let violation = find_violation(before, after, &others);
            prop_assert!(violation.is_none(), "{}", violation.unwrap_or_default());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_service_policies_change_without_a_gap(
        (before, after) in (valid_configs::<Service>(&["override"]), valid_configs::<Service>(&["override"])),
    ) {
        check_random_change::<Service>(&before, after)?;
    }

    #[test]
    fn random_policies_of_the_mesh_change_without_a_gap(
        (before, after) in (valid_configs::<GlobalDefaults>(&["guardrails"]), valid_configs::<GlobalDefaults>(&["guardrails"])),
    ) {
        check_random_change::<GlobalDefaults>(&before, after)?;
    }

    #[test]
    fn random_policies_of_namespaces_change_without_a_gap(
        (before, after) in (valid_configs::<Namespace>(&[]), valid_configs::<Namespace>(&[])),
    ) {
        check_random_change::<Namespace>(&before, after)?;
    }

    #[test]
    fn random_policies_of_gateways_change_without_a_gap(
        (before, after) in (valid_configs::<Gateway>(&[]), valid_configs::<Gateway>(&[])),
    ) {
        check_random_change::<Gateway>(&before, after)?;
    }
}
