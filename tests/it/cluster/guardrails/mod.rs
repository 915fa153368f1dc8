//! Guardrails on a real API server: which objects they deny, with which message, and which they admit. The guardrails
//! of each test select only its own namespace.

mod examples;
mod objects;
mod table;

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{
    api::Api,
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{
    provider,
    roll_out::platform_user,
    round_trip::{golden_files, objects},
};

/// A mesh with guardrails for the namespace of one team.
struct GuardedMesh {
    root: Namespace,
    team: Namespace,
    workspace: Workspace,
}

const TEMPLATE: &str = "{name}.{namespace}.example.internal";

impl GuardedMesh {
    /// Applies all guardrails, with more arguments of the block.
    fn new(action: &str, arguments: &str) -> Self {
        let (root, team) = (control_plane().namespace("root"), control_plane().namespace("team"));
        let workspace = Workspace::new(Tool::Terraform);
        workspace.write_file(
            "kubeconfig",
            &control_plane().kubeconfig(&platform_user(&root, &[(Grant::Guardrails, &root)])),
        );
        let guarded = Self { root, team, workspace };
        guarded.configure(action, arguments);
        guarded.workspace.converge();
        guarded
    }

    fn configure(&self, action: &str, guardrail_arguments: &str) {
        let Self { root, team, workspace } = self;
        let hcl = format!(
            "resource \"mesh_global_defaults\" \"this\" {{\n guardrails {{\n root_only = [\"PeerAuthentication\", \"Telemetry\", \
             \"RequestAuthentication\", \"EnvoyFilter\", \"GatewayAPI\"]\n team_rules = true\n action = \"{action}\"\n \
             exempt_groups = [\"mesh-admins\"]\n contact = \"the mesh team, #mesh\"\n \
             namespace_selector = {{ \"kubernetes.io/metadata.name\" = \"{}\" }}\n {guardrail_arguments}\n }}\n}}",
            team.name
        )
        .replace("TEAM", &team.name);
        let arguments = format!(
            "config_path = \"kubeconfig\"\n  gateway_namespaces = [\"istio-ingress\"]\n  global_name_template = \"{TEMPLATE}\""
        );
        workspace.configure(&provider(root, &root.name, &arguments, &hcl));
    }

    /// Waits until both policies deny objects, because the API server enforces a new policy only after a while.
    fn enforced(self) -> Self {
        let api = control_plane().api();
        let probes = [peer_authentication(), sidecar("ALLOW_ANY")];
        wait_until(Duration::from_secs(30), "the guardrails deny objects", || {
            probes.iter().all(|probe| api.dry_run(&self.in_team_namespace(probe), "tests").is_err())
        });
        self
    }

    /// Waits until the object is denied in the team's namespace.
    fn wait_until_denied(&self, object: &Json) {
        let api = control_plane().api();
        self.wait_until_refused("the object", || api.dry_run(&self.in_team_namespace(object), "tests").is_err());
    }

    /// Waits until a request is refused, because the API server enforces a new policy only after a while.
    fn wait_until_refused(&self, request: &str, is_refused: impl FnMut() -> bool) {
        wait_until(Duration::from_secs(30), &format!("{request} is refused in {}", self.team.name), is_refused);
    }

    /// A client with the documented rights of a team in its namespace.
    fn team_api(&self) -> Api {
        Api::new(&control_plane().kubeconfig(&self.team.user(Grant::AppTeam)))
    }

    /// The object in the team's namespace, whose name replaces `TEAM`.
    fn in_team_namespace(&self, object: &Json) -> Json {
        let text = object.to_string().replace("TEAM", &self.team.name);
        let mut object: Json = serde_json::from_str(&text).expect("JSON");
        object["metadata"]["namespace"] = json!(self.team.name);
        object
    }

    /// Checks that the object is denied, and the message.
    fn assert_denied(&self, api: &Api, object: &Json, parts: &[&str]) {
        let error = api
            .dry_run(&self.in_team_namespace(object), "tests")
            .err()
            .unwrap_or_else(|| panic!("{object} is admitted"));
        assert_contains_all(object, &error.message, parts.iter().chain(&["Ask the mesh team, #mesh."]));
        assert_eq!(error.code, 403, "{}", error.message);
    }

    /// Checks that the object is admitted.
    fn assert_admitted(&self, api: &Api, object: &Json) {
        if let Err(error) = api.dry_run(&self.in_team_namespace(object), "tests") {
            panic!("{object} is denied: {}", error.message);
        }
    }
}

fn object(group: &str, kind: &str, spec: impl Into<Json>) -> Json {
    let version = if kind == "EnvoyFilter" { "v1alpha3" } else { "v1" };
    json!({ "apiVersion": format!("{group}.istio.io/{version}"), "kind": kind, "metadata": { "name": "x" }, "spec": spec.into() })
}

/// Adds or replaces fields of a spec.
fn extend(spec: &mut Json, fields: Json) {
    let Json::Object(fields) = fields else { panic!("not an object: {fields}") };
    spec.as_object_mut().expect("an object").extend(fields);
}

fn peer_authentication() -> Json {
    object("security", "PeerAuthentication", json!({ "mtls": { "mode": "PERMISSIVE" } }))
}

fn sidecar(mode: &str) -> Json {
    object(
        "networking",
        "Sidecar",
        json!({ "egress": [{ "hosts": ["./*"] }], "outboundTrafficPolicy": { "mode": mode } }),
    )
}

fn service_entry(spec: Json) -> Json {
    let mut entry = json!({
        "hosts": ["pay.TEAM.example.internal"], "location": "MESH_INTERNAL", "resolution": "STATIC",
        "ports": [{ "name": "http-80", "number": 80, "protocol": "HTTP" }],
    });
    extend(&mut entry, spec);
    object("networking", "ServiceEntry", entry)
}

fn virtual_service(spec: Json) -> Json {
    let mut routes = json!({ "http": [{ "route": [{ "destination": { "host": "pay.TEAM.svc.cluster.local" } }] }] });
    extend(&mut routes, spec);
    object("networking", "VirtualService", routes)
}

fn destination_rule(policy: Json) -> Json {
    let mut spec = json!({ "host": "pay.TEAM.svc.cluster.local" });
    extend(&mut spec, policy);
    object("networking", "DestinationRule", spec)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn violations_are_denied_and_other_objects_admitted() {
    let guarded = GuardedMesh::new(
        "deny",
        "global_names = { TEAM = [\"pay.example.internal\"], other = [\"theirs.example.internal\"] }\n ingress_hosts = { TEAM = \
         [\"shop.com\"] }",
    )
    .enforced();
    let api = control_plane().api();
    let disable = json!({ "tls": { "mode": "DISABLE" } });
    let root = format!("Rule root_only of the mesh: this kind is written in namespace {} alone.", guarded.root.name);
    for kind in [
        peer_authentication(),
        object("security", "RequestAuthentication", json!({})),
        object("telemetry", "Telemetry", json!({})),
        object("networking", "EnvoyFilter", json!({})),
    ] {
        guarded.assert_denied(&api, &kind, &[&root]);
    }
    let mut external = service_entry(json!({}));
    external["spec"].as_object_mut().expect("fields").remove("location");
    let rows: &[(&str, Json)] = &[
        ("is MESH_INTERNAL", service_entry(json!({ "location": "MESH_EXTERNAL" }))),
        ("is MESH_INTERNAL", external),
        ("has no endpoints", service_entry(json!({ "endpoints": [{ "address": "10.0.0.1" }] }))),
        ("has no endpoints", service_entry(json!({ "workloadSelector": { "labels": { "app": "x" } } }))),
        ("has no endpoints", service_entry(json!({ "addresses": ["10.0.0.1"] }))),
        ("own global names", service_entry(json!({ "hosts": ["pay.other.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["pay.TEAM.example.internal", "api.stripe.com"] }))),
        ("own global names", service_entry(json!({ "hosts": ["a.pay.TEAM.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["pay-TEAM.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["payxTEAM.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["*.TEAM.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["theirs.example.internal"] }))),
        ("own global names", service_entry(json!({ "hosts": ["ledger.pci.svc.cluster.local"] }))),
        ("may be Services of its namespace", virtual_service(json!({ "hosts": ["ledger.pci.svc.cluster.local"] }))),
        ("may be Services of its namespace", virtual_service(json!({ "hosts": ["api.stripe.com"] }))),
        ("may be Services of its namespace", virtual_service(json!({ "hosts": ["*"] }))),
        ("may be Services of its namespace", virtual_service(json!({ "hosts": ["ledger.pci"] }))),
        (
            "may be Services of its namespace",
            virtual_service(json!({ "hosts": ["shop.com"], "gateways": ["istio-ingress/public", "mesh"] })),
        ),
        (
            "may be Services of its namespace",
            virtual_service(json!({ "hosts": ["shop.com"], "gateways": ["elsewhere/public"] })),
        ),
        ("REGISTRY_ONLY, never ALLOW_ANY", sidecar("ALLOW_ANY")),
        (
            "REGISTRY_ONLY, never ALLOW_ANY",
            object("networking", "Sidecar", json!({ "egress": [{ "hosts": ["./*"] }] })),
        ),
        ("says its mode, and never DISABLE", destination_rule(json!({ "trafficPolicy": disable }))),
        (
            "says its mode, and never DISABLE",
            destination_rule(
                json!({ "trafficPolicy": { "portLevelSettings": [{ "port": { "number": 80 }, "tls": { "mode": "DISABLE" } }] } }),
            ),
        ),
        (
            "says its mode, and never DISABLE",
            destination_rule(json!({ "subsets": [{ "name": "a" }, { "name": "b", "trafficPolicy": disable }] })),
        ),
        ("must name its callers or paths", object("security", "AuthorizationPolicy", json!({ "rules": [{}] }))),
        (
            "must name its callers or paths",
            object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": [{ "to": [] }] })),
        ),
    ];
    for (message, invalid) in rows {
        guarded.assert_denied(&api, invalid, &["Rule team_rules of the mesh: ", message]);
    }
    let admitted = [
        service_entry(json!({})),
        service_entry(json!({ "hosts": ["pay.example.internal"] })),
        virtual_service(
            json!({ "hosts": ["pay.TEAM.svc.cluster.local", "pay.TEAM.example.internal", "pay.example.internal", "pay"] }),
        ),
        virtual_service(json!({ "hosts": ["shop.com"], "gateways": ["istio-ingress/public"] })),
        virtual_service(json!({ "hosts": ["shop.com"], "gateways": ["TEAM/hosts"] })),
        virtual_service(json!({})),
        sidecar("REGISTRY_ONLY"),
        object("networking", "Sidecar", json!({ "outboundTrafficPolicy": {} })),
        destination_rule(json!({})),
        destination_rule(
            json!({ "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } }, "subsets": [{ "name": "a" }] }),
        ),
        object("security", "AuthorizationPolicy", json!({})),
        object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": [] })),
        object("security", "AuthorizationPolicy", json!({ "action": "DENY", "rules": [{}] })),
        object(
            "security",
            "AuthorizationPolicy",
            json!({ "rules": [{ "to": [{ "operation": { "paths": ["/healthz"] } }] }] }),
        ),
    ];
    for valid in &admitted {
        guarded.assert_admitted(&api, valid);
    }
    // The root namespace, other namespaces and exempt groups aren't restricted.
    let mut elsewhere = peer_authentication();
    for namespace in [&guarded.root.name, "default"] {
        elsewhere["metadata"]["namespace"] = json!(namespace);
        api.dry_run(&elsewhere, "tests").expect("no guardrail selects the namespace");
    }
    let exempt = control_plane().certificate_user("exempt", &["mesh-admins"]);
    guarded.team.grant(&exempt, Grant::Platform);
    let exempt = Api::new(&control_plane().kubeconfig(&exempt));
    guarded.assert_admitted(&exempt, &peer_authentication());
    guarded.assert_admitted(&exempt, &sidecar("ALLOW_ANY"));
    guarded.workspace.destroy().expect_success();
}

/// The metadata of an object from before the guardrails may change, but not its spec.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn existing_violations_are_kept_but_cannot_change() {
    let api = control_plane().api();
    let guarded = GuardedMesh::new("warn", "");
    let mut existing = guarded.in_team_namespace(&sidecar("ALLOW_ANY"));
    existing["metadata"]["name"] = json!("theirs");
    // With action = "warn", the object is admitted.
    api.apply(&existing, "theirs");
    guarded.configure("deny", "");
    guarded.workspace.apply().expect_success();
    let guarded = guarded.enforced();
    existing["metadata"]["labels"] = json!({ "seen": "true" });
    api.dry_run(&existing, "theirs").expect("the spec is unchanged");
    existing["spec"]["egress"] = json!([{ "hosts": ["*/*"] }]);
    let error = api.dry_run(&existing, "theirs").expect_err("the spec changes");
    assert!(error.message.contains("never ALLOW_ANY"), "{}", error.message);
    guarded.workspace.destroy().expect_success();
}

/// A denied object is a plan error on the resource of the team.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn violations_are_plan_errors_of_the_team() {
    let guarded = GuardedMesh::new("deny", "").enforced();
    let service = |arguments: &str| {
        format!(
            "resource \"mesh_service\" \"pay\" {{\n name = \"pay\"\n namespace = \"{}\"\n service = \"managed\"\n calls = []\n port {{\n \
             number = 8080\n protocol = \"http\"\n }}\n {arguments}\n}}",
            guarded.team.name
        )
    };
    let patch = |kind: &str, patch: &str| {
        service(&format!("override {{\n kind = \"{kind}\"\n patch = jsonencode({patch})\n }}"))
    };
    for tool in Tool::ALL {
        let workspace = super::workspace(tool, Grant::AppTeam, &guarded.team, "");
        let configure = |hcl: &str| {
            let arguments = format!("config_path = \"kubeconfig\"\n  global_name_template = \"{TEMPLATE}\"");
            workspace.configure(&provider(&guarded.team, &guarded.root.name, &arguments, hcl));
        };
        for (invalid, message) in [
            (service("allow {\n from = [\"anonymous\"]\n }"), "must name its callers or paths"),
            (patch("Sidecar", "{ spec = { outboundTrafficPolicy = { mode = \"ALLOW_ANY\" } } }"), "never ALLOW_ANY"),
            (
                patch("DestinationRule", "{ spec = { trafficPolicy = { tls = { mode = \"DISABLE\" } } } }"),
                "never DISABLE",
            ),
            (service("global_name = \"api.stripe.com\""), "own global names"),
        ] {
            configure(&invalid);
            let errors = workspace.try_plan().errors();
            assert_contains_all(
                tool,
                &errors,
                ["mesh_service.pay", "Rule team_rules of the mesh", message, "Ask the mesh team, #mesh."],
            );
        }
        guarded.team.assert_empty();
        configure(&service(""));
        workspace.apply().expect_success();
        workspace.destroy().expect_success();
    }
    guarded.workspace.destroy().expect_success();
}

/// All objects of mesh_service are admitted under all guardrails, except for a policy that allows every request of
/// every caller.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_objects_are_admitted() {
    let granted = "global_names = { TEAM = [\"payments.example.internal\", \"ledger.example.internal\"] }\n \
                   ingress_hosts = { TEAM = [\"*.pay.example.com\", \"api.example.com\"] }";
    let guarded = GuardedMesh::new("deny", granted).enforced();
    let (api, mut admitted, mut denied) = (control_plane().api(), 0, 0);
    let files = golden_files().into_iter().filter(|file| file.components().any(|part| part.as_os_str() == "service"));
    for file in files {
        for object in objects(&file) {
            if !object["apiVersion"].as_str().is_some_and(|version| version.contains("istio.io")) {
                continue;
            }
            let text = object.to_string().replace("pci", &guarded.team.name);
            let mut object: Json = serde_json::from_str(&text).expect("JSON");
            object["metadata"]["namespace"] = json!(guarded.team.name);
            let open = object["spec"]["rules"].as_array().is_some_and(|rules| rules.contains(&json!({})));
            if open && object["spec"]["action"] == "ALLOW" {
                guarded.assert_denied(&api, &object, &["must name its callers or paths"]);
                denied += 1;
            } else if let Err(error) = api.dry_run(&object, "tests") {
                panic!("{}: {}\n{object}", file.display(), error.message);
            } else {
                admitted += 1;
            }
        }
    }
    assert!(admitted > 30, "only {admitted} objects were found ({denied} denied)");
    guarded.workspace.destroy().expect_success();
}

/// With `action = "warn"`, the API server's warning is a warning of the plan.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn warn_action_is_a_plan_warning() {
    let guarded = GuardedMesh::new("warn", "");
    let workspace = super::workspace(
        Tool::Terraform,
        Grant::AppTeam,
        &guarded.team,
        "resource \"mesh_service\" \"pay\" {\n name = \"pay\"\n namespace = \"NAMESPACE\"\n service = \"managed\"\n port {\n number = 80\n \
         protocol = \"http\"\n }\n allow {\n from = [\"anonymous\"]\n }\n}",
    );
    let mut output = String::new();
    // The API server enforces a new policy only after a while.
    wait_until(Duration::from_mins(1), "the warning of the guardrails", || {
        output = workspace.try_plan().to_string();
        output.contains("Rule team_rules of the mesh")
    });
    assert!(output.contains("Kubernetes warns of AuthorizationPolicy"), "{output}");
    workspace.apply().expect_success();
    workspace.destroy().expect_success();
    guarded.workspace.destroy().expect_success();
}
