//! The scenario `zero-trust`, step by step, forward and back, with the documented rights alone: what holds after each step,
//! and that nobody who is allowed is refused between two of them.

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
const DOOR: &str = "istio-ingress";
const NAMESPACES: [&str; 4] = [ROOT, DOOR, "shop", "pci"];

/// The policies that hold or are tried at one moment.
type Policies = BTreeMap<Key, Json>;

fn on_trial(live: &Json) -> bool {
    live["metadata"]["annotations"]["istio.io/dry-run"] == "true"
}

/// How far a policy that is there holds, in the words of the arguments.
fn how_far(live: &Json) -> &'static str {
    match live["spec"]["action"].as_str() {
        Some("AUDIT") => "audit",
        _ if on_trial(live) => "dry_run",
        _ => "enforce",
    }
}

/// Who is refused though the scenario allows it to call, by the policies of one moment.
fn gaps(policies: &Policies) -> Vec<String> {
    let within = |namespace: &str| {
        let of = policies.iter().filter(|(key, live)| key.namespace.as_deref() == Some(namespace) && !on_trial(live));
        of.collect::<Vec<_>>()
    };
    let denies = |namespace: &str| within(namespace).iter().any(|(key, _)| key.name == "deny-all");
    let allows = |namespace: &str, app: &str| {
        let is_of = |live: &Json| live["spec"]["selector"]["matchLabels"]["app"] == app;
        within(namespace).iter().any(|(_, live)| live["spec"]["action"] == "ALLOW" && is_of(live))
    };
    [("shop", "cart"), ("pci", "payments"), (DOOR, "istio-ingressgateway")]
        .into_iter()
        .filter(|(namespace, app)| (denies(namespace) || denies(ROOT)) && !allows(namespace, app))
        .map(|(namespace, app)| format!("{namespace}/{app}"))
        .collect()
}

/// A mesh on its own servers, since what the steps say holds for a whole one.
struct Mesh {
    api: Api,
    watches: Vec<Watch>,
    workspace: Workspace,
    /// What was there after the last step.
    policies: Policies,
    /// How many changes were looked at.
    seen: usize,
    /// Last: the servers end with it.
    _plane: ControlPlane,
}

impl Mesh {
    fn new() -> Self {
        let plane = ControlPlane::start();
        let api = plane.api();
        for name in NAMESPACES {
            plane.create_namespace(name);
        }
        let grants = [
            (Grant::Platform, ROOT),
            (Grant::GatewayAccess, DOOR),
            (Grant::Namespaces, ROOT),
            (Grant::AppTeam, "shop"),
            (Grant::AppTeam, "pci"),
        ];
        let workspace = Workspace::new(Tool::Terraform).env("KUBE_CONFIG_PATH", "kubeconfig");
        workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.user_with_grants("zero-trust", &grants)));
        for name in ["main.tf", "variables.tf"] {
            workspace.write_file(name, &text(&format!("examples/scenarios/zero-trust/{name}")));
        }
        let watches = NAMESPACES.iter().map(|name| api.watch(&[&kind::AUTHORIZATION_POLICY], name)).collect();
        Self { api, watches, workspace, policies: Policies::new(), seen: 0, _plane: plane }
    }

    /// Every change of a policy since the last look, in the server's order for each of those that keep one; none leaves
    /// a gap.
    fn changes(&mut self) -> String {
        let mut keys: Vec<Key> = self.policies.keys().cloned().collect();
        keys.extend(self.keys().into_iter().filter(|key| key.kind == &kind::AUTHORIZATION_POLICY));
        let mut changes = Vec::new();
        for (watch, namespace) in self.watches.iter().zip(NAMESPACES) {
            let of: Vec<Key> = keys.iter().filter(|key| key.namespace.as_deref() == Some(namespace)).cloned().collect();
            changes.extend(watch.changes(&of, |key| self.api.get(key)));
        }
        changes.sort_by_key(|change| change.revision);
        let mut told = ["the mesh", "shop", "pci"].map(|of| (of, String::new()));
        for change in changes.split_off(self.seen) {
            self.seen += 1;
            let of = change.key.namespace.as_deref().unwrap_or_default();
            // What is of two namespaces may come in any order.
            let n = told.iter().position(|(name, _)| *name == of).unwrap_or(0);
            let how = change.object.as_ref().map_or("goes", how_far);
            // One of a resource's objects carries its arguments, and is written when they change.
            if self.policies.get(&change.key).is_none_or(|before| how_far(before) != how) {
                writeln!(told[n].1, "  {}: {how}", change.key).expect("a text takes it");
            }
            match change.object {
                Some(live) => self.policies.insert(change.key, live),
                None => self.policies.remove(&change.key),
            };
            assert_eq!(gaps(&self.policies), Vec::<String>::new(), "refused after {told:?}");
        }
        told.map(|(_, changes)| changes).concat()
    }

    fn keys(&self) -> Vec<Key> {
        let keys = NAMESPACES.iter().flat_map(|name| self.api.objects(name));
        keys.map(|key| key.parse().expect("a key")).collect()
    }

    /// What is there, of all that the steps are about.
    fn holding(&self) -> String {
        let mut told = String::new();
        for key in self.keys() {
            let live = self.api.get(&key).expect("it is there");
            let what = match key.kind.kind {
                "AuthorizationPolicy" => how_far(&live).to_owned(),
                "PeerAuthentication" => {
                    let ports = live["spec"].get("portLevelMtls").map(|ports| format!(", {ports}")).unwrap_or_default();
                    format!("{}{ports}", live["spec"]["mtls"]["mode"])
                }
                "Service" => {
                    format!("exported to {}", live["metadata"]["annotations"]["networking.istio.io/exportTo"])
                }
                _ => continue,
            };
            writeln!(told, "{key}: {}", what.replace('"', "")).expect("a text takes it");
        }
        told
    }

    /// What is there is what the step's file says, word by word.
    fn is_as_written(&self, step: &str) {
        let written: Json = hcl::from_str(step).expect("HCL");
        let stands = |namespace: &str, names: &[&str]| {
            let key = |name: &&str| Key::new(&kind::AUTHORIZATION_POLICY, namespace, name);
            let found: Vec<&str> = names.iter().filter_map(|name| self.policies.get(&key(name))).map(how_far).collect();
            if found.is_empty() { "off".to_owned() } else { found.join(" and ") }
        };
        for (of, namespace) in [("mesh", ROOT), ("shop", "shop"), ("pci", "pci")] {
            let live = self.api.get(&Key::new(&kind::PEER_AUTHENTICATION, namespace, "default")).expect("it is there");
            let mode = live["spec"]["mtls"]["mode"].as_str().expect("a word").to_lowercase();
            assert_eq!(mode, written["mtls"][of], "{step}");
            assert_eq!(stands(namespace, &["deny-all", "deny-all-audit"]), written["denied"][of], "{step}");
        }
        assert_eq!(stands("shop", &["cart-shop"]), written["services"]["shop"], "{step}");
        assert_eq!(stands("pci", &["payments-pci"]), written["services"]["pci"], "{step}");
        let door = self.policies.iter().filter(|(key, _)| key.namespace.as_deref() == Some(DOOR));
        let door: Vec<&str> = door.map(|(_, live)| how_far(live)).collect();
        let needed = written["denied"]["mesh"].as_str().filter(|mode| ["dry_run", "enforce"].contains(mode));
        assert_eq!(door, Vec::from_iter(needed), "{step}");
    }

    /// Applies a step: what was written to policies, in order, and what is there then.
    fn step(&mut self, path: &str) -> (String, String) {
        self.workspace.write_file("terraform.tfvars", &text(path));
        self.workspace.apply().expect_success();
        let changes = self.changes();
        let plan = self.workspace.plan();
        assert!(plan.is_empty, "{path}: {}", plan.text);
        self.is_as_written(&text(path));
        (changes, self.holding())
    }
}

/// Forward is what the steps' files promise; back leads over the same states.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_step_holds_what_it_says_and_none_leaves_a_gap() {
    let steps = files("examples/scenarios/zero-trust/steps", ".tfvars");
    let (mut mesh, mut told, mut states) = (Mesh::new(), String::new(), Vec::new());
    let title = |path: &str| path.rsplit('/').next().expect("a name").trim_end_matches(".tfvars").to_owned();
    for path in &steps {
        let (changes, state) = mesh.step(path);
        write!(told, "=== {}\n{state}written, in order:\n{changes}", title(path)).expect("a text takes it");
        states.push(state);
    }
    for (path, state) in steps.iter().zip(&states).rev().skip(1) {
        let (changes, back) = mesh.step(path);
        write!(told, "=== back to {}\nwritten, in order:\n{changes}", title(path)).expect("a text takes it");
        assert_eq!(back, *state, "back to {path}");
    }
    // What has come to its end can be given up at once, too.
    mesh.step(steps.last().expect("there are steps"));
    mesh.workspace.destroy().expect_success();
    mesh.changes();
    assert_eq!(mesh.keys(), Vec::new());
    expect_file!["zero_trust.txt"].assert_eq(&told);
}

/// A test of the test: a denial that comes before what allows is seen.
#[test]
fn a_gap_is_seen() {
    let key = |text: &str| text.parse::<Key>().unwrap();
    let deny: (Key, Json) = (key("AuthorizationPolicy/istio-system/deny-all"), serde_json::json!({ "spec": {} }));
    let only = Policies::from([deny]);
    assert_eq!(gaps(&only), ["shop/cart", "pci/payments", "istio-ingress/istio-ingressgateway"]);
}
