//! Runs istioctl: `validate` applies the rules of Istio's webhook, and `analyze` looks for problems in a cluster.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::control_plane::tools_folder;

/// A finding of `istioctl analyze`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Message code, for example `IST0136`.
    pub(crate) code: String,
    /// Severity: `Error`, `Warning` or `Info`.
    pub(crate) level: String,
    /// The object that the finding is about.
    pub(crate) origin: String,
    /// The message text.
    pub(crate) message: String,
}

/// Checks the objects by the rules of Istio's webhook. The error is istioctl's output.
pub(crate) fn validate(objects: &[Json]) -> Result<(), String> {
    let folder = object_files(objects);
    // istioctl exits with 0 if there are only warnings.
    let output = run(["validate".as_ref(), "--filename".as_ref(), folder.path().as_os_str()]);
    if output.status.success() { Ok(()) } else { Err(text(&output)) }
}

/// Everything that `istioctl analyze` would find in the cluster if it also held these Istio objects, sorted.
///
/// A cluster is needed: without one, analyze silently skips every check that needs a Service, a Pod or a Namespace, a
/// third of all checks.
pub(crate) fn analyze(kubeconfig: &str, objects: &[Json]) -> Vec<Finding> {
    let (folder, home) = (object_files(objects), TempDir::new().expect("a temporary folder"));
    let config = home.path().join("kubeconfig");
    fs::write(&config, kubeconfig).expect("writing a kubeconfig");
    // Without --all-namespaces, only the namespace `default` is analyzed.
    let arguments = ["analyze", "--all-namespaces", "--output", "json", "--kubeconfig"];
    let output = run(arguments.map(OsStr::new).into_iter().chain([config.as_os_str(), folder.path().as_os_str()]));
    // Older versions write lines of a log before the list.
    let stdout = String::from_utf8_lossy(&output.stdout);
    let list: Vec<&str> = stdout.lines().skip_while(|line| !line.starts_with('[')).collect();
    let found: Json = serde_json::from_str(&list.join("\n")).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
    let found = found.as_array().expect("a list").iter().map(|finding| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        Finding { code: text("code"), level: text("level"), origin: text("origin"), message: text("message") }
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

/// Writes each object to a file of a temporary folder. File names keep the order of the objects.
fn object_files(objects: &[Json]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (n, object) in objects.iter().enumerate() {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = folder.path().join(format!("{n:04}-{name}.yaml"));
        fs::write(path, object.to_string()).expect("writing an object");
    }
    folder
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Output {
    let program = tools_folder().join("istioctl");
    // No home folder and no kubeconfig: settings of the user who runs the tests must not matter.
    let output = Command::new(&program).args(arguments).env_clear().env("HOME", Path::new("/nonexistent")).output();
    output.unwrap_or_else(|e| panic!("running {}: {e}; is `make tools` done?", program.display()))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
