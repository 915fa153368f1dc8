//! `moved` blocks from resources of other providers: the object lives on, and only who has it changes. One object comes by
//! `moved`; its siblings are forgotten there (`removed`) and adopted here.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane, parse_yaml, repository_root},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, hand_made, intruders, life, provider};

/// A provider that writes single objects.
struct Foreign {
    source: &'static str,
    resource: &'static str,
    schema_version: u64,
    /// As which field manager it writes.
    manager: &'static str,
    /// The attributes of its state, as far as they name the object.
    attributes: fn(&Key, &Json) -> Json,
}

const FOREIGN: [Foreign; 3] = [
    Foreign {
        source: "hashicorp/kubernetes",
        resource: "kubernetes_manifest",
        schema_version: 1,
        manager: "Terraform",
        // A value of any type, with its type beside it.
        attributes: |_, body| json!({ "manifest": { "value": body, "type": typed(body) }, "object": null, "wait": [] }),
    },
    Foreign {
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
    Foreign {
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

/// The type of a JSON value, as states write it.
fn typed(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            json!([
                "object",
                members.iter().map(|(name, value)| (name.clone(), typed(value))).collect::<serde_json::Map<_, _>>()
            ])
        }
        Json::Array(items) => json!(["tuple", items.iter().map(typed).collect::<Vec<_>>()]),
        Json::Bool(_) => json!("bool"),
        Json::Number(_) => json!("number"),
        _ => json!("string"),
    }
}

/// `virtual_service`
fn name(key: &Key) -> String {
    let snake = key.kind.kind.char_indices().flat_map(|(at, letter)| {
        let joint = (at > 0 && letter.is_uppercase()).then_some('_');
        joint.into_iter().chain(letter.to_lowercase())
    });
    snake.collect()
}

impl Foreign {
    /// What a resource of this provider is called for an object.
    fn address(&self, key: &Key) -> String {
        format!("{}.{}", self.resource, name(key))
    }

    /// The state of a configuration that has `objects`, one resource each.
    fn state<'a>(&self, tool: Tool, objects: impl Iterator<Item = (&'a Key, &'a Json)>) -> String {
        let registry = if tool == Tool::Terraform { "registry.terraform.io" } else { "registry.opentofu.org" };
        let provider = format!("provider[\"{registry}/{}\"]", self.source);
        let resource = |(key, body): (&Key, &Json)| {
            let instance = json!({ "schema_version": self.schema_version, "attributes": (self.attributes)(key, body) });
            json!({
                "mode": "managed", "type": self.resource, "name": name(key), "provider": provider,
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

    /// A workspace with that state and `hcl`.
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

fn moved(from: &str) -> String {
    format!("\nmoved {{\n  from = {from}\n  to   = mesh_service.cart\n}}")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_object_becomes_a_service() {
    let api = control_plane().api();
    for foreign in FOREIGN {
        for tool in Tool::ALL {
            let namespace = control_plane().namespace("moved");
            let made = hand_made(Grant::AppTeam, &namespace, CART, foreign.manager);
            let key = made.keys().find(|key| key.kind == &kind::VIRTUAL_SERVICE).expect("it is there");
            made.keys().filter(|other| *other != key).for_each(|other| api.delete(other));
            let before = api.get(key).expect("it is there");
            assert_eq!(intruders(&before), [foreign.manager]);

            let hcl = format!("{CART}{}", moved(&foreign.address(key)));
            let workspace = foreign.workspace(tool, &namespace, [(key, &made[key])].into_iter(), &hcl);
            let plan = workspace.plan();
            let from = format!("(moved from {})", foreign.address(key));
            for word in [&from, "0 to add, 1 to change, 0 to destroy"] {
                assert!(plan.text.contains(word), "{tool}: {word:?} is not in: {}", plan.text);
            }
            workspace.apply().expect_success();
            let after = api.get(key).expect("it is there");
            assert_eq!((life(&after), &after["spec"]), (life(&before), &before["spec"]), "{tool} {}", foreign.resource);
            assert_eq!(intruders(&after), Vec::<&Json>::new());
            workspace.assert_empty_plan();
            workspace.destroy().expect_success();
            assert_eq!(api.objects(&namespace.name), Vec::<String>::new());
        }
    }
}

/// Why the guide says to remove the other provider last.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn core_wants_the_other_provider() {
    let ([foreign, ..], namespace) = (FOREIGN, control_plane().namespace("alone"));
    let key = Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, "cart");
    for (tool, words) in [(Tool::Terraform, "that provider isn't available"), (Tool::Tofu, "unavailable provider")] {
        let workspace =
            super::workspace(tool, Grant::AppTeam, &namespace, &format!("{CART}{}", moved(&foreign.address(&key))));
        workspace.write_file("terraform.tfstate", &foreign.state(tool, [(&key, &json!({}))].into_iter()));
        let told = workspace.try_plan().errors();
        assert!(told.contains("hashicorp/kubernetes") && told.contains(words), "{tool}: {told}");
    }
}

/// Ours has another name: it is made, and then theirs goes. What is no business of the service is let go.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_object_that_the_service_does_not_have() {
    let api = control_plane().api();
    let [foreign, ..] = FOREIGN;
    for (kind, stays) in [(&kind::VIRTUAL_SERVICE, false), (&kind::SERVICE_ACCOUNT, true)] {
        let namespace = control_plane().namespace("othername");
        let key = Key::new(kind, &namespace.name, "basket");
        let body = json!({
            "apiVersion": kind.api_version(), "kind": kind.kind,
            "metadata": { "name": key.name, "namespace": key.namespace, "labels": { "team": "cart" } },
        });
        api.apply(&body, foreign.manager);
        let before = api.get(&key).expect("it is there");
        let hcl = format!("{CART}{}", moved(&foreign.address(&key)));
        let workspace = foreign.workspace(Tool::Terraform, &namespace, [(&key, &body)].into_iter(), &hcl);
        let plan = workspace.plan();
        assert!(plan.text.contains(&format!("- \"{key}\" = jsonencode(")), "{}", plan.text);
        workspace.apply().expect_success();
        let left = api.get(&key).map(|live| (life(&live), live["metadata"]["labels"].clone()));
        assert_eq!(left, stays.then(|| (life(&before), json!({ "team": "cart" }))));
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

/// The text of a file of the scenario.
fn scenario(path: &str) -> String {
    let file = repository_root().join("examples/scenarios/six-manifests").join(path);
    std::fs::read_to_string(file).expect("the scenario is there")
}

const MANIFESTS: [&str; 6] =
    ["authorization-policy", "destination-rule", "service", "service-account", "sidecar", "virtual-service"];

/// The manifests, applied by `manager`.
fn before(manager: &str) -> BTreeMap<Key, Json> {
    let api = control_plane().api();
    api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "orders" } }), "tests");
    let applied = MANIFESTS.map(|name| {
        let body = parse_yaml(&scenario(&format!("before/{name}.yaml"))).remove(0);
        api.apply(&body, manager);
        let kind = body["kind"].as_str().expect("a kind");
        let name = body["metadata"]["name"].as_str().expect("a name");
        (format!("{kind}/orders/{name}").parse().expect("a key"), body)
    });
    applied.into()
}

/// What the guide "Adopting existing objects" promises, in its two ways: by adoption alone, and from `kubernetes_manifest`.
/// One test, because the namespace has the name that the manifests give it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn six_manifests_become_one_service() {
    let (api, [foreign, ..]) = (control_plane().api(), FOREIGN);
    for (tool, moved) in [(Tool::Terraform, false), (Tool::Terraform, true), (Tool::Tofu, true)] {
        let manifests = before(if moved { foreign.manager } else { "kubectl" });
        let lives = || -> Vec<_> { manifests.keys().map(|key| life(&api.get(key).expect("it is there"))).collect() };
        let former = lives();
        let workspace = Workspace::with_other_provider(tool, foreign.source).env("KUBE_CONFIG_PATH", "kubeconfig");
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
        workspace.write_file("main.tf", &scenario("after/main.tf"));
        let counts = if moved {
            workspace.write_file("moved.tf", &scenario("after/moved.tf"));
            workspace.write_file("terraform.tfstate", &foreign.state(tool, manifests.iter()));
            "0 to add, 1 to change, 0 to destroy"
        } else {
            "1 to add, 0 to change, 0 to destroy"
        };
        let plan = workspace.plan();
        let adopted = manifests.keys().filter(|key| !moved || key.kind != &kind::VIRTUAL_SERVICE);
        let warnings = adopted.map(|key| format!("{} will be taken over", key.kind.kind));
        for words in warnings.chain([counts.to_owned(), "and changes nothing in it".to_owned()]) {
            assert!(plan.text.contains(&words), "{tool}: {words:?} is not in: {}", plan.text);
        }
        workspace.apply().expect_success();
        for ((key, before), after) in manifests.keys().zip(&former).zip(lives()) {
            let same = ["AuthorizationPolicy", "Service", "ServiceAccount"].contains(&key.kind.kind);
            assert_eq!((after.0 == before.0, after.1 == before.1), (true, same), "{tool}: {key}");
            assert_eq!(intruders(&api.get(key).expect("it is there")), Vec::<&Json>::new(), "{key}");
        }
        workspace.assert_empty_plan();
        // What the guide says to remove in the end: the blocks that brought the objects.
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
