//! `moved` blocks from resources of other providers: the object stays the same, and only its field manager changes. One object
//! is moved; the others are removed from the other provider's state (`removed`) and adopted.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane, parse_yaml, repository_root},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, destroy_all, hand_made, other_managers, provider, uid_and_generation};

/// Another provider, whose resources hold one object each.
struct OtherProvider {
    source: &'static str,
    resource: &'static str,
    schema_version: u64,
    /// The field manager of its writes.
    manager: &'static str,
    /// The attributes in its state that identify the object.
    attributes: fn(&Key, &Json) -> Json,
}

const OTHER_PROVIDERS: [OtherProvider; 3] = [
    OtherProvider {
        source: "hashicorp/kubernetes",
        resource: "kubernetes_manifest",
        schema_version: 1,
        manager: "Terraform",
        // A dynamic attribute, whose type is stored with its value.
        attributes: |_, body| json!({ "manifest": { "value": body, "type": value_type(body) }, "object": null, "wait": [] }),
    },
    OtherProvider {
        source: "gavinbunney/kubectl",
        resource: "kubectl_manifest",
        schema_version: 1,
        manager: "kubectl",
        attributes: |key, body| {
            json!({
                "id": format!("/apis/{}", key.name), "kind": key.kind.kind, "api_version": key.kind.api_version(),
                "name": key.name, "namespace": key.namespace, "yaml_body": body.to_string(), "force_new": false,
            })
        },
    },
    OtherProvider {
        source: "jmorris0x0/k8sconnect",
        resource: "k8sconnect_object",
        schema_version: 2,
        manager: "k8sconnect",
        attributes: |key, body| {
            let api_version = key.kind.api_version();
            json!({
                "id": "8f2c0e5a91d4", "yaml_body": body.to_string(), "managed_state_projection": {},
                "object_ref": { "api_version": api_version, "kind": key.kind.kind, "name": key.name, "namespace": key.namespace },
            })
        },
    },
];

/// The type of a JSON value in the form of Terraform states.
fn value_type(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            json!([
                "object",
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value_type(value)))
                    .collect::<serde_json::Map<_, _>>()
            ])
        }
        Json::Array(items) => json!(["tuple", items.iter().map(value_type).collect::<Vec<_>>()]),
        Json::Bool(_) => json!("bool"),
        Json::Number(_) => json!("number"),
        _ => json!("string"),
    }
}

/// The resource name for an object, its kind in snake case, for example `virtual_service`.
fn resource_name(key: &Key) -> String {
    let snake = key.kind.kind.char_indices().flat_map(|(at, letter)| {
        let joint = (at > 0 && letter.is_uppercase()).then_some('_');
        joint.into_iter().chain(letter.to_lowercase())
    });
    snake.collect()
}

impl OtherProvider {
    /// The address of the resource that holds an object.
    fn address(&self, key: &Key) -> String {
        format!("{}.{}", self.resource, resource_name(key))
    }

    /// A state in which each object is held by a resource.
    fn state<'a>(&self, tool: Tool, objects: impl Iterator<Item = (&'a Key, &'a Json)>) -> String {
        let registry = if tool == Tool::Terraform { "registry.terraform.io" } else { "registry.opentofu.org" };
        let provider = format!("provider[\"{registry}/{}\"]", self.source);
        let resource = |(key, body): (&Key, &Json)| {
            let instance = json!({ "schema_version": self.schema_version, "attributes": (self.attributes)(key, body) });
            json!({
                "mode": "managed", "type": self.resource, "name": resource_name(key), "provider": provider,
                "instances": [instance],
            })
        };
        let resources: Vec<_> = objects.map(resource).collect();
        let state = json!({
            "version": 4, "terraform_version": "1.11.4", "serial": 1, "outputs": {},
            "lineage": "7c1a5d0e-3f62-4b8e-9d27-50c8f1a2b3d4", "resources": resources, "check_results": null,
        });
        state.to_string()
    }

    /// A workspace with this state and `hcl`.
    fn workspace<'a>(
        &self,
        tool: Tool,
        namespace: &Namespace,
        objects: impl Iterator<Item = (&'a Key, &'a Json)>,
        hcl: &str,
    ) -> Workspace {
        let workspace = Workspace::with_other_provider(tool, self.source);
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&namespace.user(Grant::AppTeam)));
        workspace.configure(&provider(namespace, "istio-system", r#"config_path = "kubeconfig""#, hcl));
        workspace.write_file("terraform.tfstate", &self.state(tool, objects));
        workspace
    }
}

fn moved_block(from: &str) -> String {
    format!("\nmoved {{\n  from = {from}\n  to   = mesh_service.cart\n}}")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn single_object_is_moved_to_a_service() {
    let api = control_plane().api();
    for other in OTHER_PROVIDERS {
        for tool in Tool::ALL {
            let namespace = control_plane().namespace("moved");
            let objects = hand_made(Grant::AppTeam, &namespace, CART, other.manager);
            let key = objects.keys().find(|key| key.kind == &kind::VIRTUAL_SERVICE).expect("a VirtualService");
            objects.keys().filter(|sibling| *sibling != key).for_each(|sibling| api.delete(sibling));
            let before = api.get_existing(key);
            assert_eq!(other_managers(&before), [other.manager]);

            let hcl = format!("{CART}{}", moved_block(&other.address(key)));
            let workspace = other.workspace(tool, &namespace, [(key, &objects[key])].into_iter(), &hcl);
            let plan = workspace.plan();
            let from = format!("(moved from {})", other.address(key));
            assert_contains_all(tool, &plan.text, [&from, "0 to add, 1 to change, 0 to destroy"]);
            workspace.apply().expect_success();
            let after = api.get_existing(key);
            assert_eq!(
                (uid_and_generation(&after), &after["spec"]),
                (uid_and_generation(&before), &before["spec"]),
                "{tool} {}",
                other.resource
            );
            assert_eq!(other_managers(&after), Vec::<&Json>::new());
            workspace.assert_empty_plan();
            destroy_all(&workspace, &namespace);
        }
    }
}

/// This is why the guide says to remove the other provider last.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn move_without_the_other_provider_is_an_error() {
    let ([other, ..], namespace) = (OTHER_PROVIDERS, control_plane().namespace("alone"));
    let key = Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, "cart");
    for (tool, error) in [(Tool::Terraform, "that provider isn't available"), (Tool::Tofu, "unavailable provider")] {
        let workspace =
            super::workspace(tool, Grant::AppTeam, &namespace, &format!("{CART}{}", moved_block(&other.address(&key))));
        workspace.write_file("terraform.tfstate", &other.state(tool, [(&key, &json!({}))].into_iter()));
        let errors = workspace.try_plan().errors();
        assert!(errors.contains("hashicorp/kubernetes") && errors.contains(error), "{tool}: {errors}");
    }
}

/// An object of a kind of the service, but of another name, is deleted after the service's own one is created. An
/// object of a shared kind is released.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn moved_object_of_another_name_is_replaced_or_released() {
    let api = control_plane().api();
    let [other, ..] = OTHER_PROVIDERS;
    for (kind, is_kept) in [(&kind::VIRTUAL_SERVICE, false), (&kind::SERVICE_ACCOUNT, true)] {
        let namespace = control_plane().namespace("othername");
        let key = Key::new(kind, &namespace.name, "basket");
        let body = json!({
            "apiVersion": kind.api_version(), "kind": kind.kind,
            "metadata": { "name": key.name, "namespace": key.namespace, "labels": { "team": "cart" } },
        });
        api.apply(&body, other.manager);
        let before = api.get_existing(&key);
        let hcl = format!("{CART}{}", moved_block(&other.address(&key)));
        let workspace = other.workspace(Tool::Terraform, &namespace, [(&key, &body)].into_iter(), &hcl);
        let plan = workspace.plan();
        assert!(plan.text.contains(&format!("- \"{key}\" = jsonencode(")), "{}", plan.text);
        workspace.apply().expect_success();
        let after = api.get(&key).map(|live| (uid_and_generation(&live), live["metadata"]["labels"].clone()));
        assert_eq!(after, is_kept.then(|| (uid_and_generation(&before), json!({ "team": "cart" }))));
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

/// The content of a file of the scenario.
fn scenario_file(path: &str) -> String {
    let file = repository_root().join("examples/scenarios/six-manifests").join(path);
    std::fs::read_to_string(file).expect("the scenario is there")
}

const MANIFESTS: [&str; 6] =
    ["authorization-policy", "destination-rule", "service", "service-account", "sidecar", "virtual-service"];

/// Applies the manifests as `manager`, and returns them.
fn apply_manifests(manager: &str) -> BTreeMap<Key, Json> {
    let api = control_plane().api();
    control_plane().create_namespace("orders");
    let applied = MANIFESTS.map(|name| {
        let body = parse_yaml(&scenario_file(&format!("before/{name}.yaml"))).remove(0);
        api.apply(&body, manager);
        let kind = body["kind"].as_str().expect("a kind");
        let name = body["metadata"]["name"].as_str().expect("a name");
        (format!("{kind}/orders/{name}").parse().expect("a key"), body)
    });
    applied.into()
}

/// The guide "Adopting existing objects" describes two ways: adoption only, and `moved` from `kubernetes_manifest`.
/// This is one test, because all cases use the namespace of the manifests.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn manifests_of_the_scenario_become_one_service() {
    let (api, [other, ..]) = (control_plane().api(), OTHER_PROVIDERS);
    for (tool, moved) in [(Tool::Terraform, false), (Tool::Terraform, true), (Tool::Tofu, true)] {
        let manifests = apply_manifests(if moved { other.manager } else { "kubectl" });
        let identities =
            || -> Vec<_> { manifests.keys().map(|key| uid_and_generation(&api.get_existing(key))).collect() };
        let before = identities();
        let workspace = Workspace::with_other_provider(tool, other.source).env("KUBE_CONFIG_PATH", "kubeconfig");
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
        workspace.write_file("main.tf", &scenario_file("after/main.tf"));
        let counts = if moved {
            workspace.write_file("moved.tf", &scenario_file("after/moved.tf"));
            workspace.write_file("terraform.tfstate", &other.state(tool, manifests.iter()));
            "0 to add, 1 to change, 0 to destroy"
        } else {
            "1 to add, 0 to change, 0 to destroy"
        };
        let plan = workspace.plan();
        let adopted = manifests.keys().filter(|key| !moved || key.kind != &kind::VIRTUAL_SERVICE);
        let warnings = adopted.map(|key| format!("{} will be taken over", key.kind.kind));
        for part in warnings.chain([counts.to_owned(), "and changes nothing in it".to_owned()]) {
            assert!(plan.text.contains(&part), "{tool}: {part:?} is not in: {}", plan.text);
        }
        workspace.apply().expect_success();
        for ((key, before), after) in manifests.keys().zip(&before).zip(identities()) {
            let is_unchanged = ["AuthorizationPolicy", "Service", "ServiceAccount"].contains(&key.kind.kind);
            assert_eq!((after.0 == before.0, after.1 == before.1), (true, is_unchanged), "{tool}: {key}");
            assert_eq!(other_managers(&api.get_existing(key)), Vec::<&Json>::new(), "{key}");
        }
        workspace.assert_empty_plan();
        // The `moved` blocks can be removed after the apply.
        workspace.write_file("moved.tf", "");
        workspace.assert_empty_plan();

        workspace.destroy().expect_success();
        let left = ["Service/orders/checkout", "ServiceAccount/orders/checkout"];
        assert_eq!(api.objects("orders"), left);
        for key in left {
            api.delete(&key.parse().expect("a key"));
        }
    }
}
