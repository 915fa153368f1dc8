//! The guide on traps keeps its word: each test that it names is there, each live check stands in it, and so does each code
//! of `istioctl analyze` that a message names, or that istioctl says of what is made.

use std::collections::BTreeSet;

use terraform_provider_mesh::mesh::checks::Code;

use super::{files, text};
use crate::cluster::istioctl::ACCEPTED;

const GUIDE: &str = "docs/guides/traps.md";

/// The cells of the rows of the guide's tables, without their heads.
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

/// What stands between backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether a path like `golden::service::mistakes::no_port` is of a test.
fn is_test(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once("::") else { return false };
    let module = module.replace("::", "/");
    let mut sources = ["tests/it", "src"].iter().flat_map(|root| {
        [format!("{root}/{module}.rs"), format!("{root}/{module}/mod.rs"), format!("{root}/{}.rs", parent(&module))]
    });
    let source = sources.find(|source| super::root().join(source).is_file()).map(|source| text(&source));
    let declared = format!("fn {name}() {{");
    source.is_some_and(|source| {
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let at = lines.iter().position(|line| *line == declared);
        at.is_some_and(|at| {
            lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]")
        })
    })
}

/// Of `engine/order/tests`, where tests stand in a module of the file: `engine/order`.
fn parent(module: &str) -> &str {
    module.strip_suffix("/tests").unwrap_or(module)
}

#[test]
fn every_trap_is_held_by_tests_that_are_there() {
    let mut faults = Vec::new();
    let rows = rows();
    let traps: Vec<_> = rows.iter().filter(|row| row.len() == 4).collect();
    for row in &traps {
        let mut tests = names(&row[3]).peekable();
        if tests.peek().is_none() {
            faults.push(format!("no test holds \"{}\"", row[0]));
        }
        faults
            .extend(tests.filter(|test| !is_test(test)).map(|test| format!("{test} is no test, under \"{}\"", row[0])));
    }
    assert!(traps.len() > 40, "only {} rows were found", traps.len());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(!is_test("golden::service::mistakes::there_is_no_such_test"));
}

#[test]
fn every_live_check_stands_in_the_guide() {
    let rows = rows();
    let told: BTreeSet<&str> = rows.iter().filter(|row| row.len() == 4).flat_map(|row| names(&row[2])).collect();
    let missing: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).filter(|code| !told.contains(code)).collect();
    assert!(missing.is_empty(), "no row names the live checks {missing:?}");
}

#[test]
fn every_code_of_istioctl_that_is_named_stands_in_the_guide() {
    let guide = text(GUIDE);
    let mut codes: BTreeSet<String> = ACCEPTED.iter().map(|(code, _)| (*code).to_owned()).collect();
    for path in files("src", ".rs") {
        let source = text(&path);
        codes.extend(source.match_indices("IST0").filter_map(|(at, _)| source.get(at..at + 7)).map(str::to_owned));
    }
    let missing: Vec<&String> = codes.iter().filter(|code| !guide.contains(code.as_str())).collect();
    assert!(codes.len() > 10 && missing.is_empty(), "the guide doesn't say {missing:?}");
}

/// What the guide says of istioctl's own findings is what its test accepts.
#[test]
fn what_istioctl_says_of_our_objects_stands_in_the_guide() {
    let rows = rows();
    for (code, reason) in ACCEPTED {
        let said = rows.iter().any(|row| row.len() == 2 && row[0] == *code && row[1] == *reason);
        assert!(said, "no row says | {code} | {reason} |");
    }
}
