//! The guide on what was observed names every scenario of the mesh, and only tests that exist.

use std::collections::BTreeSet;

use super::{
    files, text,
    traps::{is_test, names},
};

const GUIDE: &str = "docs/guides/proof.md";

/// The tests of tests/it/mesh, as `mesh::calls::only_listed_hosts_are_called`.
fn scenarios() -> BTreeSet<String> {
    let mut scenarios = BTreeSet::new();
    for file in files("tests/it/mesh", ".rs") {
        let module = file.trim_start_matches("tests/it/").trim_end_matches(".rs").replace('/', "::");
        let declared = text(&file);
        let names = declared.lines().filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {"));
        scenarios.extend(names.map(|name| format!("{module}::{name}")).filter(|path| is_test(path)));
    }
    scenarios
}

#[test]
fn guide_names_every_scenario() {
    let (guide, scenarios) = (text(GUIDE), scenarios());
    let named: BTreeSet<String> = names(&guide).filter(|name| name.starts_with("mesh::")).map(str::to_owned).collect();
    assert!(scenarios.len() > 20, "only {} scenarios were found", scenarios.len());
    assert_eq!(named, scenarios);
}
