//! Live checks: the queries of a resource type are run, and its findings are reported at the level that the provider block
//! sets for each check.

use std::collections::{BTreeMap, BTreeSet};

use super::{Managed, desired::Desired};
use crate::{
    diagnostics::{Diagnostics, Path},
    engine::{Reader, ReportedMessages},
    mesh::checks::{Code, Findings, Level, Levels, LiveQuery},
    object::{Key, ManagementScope},
    query::{Query, QueryResults},
    resources::ResourceType,
};

impl<R: ResourceType> Managed<R> {
    /// Runs the live checks of a resource that this plan changes. A query that fails is no error of the configuration: one
    /// warning in a run names the checks that were skipped for it.
    pub(super) async fn run_live_checks(
        reader: &Reader<'_>,
        resource: &str,
        levels: &Levels,
        desired: &Desired<'_, R>,
        out: &mut Diagnostics,
    ) {
        let Desired { mesh, arguments, rendered, .. } = desired;
        let mut live_queries = arguments.live_queries(mesh, rendered);
        live_queries.retain(|query| !enabled_checks(query, levels).is_empty());
        let queries: BTreeSet<Query> = live_queries.iter().map(|live_query| live_query.query.clone()).collect();
        if queries.is_empty() {
            return;
        }
        let queries: Vec<Query> = queries.into_iter().collect();
        let Some(results) = reader.run_queries(&queries).await else { return };
        // Recorded objects that aren't rendered any more are deleted by the apply of this plan.
        let rendered_keys: BTreeSet<&Key> = rendered.iter().flatten().map(|(key, _)| key).collect();
        let recorded = reader.record.recorded_objects().into_iter();
        let deleted = recorded
            .filter(|(key, object)| object.scope() == ManagementScope::Whole && !rendered_keys.contains(key))
            .map(|(key, _)| key)
            .collect();
        let results = results.excluding(&deleted);
        let mut findings = Findings::default();
        arguments.live_checks(mesh, rendered, &results, &mut findings);
        report_findings(findings, levels, out);
        report_skipped_checks(&live_queries, levels, &results, resource, reader.reported, out);
    }
}

/// Reports findings at the level of their check.
pub(super) fn report_findings(findings: Findings, levels: &Levels, out: &mut Diagnostics) {
    for finding in findings {
        match levels.of_finding(&finding) {
            Level::Off => {}
            Level::Warn => out.warn(&finding.at, finding.summary, finding.detail),
            Level::Error => drop(out.error(&finding.at, finding.summary, finding.detail)),
        }
    }
}

/// The checks that need the query and aren't switched off.
fn enabled_checks(query: &LiveQuery, levels: &Levels) -> Vec<Code> {
    query.checks.iter().copied().filter(|code| levels.of(*code) != Level::Off).collect()
}

/// Reports which checks were skipped, and why. It does so once in a run, since a missing right is usually missing for all
/// resources.
fn report_skipped_checks(
    live_queries: &[LiveQuery],
    levels: &Levels,
    results: &QueryResults,
    resource: &str,
    reported: &ReportedMessages,
    out: &mut Diagnostics,
) {
    let mut skipped: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for live_query in live_queries {
        if let Some(error) = results.error(&live_query.query) {
            let codes = enabled_checks(live_query, levels);
            skipped.entry(live_query.query.explain(error)).or_default().extend(codes.into_iter().map(Code::as_str));
        }
    }
    if skipped.is_empty() || !reported.insert("live checks skipped") {
        return;
    }
    let line = |(reason, codes): (String, BTreeSet<&str>)| {
        format!("{reason}: {}", codes.into_iter().collect::<Vec<_>>().join(", "))
    };
    let lines: Vec<String> = skipped.into_iter().map(line).collect();
    out.warn(
        &Path::root(),
        "Some live checks were skipped",
        format!(
            "Some checks of {resource} were skipped, listed by reason: {}. Other resources may be affected as well; this \
             warning appears once per run. The guide \"Live checks\" lists the rights that the checks need, and says how \
             to turn checks off.",
            lines.join("; ")
        ),
    );
}
