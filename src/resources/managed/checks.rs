//! Live checks: what a kind wants to know is asked for, and what it finds is told at the level that the provider block says.

use std::collections::{BTreeMap, BTreeSet};

use super::{Managed, desired::Desired};
use crate::{
    diagnostics::{Diagnostics, Path},
    engine::{Reader, ReportedMessages},
    mesh::checks::{Code, Findings, Level, Levels, LiveQuery},
    object::{Key, ManagementScope},
    query::{Query, QueryError, QueryResults},
    resources::ResourceType,
};

impl<R: ResourceType> Managed<R> {
    /// The live checks of a resource that this plan changes. What can't be seen is no fault: it is told in one line a run.
    pub(super) async fn look_around(
        reader: &Reader<'_>,
        resource: &str,
        levels: &Levels,
        desired: &Desired<'_, R>,
        out: &mut Diagnostics,
    ) {
        let Desired { mesh, arguments, rendered, .. } = desired;
        let all = arguments.live_queries(mesh, rendered).into_iter();
        let wants: Vec<LiveQuery> = all.filter(|query| !wanted_by(query, levels).is_empty()).collect();
        let queries: BTreeSet<Query> = wants.iter().map(|want| want.query.clone()).collect();
        if queries.is_empty() {
            return;
        }
        let Some(found) = reader.run_queries(&queries.into_iter().collect::<Vec<_>>()).await else { return };
        // What the resource had under another name goes with this plan.
        let wanted: BTreeSet<&Key> = rendered.iter().flatten().map(|(key, _)| key).collect();
        let noted =
            reader.record.recorded_objects().into_iter().filter(|(_, noted)| noted.scope() == ManagementScope::Whole);
        let gone = noted.map(|(key, _)| key).filter(|key| !wanted.contains(key)).collect();
        let found = found.excluding(&gone);
        let mut findings = Findings::default();
        arguments.live_checks(mesh, rendered, &found, &mut findings);
        for finding in findings {
            match levels.of(finding.code) {
                Level::Off => {}
                Level::Warn => out.warn(&finding.at, finding.summary, finding.detail),
                Level::Error => drop(out.error(&finding.at, finding.summary, finding.detail)),
            }
        }
        skipped(&wants, levels, &found, resource, reader.reported, out);
    }
}

/// The checks that want it and aren't off.
fn wanted_by(want: &LiveQuery, levels: &Levels) -> Vec<Code> {
    want.checks.iter().copied().filter(|code| levels.of(*code) != Level::Off).collect()
}

/// Which checks couldn't be made, and why: once a run, since what one resource may not see, others may not see either.
fn skipped(
    wants: &[LiveQuery],
    levels: &Levels,
    found: &QueryResults,
    resource: &str,
    reported: &ReportedMessages,
    out: &mut Diagnostics,
) {
    let mut reasons: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for want in wants {
        if let Some(unseen) = found.error(&want.query) {
            let codes = wanted_by(want, levels);
            reasons.entry(reason(&want.query, unseen)).or_default().extend(codes.into_iter().map(Code::as_str));
        }
    }
    if reasons.is_empty() || !reported.insert("live checks skipped") {
        return;
    }
    let line =
        |(why, codes): (String, BTreeSet<&str>)| format!("{why}: {}", codes.into_iter().collect::<Vec<_>>().join(", "));
    let lines: Vec<String> = reasons.into_iter().map(line).collect();
    out.warn(
        &Path::root(),
        "Some live checks were skipped",
        format!(
            "Of {resource}: {}. Other resources may miss the same, which isn't told again in this run. The guide \"Live checks\" \
             says which rights they take, and how they are switched off.",
            lines.join("; ")
        ),
    );
}

fn reason(query: &Query, unseen: &QueryError) -> String {
    match unseen {
        QueryError::Forbidden => format!("no right to {query}"),
        QueryError::NotServed => format!("can't {query}, which the cluster doesn't serve"),
        QueryError::TooMany => format!("didn't {query}, of which there are too many"),
        QueryError::Failed(why) => format!("can't {query} ({why})"),
    }
}
