//! No two files of the crate use each other, except a folder's `mod.rs` and the files below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    layers::{sources, uses},
    text,
};

/// The path of a file's module from the root of the crate: `["mesh", "service"]` for `src/mesh/service/mod.rs`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// The path of an item from the root of the crate, as the file of module `own` names it.
fn absolute(path: &[String], own: &[String], is_folder: bool) -> Vec<String> {
    let steps = path.iter().take_while(|name| *name == "super").count();
    let rest = &path[steps..];
    match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        Some("self") => [own, &path[1..]].concat(),
        Some("super") => [&own[..own.len().saturating_sub(steps)], rest].concat(),
        // A module of the folder itself, which its `mod.rs` names without a prefix.
        _ if is_folder => [own, path].concat(),
        _ => Vec::new(),
    }
}

/// The modules that each module uses.
fn dependencies() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let modules: BTreeSet<Vec<String>> = sources().iter().map(|file| module(file)).collect();
    let of_file = |file: &String| {
        let own = module(file);
        let used = uses(&text(file)).into_iter().filter_map(|used| {
            let path = absolute(&used.path, &own, file.ends_with("/mod.rs"));
            (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|module| modules.contains(module))
        });
        let used = used.filter(|module| *module != own).collect();
        (own.clone(), used)
    };
    sources().iter().map(of_file).collect()
}

#[test]
fn no_two_files_use_each_other() {
    let dependencies = dependencies();
    let uses = |one: &Vec<String>, other: &Vec<String>| dependencies.get(one).is_some_and(|used| used.contains(other));
    let mut circles = BTreeSet::new();
    for (one, used) in &dependencies {
        for other in used {
            let nested = one.starts_with(other) || other.starts_with(one);
            if !nested && one < other && uses(other, one) {
                circles.insert(format!("{} and {}", one.join("::"), other.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "these files use each other: {circles:?}");
}

#[test]
fn dependencies_are_found() {
    let dependencies = dependencies();
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    for (file, used) in [
        ("mesh::gateway::policy", "mesh::istio"),
        ("mesh::service::traffic::routes", "mesh::service::traffic::listener"),
        ("mesh::service", "mesh::service::traffic"),
        ("engine::apply", "kubernetes"),
    ] {
        let found = &dependencies[&module(file)];
        assert!(found.iter().any(|path| path.starts_with(&module(used))), "{file} uses {used}: {found:?}");
    }
}
