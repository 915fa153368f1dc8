//! HCL in, objects or diagnostics out: what a user writes, and what the cluster gets or the user reads. The expectations are
//! the documentation of what every argument means; `UPDATE_EXPECT=1 cargo test golden` writes them anew.
//!
//! `unknown` stands for a value that comes at apply, wherever a value may stand; `port = unknown` is a `dynamic` block over
//! such a value.

mod hcl;
mod laws;
mod service;

use std::{collections::BTreeSet, fmt::Write as _};

use expect_test::Expect;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    known::Unknown,
    mesh::Mesh,
    object::Holding,
    resources::Kind,
    schema::{Value, model::Model},
};

/// A provider block that says nothing.
fn mesh() -> Mesh {
    Mesh {
        root_namespace: "istio-system".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        gateway_namespaces: BTreeSet::new(),
        platform_hosts: BTreeSet::new(),
        labels: [].into(),
        annotations: [].into(),
    }
}

/// Compares what `text` means with what is expected, in a mesh whose provider block says nothing.
fn check<K: Kind>(text: &str, expect: &Expect) {
    check_in::<K>(&mesh(), text, expect);
}

/// Likewise, in this mesh.
fn check_in<K: Kind>(mesh: &Mesh, text: &str, expect: &Expect) {
    expect.assert_eq(&meaning::<K>(mesh, text));
}

/// The objects as YAML, or the errors; warnings stand before the objects.
fn meaning<K: Kind>(mesh: &Mesh, text: &str) -> String {
    let value = hcl::resource(text, &K::Config::schema());
    let mut out = Diagnostics::default();
    let config = K::Config::decode(&value, &Path::root(), &mut out);
    K::check(&config, &mut out);
    K::check_in_mesh(&config, mesh, &mut out);
    for diagnostic in out.iter() {
        assert!(diagnostic.summary.chars().count() <= 60, "too long: {}", diagnostic.summary);
    }
    if out.sound().is_err() { out.to_string() } else { format!("{out}{}", objects::<K>(&config, mesh)) }
}

fn objects<K: Kind>(config: &K::Config, mesh: &Mesh) -> String {
    let Ok(objects) = K::render(config, mesh) else { return "which objects there are: known at apply\n".to_owned() };
    let mut text = String::new();
    for (key, object) in objects {
        match object {
            Err(Unknown) => writeln!(text, "--- # {key}: known at apply").unwrap(),
            Ok(object) => {
                assert_eq!(key, object.key);
                let part = if object.holding == Holding::Fields { ": these fields of it" } else { "" };
                let yaml = serde_saphyr::to_string(&object.body).unwrap();
                writeln!(text, "--- # {key}{part}\n{}", yaml.trim_end()).unwrap();
            }
        }
    }
    text
}

/// The computed attributes, one a line.
fn outputs<K: Kind>(text: &str) -> String {
    let value = hcl::resource(text, &K::Config::schema());
    let config = K::Config::decode(&value, &Path::root(), &mut Diagnostics::default());
    let id = K::id(&config, &mesh()).map_or(Value::Unknown, Value::String);
    let Value::Map(outputs) = K::outputs(&config, &mesh()).encode() else { panic!("outputs are an object") };
    std::iter::once(("id".to_owned(), id))
        .chain(outputs)
        .map(|(name, value)| format!("{name} = {}\n", hcl::shown(&value)))
        .collect()
}
