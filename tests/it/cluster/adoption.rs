//! `adopt_existing`: an object of another tool is a plan error without it, and is taken over with it, without a change of its
//! uid. A resource can also change its `owner`.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, FieldOwnership, Key, annotation::OWNER, is_ownership_key, kind};

use crate::support::{assertions::assert_contains_all, control_plane::control_plane, terraform::Tool, users::Grant};

use super::{CART, configure, destroy_all, hand_made, other_managers, uid_and_generation, workspace};

/// `hcl` with `adopt_existing` in its first block.
fn with_adopt_existing(hcl: &str) -> String {
    let (before, after) = hcl.split_once(" {\n").expect("a block");
    format!("{before} {{\n  adopt_existing = true\n{after}")
}

/// A configuration, and a difference of its live objects: the kind and the fields that differ, and the merge patch that
/// made the difference.
type AdoptionCase = (Grant, &'static str, (&'static str, &'static str), fn() -> Json);

const CASES: [AdoptionCase; 3] = [
    (
        Grant::AppTeam,
        CART,
        ("AuthorizationPolicy", "spec.rules"),
        || json!({ "metadata": { "labels": { "team": "cart" } }, "spec": { "rules": [{}] } }),
    ),
    (
        Grant::Platform,
        r#"
resource "mesh_external_service" "bank" {
  host      = "api.bank.example"
  tls       = "originate"
  export_to = ["pci"]
}"#,
        ("ServiceEntry", "spec.exportTo"),
        || json!({ "spec": { "exportTo": ["*"] } }),
    ),
    (
        Grant::Platform,
        r#"
resource "mesh_global_defaults" "this" {
  mtls {}
  authorization {
    mode = "enforce"
  }
}"#,
        ("PeerAuthentication", "spec.selector"),
        || json!({ "spec": { "selector": { "matchLabels": { "app": "cart" } } } }),
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn existing_objects_are_adopted_on_demand() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        for (grant, hcl, (other, fields), patch) in CASES {
            let namespace = control_plane().namespace("adopted");
            let objects = hand_made(grant, &namespace, hcl, "helm");
            let changed = objects.keys().find(|key| key.kind.kind == other).expect("an object of the kind");
            api.patch(changed, &patch());
            let live = |key| api.get_existing(key);
            let before: Vec<_> = objects.keys().map(|key| uid_and_generation(&live(key))).collect();

            let workspace = workspace(tool, grant, &namespace, hcl);
            let errors = workspace.try_plan().errors();
            for key in objects.keys() {
                // A ServiceAccount has no field of which the server records a manager.
                let writer = if key.kind == &kind::SERVICE_ACCOUNT { "." } else { "; it was written by helm" };
                let part = format!("{key} is in the cluster, and this provider didn't make it{writer}");
                assert!(errors.contains(&part), "{tool}: {part:?} is not in: {errors}");
            }
            assert!(objects.keys().map(|key| uid_and_generation(&live(key))).eq(before.iter().cloned()));

            configure(&workspace, grant, &namespace, &with_adopt_existing(hcl));
            let plan = workspace.plan();
            for key in objects.keys() {
                let fields = if key == changed { fields } else { "nothing in it" };
                assert_contains_all(
                    tool,
                    &plan.text,
                    [
                        format!("{} will be taken over", key.kind.kind),
                        format!("Apply makes it this resource's, and changes {fields}."),
                    ],
                );
            }
            workspace.apply().expect_success();
            for ((key, body), before) in objects.iter().zip(before) {
                let now = live(key);
                if key.kind.field_ownership == FieldOwnership::Exclusive {
                    assert_eq!(now["spec"], body["spec"]);
                    assert_eq!(other_managers(&now), Vec::<&Json>::new(), "{key}");
                }
                assert_eq!(uid_and_generation(&now).0, before.0, "{key}");
                assert_eq!(uid_and_generation(&now).1 == before.1, key != changed, "{key}");
            }
            workspace.assert_empty_plan();

            // Shared kinds may be in use by others: they are released, and all others are deleted.
            let shared = || objects.keys().filter(|key| key.kind.field_ownership == FieldOwnership::Shared);
            let before_destroy: Vec<Json> = shared().map(&live).collect();
            workspace.destroy().expect_success();
            assert!(api.objects(&namespace.name).into_iter().eq(shared().map(ToString::to_string)), "{tool}");
            for (key, before) in shared().zip(before_destroy) {
                let mut now = live(key);
                now["metadata"].as_object_mut().expect("a map").remove("resourceVersion");
                assert_eq!(now, released(before), "{key}");
            }
        }
    }
}

/// The expected object after its release: without the provider's labels and annotations, and without its managedFields.
fn released(mut live: Json) -> Json {
    let metadata = live["metadata"].as_object_mut().expect("a map");
    for part in ["labels", "annotations"] {
        if let Some(Json::Object(members)) = metadata.get_mut(part) {
            members.retain(|name, _| !is_ownership_key(name));
        }
        if metadata.get(part).and_then(Json::as_object).is_some_and(serde_json::Map::is_empty) {
            metadata.remove(part);
        }
    }
    metadata.remove("resourceVersion");
    metadata["managedFields"].as_array_mut().expect("a list").retain(|entry| entry["manager"] != FIELD_MANAGER);
    if metadata["managedFields"] == json!([]) {
        metadata.remove("managedFields");
    }
    live
}

/// The Service is of a shared kind: its former manager loses the fields that the provider writes, and keeps the others.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn adopted_service_can_be_changed() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("service"));
    let objects = hand_made(Grant::AppTeam, &namespace, CART, "helm");
    let service = objects.keys().find(|key| key.kind == &kind::SERVICE).expect("a Service");
    let patch = json!({ "metadata": { "labels": { "team": "cart" } }, "spec": { "sessionAffinity": "ClientIP", "ports": [
        { "name": "web", "port": 8080, "protocol": "TCP", "targetPort": 9999 },
    ] } });
    api.patch(service, &patch);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &with_adopt_existing(CART));
    let change = |hcl: &str, target: u64| {
        configure(&workspace, Grant::AppTeam, &namespace, &with_adopt_existing(hcl));
        workspace.apply().expect_success();
        let live = api.get_existing(service);
        assert_eq!(live["spec"]["ports"][0]["targetPort"], target);
        assert_eq!(
            (&live["spec"]["sessionAffinity"], &live["metadata"]["labels"]["team"]),
            (&json!("ClientIP"), &json!("cart"))
        );
        workspace.assert_empty_plan();
    };
    change(CART, 8080);
    change(&CART.replace("protocol = \"http\"", "protocol = \"http\"\n    target_port = 7070"), 7070);
    workspace.destroy().expect_success();
    assert_eq!(api.get(service).expect("the Service is kept")["spec"]["ports"][0]["targetPort"], 7070);
}

/// Objects of another configuration are taken over by the name of their owner only, and then the other configuration is
/// refused.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn objects_of_another_owner_are_adopted_by_its_name_only() {
    let api = control_plane().api();
    for (grant, hcl, ..) in CASES {
        let namespace = control_plane().namespace("shared");
        let former = workspace(Tool::Terraform, grant, &namespace, hcl);
        former.apply().expect_success();
        let keys: Vec<Key> = api.objects(&namespace.name).iter().map(|key| key.parse().expect("a key")).collect();
        let uids = || keys.iter().map(|key| uid_and_generation(&api.get_existing(key)).0).collect::<Vec<_>>();
        let owners = || keys.iter().map(|key| api.get_existing(key)["metadata"]["annotations"][OWNER].clone());
        let (before, former_owner) = (uids(), format!("tests/{}", namespace.name));
        let latter = workspace(Tool::Terraform, grant, &namespace, hcl);
        let configure_latter = |argument: &str| {
            let (head, rest) = hcl.split_once(" {\n").expect("a block");
            configure(&latter, grant, &namespace, &format!("{head} {{\n  {argument}\n{rest}"));
            let main = latter.read_file("main.tf");
            let main = main.replace(&format!("  owner = {former_owner:?}"), "  owner = \"shop/prod\"");
            latter.write_file("main.tf", &main);
        };
        for argument in ["", "adopt_existing = true", "adopt_existing = true\n  adopt_from_owner = \"pci/prod\""] {
            configure_latter(argument);
            let errors = latter.try_plan().errors();
            assert_contains_all(
                argument,
                &errors,
                [format!("owner {former_owner:?}"), format!("adopt_from_owner = {former_owner:?}")],
            );
        }
        configure_latter(&format!("adopt_from_owner = {former_owner:?}"));
        let plan = latter.plan();
        assert_contains_all(hcl, &plan.text, ["will be taken over".to_owned(), format!("owner {former_owner:?}")]);
        latter.apply().expect_success();
        assert_eq!(uids(), before);
        assert!(owners().all(|owner| owner == "shop/prod"), "every object carries the new owner");
        latter.assert_empty_plan();
        configure(&former, grant, &namespace, &hcl.replacen(" {\n", " {\n  labels = { team = \"x\" }\n", 1));
        let errors = former.try_plan().errors();
        assert!(errors.contains("of owner \"shop/prod\""), "{errors}");
        latter.destroy().expect_success();
        assert!(keys.iter().all(|key| api.get(key).is_none() || key.kind.field_ownership == FieldOwnership::Shared));
    }
}

/// After a change of `owner`, the objects carry the new owner, and the old owner can no longer change them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn owner_can_be_renamed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("renamed");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        let owners = || {
            let live = api.objects(&namespace.name).into_iter().map(|key| api.get(&key.parse().unwrap()).unwrap());
            let mut owners: Vec<Json> = live.map(|live| live["metadata"]["annotations"][OWNER].clone()).collect();
            owners.dedup();
            owners
        };
        let before = format!("tests/{}", namespace.name);
        assert_eq!(owners(), [before.as_str()]);
        let as_owner = |owner: &str, hcl: &str| {
            configure(&workspace, Grant::AppTeam, &namespace, hcl);
            let main = workspace.read_file("main.tf");
            workspace.write_file("main.tf", &main.replace(&before, owner));
        };

        as_owner("payments/prod", CART);
        workspace.assert_empty_plan();
        assert_eq!(owners(), [before.as_str()]);

        as_owner("payments/prod", &CART.replace("[\"web\"]", "[\"web\", \"shop/checkout\"]"));
        workspace.apply().expect_success();
        assert_eq!(owners(), ["payments/prod"], "every object carries the new owner");
        workspace.assert_empty_plan();

        // A configuration with the old owner needs an import to get the objects back.
        let old_owner = super::workspace(tool, Grant::AppTeam, &namespace, CART);
        let errors = old_owner.try_plan().errors();
        assert!(errors.contains("of owner \"payments/prod\""), "{tool}: {errors}");
        old_owner.import("mesh_service.cart", &format!("{}/cart", namespace.name)).expect_success();
        let plan = old_owner.plan();
        assert!(plan.text.contains("1 to change"), "{tool}: {}", plan.text);
        old_owner.apply().expect_success();
        assert_eq!(owners(), [before.as_str()]);
        old_owner.assert_empty_plan();
        assert!(workspace.try_plan().errors().contains(&format!("of owner {before:?}")), "{tool}");
        destroy_all(&old_owner, &namespace);
    }
}
