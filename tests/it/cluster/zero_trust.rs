//! The scenario `zero-trust`, step by step, forward and back, with only the documented rights: the policies after each
//! step, and that no allowed caller is denied between two writes.

use std::{collections::BTreeMap, fmt::Write};

use expect_test::expect_file;
use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, kind};

use crate::{
    generated::{files, text},
    support::{
        api::Api,
        control_plane::ControlPlane,
        terraform::{Tool, Workspace},
        users::Grant,
        watch::Watch,
    },
};

const ROOT: &str = "istio-system";
const GATEWAYS: &str = "istio-ingress";
const NAMESPACES: [&str; 4] = [ROOT, GATEWAYS, "shop", "pci"];

/// The AuthorizationPolicies that exist at one moment.
type Policies = BTreeMap<Key, Json>;

fn is_dry_run(live: &Json) -> bool {
    live["metadata"]["annotations"]["istio.io/dry-run"] == "true"
}

/// The mode of a policy, as the arguments name it.
fn mode_of(live: &Json) -> &'static str {
    match live["spec"]["action"].as_str() {
        Some("AUDIT") => "audit",
        _ if is_dry_run(live) => "dry_run",
        _ => "enforce",
    }
}

/// The services whose allowed callers would be denied by these policies.
fn gaps(policies: &Policies) -> Vec<String> {
    let enforced = |namespace: &str| {
        let in_namespace =
            policies.iter().filter(|(key, live)| key.namespace.as_deref() == Some(namespace) && !is_dry_run(live));
        in_namespace.collect::<Vec<_>>()
    };
    let denies = |namespace: &str| enforced(namespace).iter().any(|(key, _)| key.name == "deny-all");
    let allows = |namespace: &str, app: &str| {
        let selects_app = |live: &Json| live["spec"]["selector"]["matchLabels"]["app"] == app;
        enforced(namespace).iter().any(|(_, live)| live["spec"]["action"] == "ALLOW" && selects_app(live))
    };
    [("shop", "cart"), ("pci", "payments"), (GATEWAYS, "istio-ingressgateway")]
        .into_iter()
        .filter(|(namespace, app)| (denies(namespace) || denies(ROOT)) && !allows(namespace, app))
        .map(|(namespace, app)| format!("{namespace}/{app}"))
        .collect()
}

/// A mesh on its own control plane, because the steps apply to a whole mesh.
struct Mesh {
    api: Api,
    watches: Vec<Watch>,
    workspace: Workspace,
    /// The policies after the last change.
    policies: Policies,
    /// Number of changes processed so far.
    seen: usize,
    /// The last field, because the servers end when it is dropped.
    _plane: ControlPlane,
}

impl Mesh {
    fn new(tool: Tool) -> Self {
        let plane = ControlPlane::start();
        let api = plane.api();
        for name in NAMESPACES {
            plane.create_namespace(name);
        }
        let grants = [
            (Grant::Platform, ROOT),
            (Grant::GatewayAccess, GATEWAYS),
            (Grant::Namespaces, ROOT),
            (Grant::AppTeam, "shop"),
            (Grant::AppTeam, "pci"),
            (Grant::MeshAccess, "pci"),
            (Grant::MeshAccess, ROOT),
        ];
        let workspace = Workspace::new(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
        workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.user_with_grants("zero-trust", &grants)));
        for name in ["access.tf", "cluster.tf", "install.tf", "main.tf", "variables.tf"] {
            workspace.write_file(name, &text(&format!("examples/scenarios/zero-trust/{name}")));
        }
        let watches = NAMESPACES.iter().map(|name| api.watch(&[&kind::AUTHORIZATION_POLICY], name)).collect();
        Self { api, watches, workspace, policies: Policies::new(), seen: 0, _plane: plane }
    }

    /// The changes of policies since the last call, in the server's order for each part of the mesh. Panics if a change
    /// leaves a gap.
    fn changes(&mut self) -> String {
        let mut keys: Vec<Key> = self.policies.keys().cloned().collect();
        keys.extend(self.keys().into_iter().filter(|key| key.kind == &kind::AUTHORIZATION_POLICY));
        let mut changes = Vec::new();
        for (watch, namespace) in self.watches.iter().zip(NAMESPACES) {
            let in_namespace: Vec<Key> =
                keys.iter().filter(|key| key.namespace.as_deref() == Some(namespace)).cloned().collect();
            changes.extend(watch.changes(&in_namespace, |key| self.api.get(key)));
        }
        changes.sort_by_key(|change| change.revision);
        let mut lines = ["the mesh", "shop", "pci"].map(|part| (part, String::new()));
        for change in changes.split_off(self.seen) {
            self.seen += 1;
            let namespace = change.key.namespace.as_deref().unwrap_or_default();
            // Changes in different parts may come in any order.
            let n = lines.iter().position(|(part, _)| *part == namespace).unwrap_or(0);
            let mode = change.object.as_ref().map_or("goes", mode_of);
            // One object of a resource records its arguments, so it is also written when only these change.
            if self.policies.get(&change.key).is_none_or(|before| mode_of(before) != mode) {
                writeln!(lines[n].1, "  {}: {mode}", change.key).expect("writing to a string");
            }
            match change.object {
                Some(live) => self.policies.insert(change.key, live),
                None => self.policies.remove(&change.key),
            };
            assert_eq!(gaps(&self.policies), Vec::<String>::new(), "denied after {lines:?}");
        }
        lines.map(|(_, changes)| changes).concat()
    }

    fn keys(&self) -> Vec<Key> {
        let keys = NAMESPACES.iter().flat_map(|name| self.api.objects(name));
        keys.map(|key| key.parse().expect("a key")).collect()
    }

    /// A description of all live policies, PeerAuthentications and Services.
    fn describe_objects(&self) -> String {
        let mut text = String::new();
        for key in self.keys() {
            let live = self.api.get_existing(&key);
            let content = match key.kind.kind {
                "AuthorizationPolicy" => mode_of(&live).to_owned(),
                "PeerAuthentication" => {
                    let ports = live["spec"].get("portLevelMtls").map(|ports| format!(", {ports}")).unwrap_or_default();
                    format!("{}{ports}", live["spec"]["mtls"]["mode"])
                }
                "Service" => {
                    format!("exported to {}", live["metadata"]["annotations"]["networking.istio.io/exportTo"])
                }
                _ => continue,
            };
            writeln!(text, "{key}: {}", content.replace('"', "")).expect("writing to a string");
        }
        text
    }

    /// Checks that the live objects match the variables of a step.
    fn assert_matches_step(&self, step: &str) {
        let variables: Json = hcl::from_str(step).expect("HCL");
        let mode = |namespace: &str, names: &[&str]| {
            let key = |name: &&str| Key::new(&kind::AUTHORIZATION_POLICY, namespace, name);
            let found: Vec<&str> = names.iter().filter_map(|name| self.policies.get(&key(name))).map(mode_of).collect();
            if found.is_empty() { "off".to_owned() } else { found.join(" and ") }
        };
        for (part, namespace) in [("mesh", ROOT), ("shop", "shop"), ("pci", "pci")] {
            let live = self.api.get_existing(&Key::new(&kind::PEER_AUTHENTICATION, namespace, "default"));
            let mtls = live["spec"]["mtls"]["mode"].as_str().expect("a mode").to_lowercase();
            assert_eq!(mtls, variables["mtls"][part], "{step}");
            assert_eq!(mode(namespace, &["deny-all", "deny-all-audit"]), variables["denied"][part], "{step}");
        }
        assert_eq!(mode("shop", &["cart-shop"]), variables["services"]["shop"], "{step}");
        assert_eq!(mode("pci", &["payments-pci"]), variables["services"]["pci"], "{step}");
        let gateway = self.policies.iter().filter(|(key, _)| key.namespace.as_deref() == Some(GATEWAYS));
        let gateway: Vec<&str> = gateway.map(|(_, live)| mode_of(live)).collect();
        let needed = variables["denied"]["mesh"].as_str().filter(|mode| ["dry_run", "enforce"].contains(mode));
        assert_eq!(gateway, Vec::from_iter(needed), "{step}");
    }

    /// Applies a step, and returns the changes of policies in order, and a description of the live objects.
    fn step(&mut self, path: &str) -> (String, String) {
        self.workspace.write_file("terraform.tfvars", &text(path));
        let output = self.workspace.apply().expect_success().stdout;
        let is_closed = !output.contains("Check block assertion failed");
        let variables: Json = hcl::from_str(&text(path)).expect("HCL");
        assert_eq!(is_closed, variables["denied"]["mesh"] == "enforce", "{path}: {output}");
        let changes = self.changes();
        let plan = self.workspace.plan();
        assert!(plan.is_empty, "{path}: {}", plan.text);
        self.assert_matches_step(&text(path));
        (changes, self.describe_objects())
    }
}

/// Each step forward matches its file, and the way back has the same states.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_step_has_the_expected_policies_and_no_gap() {
    let steps = files("examples/scenarios/zero-trust/steps", ".tfvars");
    let (mut mesh, mut text, mut states) = (Mesh::new(Tool::Terraform), String::new(), Vec::new());
    let title = |path: &str| path.rsplit('/').next().expect("a name").trim_end_matches(".tfvars").to_owned();
    for path in &steps {
        let (changes, state) = mesh.step(path);
        write!(text, "=== {}\n{state}written, in order:\n{changes}", title(path)).expect("writing to a string");
        states.push(state);
    }
    for (path, state) in steps.iter().zip(&states).rev().skip(1) {
        let (changes, back) = mesh.step(path);
        write!(text, "=== back to {}\nwritten, in order:\n{changes}", title(path)).expect("writing to a string");
        assert_eq!(back, *state, "back to {path}");
    }
    // The last step can be destroyed at once.
    mesh.step(steps.last().expect("there are steps"));
    mesh.workspace.destroy().expect_success();
    mesh.changes();
    assert_eq!(mesh.keys(), Vec::new());
    expect_file!["zero_trust.txt"].assert_eq(&text);
}

/// OpenTofu applies the same files.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn first_and_last_step_are_applied_by_tofu() {
    let (steps, mut mesh) = (files("examples/scenarios/zero-trust/steps", ".tfvars"), Mesh::new(Tool::Tofu));
    for path in [steps.first(), steps.last()].into_iter().flatten() {
        mesh.step(path);
    }
    mesh.workspace.destroy().expect_success();
    assert_eq!(mesh.keys(), Vec::new());
}

/// The check finds a denial without a policy that allows the callers.
#[test]
fn gaps_are_detected() {
    let key = |text: &str| text.parse::<Key>().unwrap();
    let deny: (Key, Json) = (key("AuthorizationPolicy/istio-system/deny-all"), serde_json::json!({ "spec": {} }));
    let only = Policies::from([deny]);
    assert_eq!(gaps(&only), ["shop/cart", "pci/payments", "istio-ingress/istio-ingressgateway"]);
}
