//! Guardrails on a real API server: what they refuse, with which words, and what they admit. Each test guards its own
//! namespace alone.

use std::{fs, thread, time::Duration};

use serde_json::{Value as Json, json};

use crate::support::{
    api::Api,
    control_plane::{Namespace, control_plane, parse_yaml},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{fixed_point::golden_files, provider, roll_out::platform};

/// A mesh with guardrails for one team's namespace.
struct Guarded {
    root: Namespace,
    team: Namespace,
    workspace: Workspace,
}

const TEMPLATE: &str = "{name}.{namespace}.example.internal";

impl Guarded {
    /// All of them, with what is written beside; waits until they hold.
    fn new(action: &str, more: &str) -> Self {
        let (root, team) = (control_plane().namespace("root"), control_plane().namespace("team"));
        let workspace = Workspace::new(Tool::Terraform);
        workspace
            .write_file("kubeconfig", &control_plane().kubeconfig(&platform(&root, &[(Grant::Guardrails, &root)])));
        let guarded = Self { root, team, workspace };
        guarded.configure(action, more);
        guarded.workspace.converge();
        guarded
    }

    fn configure(&self, action: &str, more: &str) {
        let Self { root, team, workspace } = self;
        let hcl = format!(
            "resource \"mesh_global_defaults\" \"this\" {{\n guardrails {{\n root_only = [\"PeerAuthentication\", \"Telemetry\", \
             \"RequestAuthentication\", \"EnvoyFilter\"]\n team_rules = true\n action = \"{action}\"\n \
             exempt_groups = [\"mesh-admins\"]\n contact = \"the mesh team, #mesh\"\n \
             namespace_selector = {{ \"kubernetes.io/metadata.name\" = \"{}\" }}\n {more}\n }}\n}}",
            team.name
        )
        .replace("TEAM", &team.name);
        let arguments = format!("config_path = \"kubeconfig\"\n  global_name_template = \"{TEMPLATE}\"");
        workspace.configure(&provider(root, &root.name, &arguments, &hcl));
    }

    /// Waits until both policies refuse: a server takes a moment to take up a new one.
    fn held(self) -> Self {
        let api = control_plane().api();
        let probes = [peer_authentication(), sidecar("ALLOW_ANY")];
        for _ in 0..300 {
            if probes.iter().all(|probe| api.dry_run(&self.within(probe), "tests").is_err()) {
                return self;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the guardrails don't hold");
    }

    fn within(&self, object: &Json) -> Json {
        let text = object.to_string().replace("TEAM", &self.team.name);
        let mut object: Json = serde_json::from_str(&text).expect("JSON");
        object["metadata"]["namespace"] = json!(self.team.name);
        object
    }

    /// Refused, in these words.
    fn refuses(&self, api: &Api, object: &Json, words: &[&str]) {
        let refusal =
            api.dry_run(&self.within(object), "tests").err().unwrap_or_else(|| panic!("{object} is admitted"));
        for word in words.iter().chain(&["Ask the mesh team, #mesh."]) {
            assert!(refusal.message.contains(word), "{word:?} is not in: {} ({object})", refusal.message);
        }
        assert_eq!(refusal.code, 403, "{}", refusal.message);
    }

    fn admits(&self, api: &Api, object: &Json) {
        if let Err(refusal) = api.dry_run(&self.within(object), "tests") {
            panic!("{object} is refused: {}", refusal.message);
        }
    }
}

fn object(group: &str, kind: &str, spec: impl Into<Json>) -> Json {
    let version = if kind == "EnvoyFilter" { "v1alpha3" } else { "v1" };
    json!({ "apiVersion": format!("{group}.istio.io/{version}"), "kind": kind, "metadata": { "name": "x" }, "spec": spec.into() })
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

fn entry(spec: Json) -> Json {
    let mut entry = json!({
        "hosts": ["pay.TEAM.example.internal"], "location": "MESH_INTERNAL", "resolution": "STATIC",
        "ports": [{ "name": "http-80", "number": 80, "protocol": "HTTP" }],
    });
    let Json::Object(fields) = spec else { panic!("fields") };
    entry.as_object_mut().expect("fields").extend(fields);
    object("networking", "ServiceEntry", entry)
}

fn routes(spec: Json) -> Json {
    let mut routes = json!({ "http": [{ "route": [{ "destination": { "host": "pay.TEAM.svc.cluster.local" } }] }] });
    let Json::Object(fields) = spec else { panic!("fields") };
    routes.as_object_mut().expect("fields").extend(fields);
    object("networking", "VirtualService", routes)
}

fn destination(policy: Json) -> Json {
    let Json::Object(fields) = policy else { panic!("fields") };
    let mut spec = json!({ "host": "pay.TEAM.svc.cluster.local" });
    spec.as_object_mut().expect("fields").extend(fields);
    object("networking", "DestinationRule", spec)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_would_open_or_take_is_refused() {
    let guarded = Guarded::new(
        "deny",
        "global_names = { TEAM = [\"pay.example.internal\"], other = [\"theirs.example.internal\"] }",
    )
    .held();
    let api = control_plane().api();
    let disable = json!({ "tls": { "mode": "DISABLE" } });
    let root = format!("Rule root_only of the mesh: this kind is written in namespace {} alone.", guarded.root.name);
    for kind in [
        peer_authentication(),
        object("security", "RequestAuthentication", json!({})),
        object("telemetry", "Telemetry", json!({})),
        object("networking", "EnvoyFilter", json!({})),
    ] {
        guarded.refuses(&api, &kind, &[&root]);
    }
    let mut external = entry(json!({}));
    external["spec"].as_object_mut().expect("fields").remove("location");
    let rows: &[(&str, Json)] = &[
        ("is MESH_INTERNAL", entry(json!({ "location": "MESH_EXTERNAL" }))),
        ("is MESH_INTERNAL", external),
        ("has no endpoints", entry(json!({ "endpoints": [{ "address": "10.0.0.1" }] }))),
        ("has no endpoints", entry(json!({ "workloadSelector": { "labels": { "app": "x" } } }))),
        ("has no endpoints", entry(json!({ "addresses": ["10.0.0.1"] }))),
        ("own global names", entry(json!({ "hosts": ["pay.other.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["pay.TEAM.example.internal", "api.stripe.com"] }))),
        ("own global names", entry(json!({ "hosts": ["a.pay.TEAM.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["pay-TEAM.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["payxTEAM.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["*.TEAM.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["theirs.example.internal"] }))),
        ("own global names", entry(json!({ "hosts": ["ledger.pci.svc.cluster.local"] }))),
        ("for Services of its namespace", routes(json!({ "hosts": ["ledger.pci.svc.cluster.local"] }))),
        ("for Services of its namespace", routes(json!({ "hosts": ["api.stripe.com"] }))),
        ("for Services of its namespace", routes(json!({ "hosts": ["*"] }))),
        ("for Services of its namespace", routes(json!({ "hosts": ["ledger.pci"] }))),
        (
            "for Services of its namespace",
            routes(json!({ "hosts": ["shop.com"], "gateways": ["istio-ingress/public", "mesh"] })),
        ),
        ("REGISTRY_ONLY, never ALLOW_ANY", sidecar("ALLOW_ANY")),
        (
            "REGISTRY_ONLY, never ALLOW_ANY",
            object("networking", "Sidecar", json!({ "egress": [{ "hosts": ["./*"] }] })),
        ),
        ("doesn't say tls DISABLE", destination(json!({ "trafficPolicy": disable }))),
        (
            "doesn't say tls DISABLE",
            destination(
                json!({ "trafficPolicy": { "portLevelSettings": [{ "port": { "number": 80 }, "tls": { "mode": "DISABLE" } }] } }),
            ),
        ),
        (
            "doesn't say tls DISABLE",
            destination(json!({ "subsets": [{ "name": "a" }, { "name": "b", "trafficPolicy": disable }] })),
        ),
        ("no empty rule", object("security", "AuthorizationPolicy", json!({ "rules": [{}] }))),
        (
            "no empty rule",
            object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": [{ "to": [] }] })),
        ),
    ];
    for (words, wrong) in rows {
        guarded.refuses(&api, wrong, &["Rule team_rules of the mesh: ", words]);
    }
    let admitted = [
        entry(json!({})),
        entry(json!({ "hosts": ["pay.example.internal"] })),
        routes(
            json!({ "hosts": ["pay.TEAM.svc.cluster.local", "pay.TEAM.example.internal", "pay.example.internal", "pay"] }),
        ),
        routes(json!({ "hosts": ["shop.com"], "gateways": ["istio-ingress/public"] })),
        routes(json!({})),
        sidecar("REGISTRY_ONLY"),
        object("networking", "Sidecar", json!({ "outboundTrafficPolicy": {} })),
        destination(json!({})),
        destination(json!({ "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } }, "subsets": [{ "name": "a" }] })),
        object("security", "AuthorizationPolicy", json!({})),
        object("security", "AuthorizationPolicy", json!({ "action": "ALLOW", "rules": [] })),
        object("security", "AuthorizationPolicy", json!({ "action": "DENY", "rules": [{}] })),
        object(
            "security",
            "AuthorizationPolicy",
            json!({ "rules": [{ "to": [{ "operation": { "ports": ["80"] } }] }] }),
        ),
    ];
    for right in &admitted {
        guarded.admits(&api, right);
    }
    // The root namespace, other namespaces, and exempt groups are free.
    let mut elsewhere = peer_authentication();
    for namespace in [&guarded.root.name, "default"] {
        elsewhere["metadata"]["namespace"] = json!(namespace);
        api.dry_run(&elsewhere, "tests").expect("it isn't guarded");
    }
    let exempt = control_plane().certificate_user("exempt", &["mesh-admins"]);
    guarded.team.grant(&exempt, Grant::Platform);
    let exempt = Api::new(&control_plane().kubeconfig(&exempt));
    guarded.admits(&exempt, &peer_authentication());
    guarded.admits(&exempt, &sidecar("ALLOW_ANY"));
    guarded.workspace.destroy().expect_success();
}

/// What stands there before may be labelled, and finished, but not changed.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_stands_there_already_stays() {
    let api = control_plane().api();
    let guarded = Guarded::new("warn", "");
    let mut theirs = guarded.within(&sidecar("ALLOW_ANY"));
    theirs["metadata"]["name"] = json!("theirs");
    // Its author is only warned.
    api.apply(&theirs, "theirs");
    guarded.configure("deny", "");
    guarded.workspace.apply().expect_success();
    let guarded = guarded.held();
    theirs["metadata"]["labels"] = json!({ "seen": "true" });
    api.dry_run(&theirs, "theirs").expect("its spec stays");
    theirs["spec"]["egress"] = json!([{ "hosts": ["*/*"] }]);
    let refusal = api.dry_run(&theirs, "theirs").expect_err("its spec changes");
    assert!(refusal.message.contains("never ALLOW_ANY"), "{}", refusal.message);
    guarded.workspace.destroy().expect_success();
}

/// A team reads it in its plan, at what it wrote.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_team_is_told_at_plan() {
    let guarded = Guarded::new("deny", "").held();
    let service = |more: &str| {
        format!(
            "resource \"mesh_service\" \"pay\" {{\n name = \"pay\"\n namespace = \"{}\"\n service = \"managed\"\n calls = []\n port {{\n \
             number = 8080\n protocol = \"http\"\n }}\n {more}\n}}",
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
        for (wrong, words) in [
            (service("allow {\n from = [\"anonymous\"]\n }"), "no empty rule"),
            (patch("Sidecar", "{ spec = { outboundTrafficPolicy = { mode = \"ALLOW_ANY\" } } }"), "never ALLOW_ANY"),
            (
                patch("DestinationRule", "{ spec = { trafficPolicy = { tls = { mode = \"DISABLE\" } } } }"),
                "tls DISABLE",
            ),
            (service("global_name = \"api.stripe.com\""), "own global names"),
        ] {
            configure(&wrong);
            let told = workspace.try_plan().errors();
            for word in ["mesh_service.pay", "Rule team_rules of the mesh", words, "Ask the mesh team, #mesh."] {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
        }
        assert_eq!(control_plane().api().objects(&guarded.team.name), Vec::<String>::new(), "{tool}");
        configure(&service(""));
        workspace.apply().expect_success();
        workspace.destroy().expect_success();
    }
    guarded.workspace.destroy().expect_success();
}

/// Whatever mesh_service makes is admitted under all guardrails, but for an `allow` block that lets everybody do
/// everything.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_mesh_service_renders_is_admitted() {
    let granted = "global_names = { TEAM = [\"payments.example.internal\", \"ledger.example.internal\"] }";
    let guarded = Guarded::new("deny", granted).held();
    let (api, mut admitted, mut refused) = (control_plane().api(), 0, 0);
    let files = golden_files().into_iter().filter(|file| file.components().any(|part| part.as_os_str() == "service"));
    for file in files {
        let text = fs::read_to_string(&file).expect("reading a golden file").replace("pci", &guarded.team.name);
        for object in parse_yaml(&text)
            .into_iter()
            .filter(|object| object["apiVersion"].as_str().is_some_and(|v| v.contains("istio.io")))
        {
            let mut object = object;
            object["metadata"]["namespace"] = json!(guarded.team.name);
            let open = object["spec"]["rules"].as_array().is_some_and(|rules| rules.contains(&json!({})));
            if open && object["spec"]["action"] == "ALLOW" {
                guarded.refuses(&api, &object, &["no empty rule"]);
                refused += 1;
            } else if let Err(refusal) = api.dry_run(&object, "tests") {
                panic!("{}: {}\n{object}", file.display(), refusal.message);
            } else {
                admitted += 1;
            }
        }
    }
    assert!(admitted > 30, "only {admitted} objects were found ({refused} refused)");
    guarded.workspace.destroy().expect_success();
}

/// Warned, not refused: through the provider the warning stands in the plan.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_warning_is_a_warning_of_the_plan() {
    let guarded = Guarded::new("warn", "");
    let workspace = super::workspace(
        Tool::Terraform,
        Grant::AppTeam,
        &guarded.team,
        "resource \"mesh_service\" \"pay\" {\n name = \"pay\"\n namespace = \"NAMESPACE\"\n service = \"managed\"\n port {\n number = 80\n \
         protocol = \"http\"\n }\n allow {\n from = [\"anonymous\"]\n }\n}",
    );
    let mut told = String::new();
    for _ in 0..30 {
        told = workspace.try_plan().to_string();
        if told.contains("Rule team_rules of the mesh") {
            break;
        }
    }
    assert!(told.contains("Kubernetes warns of AuthorizationPolicy"), "{told}");
    workspace.apply().expect_success();
    workspace.destroy().expect_success();
    guarded.workspace.destroy().expect_success();
}
