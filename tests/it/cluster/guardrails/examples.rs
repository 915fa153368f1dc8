//! The examples of application teams pass every guardrail, and the largest objects stay within the API server's cost limits.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{GuardedMesh, TEMPLATE, destination_rule, object, service_entry, sidecar, virtual_service};
use crate::{
    cluster::examples,
    generated::{files, text},
    support::{
        api::Api,
        control_plane::{ControlPlane, control_plane},
        polling::wait_until,
        terraform::{Tool, Workspace},
    },
};

/// All guardrails for all namespaces, as the examples need them.
const GUARDRAILS: &str = r#"
resource "mesh_global_defaults" "this" {
  guardrails {
    root_only  = ["PeerAuthentication", "RequestAuthentication", "Telemetry", "EnvoyFilter", "GatewayAPI"]
    team_rules = true
    action     = "deny"

    workload_rules           = true
    protect_platform_objects = true

    exempt_groups      = ["mesh-admins"]
    namespace_selector = { guarded = "yes" }
    global_names = {
      pci = ["ledger.example.internal"]
    }
    ingress_hosts = {
      pci  = ["ledger-db.example.com"]
      shop = ["www.example.com", "*.partners.example.com"]
    }
  }
}
"#;

/// On its own control plane, because the guardrails hold in every namespace.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn examples_of_teams_are_admitted() {
    let plane = ControlPlane::start();
    let api = plane.api();
    for name in examples::NAMESPACES {
        let labels = if name == "istio-system" { json!({}) } else { json!({ "guarded": "yes" }) };
        api.apply(
            &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } }),
            "tests",
        );
    }
    // In a root namespace of their own, because an example has `mesh_global_defaults` as well.
    plane.create_namespace("guardrails");
    let guardrails = Workspace::new(Tool::Terraform);
    guardrails.write_file("kubeconfig", &plane.kubeconfig(&plane.admin));
    guardrails.configure(&format!(
        "provider \"mesh\" {{\n owner = \"tests\"\n config_path = \"kubeconfig\"\n root_namespace = \"guardrails\"\n global_name_template = \"{TEMPLATE}\"\n}}\n{GUARDRAILS}"
    ));
    guardrails.converge();
    wait_until(Duration::from_secs(30), "the guardrails deny objects", || {
        let mut probe = sidecar("ALLOW_ANY");
        probe["metadata"]["namespace"] = json!("shop");
        api.dry_run(&probe, "tests").is_err()
    });
    for path in files("examples/resources/mesh_service", ".tf") {
        examples::create_existing_services(&api, &text(&path));
    }
    for folder in ["scenarios/photo-app", "resources/mesh_service", "resources/mesh_service/two-teams/shop"] {
        let workspace = examples::initialized(&plane, Tool::Terraform, folder);
        workspace.converge();
        workspace.destroy().expect_success();
    }
}

/// A rule whose cost in CEL grows with the object fails closed beyond a limit, so objects of the sizes that people write have
/// to stay below it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn very_large_objects_are_judged() {
    let guarded = GuardedMesh::new("deny", "ingress_hosts = { TEAM = [\"*.shop.example.com\"] }").enforced();
    let api = control_plane().api();
    let hosts = |count: usize| -> Vec<Json> { (0..count).map(|i| json!(format!("h{i}.shop.example.com"))).collect() };
    let route = |i: usize| {
        json!({
            "name": format!("route-{i}"), "match": [{ "uri": { "prefix": format!("/{i}") } }],
            "route": [{ "destination": { "host": "pay.TEAM.svc.cluster.local", "subset": "v1" } }],
            "mirrors": [{ "destination": { "host": "pay.TEAM.svc.cluster.local" } }],
        })
    };
    let http = |count: usize| -> Vec<Json> { (0..count).map(route).collect() };
    let rule = |i: usize| {
        json!({
            "from": [{ "source": { "principals": [format!("cluster.local/ns/n{i}/sa/caller")] } }],
            "to": [{ "operation": { "paths": [format!("/{i}/*")], "methods": ["GET"] } }],
        })
    };
    let rules = |count: usize| -> Vec<Json> { (0..count).map(rule).collect() };
    let subset = |i: usize| json!({ "name": format!("v{i}"), "labels": { "version": format!("v{i}") }, "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } } });
    let subsets = |count: usize| -> Vec<Json> { (0..count).map(subset).collect() };
    let ports = |count: usize| -> Vec<Json> {
        (1..=count).map(|i| json!({ "name": format!("http-{i}"), "number": i, "protocol": "HTTP" })).collect()
    };
    let egress: Vec<Json> = (0..1000).map(|i| json!(format!("n{i}/*"))).collect();
    let objects = [
        virtual_service(json!({ "hosts": ["pay.TEAM.svc.cluster.local"], "http": http(500) })),
        virtual_service(json!({ "hosts": hosts(250), "gateways": ["istio-ingress/public"], "http": http(250) })),
        object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": rules(512) })),
        object("security", "AuthorizationPolicy", json!({ "action": "DENY", "rules": rules(512) })),
        destination_rule(json!({ "subsets": subsets(250) })),
        service_entry(json!({ "ports": ports(250) })),
        object(
            "networking",
            "Sidecar",
            json!({ "egress": [{ "hosts": egress }], "outboundTrafficPolicy": { "mode": "REGISTRY_ONLY" } }),
        ),
    ];
    for large in &objects {
        guarded.assert_admitted(&api, large);
    }
    // The last element of a large object is judged as well.
    let mut with_open_rule = rules(511);
    with_open_rule.push(json!({}));
    let invalid = object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": with_open_rule }));
    assert_is_denied_by_team_rules(&guarded, &api, &invalid);
    let mut with_disabled = subsets(249);
    with_disabled.push(json!({ "name": "last", "trafficPolicy": { "tls": { "mode": "DISABLE" } } }));
    assert_is_denied_by_team_rules(&guarded, &api, &destination_rule(json!({ "subsets": with_disabled })));
}

fn assert_is_denied_by_team_rules(guarded: &GuardedMesh, api: &Api, object: &Json) {
    guarded.assert_denied(api, object, &["Rule team_rules of the mesh: "]);
}
