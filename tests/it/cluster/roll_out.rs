//! From a mesh in which everybody may call everybody to one that denies what nobody allows, and back: each move in an order
//! without a gap, and nothing left over.

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::{Grant, User},
};

use super::provider;

/// The platform's user in `root`, with `grant` in `namespace` too.
pub(super) fn platform(root: &Namespace, grants: &[(Grant, &Namespace)]) -> User {
    let user = root.user(Grant::Platform);
    let subject =
        json!({ "kind": "ServiceAccount", "name": format!("{}-platform", root.name), "namespace": "default" });
    for (grant, namespace) in grants {
        for manifest in grant.manifests(&namespace.name, &subject) {
            control_plane().api().apply(&manifest, "tests");
        }
    }
    user
}

/// Mode and, where it isn't off, what there is.
struct Rig {
    root: Namespace,
    edge: Namespace,
    proxy: Proxy,
    workspace: Workspace,
}

impl Rig {
    fn new(tool: Tool) -> Self {
        let (root, edge) = (control_plane().namespace("root"), control_plane().namespace("edge"));
        let proxy = Proxy::start(control_plane());
        let workspace = Workspace::new(tool);
        let user = platform(&root, &[(Grant::GatewayAccess, &edge)]);
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
        Self { root, edge, proxy, workspace }
    }

    /// Applies a mode; what was written, in order: `~` applied, `-` deleted.
    fn to(&self, mode: &str) -> Vec<String> {
        let hcl = format!(
            "resource \"mesh_global_defaults\" \"this\" {{\n mtls {{\n mode = \"permissive\"\n }}\n authorization {{\n mode = \"{mode}\"\n \
             allow {{\n from = [\"anonymous\"]\n ports = [9090]\n }}\n }}\n gateway_access {{\n namespace = \"{}\"\n \
             selector = {{ app = \"edge\" }}\n ports = [8443]\n }}\n}}",
            self.edge.name
        );
        self.workspace.configure(&provider(&self.root, &self.root.name, r#"config_path = "kubeconfig""#, &hcl));
        self.proxy.reset();
        self.workspace.apply().expect_success();
        let written = self.written();
        let plan = self.workspace.plan();
        assert!(plan.is_empty, "{mode}: {}", plan.text);
        written
    }

    fn written(&self) -> Vec<String> {
        let writes = self.proxy.requests().into_iter().filter(RecordedRequest::is_write);
        let policies = writes.filter(|request| request.path.contains("/authorizationpolicies/"));
        let what = |request: &RecordedRequest| {
            let name = request.path.rsplit('/').next().expect("a name").to_owned();
            let name = if name.starts_with("gateway-access-") { "door".to_owned() } else { name };
            format!("{}{name}", if request.method == "DELETE" { "-" } else { "~" })
        };
        policies.map(|request| what(&request)).collect()
    }

    /// Who holds now: policies by name, and whether they run dry.
    fn holding(&self) -> Vec<String> {
        let api = control_plane().api();
        let policies = [&self.root, &self.edge].into_iter().flat_map(|namespace| api.objects(&namespace.name));
        let policies =
            policies.filter_map(|key| key.parse::<Key>().ok()).filter(|key| key.kind == &kind::AUTHORIZATION_POLICY);
        policies
            .map(|key| {
                let live = api.get(&key).expect("it is there");
                let dry = live["metadata"]["annotations"]["istio.io/dry-run"] == "true";
                let name = if key.name.starts_with("gateway-access-") { "door" } else { &key.name };
                format!("{name}{}", if dry { " (dry)" } else { "" })
            })
            .collect()
    }
}

/// The gateway's policy is there before deny-all holds, holds as long as it does, and goes after it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_move_is_without_a_gap() {
    for tool in Tool::ALL {
        let rig = Rig::new(tool);
        let moves: [(&str, &[&str], &[&str]); 10] = [
            ("off", &[], &[]),
            ("audit", &["~deny-all-audit"], &["deny-all-audit"]),
            ("dry_run", &["~door", "~deny-all", "-deny-all-audit"], &["deny-all (dry)", "door (dry)"]),
            ("enforce", &["~door", "~deny-all"], &["deny-all", "door"]),
            ("dry_run", &["~deny-all", "~door"], &["deny-all (dry)", "door (dry)"]),
            ("audit", &["~deny-all-audit", "-deny-all", "-door"], &["deny-all-audit"]),
            ("enforce", &["~door", "~deny-all", "-deny-all-audit"], &["deny-all", "door"]),
            ("audit", &["~deny-all-audit", "-deny-all", "-door"], &["deny-all-audit"]),
            ("enforce", &["~door", "~deny-all", "-deny-all-audit"], &["deny-all", "door"]),
            ("off", &["-deny-all", "-door"], &[]),
        ];
        for (n, (mode, order, holding)) in moves.into_iter().enumerate() {
            assert_eq!(rig.to(mode), order, "{tool}, move {n} to {mode}");
            assert_eq!(rig.holding(), holding, "{tool}, move {n} to {mode}");
        }
        assert_eq!(rig.to("enforce"), ["~door", "~deny-all"], "{tool}");
        rig.proxy.reset();
        rig.workspace.destroy().expect_success();
        assert_eq!(rig.written(), ["-deny-all", "-door"], "{tool}");
        for namespace in [&rig.root, &rig.edge] {
            assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new(), "{tool}");
        }
    }
}

/// A platform's pipeline that makes neither guardrails nor doors needs no right to them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn rights_for_guardrails_are_for_who_writes_them() {
    let root = control_plane().namespace("root");
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&platform(&root, &[])));
    let configure = |hcl: &str| {
        workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, hcl));
    };
    configure("resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n}");
    workspace.converge();
    configure(
        "resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n guardrails {\n root_only = [\"Telemetry\"]\n }\n}",
    );
    let told = workspace.apply().errors();
    assert!(told.contains("validatingadmissionpolic"), "{told}");
    configure("resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n}");
    workspace.apply().expect_success();
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&root.name), Vec::<String>::new());
}

/// Plans say what opens, and a protected resource isn't destroyed.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_opens_is_told_and_what_is_protected_stays() {
    for tool in Tool::ALL {
        let root = control_plane().namespace("root");
        let workspace = Workspace::new(tool);
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&platform(&root, &[])));
        let configure = |arguments: &str| {
            let hcl = format!("resource \"mesh_global_defaults\" \"this\" {{\n resiliency = \"low\"\n {arguments}\n}}");
            workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, &hcl));
        };
        configure("deletion_protection = true\n mtls {}\n authorization {\n mode = \"enforce\"\n }");
        workspace.apply().expect_success();
        let told = workspace.destroy().errors();
        assert!(told.contains("Protected from deletion"), "{tool}: {told}");
        assert_eq!(control_plane().api().objects(&root.name).len(), 4, "{tool}");

        configure("mtls {}");
        let plan = workspace.plan();
        for word in [
            "This opens the mesh",
            "authorization holds no more",
            "workloads without a policy of their own take every call",
        ] {
            assert!(plan.text.contains(word), "{tool}: {word:?} is not in: {}", plan.text);
        }
        workspace.apply().expect_success();
        let plan = workspace.run(&["plan", "-destroy", "-input=false", "-no-color"]).expect_success();
        let told = plan.to_string();
        for word in ["This opens the mesh", "workloads accept clear text"] {
            assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
        }
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&root.name), Vec::<String>::new(), "{tool}");
    }
}

/// An import finds what is outside the root namespace too, and a destroy after it leaves nothing.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_elsewhere_is_imported_too() {
    let (root, edge) = (control_plane().namespace("root"), control_plane().namespace("edge"));
    let user = platform(&root, &[(Grant::GatewayAccess, &edge), (Grant::Guardrails, &root)]);
    let hcl = format!(
        "resource \"mesh_global_defaults\" \"this\" {{\n authorization {{\n mode = \"enforce\"\n }}\n gateway_access {{\n \
         namespace = \"{}\"\n selector = {{ app = \"edge\" }}\n ports = [8443]\n }}\n jwt {{\n issuer = \"https://x.example.com\"\n \
         selector = {{ app = \"a\" }}\n }}\n guardrails {{\n root_only = [\"Telemetry\"]\n \
         namespace_selector = {{ guarded = \"{}\" }}\n }}\n}}",
        edge.name, root.name
    );
    let new = || {
        let workspace = Workspace::new(Tool::Terraform);
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&user));
        workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, &hcl));
        workspace
    };
    new().apply().expect_success();
    let workspace = new();
    workspace.run(&["import", "-input=false", "-no-color", "mesh_global_defaults.this", "default"]).expect_success();
    workspace.assert_empty_plan();
    let (_, values) = workspace.resources().remove(0);
    let keys: Vec<Key> =
        values["objects"].as_object().expect("a map").keys().map(|key| key.parse().expect("a key")).collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    workspace.destroy().expect_success();
    for key in keys {
        assert_eq!(control_plane().api().get(&key), None, "{key}");
    }
}
