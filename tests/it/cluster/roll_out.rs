//! `mesh_global_defaults` from a mesh in which every call is allowed to one that denies calls by default, and back: the writes
//! of each change leave no gap, and no object is left over.

use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    proxy::{Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::{Grant, User},
};

use super::{destroy_all, provider};

/// The platform's user for the root namespace `root`, with additional rights in other namespaces.
pub(super) fn platform_user(root: &Namespace, grants: &[(Grant, &Namespace)]) -> User {
    let user = root.user(Grant::Platform);
    for (grant, namespace) in grants {
        namespace.grant(&user, *grant);
    }
    user
}

/// A mesh with a gateway namespace, and a proxy that records requests.
struct Mesh {
    root: Namespace,
    edge: Namespace,
    proxy: Proxy,
    workspace: Workspace,
}

impl Mesh {
    fn new(tool: Tool) -> Self {
        let (root, edge) = (control_plane().namespace("root"), control_plane().namespace("edge"));
        let proxy = Proxy::start(control_plane());
        let workspace = Workspace::new(tool);
        let user = platform_user(&root, &[(Grant::GatewayAccess, &edge)]);
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
        Self { root, edge, proxy, workspace }
    }

    /// Applies a mode, and returns the policies that were applied (`~`) or deleted (`-`), in order.
    fn apply_mode(&self, mode: &str) -> Vec<String> {
        let hcl = format!(
            "resource \"mesh_global_defaults\" \"this\" {{\n mtls {{\n mode = \"permissive\"\n }}\n authorization {{\n mode = \"{mode}\"\n \
             allow {{\n from = [\"anonymous\"]\n ports = [9090]\n }}\n }}\n gateway_access {{\n namespace = \"{}\"\n \
             selector = {{ app = \"edge\" }}\n ports = [8443]\n }}\n}}",
            self.edge.name
        );
        self.workspace.configure(&provider(&self.root, &self.root.name, r#"config_path = "kubeconfig""#, &hcl));
        self.proxy.reset();
        self.workspace.apply().expect_success();
        let writes = self.policy_writes();
        let plan = self.workspace.plan();
        assert!(plan.is_empty, "{mode}: {}", plan.text);
        writes
    }

    fn policy_writes(&self) -> Vec<String> {
        let writes = self.proxy.writes().into_iter();
        let policies = writes.filter(|request| request.path.contains("/authorizationpolicies/"));
        let line = |request: &RecordedRequest| {
            let name = request.path.rsplit('/').next().expect("a name").to_owned();
            let name = if name.starts_with("gateway-access-") { "gateway".to_owned() } else { name };
            format!("{}{name}", if request.method == "DELETE" { "-" } else { "~" })
        };
        policies.map(|request| line(&request)).collect()
    }

    /// The live policies by name, each with whether it is a dry run.
    fn live_policies(&self) -> Vec<String> {
        let api = control_plane().api();
        let policies = [&self.root, &self.edge].into_iter().flat_map(|namespace| api.objects(&namespace.name));
        let policies =
            policies.filter_map(|key| key.parse::<Key>().ok()).filter(|key| key.kind == &kind::AUTHORIZATION_POLICY);
        policies
            .map(|key| {
                let live = api.get_existing(&key);
                let dry = live["metadata"]["annotations"]["istio.io/dry-run"] == "true";
                let name = if key.name.starts_with("gateway-access-") { "gateway" } else { &key.name };
                format!("{name}{}", if dry { " (dry)" } else { "" })
            })
            .collect()
    }
}

/// The gateway's ALLOW policy is created before deny-all, is enforced as long as it, and is deleted after it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn mode_changes_leave_no_gap() {
    for tool in Tool::ALL {
        let mesh = Mesh::new(tool);
        let steps: [(&str, &[&str], &[&str]); 10] = [
            ("off", &[], &[]),
            ("audit", &["~deny-all-audit"], &["deny-all-audit"]),
            ("dry_run", &["~gateway", "~deny-all", "-deny-all-audit"], &["deny-all (dry)", "gateway (dry)"]),
            ("enforce", &["~gateway", "~deny-all"], &["deny-all", "gateway"]),
            ("dry_run", &["~deny-all", "~gateway"], &["deny-all (dry)", "gateway (dry)"]),
            ("audit", &["~deny-all-audit", "-deny-all", "-gateway"], &["deny-all-audit"]),
            ("enforce", &["~gateway", "~deny-all", "-deny-all-audit"], &["deny-all", "gateway"]),
            ("audit", &["~deny-all-audit", "-deny-all", "-gateway"], &["deny-all-audit"]),
            ("enforce", &["~gateway", "~deny-all", "-deny-all-audit"], &["deny-all", "gateway"]),
            ("off", &["-deny-all", "-gateway"], &[]),
        ];
        for (n, (mode, writes, policies)) in steps.into_iter().enumerate() {
            assert_eq!(mesh.apply_mode(mode), writes, "{tool}, step {n} to {mode}");
            assert_eq!(mesh.live_policies(), policies, "{tool}, step {n} to {mode}");
        }
        assert_eq!(mesh.apply_mode("enforce"), ["~gateway", "~deny-all"], "{tool}");
        mesh.proxy.reset();
        mesh.workspace.destroy().expect_success();
        assert_eq!(mesh.policy_writes(), ["-deny-all", "-gateway"], "{tool}");
        for namespace in [&mesh.root, &mesh.edge] {
            namespace.assert_empty();
        }
    }
}

/// A user who creates neither guardrails nor policies of gateways needs no rights for them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn guardrail_rights_are_needed_only_for_guardrails() {
    let root = control_plane().namespace("root");
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&platform_user(&root, &[])));
    let configure = |hcl: &str| {
        workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, hcl));
    };
    configure("resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n}");
    workspace.converge();
    configure(
        "resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n guardrails {\n root_only = [\"Telemetry\"]\n }\n}",
    );
    let errors = workspace.apply().errors();
    assert!(errors.contains("validatingadmissionpolic"), "{errors}");
    configure("resource \"mesh_global_defaults\" \"this\" {\n mtls {}\n}");
    workspace.apply().expect_success();
    destroy_all(&workspace, &root);
}

/// Plans warn about what opens the mesh, and a protected resource isn't destroyed.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn opening_the_mesh_is_a_warning_and_protection_prevents_destroy() {
    for tool in Tool::ALL {
        let root = control_plane().namespace("root");
        let workspace = Workspace::new(tool);
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&platform_user(&root, &[])));
        let configure = |arguments: &str| {
            let hcl = format!("resource \"mesh_global_defaults\" \"this\" {{\n resiliency = \"low\"\n {arguments}\n}}");
            workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, &hcl));
        };
        configure("deletion_protection = true\n mtls {}\n authorization {\n mode = \"enforce\"\n }");
        workspace.apply().expect_success();
        let errors = workspace.destroy().errors();
        assert!(errors.contains("Protected from deletion"), "{tool}: {errors}");
        assert_eq!(control_plane().api().objects(&root.name).len(), 4, "{tool}");

        configure("mtls {}");
        let plan = workspace.plan();
        assert_contains_all(
            tool,
            &plan.text,
            [
                "Change removes protection of the mesh",
                "authorization no longer applies",
                "workloads without a policy of their own take every call",
            ],
        );
        workspace.apply().expect_success();
        let plan = workspace.run(&["plan", "-destroy", "-input=false", "-no-color"]).expect_success();
        let output = plan.to_string();
        assert_contains_all(tool, &output, ["Change removes protection of the mesh", "workloads accept clear text"]);
        destroy_all(&workspace, &root);
    }
}

/// An import also finds objects outside the root namespace, so that a destroy after it leaves no object.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_finds_objects_outside_the_root_namespace() {
    let (root, edge) = (control_plane().namespace("root"), control_plane().namespace("edge"));
    let user = platform_user(&root, &[(Grant::GatewayAccess, &edge), (Grant::Guardrails, &root)]);
    let hcl = format!(
        "resource \"mesh_global_defaults\" \"this\" {{\n authorization {{\n mode = \"enforce\"\n }}\n gateway_access {{\n \
         namespace = \"{}\"\n selector = {{ app = \"edge\" }}\n ports = [8443]\n }}\n jwt {{\n issuer = \"https://x.example.com\"\n \
         selector = {{ app = \"a\" }}\n }}\n guardrails {{\n root_only = [\"Telemetry\"]\n \
         namespace_selector = {{ guarded = \"{}\" }}\n }}\n}}",
        edge.name, root.name
    );
    let new_workspace = || {
        let workspace = Workspace::new(Tool::Terraform);
        workspace.write_file("kubeconfig", &control_plane().kubeconfig(&user));
        workspace.configure(&provider(&root, &root.name, r#"config_path = "kubeconfig""#, &hcl));
        workspace
    };
    new_workspace().apply().expect_success();
    let workspace = new_workspace();
    workspace.import("mesh_global_defaults.this", "default").expect_success();
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
