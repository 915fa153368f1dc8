//! The examples can be applied as users do it: `init` from a mirror, then `apply`, an empty plan, and `destroy`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use terraform_provider_mesh::object::{Key, kind};

use crate::{
    generated::{files, text},
    support::{
        api::Api,
        control_plane::{ControlPlane, control_plane, parse_yaml},
        namespace_finalizer::finalize_namespaces,
        terraform::{Tool, Workspace},
    },
};

/// The provider block of examples that have none.
pub(crate) const PROVIDER: &str =
    "provider \"mesh\" {\n  owner = \"tests/examples\"\n  installed {\n    dns_capture = true\n  }\n}\n";

/// An initialized workspace with the configuration of examples/`folder`, without the imports.
pub(super) fn initialized(plane: &ControlPlane, tool: Tool, folder: &str) -> Workspace {
    let workspace = Workspace::with_mirror(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.admin));
    workspace.copy_example(folder);
    if !workspace.path().join("main.tf").exists() {
        workspace.configure(PROVIDER);
    }
    let output = workspace.run(&["init", "-input=false", "-no-color"]).expect_success().stdout;
    assert!(output.contains("mesh-provider/mesh v"), "{output}");
    workspace
}

/// The allowed callers of each service, by the live AuthorizationPolicies in `namespaces`.
pub(super) fn callers(api: &Api, namespaces: &[&str]) -> BTreeMap<String, Vec<String>> {
    let policies = namespaces.iter().flat_map(|namespace| {
        let path = format!("/apis/security.istio.io/v1/namespaces/{namespace}/authorizationpolicies");
        api.request(http::Method::GET, &path, None).expect("a list")["items"].as_array().expect("a list").clone()
    });
    let mut callers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for policy in policies {
        assert_eq!(policy["spec"]["action"], "ALLOW");
        let workload = policy["spec"]["selector"]["matchLabels"]["app"].as_str().unwrap_or("every workload").to_owned();
        let rules = policy["spec"]["rules"].as_array().expect("a list, even when empty").clone();
        let sources = rules.iter().flat_map(|rule| rule["from"].as_array().expect("a list").clone());
        let principals = sources.flat_map(|from| from["source"]["principals"].as_array().cloned().unwrap_or_default());
        let principals = principals.map(|principal| principal.as_str().expect("a text").to_owned());
        callers.entry(workload).or_default().extend(principals);
    }
    callers
}

pub(super) const NAMESPACES: [&str; 8] =
    ["photo", "datastore", "istio-system", "istio-egress", "shop", "pci", "reporting", "sales"];

fn all_objects(api: &Api) -> Vec<String> {
    NAMESPACES.iter().flat_map(|name| api.objects(name)).collect()
}

/// Creates the Services that a configuration doesn't manage, as their charts would.
pub(crate) fn create_existing_services(api: &Api, configuration: &str) {
    let written: Json = hcl::from_str(configuration).expect("HCL");
    let services = written["resource"]["mesh_service"].as_object().into_iter().flatten();
    for (_, service) in services.filter(|(_, service)| service.get("service").is_none()) {
        // The HCL parser returns an object for one block, and a list for several.
        let ports = service["port"].as_array().cloned().unwrap_or_else(|| vec![service["port"].clone()]);
        let ports = ports.iter().map(|port| {
            let target = port.get("target_port").unwrap_or(&port["number"]);
            let name = format!("{}-{}", port["protocol"].as_str().unwrap_or("tcp"), port["number"]);
            json!({ "name": name, "port": port["number"], "targetPort": target })
        });
        let ports: Vec<Json> = ports.collect();
        let metadata = json!({ "name": service["name"], "namespace": service["namespace"] });
        let spec = json!({ "ports": ports, "selector": { "app": service["name"] } });
        api.apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }), "helm");
    }
}

/// This is one test, because the examples share namespaces, one of which is the root namespace.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn every_example_is_applied() {
    let api = control_plane().api();
    for name in NAMESPACES {
        control_plane().create_namespace(name);
    }
    for tool in Tool::ALL {
        check_photo_application(&api, tool);
    }
    for path in files("examples/resources/mesh_service", ".tf") {
        create_existing_services(&api, &text(&path));
    }
    let initial = all_objects(&api);
    let _controller = finalize_namespaces(vec!["storefront".to_owned()]);
    for resource in [
        "mesh_service",
        "mesh_external_service",
        "mesh_global_defaults",
        "mesh_global_defaults/end-users",
        "mesh_global_defaults/guardrails",
        "mesh_global_defaults/retries",
        "mesh_global_defaults/telemetry",
        "mesh_namespace",
        "mesh_gateway",
    ] {
        let workspace = initialized(control_plane(), Tool::Tofu, &format!("resources/{resource}"));
        workspace.converge();
        workspace.destroy().expect_success();
        assert_eq!(all_objects(&api), initial, "{resource}");
    }
    check_two_teams(&api);
    assert_eq!(all_objects(&api), initial);
    check_adoption(&api);
    assert_eq!(all_objects(&api), initial);
}

fn check_photo_application(api: &Api, tool: Tool) {
    let photo = initialized(control_plane(), tool, "scenarios/photo-app");
    photo.converge();
    let expected = [
        ("datastore", vec!["cluster.local/ns/photo/sa/photo-backend"]),
        ("every workload", vec![]),
        ("photo-backend", vec!["cluster.local/ns/photo/sa/photo-frontend"]),
        ("photo-frontend", vec!["cluster.local/ns/istio-ingress/sa/istio-ingressgateway"]),
    ];
    let expected: BTreeMap<String, Vec<String>> =
        expected.map(|(who, by)| (who.to_owned(), by.into_iter().map(str::to_owned).collect())).into();
    assert_eq!(callers(api, &["photo", "datastore", "istio-system"]), expected, "{tool}");
    photo.destroy().expect_success();
    assert_eq!(all_objects(api), Vec::<String>::new(), "{tool}");
}

/// Two independent states: the caller is applied first, and neither plan changes when the other is applied or
/// destroyed.
fn check_two_teams(api: &Api) {
    let shop = initialized(control_plane(), Tool::Terraform, "resources/mesh_service/two-teams/shop");
    let pci = initialized(control_plane(), Tool::Tofu, "resources/mesh_service/two-teams/pci");
    shop.apply().expect_success();
    pci.apply().expect_success();
    shop.assert_empty_plan();
    pci.assert_empty_plan();
    let expected = [("checkout", vec![]), ("charges", vec!["cluster.local/ns/shop/sa/checkout".to_owned()])];
    let expected: BTreeMap<String, Vec<String>> = expected.map(|(who, by)| (who.to_owned(), by)).into();
    assert_eq!(callers(api, &["shop", "pci"]), expected);
    shop.destroy().expect_success();
    pci.assert_empty_plan();
    pci.destroy().expect_success();
}

/// An object of the expected name is adopted, one of another name is replaced, and the Service of the chart is kept by
/// a destroy.
fn check_adoption(api: &Api) {
    let before: Vec<Json> = files("examples/resources/mesh_service/adoption/before", ".yaml")
        .iter()
        .flat_map(|path| parse_yaml(&text(path)))
        .collect();
    for object in &before {
        api.apply(object, "kubectl");
    }
    let key = |kind, name| Key::new(kind, "sales", name);
    let uid = |key: &Key| api.get_existing(key)["metadata"]["uid"].clone();
    let rule = key(&kind::DESTINATION_RULE, "orders");
    let (service, rule_uid) = (key(&kind::SERVICE, "orders"), uid(&rule));

    let orders = initialized(control_plane(), Tool::Terraform, "resources/mesh_service/adoption");
    let output = orders.apply().expect_success().stdout;
    assert!(output.contains("DestinationRule will be taken over"), "{output}");
    orders.assert_empty_plan();
    assert_eq!(uid(&rule), rule_uid, "the object is still the same");
    assert!(api.get(&key(&kind::VIRTUAL_SERVICE, "orders-routes")).is_none(), "it is replaced");
    let route = api.get_existing(&key(&kind::VIRTUAL_SERVICE, "orders"));
    assert_eq!(route["spec"]["hosts"], json!(["orders.sales.svc.cluster.local"]));
    let policy = api.get_existing(&key(&kind::AUTHORIZATION_POLICY, "orders"));
    assert_eq!(policy["metadata"]["annotations"]["istio.io/dry-run"], "true");

    orders.destroy().expect_success();
    let left = api.get(&service).expect("the Service of the chart is kept");
    assert!(left["metadata"]["annotations"].get("networking.istio.io/exportTo").is_none(), "{left}");
}
