//! Which callers gain or lose access by a change: the AuthorizationPolicies of before and of after are evaluated for example requests,
//! one for each combination of the callers, ports, methods, paths, hosts and tokens that a rule of either names. Other policies
//! aren't known; a workload without an ALLOW policy admits every request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::{
    Mesh, Rendered,
    checks::{Code::ChangedAccess, Findings},
    live_objects::{items, namespace, string_map, strings},
    names,
    policy_evaluation::{Decision, HttpRequest, Policies, Request, Workload},
};
use crate::{
    json_path::{set, text},
    known::Known,
    object::kind,
};

/// The most requests that are evaluated for a workload. Of more combinations only some are.
const MAX_REQUESTS: usize = 4000;

/// The most lines in a finding.
const MAX_LINES: usize = 12;

/// A value that no rule names.
const OTHER: &str = "a-value-that-no-rule-names";

/// Reports the callers that gain access and those that lose it, by the AuthorizationPolicies among the objects of a resource.
pub(super) fn report(
    prior: Rendered,
    planned: Rendered,
    mesh: &Mesh,
    argument: &str,
    subject: &str,
    out: &mut Findings,
) -> Known<()> {
    let (before, after) = (policies(prior)?, policies(planned)?);
    let [before, after] = [&before, &after].map(|policies| policies.iter().collect::<Vec<&Json>>());
    report_policies(&before, &after, mesh, argument, subject, out);
    Ok(())
}

/// The manifests of the AuthorizationPolicies.
fn policies(rendered: Rendered) -> Known<Vec<Json>> {
    let policies = rendered?.into_iter().filter(|(key, _)| key.kind == &kind::AUTHORIZATION_POLICY);
    policies.map(|(_, object)| Ok(object?.body)).collect()
}

fn report_policies(prior: &[&Json], planned: &[&Json], mesh: &Mesh, argument: &str, subject: &str, out: &mut Findings) {
    let (mut lost, mut gained) = (BTreeSet::new(), BTreeSet::new());
    let all: Vec<&Json> = prior.iter().chain(planned).copied().collect();
    let named = NamedValues::of(&all, &mesh.trust_domain);
    for (before, after) in workloads(prior, planned) {
        let (Ok(old), Ok(new)) = (
            Policies::of_workload(prior.iter().copied(), &before, &mesh.root_namespace),
            Policies::of_workload(planned.iter().copied(), &after, &mesh.root_namespace),
        ) else {
            continue;
        };
        let (mut less, mut more) = (Difference::default(), Difference::default());
        for example in named.examples() {
            let admits = |policies: &Policies| policies.decide(&example.request) != Decision::Refused;
            let (was, is) = (admits(&old), admits(&new));
            less.add(&example, was, is);
            more.add(&example, is, was);
        }
        lost.extend(less.lines());
        gained.extend(more.lines());
    }
    for (lines, summary, verb) in
        [(lost, "Callers lose access", "aren't admitted any more"), (gained, "Callers gain access", "are admitted")]
    {
        if !lines.is_empty() {
            let more = lines.len().saturating_sub(MAX_LINES);
            let mut text: Vec<String> = lines.into_iter().take(MAX_LINES).collect();
            if more > 0 {
                text.push(format!("- and {more} more"));
            }
            out.report(
                ChangedAccess,
                argument,
                summary,
                &format!("After this apply these requests to {subject} {verb} by its policies:\n{}\n", text.join("\n")),
            );
        }
    }
}

/// The workloads of the policies, before and after: those of each selector. A resource with one selector has one workload, which may
/// change.
fn workloads(prior: &[&Json], planned: &[&Json]) -> Vec<(Workload, Workload)> {
    let of = |policies: &[&Json]| -> Vec<Workload> {
        let mut found: Vec<Workload> = Vec::new();
        for policy in policies {
            let labels = string_map(policy, &["spec", "selector", "matchLabels"]);
            let workload = Workload { namespace: namespace(policy).to_owned(), labels };
            if !found.contains(&workload) {
                found.push(workload);
            }
        }
        found
    };
    match (of(prior).as_slice(), of(planned).as_slice()) {
        ([before], [after]) => vec![(before.clone(), after.clone())],
        (before, after) => {
            let mut all = before.to_vec();
            all.extend(after.iter().filter(|workload| !before.contains(workload)).cloned());
            all.into_iter().map(|workload| (workload.clone(), workload)).collect()
        }
    }
}

/// An example of requests.
struct Example {
    request: Request,
    /// The caller, in words.
    caller: String,
    /// Method, path, host and token, where a rule names some.
    operation: String,
}

/// The values that rules name, and one of each kind that no rule names.
struct NamedValues {
    /// Identities, with the words for them.
    callers: BTreeMap<Option<String>, String>,
    ports: BTreeSet<u16>,
    methods: BTreeSet<String>,
    paths: BTreeSet<String>,
    hosts: BTreeSet<String>,
    addresses: BTreeSet<String>,
    tokens: Vec<Option<Json>>,
}

impl NamedValues {
    fn of(policies: &[&Json], trust_domain: &str) -> Self {
        let mut values = Self {
            callers: BTreeMap::from([
                (None, "clients without an identity".to_owned()),
                (Some(names::principal(trust_domain, OTHER, OTHER)), "every other workload of the mesh".to_owned()),
            ]),
            ports: BTreeSet::new(),
            methods: BTreeSet::new(),
            paths: BTreeSet::new(),
            hosts: BTreeSet::new(),
            addresses: BTreeSet::from(["192.0.2.1".to_owned()]),
            tokens: vec![None],
        };
        let rules: Vec<&Json> = policies.iter().flat_map(|policy| items(policy, &["spec", "rules"])).collect();
        for rule in rules {
            values.add_rule(rule, trust_domain);
        }
        if values.ports.is_empty() {
            values.ports.insert(0);
        }
        for (set, other) in [
            (&mut values.methods, "OTHER"),
            (&mut values.paths, "/a-value-that-no-rule-names"),
            (&mut values.hosts, OTHER),
        ] {
            set.insert(other.to_owned());
        }
        values
    }

    fn add_rule(&mut self, rule: &Json, trust_domain: &str) {
        for source in items(rule, &["from"]) {
            for principal in strings(source, &["source", "principals"]).filter(|principal| *principal != "*") {
                let caller = principal.split_once("/ns/").and_then(|(_, rest)| rest.split_once("/sa/"));
                let words =
                    caller.map_or(principal.to_owned(), |(namespace, account)| format!("{namespace}/{account}"));
                self.callers.insert(Some(principal.to_owned()), words);
            }
            for namespace in strings(source, &["source", "namespaces"]) {
                let principal = names::principal(trust_domain, namespace, OTHER);
                self.callers.insert(Some(principal), format!("other workloads of {namespace}"));
            }
            let blocks =
                ["ipBlocks", "remoteIpBlocks"].into_iter().flat_map(|field| strings(source, &["source", field]));
            self.addresses.extend(blocks.map(|block| block.split('/').next().unwrap_or(block).to_owned()));
        }
        let example = |value: &str| value.replace("{**}", "x").replace("{*}", "x").replace('*', "x");
        for to in items(rule, &["to"]) {
            let named = |fields: [&str; 2]| {
                let values: Vec<&str> =
                    fields.into_iter().flat_map(|field| strings(to, &["operation", field])).collect();
                values
            };
            self.ports.extend(named(["ports", "notPorts"]).iter().filter_map(|port| port.parse::<u16>().ok()));
            self.methods.extend(named(["methods", "notMethods"]).into_iter().map(example));
            self.paths.extend(named(["paths", "notPaths"]).into_iter().map(example));
            self.hosts.extend(named(["hosts", "notHosts"]).into_iter().map(example));
        }
        let mut claims = json!({});
        for condition in items(rule, &["when"]) {
            let key = text(condition, &["key"]).and_then(|key| key.strip_prefix("request.auth.claims["));
            let Some(names) = key.and_then(|key| key.strip_suffix(']')) else { continue };
            let value = strings(condition, &["values"]).next().map_or_else(|| "x".to_owned(), example);
            set(&mut claims, &names.split("][").collect::<Vec<_>>(), json!(value));
        }
        let token = Some(claims).filter(|claims| claims.as_object().is_some_and(|claims| !claims.is_empty()));
        if !self.tokens.contains(&token) {
            self.tokens.push(token);
        }
    }

    fn examples(&self) -> impl Iterator<Item = Example> {
        let sizes = [self.ports.len(), self.methods.len(), self.paths.len(), self.hosts.len(), self.addresses.len()];
        let total = sizes.iter().product::<usize>() * self.callers.len() * self.tokens.len();
        let step = total / MAX_REQUESTS + 1;
        self.callers
            .iter()
            .flat_map(move |caller| self.ports.iter().map(move |port| (caller, port)))
            .flat_map(move |at| self.methods.iter().map(move |method| (at, method)))
            .flat_map(move |at| self.paths.iter().map(move |path| (at, path)))
            .flat_map(move |at| self.hosts.iter().map(move |host| (at, host)))
            .flat_map(move |at| self.addresses.iter().map(move |address| (at, address)))
            .flat_map(move |at| self.tokens.iter().map(move |token| (at, token)))
            .step_by(step)
            .filter_map(move |((((((caller, port), method), path), host), address), token)| {
                let source_ip = address.parse().ok()?;
                let http = HttpRequest {
                    method: method.clone(),
                    path: path.clone(),
                    host: host.clone(),
                    headers: BTreeMap::new(),
                    claims: token.clone(),
                };
                let request = Request {
                    principal: caller.0.clone(),
                    source_ip,
                    remote_ip: source_ip,
                    port: *port,
                    sni: None,
                    http: Some(http),
                };
                let mut words = Vec::new();
                if self.ports.len() > 1 {
                    words.push(format!("port {port}"));
                }
                if self.methods.len() > 1 {
                    words.push(if method == "OTHER" { "other methods".to_owned() } else { method.clone() });
                }
                if self.paths.len() > 1 {
                    words.push(if path.contains(OTHER) { "other paths".to_owned() } else { path.clone() });
                }
                if self.hosts.len() > 1 {
                    words.push(if host == OTHER { "other hosts".to_owned() } else { host.clone() });
                }
                if self.tokens.len() > 1 {
                    let issuer = token.as_ref().and_then(|claims| text(claims, &["iss"]));
                    words.push(match (token, issuer) {
                        (None, _) => "without token".to_owned(),
                        (_, Some(issuer)) => format!("token of {issuer}"),
                        _ => "with a token".to_owned(),
                    });
                }
                if self.addresses.len() > 1 {
                    words.push(if address == "192.0.2.1" {
                        "other addresses".to_owned()
                    } else {
                        format!("from {address}")
                    });
                }
                Some(Example { request, caller: caller.1.clone(), operation: words.join(" ") })
            })
    }
}

/// The requests of each caller that are admitted on one side only.
#[derive(Default)]
struct Difference(BTreeMap<String, Requests>);

#[derive(Default)]
struct Requests {
    /// Requests that are admitted on both sides, or refused on this one.
    others: usize,
    /// Requests that are admitted on this side alone, by their operations.
    changed: BTreeSet<String>,
}

impl Difference {
    fn add(&mut self, example: &Example, is_admitted: bool, on_other_side: bool) {
        let requests = self.0.entry(example.caller.clone()).or_default();
        if is_admitted && !on_other_side {
            requests.changed.insert(example.operation.clone());
        } else {
            requests.others += 1;
        }
    }

    fn lines(self) -> Vec<String> {
        let line = |(caller, requests): (String, Requests)| {
            let mut changed: Vec<String> =
                requests.changed.into_iter().filter(|operation| !operation.is_empty()).collect();
            let more = changed.len().saturating_sub(6);
            changed.truncate(6);
            if more > 0 {
                changed.push(format!("{more} more"));
            }
            if requests.others == 0 || changed.is_empty() {
                format!("- {caller}")
            } else {
                format!("- {caller}: {}", changed.join("; "))
            }
        };
        self.0.into_iter().filter(|(_, requests)| !requests.changed.is_empty()).map(line).collect()
    }
}
