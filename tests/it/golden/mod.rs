//! Golden tests. Each renders a configuration, written in HCL, and compares its objects or its diagnostics with an
//! expectation. The expectations document the effect of every argument. `UPDATE_EXPECT=1 cargo test golden` rewrites them.
//!
//! In the HCL, `unknown` is a value that is unknown at plan time. `port = unknown` is a `dynamic` block over such a value.

// Helpers of tests may panic. Clippy exempts only the functions that are marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// `UPDATE_EXPECT` always writes the hashes of raw strings.
#![allow(clippy::needless_raw_string_hashes)]

mod access;
mod cluster_report;
mod construction;
mod external_service;
mod functions;
mod gateway;
mod global_defaults;
pub(crate) mod hcl;
mod install_config;
mod live;
mod namespace;
mod policy_changes;
mod properties;
mod service;
pub(crate) mod valid_configs;

use std::{collections::BTreeSet, fmt::Write as _};

use expect_test::{Expect, ExpectFile};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    known::Unknown,
    mesh::{Defaults, Mesh, installed_mesh::InstalledMesh, istio::sidecar::OutboundMode},
    object::ManagementScope,
    resources::ResourceType,
    schema::{Value, model::Model},
};

/// An expectation, which is in the source of the test or, if it is long, in a file.
trait Expected {
    fn assert(&self, actual: &str);
}

impl Expected for Expect {
    fn assert(&self, actual: &str) {
        self.assert_eq(actual);
    }
}

impl Expected for ExpectFile {
    fn assert(&self, actual: &str) {
        self.assert_eq(actual);
    }
}

/// The mesh of an empty provider block.
fn mesh() -> Mesh {
    Mesh {
        root_namespace: "istio-system".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        global_name_template: None,
        global_names: true,
        gateway_namespaces: BTreeSet::new(),
        platform_hosts: BTreeSet::new(),
        revisions: ["default".to_owned()].into(),
        installed: InstalledMesh::default(),
        labels: [].into(),
        annotations: [].into(),
        defaults: Defaults::default(),
    }
}

/// The mesh of a provider block that states `registry_only`, where services are hidden from those who may not call them.
fn registry_only_mesh() -> Mesh {
    let installed = InstalledMesh { outbound_traffic_policy: OutboundMode::RegistryOnly, dns_capture: false };
    Mesh { installed, ..mesh() }
}

/// The mesh of a provider block that states `dns_capture`, where services with TCP ports may have global names.
fn dns_capture_mesh() -> Mesh {
    Mesh { installed: InstalledMesh { dns_capture: true, ..InstalledMesh::default() }, ..mesh() }
}

/// Compares the objects or diagnostics of a configuration with an expectation, in the mesh of an empty provider block.
fn check<R: ResourceType>(text: &str, expect: &impl Expected) {
    check_in::<R>(&mesh(), text, expect);
}

/// Compares the objects or diagnostics of a configuration with an expectation, in `mesh`.
fn check_in<R: ResourceType>(mesh: &Mesh, text: &str, expect: &impl Expected) {
    expect.assert(&rendered_text::<R>(mesh, text));
}

/// Compares the first object whose key starts with `kind`, or all of the output if there is none.
fn check_object<R: ResourceType>(kind: &str, text: &str, expect: &impl Expected) {
    let rendered = rendered_text::<R>(&mesh(), text);
    let object = rendered.split("--- # ").find(|object| object.starts_with(kind));
    expect.assert(object.unwrap_or(&rendered));
}

/// The warnings and objects of a configuration, as YAML, or only its diagnostics if there are errors.
fn rendered_text<R: ResourceType>(mesh: &Mesh, text: &str) -> String {
    let value = hcl::resource(text, R::schema());
    let mut out = Diagnostics::default();
    let config = R::decode(&value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, mesh, &config.render(mesh), &mut out);
    for diagnostic in out.iter() {
        assert!(diagnostic.summary.chars().count() <= 60, "summary is too long: {}", diagnostic.summary);
    }
    if out.has_errors() { out.to_string() } else { format!("{out}{}", objects_text::<R>(&config, mesh)) }
}

/// The objects of a valid configuration as YAML. A line says which are unknown and of which only some fields are owned.
fn objects_text<R: ResourceType>(config: &R, mesh: &Mesh) -> String {
    let Ok(objects) = R::render(config, mesh) else { return "which objects there are: known at apply\n".to_owned() };
    let mut text = String::new();
    for (key, object) in objects {
        match object {
            Err(Unknown) => writeln!(text, "--- # {key}: known at apply").unwrap(),
            Ok(object) => {
                assert_eq!(key, object.key);
                let part = if object.scope == ManagementScope::Fields { ": these fields of it" } else { "" };
                let yaml = serde_saphyr::to_string(&object.body).unwrap();
                writeln!(text, "--- # {key}{part}\n{}", yaml.trim_end()).unwrap();
            }
        }
    }
    text
}

/// Compares the computed attributes, one on each line.
fn check_outputs<R: ResourceType>(text: &str, expect: &Expect) {
    expect.assert_eq(&evaluate::<R>(text).outputs);
}

/// Compares, for each labelled configuration, the objects and computed attributes that are unknown at plan time.
fn check_unknown<R: ResourceType>(texts: &[(&str, String)], expect: &Expect) {
    let mut lines = String::new();
    for (label, text) in texts {
        let unknown = evaluate::<R>(text).unknown;
        let unknown = if unknown.is_empty() { "nothing".to_owned() } else { unknown.join(", ") };
        writeln!(lines, "{label}: {unknown}").unwrap();
    }
    expect.assert_eq(&lines);
}

/// Compares the keys of the objects.
fn check_keys<R: ResourceType>(text: &str, expect: &Expect) {
    expect.assert_eq(&evaluate::<R>(text).keys);
}

/// The objects and computed attributes of a valid configuration at plan time.
struct Evaluation {
    /// Keys of the objects, one on each line.
    keys: String,
    /// Computed attributes and their values, one on each line.
    outputs: String,
    /// Kinds and name suffixes of the unknown objects, and names of the unknown attributes.
    unknown: Vec<String>,
}

fn evaluate<R: ResourceType>(text: &str) -> Evaluation {
    let value = hcl::resource(text, R::schema());
    let mut out = Diagnostics::default();
    let config = R::decode(&value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    assert!(!out.has_errors(), "{out}");
    let (mut keys, mut outputs, mut unknown) = (String::new(), String::new(), Vec::new());
    match R::render(&config, &mesh()) {
        Err(Unknown) => unknown.push("which objects there are".to_owned()),
        Ok(objects) => {
            for (key, object) in objects {
                writeln!(keys, "{key}").unwrap();
                if object.is_err() {
                    let (_, suffix) = key.name.split_once("-pci-").unwrap_or_default();
                    unknown.push(format!("{} {suffix}", key.kind.kind).trim_end().to_owned());
                }
            }
        }
    }
    let id = R::id(&config, Ok(&mesh())).map_or(Value::Unknown, Value::String);
    let Value::Map(computed) = R::outputs(&config, &mesh()).encode() else { panic!("outputs are an object") };
    for (name, value) in std::iter::once(("id".to_owned(), id)).chain(computed) {
        writeln!(outputs, "{name} = {}", hcl::plan_notation(&value)).unwrap();
        if value == Value::Unknown {
            unknown.push(name);
        }
    }
    Evaluation { keys, outputs, unknown }
}
