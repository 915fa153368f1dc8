//! A global name comes, changes and goes, and nothing else does; what istiod writes beside it is never a change.

use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{applied, difference, workspace};

const TEAM: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  service   = "managed"
  calls     = []

  port {
    number   = 8080
    protocol = "http"
  }
  port {
    number   = 9000
    protocol = "tcp"
  }
}"#;

fn named(name: &str) -> String {
    TEAM.replace("service   =", &format!("global_name = {name:?}\n  service   ="))
}

fn entry(namespace: &Namespace) -> Key {
    format!("ServiceEntry/{0}/cart-{0}", namespace.name).parse().expect("a key")
}

/// What istiod writes into an entry.
fn allocate(namespace: &Namespace, address: &str) {
    let key = entry(namespace);
    let path = format!(
        "/apis/networking.istio.io/v1/namespaces/{}/serviceentries/{}/status?fieldManager=pilot-discovery",
        namespace.name, key.name
    );
    let status = json!({ "status": {
        "addresses": [{ "value": address, "host": "cart.example.internal" }],
        "conditions": [{ "type": "istio.io/ServiceEntryConditionType", "status": "True" }],
    }});
    let api = control_plane().api();
    api.request(Method::PATCH, &path, Some(("application/merge-patch+json", &status))).expect("a status");
    assert_eq!(api.get(&key).expect("it is there")["status"]["addresses"][0]["value"], address);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn it_comes_changes_and_goes() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("global");
        let own = |kind: &str| format!("{kind}/cart-{}", namespace.name);
        let (entry_key, route, sidecar) = (own("ServiceEntry"), own("VirtualService"), own("Sidecar"));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, TEAM);
        let without = applied(&workspace, &namespace, "", TEAM);

        let with = applied(&workspace, &namespace, "", &named("cart.example.internal"));
        let came = [format!("+ {entry_key}"), format!("~ {sidecar}"), format!("~ {route}")];
        assert_eq!(difference(&without, &with), came, "{tool}");
        assert_eq!(with[&entry_key]["spec"]["hosts"], json!(["cart.example.internal"]));

        // istiod's own field, then and later.
        allocate(&namespace, "240.240.0.7");
        let again = applied(&workspace, &namespace, "", &named("cart.example.internal"));
        assert_eq!(difference(&with, &again), Vec::<String>::new(), "{tool}");
        let changed = applied(&workspace, &namespace, "", &named("basket.example.internal"));
        let moves = [format!("~ {entry_key}"), format!("~ {sidecar}"), format!("~ {route}")];
        let order = difference(&again, &changed);
        assert!(moves.iter().all(|change| order.contains(change)) && order.len() == 3, "{tool}: {order:?}");
        assert_eq!(api.get(&entry(&namespace)).expect("it is there")["status"]["addresses"][0]["value"], "240.240.0.7");

        let gone = applied(&workspace, &namespace, "", TEAM);
        assert_eq!(difference(&without, &gone), Vec::<String>::new(), "{tool}");
        workspace.destroy().expect_success();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_tls_port_gives_it_a_virtual_service_of_its_own() {
    let namespace = control_plane().namespace("global-tls");
    let own = |kind: &str| format!("{kind}/cart-{}", namespace.name);
    let tls = named("cart.example.internal").replace("\"tcp\"", "\"tls\"");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, TEAM);
    let bytes = applied(&workspace, &namespace, "", &named("cart.example.internal"));
    let apart = applied(&workspace, &namespace, "", &tls);
    let global = format!("{}-global", own("VirtualService"));
    assert!(difference(&bytes, &apart).contains(&format!("+ {global}")));
    let hosts = |key: &str| apart[key]["spec"]["hosts"].clone();
    assert_eq!(hosts(&global), json!(["cart.example.internal"]));
    assert_eq!(hosts(&own("VirtualService")), json!([format!("cart.{}.svc.cluster.local", namespace.name)]));
    let back = applied(&workspace, &namespace, "", &named("cart.example.internal"));
    assert_eq!(difference(&bytes, &back), Vec::<String>::new());
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

const TEMPLATE: &str = "global_name_template = \"{name}.{namespace}.example.internal\"";

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_provider_s_template_comes_changes_and_goes() {
    let namespace = control_plane().namespace("template");
    let own = |kind: &str| format!("{kind}/cart-{}", namespace.name);
    let hcl = TEAM.replace("calls     = []", "calls     = [\"shop/catalog\"]");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
    let without = applied(&workspace, &namespace, "", &hcl);
    let host = |objects: &super::BTreeMap<String, Json>| objects[&own("ServiceEntry")]["spec"]["hosts"][0].clone();

    let with = applied(&workspace, &namespace, TEMPLATE, &hcl);
    assert_eq!(host(&with), format!("cart.{}.example.internal", namespace.name));
    let listed = with[&own("Sidecar")]["spec"]["egress"][0]["hosts"].as_array().expect("a list");
    assert!(listed.contains(&json!("shop/catalog.shop.example.internal")), "{listed:?}");

    let other = applied(&workspace, &namespace, &TEMPLATE.replace("example", "other"), &hcl);
    assert_eq!(host(&other), format!("cart.{}.other.internal", namespace.name));

    // The name goes, and what others are called stays.
    let callers = applied(&workspace, &namespace, &format!("{TEMPLATE}\n  global_names = false"), &hcl);
    assert_eq!(difference(&without, &callers), [format!("~ {}", own("Sidecar"))]);

    let gone = applied(&workspace, &namespace, "", &hcl);
    assert_eq!(difference(&without, &gone), Vec::<String>::new());
    workspace.destroy().expect_success();
}

/// An entry that once was NONE never gets an address from istiod again: it is made anew.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_entry_that_leaves_none_is_made_anew() {
    let api = control_plane().api();
    let namespace = control_plane().namespace("none");
    let hcl = named("cart.example.internal");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
    let before = applied(&workspace, &namespace, "", &hcl);
    api.patch(&entry(&namespace), &json!({ "spec": { "resolution": "NONE" } }));
    assert!(!workspace.plan().is_empty);
    let after = applied(&workspace, &namespace, "", &hcl);
    assert_eq!(difference(&before, &after), [format!("-/+ ServiceEntry/cart-{}", namespace.name)]);
    workspace.destroy().expect_success();
}
