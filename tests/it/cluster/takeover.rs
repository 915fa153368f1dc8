//! What is left to others, and taken from them: `unmanaged`, `replaces`, `override`, and what becomes of what was there.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, Key, is_ownership_key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Asked, Fault, Proxy},
    terraform::Tool,
    users::Grant,
};

use super::{CART, configure, workspace};

/// [`CART`] with more arguments.
fn with(arguments: &str) -> String {
    CART.replacen("  port {", &format!("  {arguments}\n  port {{"), 1)
}

fn ours(namespace: &Namespace, kind: &'static terraform_provider_mesh::object::Kind) -> Key {
    Key::new(kind, &namespace.name, &format!("cart-{}", namespace.name))
}

/// A VirtualService for the cart that a chart made.
fn theirs(namespace: &Namespace) -> (Key, Json) {
    let host = format!("cart.{}.svc.cluster.local", namespace.name);
    let body = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "cart-vs", "namespace": namespace.name },
        "spec": { "hosts": [host], "http": [{ "route": [{ "destination": { "host": host } }] }] },
    });
    (Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, "cart-vs"), body)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_kind_that_is_left_to_another_tool_stays_as_it_is() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("unmanaged");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().succeeded();
        let route = ours(&namespace, &kind::VIRTUAL_SERVICE);
        let before = api.get(&route).expect("it was made");

        configure(&workspace, Grant::AppTeam, &namespace, &with("unmanaged = [\"VirtualService\"]"));
        let plan = workspace.plan();
        assert!(plan.text.contains("VirtualService is left in place"), "{tool}: {}", plan.text);
        workspace.apply().succeeded();
        let released = api.get(&route).expect("it is still there");
        assert_eq!(released["spec"], before["spec"]);
        assert_eq!(released["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(released["metadata"]["generation"], before["metadata"]["generation"]);
        for part in ["labels", "annotations"] {
            let names = released["metadata"][part].as_object();
            assert!(names.into_iter().flatten().all(|(name, _)| !is_ownership_key(name)), "{released}");
        }
        let managers = released["metadata"]["managedFields"].as_array();
        assert!(managers.into_iter().flatten().all(|entry| entry["manager"] != FIELD_MANAGER), "{released}");

        // What the other tool does from now on is no business of ours.
        api.patch(&route, &json!({ "spec": { "http": [{ "route": [{ "destination": { "host": "elsewhere" } }] }] } }));
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}: {}", plan.text);

        // Back: it is somebody's now, so it takes a word to have it again.
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        let told = workspace.plan_run().errors();
        assert!(told.contains(&format!("{route} is in the cluster")), "{tool}: {told}");
        configure(&workspace, Grant::AppTeam, &namespace, &with("adopt_existing = true"));
        workspace.apply().succeeded();
        assert_eq!(api.get(&route).expect("it is there")["spec"], before["spec"]);
        assert!(workspace.plan().is_empty, "{tool}");

        configure(&workspace, Grant::AppTeam, &namespace, &with("unmanaged = [\"VirtualService\"]"));
        workspace.apply().succeeded();
        workspace.destroy().succeeded();
        assert_eq!(api.objects(&namespace.name), [route.to_string()], "{tool}: what is theirs is all that is left");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_replaced_goes_after_ours_is_there() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("replaces");
        let (key, body) = theirs(&namespace);
        let proxy = Proxy::start(control_plane());
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &with("replaces = [\"VirtualService/cart-vs\"]"));
        workspace.file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
        // Nothing is there: nothing to do.
        workspace.apply().succeeded();
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().succeeded();

        api.apply(&body, "helm");
        let plan = workspace.plan();
        for words in ["VirtualService will be deleted", &format!("{key} is in the cluster"), "written by helm"] {
            assert!(plan.text.contains(words), "{tool}: {words:?} is not in: {}", plan.text);
        }
        proxy.reset();
        workspace.apply().succeeded();
        assert!(api.get(&key).is_none(), "{tool}");
        assert!(api.get(&ours(&namespace, &kind::VIRTUAL_SERVICE)).is_some(), "{tool}");
        let writes: Vec<_> = proxy.asked().into_iter().filter(Asked::writes).collect();
        let last = writes.last().expect("there were writes");
        assert!(last.method == "DELETE" && last.path.ends_with("/cart-vs"), "{tool}: {writes:?}");
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().succeeded();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_replacement_that_failed_is_finished_by_the_next_apply() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("replaces");
        let (key, body) = theirs(&namespace);
        let proxy = Proxy::start(control_plane());
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
        workspace.apply().succeeded();
        let before = api.get(&ours(&namespace, &kind::VIRTUAL_SERVICE)).expect("it is there");
        api.apply(&body, "helm");
        configure(&workspace, Grant::AppTeam, &namespace, &with("replaces = [\"VirtualService/cart-vs\"]"));
        proxy.rule(0, usize::MAX, Fault::Answer(403), |asked| asked.method == "DELETE");
        let told = workspace.apply().errors();
        assert!(told.contains("made to fail"), "{tool}: {told}");
        assert!(api.get(&key).is_some(), "{tool}");
        // Ours was there before, and the argument isn't in the state, or nobody would see that something is left to do.
        let plan = workspace.plan();
        assert!(!plan.is_empty && plan.text.contains("VirtualService/cart-vs"), "{tool}: {}", plan.text);
        proxy.reset();
        workspace.apply().succeeded();
        assert!(api.get(&key).is_none(), "{tool}");
        assert!(workspace.plan().is_empty, "{tool}");
        let now = api.get(&ours(&namespace, &kind::VIRTUAL_SERVICE)).expect("it is there");
        assert_eq!(now["metadata"]["generation"], before["metadata"]["generation"], "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_a_resource_has_is_not_replaced() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("replaces"));
    let other = workspace(Tool::Tofu, Grant::AppTeam, &namespace, &CART.replace("\"cart\"", "\"basket\""));
    other.apply().succeeded();
    let taken = format!("VirtualService/basket-{}", namespace.name);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &with(&format!("replaces = [\"{taken}\"]")));
    let told = workspace.plan_run().errors();
    for words in ["VirtualService belongs to a resource", "Remove it there, or take it out of replaces"] {
        assert!(told.contains(words), "{words:?} is not in: {told}");
    }
    assert!(
        api.get(&Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, &format!("basket-{}", namespace.name))).is_some()
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_patch_comes_and_goes() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("override");
        let rule = ours(&namespace, &kind::DESTINATION_RULE);
        let live = || api.get(&rule).expect("it is there")["spec"].clone();
        let patched = |spec: &str| {
            with(&format!(
                "override {{\n    kind  = \"DestinationRule\"\n    patch = jsonencode({{ spec = {spec} }})\n  }}"
            ))
        };
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().succeeded();
        let without = live();

        for (spec, field, value) in [
            (
                "{ trafficPolicy = { loadBalancer = { simple = \"LEAST_REQUEST\" } } }",
                "/trafficPolicy/loadBalancer/simple",
                json!("LEAST_REQUEST"),
            ),
            (
                "{ trafficPolicy = { loadBalancer = { simple = \"ROUND_ROBIN\" } } }",
                "/trafficPolicy/loadBalancer/simple",
                json!("ROUND_ROBIN"),
            ),
            (
                "{ trafficPolicy = { connectionPool = { tcp = { maxConnections = 7 } } } }",
                "/trafficPolicy/connectionPool/tcp/maxConnections",
                json!(7),
            ),
        ] {
            configure(&workspace, Grant::AppTeam, &namespace, &patched(spec));
            workspace.apply().succeeded();
            assert_eq!(live().pointer(field), Some(&value), "{tool}: {spec}");
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}: {}", plan.text);
        }
        // A field that Istio doesn't have is refused at plan, on the patch.
        configure(&workspace, Grant::AppTeam, &namespace, &patched("{ trafficPolicy = { loadBalancing = 1 } }"));
        let told = workspace.plan_run().errors();
        for words in ["loadBalancing", "patch = jsonencode("] {
            assert!(told.contains(words), "{tool}: {words:?} is not in: {told}");
        }
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        workspace.apply().succeeded();
        assert_eq!(live(), without, "{tool}");
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().succeeded();
    }
}
