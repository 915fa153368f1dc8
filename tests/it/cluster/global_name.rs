//! A global name is added, changed and removed, which changes no other object. What istiod writes is never a change.

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{apply_and_read, cart_key, destroy_all, difference, workspace};

const CART: &str = r#"
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

fn with_global_name(name: &str) -> String {
    CART.replace("service   =", &format!("global_name = {name:?}\n  service   ="))
}

/// Writes the status of the ServiceEntry as istiod does when it allocates an address.
fn allocate_address(namespace: &Namespace, address: &str) {
    let key = cart_key(namespace, "ServiceEntry");
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
    assert_eq!(api.get_existing(&key)["status"]["addresses"][0]["value"], address);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn global_name_is_added_changed_and_removed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("global");
        let name_of = |kind: &str| format!("{kind}/cart-{}", namespace.name);
        let (entry, route, sidecar) = (name_of("ServiceEntry"), name_of("VirtualService"), name_of("Sidecar"));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let without = apply_and_read(&workspace, &namespace, DNS_CAPTURE, CART);

        let with = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &with_global_name("cart.example.internal"));
        let added = [format!("+ {entry}"), format!("~ {sidecar}"), format!("~ {route}")];
        assert_eq!(difference(&without, &with), added, "{tool}");
        assert_eq!(with[&entry]["spec"]["hosts"], json!(["cart.example.internal"]));

        // The address that istiod allocates is kept, now and after later changes.
        allocate_address(&namespace, "240.240.0.7");
        let again = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &with_global_name("cart.example.internal"));
        assert_eq!(difference(&with, &again), Vec::<String>::new(), "{tool}");
        let changed = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &with_global_name("basket.example.internal"));
        let expected = [format!("~ {entry}"), format!("~ {sidecar}"), format!("~ {route}")];
        let lines = difference(&again, &changed);
        assert!(expected.iter().all(|line| lines.contains(line)) && lines.len() == 3, "{tool}: {lines:?}");
        assert_eq!(
            api.get_existing(&cart_key(&namespace, "ServiceEntry"))["status"]["addresses"][0]["value"],
            "240.240.0.7"
        );

        let removed = apply_and_read(&workspace, &namespace, DNS_CAPTURE, CART);
        assert_eq!(difference(&without, &removed), Vec::<String>::new(), "{tool}");
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn tls_port_gets_a_separate_virtual_service() {
    let namespace = control_plane().namespace("global-tls");
    let name_of = |kind: &str| format!("{kind}/cart-{}", namespace.name);
    let tls_port = with_global_name("cart.example.internal").replace("\"tcp\"", "\"tls\"");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    let tcp = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &with_global_name("cart.example.internal"));
    let with_tls = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &tls_port);
    let global = format!("{}-global", name_of("VirtualService"));
    assert!(difference(&tcp, &with_tls).contains(&format!("+ {global}")));
    let hosts = |key: &str| with_tls[key]["spec"]["hosts"].clone();
    assert_eq!(hosts(&global), json!(["cart.example.internal"]));
    assert_eq!(hosts(&name_of("VirtualService")), json!([format!("cart.{}.svc.cluster.local", namespace.name)]));
    let back = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &with_global_name("cart.example.internal"));
    assert_eq!(difference(&tcp, &back), Vec::<String>::new());
    destroy_all(&workspace, &namespace);
}

const TEMPLATE: &str = "global_name_template = \"{name}.{namespace}.example.internal\"";

/// A global name with a TCP port needs proxies that answer DNS.
const DNS_CAPTURE: &str = "installed {\n    dns_capture = true\n  }";

#[test]
#[ignore = "needs the servers of `make tools`"]
fn global_name_template_is_added_changed_and_removed() {
    let namespace = control_plane().namespace("template");
    let template = format!("{TEMPLATE}\n  {DNS_CAPTURE}");
    let name_of = |kind: &str| format!("{kind}/cart-{}", namespace.name);
    let hcl = CART.replace("calls     = []", "calls     = [\"shop/catalog\"]");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
    let without = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &hcl);
    let host = |objects: &super::BTreeMap<String, Json>| objects[&name_of("ServiceEntry")]["spec"]["hosts"][0].clone();

    let with = apply_and_read(&workspace, &namespace, &template, &hcl);
    assert_eq!(host(&with), format!("cart.{}.example.internal", namespace.name));
    let listed = with[&name_of("Sidecar")]["spec"]["egress"][0]["hosts"].as_array().expect("a list");
    assert!(listed.contains(&json!("shop/catalog.shop.example.internal")), "{listed:?}");

    let other = apply_and_read(&workspace, &namespace, &template.replace("example", "other"), &hcl);
    assert_eq!(host(&other), format!("cart.{}.other.internal", namespace.name));

    // The service loses its own global name, but the global names of callees stay.
    let callers = apply_and_read(&workspace, &namespace, &format!("{template}\n  global_names = false"), &hcl);
    assert_eq!(difference(&without, &callers), [format!("~ {}", name_of("Sidecar"))]);

    let removed = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &hcl);
    assert_eq!(difference(&without, &removed), Vec::<String>::new());
    workspace.destroy().expect_success();
}

/// istiod never allocates an address for a ServiceEntry whose resolution was NONE before, so it is recreated.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn service_entry_with_resolution_none_is_recreated() {
    let api = control_plane().api();
    let namespace = control_plane().namespace("none");
    let hcl = with_global_name("cart.example.internal");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
    let before = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &hcl);
    api.patch(&cart_key(&namespace, "ServiceEntry"), &json!({ "spec": { "resolution": "NONE" } }));
    assert!(!workspace.plan().is_empty);
    let after = apply_and_read(&workspace, &namespace, DNS_CAPTURE, &hcl);
    assert_eq!(difference(&before, &after), [format!("-/+ ServiceEntry/cart-{}", namespace.name)]);
    workspace.destroy().expect_success();
}
