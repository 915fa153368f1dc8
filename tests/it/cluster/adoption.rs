//! `adopt_existing`: what somebody else made is refused without it, and taken over with it; what runs on it goes on. And the
//! other way on: another `owner`.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, FieldOwnership, annotation::OWNER, is_ownership_key, kind};

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{CART, configure, hand_made, intruders, life, workspace};

/// `hcl` with `adopt_existing`.
fn adopting(hcl: &str) -> String {
    let (before, after) = hcl.split_once(" {\n").expect("a block");
    format!("{before} {{\n  adopt_existing = true\n{after}")
}

/// Ownership configuration, and what somebody has made otherwise: of which kind, which fields, and as a merge patch.
type Adopted = (Grant, &'static str, (&'static str, &'static str), fn() -> Json);

const ADOPTED: [Adopted; 3] = [
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
fn what_somebody_made_is_taken_over_on_demand() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        for (grant, hcl, (other, fields), patch) in ADOPTED {
            let namespace = control_plane().namespace("adopted");
            let made = hand_made(grant, &namespace, hcl, "helm");
            let changed = made.keys().find(|key| key.kind.kind == other).expect("it is there");
            api.patch(changed, &patch());
            let live = |key| api.get(key).expect("it is there");
            let before: Vec<_> = made.keys().map(|key| life(&live(key))).collect();

            let workspace = workspace(tool, grant, &namespace, hcl);
            let told = workspace.plan_run().errors();
            for key in made.keys() {
                // An account has no field that the server would note a manager of.
                let who = if key.kind == &kind::SERVICE_ACCOUNT { "." } else { "; it was written by helm" };
                let words = format!("{key} is in the cluster, and this provider didn't make it{who}");
                assert!(told.contains(&words), "{tool}: {words:?} is not in: {told}");
            }
            assert!(made.keys().map(|key| life(&live(key))).eq(before.iter().cloned()));

            configure(&workspace, grant, &namespace, &adopting(hcl));
            let plan = workspace.plan();
            for key in made.keys() {
                let fields = if key == changed { fields } else { "nothing in it" };
                for words in [
                    format!("{} will be taken over", key.kind.kind),
                    format!("Apply makes it this resource's, and changes {fields}."),
                ] {
                    assert!(plan.text.contains(&words), "{tool}: {words:?} is not in: {}", plan.text);
                }
            }
            workspace.apply().succeeded();
            for ((key, body), before) in made.iter().zip(before) {
                let now = live(key);
                if key.kind.field_ownership == FieldOwnership::Exclusive {
                    assert_eq!(now["spec"], body["spec"]);
                    assert_eq!(intruders(&now), Vec::<&Json>::new(), "{key}");
                }
                assert_eq!(life(&now).0, before.0, "{key}");
                assert_eq!(life(&now).1 == before.1, key != changed, "{key}");
            }
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}: {}", plan.text);

            // What a chart made others run on: it is let go as it is. The rest was ours to delete.
            let lent = || made.keys().filter(|key| key.kind.field_ownership == FieldOwnership::Shared);
            let ours: Vec<Json> = lent().map(&live).collect();
            workspace.destroy().succeeded();
            assert!(api.objects(&namespace.name).into_iter().eq(lent().map(ToString::to_string)), "{tool}");
            for (key, before) in lent().zip(ours) {
                let mut now = live(key);
                now["metadata"].as_object_mut().expect("a map").remove("resourceVersion");
                assert_eq!(now, released(before), "{key}");
            }
        }
    }
}

/// `live` as it should be once we have let go of it: without our stamps, and without us in managedFields.
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

/// Of a kind that others write too: whoever had the fields that we write is in nobody's way afterwards, and keeps the rest.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_was_taken_over_is_ours_to_change() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("service"));
    let made = hand_made(Grant::AppTeam, &namespace, CART, "helm");
    let service = made.keys().find(|key| key.kind == &kind::SERVICE).expect("it is there");
    let theirs = json!({ "metadata": { "labels": { "team": "cart" } }, "spec": { "sessionAffinity": "ClientIP", "ports": [
        { "name": "web", "port": 8080, "protocol": "TCP", "targetPort": 9999 },
    ] } });
    api.patch(service, &theirs);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &adopting(CART));
    let change = |hcl: &str, target: u64| {
        configure(&workspace, Grant::AppTeam, &namespace, &adopting(hcl));
        workspace.apply().succeeded();
        let live = api.get(service).expect("it is there");
        assert_eq!(live["spec"]["ports"][0]["targetPort"], target);
        assert_eq!(
            (&live["spec"]["sessionAffinity"], &live["metadata"]["labels"]["team"]),
            (&json!("ClientIP"), &json!("cart"))
        );
        assert!(workspace.plan().is_empty);
    };
    change(CART, 8080);
    change(&CART.replace("protocol = \"http\"", "protocol = \"http\"\n    target_port = 7070"), 7070);
    workspace.destroy().succeeded();
    assert_eq!(api.get(service).expect("it is left")["spec"]["ports"][0]["targetPort"], 7070);
}

/// A state that goes on under another owner's name says so on its objects, and nobody else may.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_owner_is_renamed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("renamed");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().succeeded();
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
            let main = std::fs::read_to_string(workspace.path().join("main.tf")).expect("it is there");
            workspace.file("main.tf", &main.replace(&before, owner));
        };

        as_owner("payments/prod", CART);
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}: {}", plan.text);
        assert_eq!(owners(), [before.as_str()]);

        as_owner("payments/prod", &CART.replace("[\"web\"]", "[\"web\", \"shop/checkout\"]"));
        workspace.apply().succeeded();
        assert_eq!(owners(), ["payments/prod"], "every object is stamped anew");
        assert!(workspace.plan().is_empty);

        // Whoever still goes by the old name has lost it, and gets it by an import alone.
        let late = super::workspace(tool, Grant::AppTeam, &namespace, CART);
        let told = late.plan_run().errors();
        assert!(told.contains("of owner \"payments/prod\""), "{tool}: {told}");
        late.run(&["import", "-input=false", "mesh_service.cart", &format!("{}/cart", namespace.name)]).succeeded();
        let told = late.plan();
        assert!(told.text.contains("1 to change"), "{tool}: {}", told.text);
        late.apply().succeeded();
        assert_eq!(owners(), [before.as_str()]);
        assert!(late.plan().is_empty);
        assert!(workspace.plan_run().errors().contains(&format!("of owner {before:?}")), "{tool}");
        late.destroy().succeeded();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new());
    }
}
