//! HCL in, objects or diagnostics out: what a user writes, and what the cluster gets or the user reads. The expectations are
//! the documentation of what every argument means; `UPDATE_EXPECT=1 cargo test golden` writes them anew.
//!
//! `unknown` stands for a value that comes at apply, wherever a value may stand; `port = unknown` is a `dynamic` block over
//! such a value.

// A failure here is a test's failure: it may panic, and clippy knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
// Expectations are written by a program, which always writes them.
#![allow(clippy::needless_raw_string_hashes)]

mod construction;
mod external_service;
mod gateway;
mod global_defaults;
pub(crate) mod hcl;
mod laws;
mod live;
mod namespace;
mod service;
pub(crate) mod sound;

use std::{collections::BTreeSet, fmt::Write as _};

use expect_test::{Expect, ExpectFile};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    known::Unknown,
    mesh::{Defaults, Mesh},
    object::ManagementScope,
    resources::ResourceType,
    schema::{Value, model::Model},
};

/// What is expected: beside the test, or in a file where it is long.
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

/// A provider block that says nothing.
fn mesh() -> Mesh {
    Mesh {
        root_namespace: "istio-system".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        global_name_template: None,
        global_names: true,
        gateway_namespaces: BTreeSet::new(),
        platform_hosts: BTreeSet::new(),
        labels: [].into(),
        annotations: [].into(),
        defaults: Defaults::default(),
    }
}

/// Compares what `text` means with what is expected, in a mesh whose provider block says nothing.
fn check<R: ResourceType>(text: &str, expect: &impl Expected) {
    check_in::<R>(&mesh(), text, expect);
}

/// Likewise, in this mesh.
fn check_in<R: ResourceType>(mesh: &Mesh, text: &str, expect: &impl Expected) {
    expect.assert(&meaning::<R>(mesh, text));
}

/// Likewise, the one object of this kind.
fn check_object<R: ResourceType>(kind: &str, text: &str, expect: &impl Expected) {
    let meaning = meaning::<R>(&mesh(), text);
    let object = meaning.split("--- # ").find(|object| object.starts_with(kind));
    expect.assert(object.unwrap_or(&meaning));
}

/// The objects as YAML, or the errors; warnings stand before the objects.
fn meaning<R: ResourceType>(mesh: &Mesh, text: &str) -> String {
    let value = hcl::resource(text, R::schema());
    let mut out = Diagnostics::default();
    let config = R::decode(&value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, mesh, &config.render(mesh), &mut out);
    for diagnostic in out.iter() {
        assert!(diagnostic.summary.chars().count() <= 60, "too long: {}", diagnostic.summary);
    }
    if out.has_errors() { out.to_string() } else { format!("{out}{}", objects::<R>(&config, mesh)) }
}

fn objects<R: ResourceType>(config: &R, mesh: &Mesh) -> String {
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

/// Compares the computed attributes, one a line.
fn check_outputs<R: ResourceType>(text: &str, expect: &Expect) {
    expect.assert_eq(&knowledge::<R>(text).1);
}

/// For each text: what of its objects and computed attributes comes at apply.
fn check_unknown<R: ResourceType>(texts: &[(&str, String)], expect: &Expect) {
    let mut lines = String::new();
    for (what, text) in texts {
        let unknown = knowledge::<R>(text).2;
        let unknown = if unknown.is_empty() { "nothing".to_owned() } else { unknown.join(", ") };
        writeln!(lines, "{what}: {unknown}").unwrap();
    }
    expect.assert_eq(&lines);
}

/// Compares the keys of the objects.
fn check_keys<R: ResourceType>(text: &str, expect: &Expect) {
    expect.assert_eq(&knowledge::<R>(text).0);
}

/// The keys of the objects and the computed attributes, one a line, and the names of those that come at apply.
fn knowledge<R: ResourceType>(text: &str) -> (String, String, Vec<String>) {
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
        writeln!(outputs, "{name} = {}", hcl::shown(&value)).unwrap();
        if value == Value::Unknown {
            unknown.push(name);
        }
    }
    (keys, outputs, unknown)
}
