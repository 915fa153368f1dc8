//! Which callers gain or lose access by a change: the AuthorizationPolicies of before and of after are evaluated for example requests,
//! one for each combination of the callers, ports, methods, paths, hosts, addresses, tokens and conditions that a rule of either names. Other policies
//! aren't known; a workload without an ALLOW policy admits every request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    Mesh, Rendered,
    checks::{Code::ChangedAccess, Findings},
    example_requests::{Example, NamedValues},
    live_objects::{namespace, string_map},
    policy_evaluation::{Decision, Policies, Workload},
};
use crate::{known::Known, object::kind};

/// The most requests that are evaluated for a workload.
const MAX_REQUESTS: usize = 4000;

/// The most lines in a finding.
const MAX_LINES: usize = 12;

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
        for example in named.examples(MAX_REQUESTS) {
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
