//! What we render, a real server takes as it is, and what comes back is what was rendered, byte for byte: else every plan
//! would find a difference. Held for every object of the golden tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    engine::drift::project,
    kubernetes::FIELD_MANAGER,
    object::{self, Key},
};

use crate::support::{
    api::Api,
    control_plane::{control_plane, parse_yaml, repository_root},
};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_every_golden_object() {
    let api = control_plane().api();
    let mut held = 0;
    for file in golden_files() {
        let namespace = control_plane().namespace("fixed-point");
        for mut body in objects(&file) {
            // Names are unique within a file; what hosts say of the namespace means nothing to an API server.
            let key = placed(&mut body, &namespace.name);
            if is_of_somebody_else(&body) {
                make_service(&api, &key);
            }
            // What is the whole cluster's would hold for other tests, too.
            let live = if key.kind.namespaced {
                api.apply(&body, FIELD_MANAGER);
                api.get(&key).expect("it was applied")
            } else {
                api.dry_run(&body, FIELD_MANAGER).unwrap_or_else(|refusal| panic!("{key}: {}", refusal.message))
            };
            let file = file.display();
            assert_eq!(project(&live, Some(&body), &key).to_string(), body.to_string(), "{key} of {file}");
            assert_eq!(
                project(&live, None, &key).to_string(),
                body.to_string(),
                "{key} of {file}, by managedFields alone"
            );
            held += 1;
        }
    }
    assert!(held > 40, "only {held} objects were found");
}

/// Puts an object that is in a namespace into that of the test, or makes it that namespace; answers its key.
pub(super) fn placed(body: &mut Json, namespace: &str) -> Key {
    if body["kind"] == "Namespace" {
        body["metadata"]["name"] = json!(namespace);
    } else if !is_of_the_cluster(body) {
        body["metadata"]["namespace"] = json!(namespace);
    }
    key_of(body)
}

/// Which object it is.
pub(super) fn key_of(body: &Json) -> Key {
    let text = |part: &str| body["metadata"][part].as_str().map(str::to_owned);
    let kind = object::kind::named(body["kind"].as_str().expect("a kind")).expect("a kind that we write");
    Key { kind, namespace: text("namespace"), name: text("name").expect("a name") }
}

/// The YAML files beside the golden tests.
pub(super) fn golden_files() -> Vec<PathBuf> {
    let list = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let folders = list(repository_root().join("tests/it/golden")).filter(|path| path.is_dir());
    let mut files: Vec<_> =
        folders.flat_map(list).filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

/// The objects of a golden file.
pub(super) fn objects(file: &Path) -> Vec<Json> {
    parse_yaml(&fs::read_to_string(file).expect("reading a golden file"))
}

/// Of a Service that isn't ours we write an annotation alone.
pub(super) fn is_of_somebody_else(body: &Json) -> bool {
    body["kind"] == "Service" && body.get("spec").is_none()
}

/// It is in no namespace.
pub(super) fn is_of_the_cluster(body: &Json) -> bool {
    body["metadata"].get("namespace").is_none()
}

pub(super) fn make_service(api: &Api, key: &Key) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": key.name, "namespace": key.namespace },
        "spec": { "ports": [{ "name": "http", "port": 80, "protocol": "TCP" }], "selector": { "app": "theirs" } },
    });
    api.apply(&service, "helm");
}
