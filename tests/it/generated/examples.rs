//! All examples, including code blocks in documents, match the schemas and are valid. Those in examples/ use every
//! argument, and each is shown or named on a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use hcl::{Body, Structure};
use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    provider::provider,
    schema::{Configurability, Member, MemberKind, Schema, Value},
};

use super::{documents, files, text};
use crate::golden::hcl::body as value;

/// A warning that every use of its argument has, so that the example of the argument has it, too.
const EXPECTED_WARNING: &str = "Mesh-wide timeout also ends streams";

/// Arguments of Terraform itself in provider and resource blocks.
const META_ARGUMENTS: &[&str] = &["alias", "count", "depends_on", "for_each", "lifecycle", "provider"];

/// The schemas of the provider block, of all resource types and of all data sources by name, for example `provider` and
/// `mesh_service`.
fn schemas() -> BTreeMap<String, Schema> {
    let provider = provider();
    let resources = provider.resources.values().map(|resource| (resource.name().to_owned(), resource.schema().clone()));
    let data_sources = provider.data_sources.values().map(|source| (source.name().to_owned(), source.schema().clone()));
    [("provider".to_owned(), provider.schema.clone())].into_iter().chain(resources).chain(data_sources).collect()
}

/// The configurations in examples/.
fn configurations() -> Vec<(String, String)> {
    files("examples", ".tf").into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// The configurations in documents, which may be only parts of a complete one.
fn quoted_configurations() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, page) in documents() {
        for after in page.split("```terraform\n").skip(1) {
            let (block, _) = after.split_once("```").unwrap_or_else(|| panic!("{path}: an open code block"));
            found.push((path.clone(), block.to_owned()));
        }
    }
    found
}

/// The blocks of the provider in a configuration: type, and body without meta-arguments.
pub(super) fn provider_blocks(path: &str, configuration: &str) -> Vec<(String, Body)> {
    let body = hcl::parse(configuration).unwrap_or_else(|error| panic!("{path}: {error}\n{configuration}"));
    let mut found = Vec::new();
    for block in body.blocks() {
        let label = block.labels().first().map(|label| label.as_str().to_owned());
        let kind = match (block.identifier(), label) {
            ("resource", Some(kind)) => kind,
            ("data", Some(kind)) if kind.starts_with("mesh_") => kind,
            ("provider", Some(name)) if name == "mesh" => "provider".to_owned(),
            _ => continue,
        };
        let body = block.body().iter().filter(|structure| !META_ARGUMENTS.contains(&name(structure))).cloned();
        found.push((kind, body.collect()));
    }
    found
}

/// The values of the resources in examples/: type and arguments. References are unknown.
pub(crate) fn resource_values() -> Vec<(String, Value)> {
    let (schemas, provider) = (schemas(), provider());
    let blocks = configurations().into_iter().flat_map(|(path, configuration)| provider_blocks(&path, &configuration));
    blocks
        .filter(|(kind, _)| provider.resources.contains_key(kind.as_str()))
        .filter_map(|(kind, body)| Some((kind.clone(), value(&body, schemas.get(&kind)?))))
        .collect()
}

/// The blocks of the provider in all configurations: path, type and body.
fn blocks(configurations: &[(String, String)]) -> Vec<(&str, String, Body)> {
    let mut found = Vec::new();
    for (path, configuration) in configurations {
        found.extend(provider_blocks(path, configuration).into_iter().map(|(kind, body)| (path.as_str(), kind, body)));
    }
    found
}

fn name(structure: &Structure) -> &str {
    match structure {
        Structure::Attribute(attribute) => attribute.key(),
        Structure::Block(block) => block.identifier(),
    }
}

/// Compares a body with its schema, and collects the used paths and the violations.
fn compare(body: &Body, schema: &Schema, at: &str, used: &mut BTreeSet<String>, violations: &mut Vec<String>) {
    let written: BTreeSet<&str> = body.iter().map(name).collect();
    for structure in body {
        let path = format!("{at}.{}", name(structure));
        let member = schema.members.iter().find(|member| member.name == name(structure));
        match (structure, member.map(|member| &member.kind)) {
            (Structure::Attribute(_), Some(MemberKind::Attribute { spec, .. }))
                if spec.configurability != Configurability::Computed => {}
            (Structure::Block(block), Some(MemberKind::Block { schema, .. })) => {
                compare(block.body(), schema, &path, used, violations);
            }
            _ => violations.push(format!("{path} isn't an argument")),
        }
        used.insert(path);
    }
    for member in schema.members.iter().filter(|member| is_required(member) && !written.contains(member.name)) {
        violations.push(format!("{at}.{} is required", member.name));
    }
}

fn is_required(member: &Member) -> bool {
    match &member.kind {
        MemberKind::Attribute { spec, .. } => spec.configurability == Configurability::Required,
        MemberKind::Block { required, .. } => *required,
    }
}

/// Collects the paths of all arguments that aren't computed.
fn collect_arguments(schema: &Schema, at: &str, paths: &mut BTreeSet<String>) {
    for member in &schema.members {
        let path = format!("{at}.{}", member.name);
        match &member.kind {
            MemberKind::Attribute { spec, .. } if spec.configurability == Configurability::Computed => continue,
            MemberKind::Attribute { .. } => {}
            MemberKind::Block { schema, .. } => collect_arguments(schema, &path, paths),
        }
        paths.insert(path);
    }
}

#[test]
fn examples_keep_to_the_schema() {
    let (schemas, mut violations) = (schemas(), Vec::new());
    let configurations = [configurations(), quoted_configurations()].concat();
    for (file, kind, body) in blocks(&configurations) {
        let Some(schema) = schemas.get(&kind) else {
            violations.push(format!("{file}: there is no {kind}"));
            continue;
        };
        let mut here = Vec::new();
        compare(&body, schema, &kind, &mut BTreeSet::new(), &mut here);
        violations.extend(here.into_iter().map(|violation| format!("{file}: {violation}")));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn examples_are_valid() {
    let (provider, mut violations) = (provider(), String::new());
    let configurations = [configurations(), quoted_configurations()].concat();
    for (file, kind, body) in blocks(&configurations) {
        let mut out = Diagnostics::default();
        match provider.resources.get(kind.as_str()) {
            Some(resource) => resource.validate(&value(&body, resource.schema()), &mut out),
            None => match provider.data_sources.get(kind.as_str()) {
                Some(source) => source.validate(&value(&body, source.schema()), &mut out),
                None => (provider.validate)(&value(&body, provider.schema), &mut out),
            },
        }
        let diagnostics = out.iter().filter(|d| d.summary != EXPECTED_WARNING);
        diagnostics.for_each(|d| writeln!(violations, "{file}: {kind}: {} {}: {}", d.at, d.summary, d.detail).unwrap());
    }
    assert!(violations.is_empty(), "\n{violations}");
}

/// The files of a folder are one configuration.
#[test]
fn examples_of_a_folder_declare_each_resource_once() {
    let mut declared = BTreeSet::new();
    for (path, configuration) in configurations() {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).expect("a folder");
        let body = hcl::parse(&configuration).unwrap_or_else(|error| panic!("{path}: {error}"));
        for block in body.blocks().filter(|block| block.identifier() == "resource") {
            let labels: Vec<String> = block.labels().iter().map(|label| label.as_str().to_owned()).collect();
            assert!(declared.insert((folder.clone(), labels.clone())), "{path}: {labels:?} is declared twice");
        }
    }
}

/// Blocks with one declaration that several resources and blocks have. It suffices that an example shows each argument once.
const SHARED_BLOCKS: [&str; 11] = [
    "circuit_breaker",
    "connections",
    "cors",
    "except",
    "headers",
    "load_balancing",
    "outlier_detection",
    "override",
    "retries",
    "telemetry",
    "when",
];

/// A path of an argument, from the first shared block on.
fn without_place(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    let start = parts.iter().position(|part| SHARED_BLOCKS.contains(part)).unwrap_or_default();
    parts[start..].join(".")
}

/// The paths of all arguments, each after the type of its resource or `provider`: `mesh_service.port.number`.
pub(super) fn argument_paths() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (kind, schema) in &schemas() {
        collect_arguments(schema, kind, &mut paths);
    }
    paths
}

#[test]
fn every_argument_is_used_in_some_example() {
    let (schemas, mut used) = (schemas(), BTreeSet::new());
    for (_, kind, body) in blocks(&configurations()) {
        if let Some(schema) = schemas.get(&kind) {
            compare(&body, schema, &kind, &mut used, &mut Vec::new());
        }
    }
    let paths = argument_paths();
    let shown: BTreeSet<String> = used.iter().map(|path| without_place(path)).collect();
    let unused: Vec<&String> = paths.iter().filter(|path| !shown.contains(&without_place(path))).collect();
    assert!(unused.is_empty(), "no example shows {unused:?}");
}

/// A page contains the text of the example, or names it or the configuration that it belongs to.
#[test]
fn every_example_is_on_a_page() {
    let pages = documents();
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
