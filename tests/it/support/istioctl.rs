//! istioctl, which knows what Istio's webhook refuses, and finds what is wrong in a cluster.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::control_plane::repository;

/// A finding of `istioctl analyze`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// `IST0136`
    pub(crate) code: String,
    /// `Error`, `Warning` or `Info`.
    pub(crate) level: String,
    /// The object that it is about.
    pub(crate) origin: String,
    /// What was found.
    pub(crate) message: String,
}

/// What the webhook's own rules say of these objects: nothing, or why they are refused.
pub(crate) fn validate(objects: &[Json]) -> Result<(), String> {
    let folder = folder(objects);
    // A webhook's warnings are an exit of 0.
    let output = run(["validate".as_ref(), "--filename".as_ref(), folder.path().as_os_str()]);
    if output.status.success() { Ok(()) } else { Err(text(&output)) }
}

/// Everything that `istioctl analyze` would find in the cluster if it held these objects of Istio's too, sorted.
///
/// Without a cluster a third of its checks would be skipped, in silence: whatever needs a Service, a Pod or a Namespace.
pub(crate) fn analyze(kubeconfig: &str, objects: &[Json]) -> Vec<Finding> {
    let (folder, home) = (folder(objects), TempDir::new().expect("a temporary folder"));
    let config = home.path().join("kubeconfig");
    fs::write(&config, kubeconfig).expect("writing a kubeconfig");
    // Without --all-namespaces only the namespace `default` is looked at.
    let words = ["analyze", "--all-namespaces", "--output", "json", "--kubeconfig"];
    let output = run(words.map(OsStr::new).into_iter().chain([config.as_os_str(), folder.path().as_os_str()]));
    let found: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
    let found = found.as_array().expect("a list").iter().map(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        Finding { code: text("code"), level: text("level"), origin: text("origin"), message: text("message") }
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

/// The objects, a file each, in order.
fn folder(objects: &[Json]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (n, object) in objects.iter().enumerate() {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = folder.path().join(format!("{n:04}-{name}.yaml"));
        fs::write(path, object.to_string()).expect("writing an object");
    }
    folder
}

fn run<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> Output {
    let program = repository().join("target/tools/istioctl");
    // No home and no kubeconfig: whatever this machine's user has set up must not count.
    let done = Command::new(&program).args(words).env_clear().env("HOME", Path::new("/nonexistent")).output();
    done.unwrap_or_else(|e| panic!("running {}: {e}; is `make tools` done?", program.display()))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
