//! Guardrails for pods, for the platform's objects and for Namespaces.

use std::{fs, time::Duration};

use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use super::{GuardedMesh, TEMPLATE, table::mistake};
use crate::{
    cluster::provider,
    support::{
        api::{Api, ApiError},
        assertions::assert_contains_all,
        control_plane::{ControlPlane, control_plane, parse_yaml, repository_root},
        polling::wait_until,
        terraform::{Tool, Workspace},
        users::{Grant, User},
    },
};

/// The rights that the Role of `mesh_namespace` gives a team for pods.
fn grant_pods(api: &Api, namespace: &str, user: &User) {
    let account = json!({ "name": "default", "namespace": namespace });
    api.apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": account }), "tests");
    let rights = [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": "pods", "namespace": namespace },
            "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get", "patch", "delete"] }],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "pods", "namespace": namespace },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name }],
        }),
    ];
    api.grant(&rights, &user.name, namespace);
}

fn pod(row: &Json) -> Json {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" },
        "spec": { "containers": [{ "name": "x", "image": "x" }], "automountServiceAccountToken": false },
    });
    for field in ["annotations", "labels"] {
        if let Some(texts) = row.get(field) {
            pod["metadata"][field] = texts.clone();
        }
    }
    if let Some(spec) = row.get("spec") {
        super::extend(&mut pod["spec"], spec.clone());
    }
    pod
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn workload_rules() {
    let arguments =
        "workload_rules = true\n pod_annotations = { \"traffic.sidecar.istio.io/excludeOutboundPorts\" = [\"3306\"] }";
    let guarded = GuardedMesh::new("deny", arguments).enforced();
    let admin = control_plane().api();
    let user = guarded.team.user(Grant::AppTeam);
    grant_pods(&admin, &guarded.team.name, &user);
    let api = Api::new(&control_plane().kubeconfig(&user));
    guarded.wait_until_denied(&pod(&json!({ "spec": { "hostNetwork": true } })));
    let path = repository_root().join("tests/it/cluster/guardrails/workload_rules.yaml");
    let rows = parse_yaml(&fs::read_to_string(path).expect("reading the table")).remove(0);
    let mistakes: Vec<String> = rows
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| mistake(&api, &guarded.in_team_namespace(&pod(row)), row["refused"].as_str()))
        .collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    // A pod may be labelled, and doesn't get a setting later.
    api.apply(&guarded.in_team_namespace(&pod(&json!({ "labels": { "app": "x" } }))), "tests");
    guarded.assert_admitted(&api, &pod(&json!({ "labels": { "app": "y" } })));
    guarded.assert_denied(
        &api,
        &pod(&json!({ "labels": { "security.istio.io/tlsMode": "disabled" } })),
        &["Rule workload_rules of the mesh: labels of a pod"],
    );
    guarded.workspace.destroy().expect_success();
}

/// A team keeps the objects of `mesh_namespace` as they are, though its rights cover their kinds, and can't make objects that
/// look like the platform's.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn protected_platform_objects() {
    let guarded = GuardedMesh::new("deny", "protect_platform_objects = true").enforced();
    let (admin, team) = (control_plane().api(), guarded.team_api());
    let namespace = &guarded.team.name;
    let platform = control_plane().certificate_user("platform", &["mesh-admins"]);
    guarded.team.grant(&platform, Grant::Platform);
    let platform_api = Api::new(&control_plane().kubeconfig(&platform));
    let controller = control_plane().certificate_user(
        "system:serviceaccount:kube-system:namespace-controller",
        &["system:serviceaccounts:kube-system"],
    );
    let controller_api = Api::new(&control_plane().kubeconfig(&controller));
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&platform));
    let hcl = "resource \"mesh_namespace\" \"team\" {\n name = \"NAMESPACE\"\n create = false\n authorization_mode = \
               \"enforce\"\n calls = []\n}";
    workspace.configure(&provider(&guarded.team, &guarded.root.name, "config_path = \"kubeconfig\"", hcl));
    workspace.converge();
    let own = guarded.in_team_namespace(&super::sidecar("REGISTRY_ONLY"));
    team.apply(&own, "tests");
    let keys = [format!("AuthorizationPolicy/{namespace}/deny-all"), format!("Sidecar/{namespace}/default")];
    let keys = keys.map(|key| key.parse::<Key>().expect("a key"));
    guarded.wait_until_refused("the deletion of a platform object", || {
        send(&admin, Method::DELETE, &keys[0], None).is_err()
    });
    let stamp = "terraform-provider-mesh/resource";
    for key in &keys {
        for (change, patch) in forbidden_changes(stamp) {
            // Sidecars have no field `selector`, which the server drops: nothing changes.
            if change == "workload selector" && key.kind.kind == "Sidecar" {
                continue;
            }
            let method = if patch.is_some() { Method::PATCH } else { Method::DELETE };
            let answer = send(&team, method, key, patch.as_ref());
            let error = answer.err().unwrap_or_else(|| panic!("{change} of {key} is admitted"));
            assert_contains_all(
                change,
                &error.message,
                ["Rule protect_platform_objects of the mesh", "Ask the mesh team, #mesh."],
            );
            assert_eq!(error.code, 403, "{}", error.message);
        }
        // The platform itself, and Kubernetes when it deletes the namespace. A grant replaces the subject of the one before.
        guarded.team.grant(&platform, Grant::Platform);
        send(&platform_api, Method::PATCH, key, Some(&json!({ "metadata": { "annotations": { "a": "b" } } })))
            .expect("the platform is exempt");
        guarded.team.grant(&controller, Grant::Platform);
        send(&controller_api, Method::DELETE, key, None).expect("the namespace controller is exempt");
    }
    guarded.team.grant(&platform, Grant::Platform);
    let all_sidecars = format!("/apis/networking.istio.io/v1/namespaces/{namespace}/sidecars?dryRun=All");
    let error = admin.request(Method::DELETE, &all_sidecars, None).expect_err("one of them is the platform's");
    assert!(error.message.contains("protect_platform_objects"), "{}", error.message);
    // Objects of the team are its own, but can't be given the platform's stamp.
    let mut forged = own.clone();
    forged["metadata"]["annotations"] = json!({ stamp: format!("mesh_namespace/{namespace}") });
    guarded.assert_denied(&team, &forged, &["Rule protect_platform_objects of the mesh"]);
    forged["metadata"]["annotations"] = json!({ stamp: format!("mesh_service/{namespace}/x") });
    guarded.assert_admitted(&team, &forged);
    send(&team, Method::DELETE, &format!("Sidecar/{namespace}/x").parse().expect("a key"), None)
        .expect("the team's own");
    workspace.destroy().expect_success();
    guarded.workspace.destroy().expect_success();
}

/// The changes that a team is refused for an object of the platform: merge patches, named by the field that they change, and a
/// deletion (`None`).
fn forbidden_changes(stamp: &str) -> [(&'static str, Option<Json>); 7] {
    let metadata = |field: &str, value: Json| Some(json!({ "metadata": { field: value } }));
    let owner =
        json!({ "apiVersion": "v1", "kind": "Service", "name": "x", "uid": "00000000-0000-0000-0000-000000000000" });
    [
        ("deletion", None),
        ("dry run", metadata("annotations", json!({ "istio.io/dry-run": "true" }))),
        ("removal of the stamp", metadata("annotations", json!({ stamp: null }))),
        ("stamp of a team", metadata("annotations", json!({ stamp: "mesh_service/x/y" }))),
        ("labels", metadata("labels", json!({ "terraform-provider-mesh/managed": null }))),
        ("owner reference", metadata("ownerReferences", json!([owner]))),
        ("workload selector", Some(json!({ "spec": { "selector": { "matchLabels": { "a": "b" } } } }))),
    ]
}

/// A dry run of a deletion, or of a merge patch.
fn send(api: &Api, method: Method, key: &Key, change: Option<&Json>) -> Result<Json, ApiError> {
    let path = format!("{}?dryRun=All", crate::support::api::path(key));
    api.request(method, &path, change.map(|change| ("application/merge-patch+json", change)))
}

/// A separate control plane, because this guardrail is about all Namespaces of a cluster.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn required_namespace_labels() {
    let plane = ControlPlane::start();
    let api = plane.api();
    plane.create_namespace("istio-system");
    plane.create_namespace("old");
    let namespace = |name: &str, labels: Json| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
    api.apply(&namespace("guarded", json!({ "mesh": "on", "istio-injection": "enabled" })), "tests");
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.admin));
    workspace.configure(&format!(
        "provider \"mesh\" {{\n owner = \"tests\"\n config_path = \"kubeconfig\"\n global_name_template = \"{TEMPLATE}\"\n}}\n\
         resource \"mesh_global_defaults\" \"this\" {{\n guardrails {{\n team_rules = true\n require_namespace_labels = true\n \
         exempt_groups = [\"mesh-admins\"]\n namespace_selector = {{ mesh = \"on\" }}\n }}\n}}"
    ));
    workspace.converge();
    wait_until(Duration::from_secs(30), "the guardrails deny namespaces", || {
        api.dry_run(&namespace("new", json!({})), "tests").is_err()
    });
    let refused = [
        (namespace("new", json!({})), "labels by which guardrails select it"),
        (namespace("new", json!({ "mesh": "off" })), "labels by which guardrails select it"),
        (
            namespace("guarded", json!({ "mesh": "off", "istio-injection": "enabled" })),
            "labels by which guardrails select it",
        ),
        (namespace("guarded", json!({ "istio-injection": "enabled" })), "labels by which guardrails select it"),
        (namespace("guarded", json!({ "mesh": "on", "istio-injection": "disabled" })), "turn proxies off"),
        (namespace("guarded", json!({ "mesh": "on" })), "turn proxies off"),
        (
            namespace("guarded", json!({ "mesh": "on", "istio-injection": "enabled", "istio.io/rev": "x" })),
            "turn proxies off",
        ),
        (namespace("new", json!({ "mesh": "on", "istio-injection": "disabled" })), "turn proxies off"),
        (namespace("new", json!({ "mesh": "on", "istio.io/dataplane-mode": "none" })), "turn proxies off"),
    ];
    for (object, message) in &refused {
        let error = api.dry_run(object, "tests").err().unwrap_or_else(|| panic!("{object} is admitted"));
        assert_contains_all(object, &error.message, ["Rule require_namespace_labels of the mesh", message]);
        assert_eq!(error.code, 403, "{}", error.message);
    }
    let created = api.request(Method::POST, "/api/v1/namespaces?dryRun=All", Some(("application/json", &refused[0].0)));
    assert!(created.expect_err("by a POST").message.contains("require_namespace_labels"));
    for object in [
        namespace("new", json!({ "mesh": "on" })),
        namespace("new", json!({ "mesh": "on", "istio-injection": "enabled", "team": "x" })),
        namespace("guarded", json!({ "mesh": "on", "istio-injection": "enabled", "team": "x" })),
        namespace("old", json!({ "team": "x" })),
        namespace("old", json!({ "mesh": "on" })),
        namespace("istio-system", json!({ "team": "x" })),
    ] {
        if let Err(error) = api.dry_run(&object, "tests") {
            panic!("{object} is denied: {}", error.message);
        }
    }
    workspace.destroy().expect_success();
}

/// The Gateway API may come after the guardrails.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn gateway_api_in_the_root_namespace_alone() {
    let plane = ControlPlane::start();
    let api = plane.api();
    for name in ["istio-system", "team"] {
        plane.create_namespace(name);
    }
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.admin));
    workspace.configure(
        "provider \"mesh\" {\n owner = \"tests\"\n config_path = \"kubeconfig\"\n}\nresource \"mesh_global_defaults\" \"this\" {\n \
         guardrails {\n root_only = [\"GatewayAPI\"]\n }\n}",
    );
    workspace.converge();
    let (kind, plural) = ("HTTPRoute", "httproutes");
    api.apply(
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": "httproutes.gateway.networking.k8s.io",
                "annotations": { "api-approved.kubernetes.io": "unapproved, a part of the real one for tests" },
            },
            "spec": {
                "group": "gateway.networking.k8s.io", "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": "httproute", "listKind": "HTTPRouteList" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } } }],
            },
        }),
        "tests",
    );
    let route = |namespace: &str| {
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
            "metadata": { "name": "x", "namespace": namespace }, "spec": { "hostnames": ["shop.example.com"] },
        });
        api.dry_run(&route, "tests")
    };
    wait_until(Duration::from_secs(30), "the route is served and refused", || {
        route("team").is_err_and(|error| error.message.contains("Rule root_only of the mesh"))
    });
    route("istio-system").expect("the root namespace");
    workspace.destroy().expect_success();
}
