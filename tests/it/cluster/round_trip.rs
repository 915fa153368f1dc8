//! A real server accepts every object of the golden tests, and returns it byte for byte as it was rendered. Otherwise,
//! every plan would find a difference.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    engine::drift::owned_fields,
    object::{self, FIELD_MANAGER, Key},
};

use crate::support::{
    api::Api,
    control_plane::{control_plane, parse_yaml, repository_root},
};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn golden_objects_come_back_unchanged() {
    let api = control_plane().api();
    let mut checked = 0;
    for file in golden_files() {
        let namespace = control_plane().namespace("fixed-point");
        for mut body in objects(&file) {
            // Names are unique within a file. Hosts still name the original namespace, which the API server doesn't
            // check.
            let key = move_to_namespace(&mut body, &namespace.name);
            if is_existing_service(&body) {
                create_service(&api, &key);
            }
            // Cluster-scoped objects would affect other tests, so they are only dry-run.
            let live = if key.kind.namespaced {
                api.apply(&body, FIELD_MANAGER);
                api.get_existing(&key)
            } else {
                api.dry_run(&body, FIELD_MANAGER).unwrap_or_else(|error| panic!("{key}: {}", error.message))
            };
            let file = file.display();
            assert_eq!(owned_fields(&live, Some(&body), &key).to_string(), body.to_string(), "{key} of {file}");
            assert_eq!(
                owned_fields(&live, None, &key).to_string(),
                body.to_string(),
                "{key} of {file}, by managedFields alone"
            );
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} objects were found");
}

/// Moves a namespaced object to the namespace of the test, or renames a Namespace to it. Returns the object's key.
pub(super) fn move_to_namespace(body: &mut Json, namespace: &str) -> Key {
    if body["kind"] == "Namespace" {
        body["metadata"]["name"] = json!(namespace);
    } else if !is_cluster_scoped(body) {
        body["metadata"]["namespace"] = json!(namespace);
    }
    key_of(body)
}

/// The key of an object.
pub(super) fn key_of(body: &Json) -> Key {
    let text = |part: &str| body["metadata"][part].as_str().map(str::to_owned);
    let kind = object::kind::by_name(body["kind"].as_str().expect("a kind")).expect("a kind that the provider writes");
    Key { kind, namespace: text("namespace"), name: text("name").expect("a name") }
}

/// The YAML files of the golden tests.
pub(crate) fn golden_files() -> Vec<PathBuf> {
    let list = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let folders = list(repository_root().join("tests/it/golden")).filter(|path| path.is_dir());
    let mut files: Vec<_> =
        folders.flat_map(list).filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

/// The objects of a golden file, in which warnings may stand before them.
pub(crate) fn objects(file: &Path) -> Vec<Json> {
    let text = fs::read_to_string(file).expect("reading a golden file");
    parse_yaml(text.find("--- #").map_or("", |start| &text[start..]))
}

/// Whether the object is a Service of another tool, of which the provider writes only an annotation.
pub(super) fn is_existing_service(body: &Json) -> bool {
    body["kind"] == "Service" && body.get("spec").is_none()
}

/// Whether the object has no namespace.
pub(super) fn is_cluster_scoped(body: &Json) -> bool {
    body["metadata"].get("namespace").is_none()
}

/// Creates the Service that another tool would create.
pub(super) fn create_service(api: &Api, key: &Key) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": key.name, "namespace": key.namespace },
        "spec": { "ports": [{ "name": "http", "port": 80, "protocol": "TCP" }], "selector": { "app": "theirs" } },
    });
    api.apply(&service, "helm");
}
