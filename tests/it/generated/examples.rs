//! The examples, those in the text too, say only what the schema knows. Those in examples/ use every argument at least
//! once, and all are shown to somebody.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use hcl::{Body, Structure};
use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    provider::provider,
    schema::{Mode, Schema, Shape, Slot},
};

use super::{files, prose, text};
use crate::golden::hcl::body as value;

/// What is warned of wherever it is written, so that an example of it is, too.
const WARNED_OF: &str = "A mesh-wide timeout cuts streams, too";

/// What Terraform itself reads in our blocks.
const OF_TERRAFORM: &[&str] = &["alias", "count", "depends_on", "for_each", "lifecycle", "provider"];

/// The schema of every block that is ours, by its type: `provider`, `mesh_service`.
fn schemas() -> BTreeMap<String, Schema> {
    let provider = provider();
    let resources = provider.resources.values().map(|resource| (resource.name().to_owned(), resource.schema().clone()));
    [("provider".to_owned(), provider.schema.clone())].into_iter().chain(resources).collect()
}

/// The configurations in examples/.
fn configurations() -> Vec<(String, String)> {
    files("examples", ".tf").into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// The configurations in the text that people read; they may be parts of one.
fn quoted() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, page) in prose() {
        for after in page.split("```terraform\n").skip(1) {
            let (quoted, _) = after.split_once("```").unwrap_or_else(|| panic!("{path}: an open code block"));
            found.push((path.clone(), quoted.to_owned()));
        }
    }
    found
}

/// The blocks of a configuration that are ours: type, and body without what Terraform itself reads.
pub(super) fn ours(path: &str, configuration: &str) -> Vec<(String, Body)> {
    let body = hcl::parse(configuration).unwrap_or_else(|error| panic!("{path}: {error}\n{configuration}"));
    let mut found = Vec::new();
    for block in body.blocks() {
        let label = block.labels().first().map(|label| label.as_str().to_owned());
        let kind = match (block.identifier(), label) {
            ("resource", Some(kind)) => kind,
            ("provider", Some(name)) if name == "mesh" => "provider".to_owned(),
            _ => continue,
        };
        let own = block.body().iter().filter(|structure| !OF_TERRAFORM.contains(&name(structure))).cloned();
        found.push((kind, own.collect()));
    }
    found
}

/// The blocks that are ours: where, type, body.
fn blocks(configurations: &[(String, String)]) -> Vec<(&str, String, Body)> {
    let mut found = Vec::new();
    for (path, configuration) in configurations {
        found.extend(ours(path, configuration).into_iter().map(|(kind, body)| (path.as_str(), kind, body)));
    }
    found
}

fn name(structure: &Structure) -> &str {
    match structure {
        Structure::Attribute(attribute) => attribute.key(),
        Structure::Block(block) => block.identifier(),
    }
}

/// Walks a body beside its schema: what it uses, and what is wrong with it.
fn compare(body: &Body, schema: &Schema, at: &str, used: &mut BTreeSet<String>, faults: &mut Vec<String>) {
    let written: BTreeSet<&str> = body.iter().map(name).collect();
    for structure in body {
        let path = format!("{at}.{}", name(structure));
        let slot = schema.slots.iter().find(|slot| slot.name == name(structure));
        match (structure, slot.map(|slot| &slot.shape)) {
            (Structure::Attribute(_), Some(Shape::Attribute { spec, .. })) if spec.mode != Mode::Computed => {}
            (Structure::Block(block), Some(Shape::Block { schema, .. })) => {
                compare(block.body(), schema, &path, used, faults);
            }
            _ => faults.push(format!("{path} can't be written there")),
        }
        used.insert(path);
    }
    for slot in schema.slots.iter().filter(|slot| is_required(slot) && !written.contains(slot.name)) {
        faults.push(format!("{at}.{} is required", slot.name));
    }
}

fn is_required(slot: &Slot) -> bool {
    match &slot.shape {
        Shape::Attribute { spec, .. } => spec.mode == Mode::Required,
        Shape::Block { required, .. } => *required,
    }
}

/// Every path that a user may write.
fn writable(schema: &Schema, at: &str, paths: &mut BTreeSet<String>) {
    for slot in &schema.slots {
        let path = format!("{at}.{}", slot.name);
        match &slot.shape {
            Shape::Attribute { spec, .. } if spec.mode == Mode::Computed => continue,
            Shape::Attribute { .. } => {}
            Shape::Block { schema, .. } => writable(schema, &path, paths),
        }
        paths.insert(path);
    }
}

#[test]
fn examples_keep_to_the_schema() {
    let (schemas, mut faults) = (schemas(), Vec::new());
    let configurations = [configurations(), quoted()].concat();
    for (file, kind, body) in blocks(&configurations) {
        let Some(schema) = schemas.get(&kind) else {
            faults.push(format!("{file}: there is no {kind}"));
            continue;
        };
        let mut here = Vec::new();
        compare(&body, schema, &kind, &mut BTreeSet::new(), &mut here);
        faults.extend(here.into_iter().map(|fault| format!("{file}: {fault}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn examples_are_valid() {
    let (provider, mut faults) = (provider(), String::new());
    let configurations = [configurations(), quoted()].concat();
    for (file, kind, body) in blocks(&configurations) {
        let mut out = Diagnostics::default();
        match provider.resources.get(kind.as_str()) {
            Some(resource) => resource.validate(&value(&body, resource.schema()), &mut out),
            None => (provider.validate)(&value(&body, provider.schema), &mut out),
        }
        let told = out.iter().filter(|d| d.summary != WARNED_OF);
        told.for_each(|d| writeln!(faults, "{file}: {kind}: {} {}: {}", d.at, d.summary, d.detail).unwrap());
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_argument_is_used_in_some_example() {
    let (schemas, mut used, mut paths) = (schemas(), BTreeSet::new(), BTreeSet::new());
    for (_, kind, body) in blocks(&configurations()) {
        if let Some(schema) = schemas.get(&kind) {
            compare(&body, schema, &kind, &mut used, &mut Vec::new());
        }
    }
    for (kind, schema) in &schemas {
        writable(schema, kind, &mut paths);
    }
    let unused: Vec<&String> = paths.difference(&used).collect();
    assert!(unused.is_empty(), "no example shows {unused:?}");
}

/// Its text stands on a page, or a page names it or the configuration of several files that it belongs to.
#[test]
fn every_example_is_on_a_page() {
    let pages = prose();
    for path in files("examples", "") {
        let folders: Vec<&str> = path.split('/').collect();
        let name = match folders.as_slice() {
            ["examples", "scenarios", .., _] => folders[..folders.len() - 1].join("/"),
            ["examples", "resources", _, _, _, ..] => folders[..4].join("/"),
            _ => path.clone(),
        };
        let content = text(&path);
        let shown = pages.iter().any(|(_, page)| page.contains(&name) || page.contains(content.trim_end()));
        assert!(shown, "no page in docs/ shows or names {name}");
    }
}
