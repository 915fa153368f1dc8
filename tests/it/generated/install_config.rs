//! The guide on installing Istio shows where each setting of `mesh_install_config` was observed.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use terraform_provider_mesh::{
    mesh::install_config::InstallConfig,
    schema::{MemberKind, Schema, model::Model as _},
};

use super::{root, text};

const GUIDE: &str = "docs/guides/installing-istio.md";
/// Written by `mesh::install_config::settings_show_in_istiod_and_proxies`.
const OBSERVED: &str = "tests/it/mesh/install_config.txt";
const HEADER: &str = "| argument | field or value | where it shows | by Istio's default | with the setting |\n";

/// The columns of each line: arguments, field, place, path, and the values before and after.
fn rows() -> Vec<[String; 6]> {
    let cells = |line: &str| line.split(" ¦ ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    text(OBSERVED).lines().map(|line| cells(line).try_into().unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// A cell with code; nothing is a dash. A bar would end the cell.
fn code(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { format!("`{}`", text.replace('|', "\\|")) }
}

fn table() -> String {
    let mut table = format!("{HEADER}| --- | --- | --- | --- | --- |\n");
    for [arguments, field, place, path, default, set] in rows() {
        let arguments: Vec<String> = arguments.split(", ").map(code).collect();
        let arguments = arguments.join(", ");
        writeln!(
            table,
            "| {arguments} | {} | {place}: {} | {} | {} |",
            code(&field),
            code(&path),
            code(&default),
            code(&set)
        )
        .unwrap();
    }
    table
}

/// The paths of all arguments.
fn arguments(schema: &Schema, prefix: &str, found: &mut BTreeSet<String>) {
    for member in &schema.members {
        let path = format!("{prefix}{}", member.name);
        match &member.kind {
            MemberKind::Block { schema, .. } => arguments(schema, &format!("{path}."), found),
            MemberKind::Attribute { .. } => drop(found.insert(path)),
        }
    }
}

#[test]
fn guide_shows_where_each_setting_was_observed() {
    let (page, table) = (text(GUIDE), table());
    let start = page.find(HEADER).unwrap_or_else(|| panic!("{GUIDE} has no such table"));
    let end = start
        + page[start..].split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum::<usize>();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(GUIDE), page[..start].to_owned() + &table + &page[end..]).unwrap();
    } else {
        assert_eq!(&page[start..end], table, "{GUIDE}: run UPDATE_DOCS=1 cargo test --test it generated");
    }
}

#[test]
fn every_setting_was_observed() {
    let mut declared = BTreeSet::new();
    arguments(InstallConfig::schema(), "", &mut declared);
    let observed: BTreeSet<String> =
        rows().iter().flat_map(|[arguments, ..]| arguments.split(", ").map(str::to_owned)).collect();
    assert_eq!(observed, declared);
    for [arguments, _, _, _, default, set] in rows() {
        assert_ne!(default, set, "{arguments} shows nothing");
    }
}
