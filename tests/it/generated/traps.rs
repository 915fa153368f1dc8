//! The guide on traps is complete: the tests that it names exist, and it contains every live check, every code of
//! `istioctl analyze` that a diagnostic names, and every code that istioctl finds in the provider's objects.

use std::collections::BTreeSet;

use terraform_provider_mesh::mesh::checks::Code;

use super::{files, text};
use crate::cluster::istioctl::ACCEPTED;

const GUIDE: &str = "docs/guides/traps.md";

/// The cells of all rows of the guide's tables, without header rows.
fn rows() -> Vec<Vec<String>> {
    let guide = text(GUIDE);
    let lines: Vec<&str> = guide.lines().collect();
    let rows = lines.iter().zip(lines.iter().skip(1)).filter(|(line, next)| is_row(line) && !next.starts_with("| ---"));
    let last = lines.last().into_iter().filter(|line| is_row(line));
    let rows = rows.map(|(line, _)| line).chain(last);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn is_row(line: &str) -> bool {
    line.starts_with("| ") && !line.starts_with("| ---")
}

/// The texts between backticks.
pub(super) fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether a path like `golden::service::mistakes::no_port` names a test.
pub(super) fn is_test(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once("::") else { return false };
    let module = module.replace("::", "/");
    let mut sources = ["tests/it", "src"].iter().flat_map(|root| {
        [format!("{root}/{module}.rs"), format!("{root}/{module}/mod.rs"), format!("{root}/{}.rs", parent(&module))]
    });
    let source = sources.find(|source| super::root().join(source).is_file()).map(|source| text(&source));
    let declared = [format!("fn {name}() {{"), format!("async fn {name}() {{")];
    source.is_some_and(|source| {
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let at = lines.iter().position(|line| declared.iter().any(|declared| line == declared));
        at.is_some_and(|at| {
            lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["))
                .any(|line| ["#[test]", "#[tokio::test]"].contains(line))
        })
    })
}

/// `engine/order` for `engine/order/tests`, since unit tests are in a module of the tested file.
fn parent(module: &str) -> &str {
    module.strip_suffix("/tests").unwrap_or(module)
}

#[test]
fn guide_names_existing_tests_for_every_trap() {
    let mut violations = Vec::new();
    let rows = rows();
    let traps: Vec<_> = rows.iter().filter(|row| row.len() == 4).collect();
    for row in &traps {
        let mut tests = names(&row[3]).peekable();
        if tests.peek().is_none() {
            violations.push(format!("no test for \"{}\"", row[0]));
        }
        violations.extend(
            tests.filter(|test| !is_test(test)).map(|test| format!("{test} is not a test, in the row \"{}\"", row[0])),
        );
    }
    assert!(traps.len() > 40, "only {} rows were found", traps.len());
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
    assert!(!is_test("golden::service::mistakes::there_is_no_such_test"));
}

#[test]
fn guide_lists_every_live_check() {
    let rows = rows();
    let named: BTreeSet<&str> = rows.iter().filter(|row| row.len() == 4).flat_map(|row| names(&row[2])).collect();
    let missing: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).filter(|code| !named.contains(code)).collect();
    assert!(missing.is_empty(), "no row names the live checks {missing:?}");
}

#[test]
fn guide_lists_every_named_istioctl_code() {
    let guide = text(GUIDE);
    let mut codes: BTreeSet<String> = ACCEPTED.iter().map(|(code, _)| (*code).to_owned()).collect();
    for path in files("src", ".rs") {
        let source = text(&path);
        codes.extend(source.match_indices("IST0").filter_map(|(at, _)| source.get(at..at + 7)).map(str::to_owned));
    }
    let missing: Vec<&String> = codes.iter().filter(|code| !guide.contains(code.as_str())).collect();
    assert!(codes.len() > 10 && missing.is_empty(), "the guide doesn't say {missing:?}");
}

/// The guide lists the findings of istioctl that its test accepts, with the same reasons.
#[test]
fn guide_lists_every_accepted_istioctl_finding() {
    let rows = rows();
    for (code, reason) in ACCEPTED {
        let is_listed = rows.iter().any(|row| row.len() == 2 && row[0] == *code && row[1] == *reason);
        assert!(is_listed, "no row is | {code} | {reason} |");
    }
}
