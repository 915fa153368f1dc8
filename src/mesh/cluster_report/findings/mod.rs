//! Departures from the best practices.

mod control_plane;
mod namespaces;
mod policies;
mod traffic;

use super::{BestPractice, arguments::Finding, observed::Observed};
use crate::schema::{Attr, model::Nested};

/// The departures that were found.
#[derive(Default)]
struct Departures(Vec<(BestPractice, String, String)>);

impl Departures {
    /// Adds a departure of an object, which is written as `Kind/namespace/name`.
    fn report(&mut self, practice: BestPractice, object: impl Into<String>, summary: impl Into<String>) {
        self.0.push((practice, object.into(), summary.into()));
    }
}

/// All findings, the most severe ones first.
pub(super) fn all(observed: &Observed, fips: bool) -> Vec<Attr<Nested<Finding>>> {
    let mut out = Departures::default();
    control_plane::check(observed, fips, &mut out);
    policies::check(observed, &mut out);
    namespaces::check(observed, &mut out);
    traffic::check(observed, &mut out);
    out.0.sort_by_key(|(practice, object, _)| (practice.severity(), *practice, object.clone()));
    let finding = |(practice, object, summary): (BestPractice, String, String)| Finding {
        code: Attr::Known(practice.to_string()),
        severity: Attr::Known(practice.severity().to_string()),
        summary: Attr::Known(summary),
        remedy: Attr::Known(practice.remedy().to_owned()),
        object: Attr::Known(object),
    };
    out.0.into_iter().map(|departure| Attr::Known(Nested(finding(departure)))).collect()
}
