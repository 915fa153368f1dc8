//! Canary releases on the API server, with a watch: every subset that a route names exists at all times, a subset is
//! deleted only after proxies had time to leave it, and an apply that is interrupted at any step is completed by the
//! next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    proxy::{Fault, Proxy},
    terraform::{Tool, Workspace, wait_for_exit},
    users::Grant,
    watch::{Change, Watch},
};

use super::{APPLY, configure, workspace_with_proxy};

/// The `settle_seconds` of these tests, and the delay with which the watch may receive a change.
const SETTLE: Duration = Duration::from_secs(2);
const WATCH_DELAY: Duration = Duration::from_secs(1);

/// A version: its name, the value of its label `version`, and its weight.
type Version = (&'static str, &'static str, u32);

/// The configuration of a service with versions.
fn service(versions: &[Version]) -> String {
    let version = |(name, label, weight): &Version| {
        format!(
            "  version {{\n    name   = {name:?}\n    labels = {{ version = {label:?} }}\n    weight = {weight}\n  }}\n"
        )
    };
    format!(
        "resource \"mesh_service\" \"cart\" {{\n  name          = \"cart\"\n  namespace     = \"NAMESPACE\"\n  service       = \
         \"managed\"\n  settle_seconds = {}\n  port {{\n    number   = 8080\n    protocol = \"PROTOCOL\"\n  }}\n{}}}",
        SETTLE.as_secs(),
        versions.iter().map(version).collect::<String>()
    )
}

/// A service whose routes and subsets are watched.
struct Canary {
    namespace: Namespace,
    workspace: Workspace,
    proxy: Proxy,
    watch: Watch,
    protocol: &'static str,
}

impl Canary {
    fn new(tool: Tool, protocol: &'static str) -> Self {
        let namespace = control_plane().namespace("canary");
        let watch = control_plane().api().watch(&[&kind::DESTINATION_RULE, &kind::VIRTUAL_SERVICE], &namespace.name);
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, "");
        Self { namespace, workspace, proxy, watch, protocol }
    }

    fn configure(&self, versions: &[Version]) {
        let hcl = service(versions).replace("PROTOCOL", self.protocol);
        configure(&self.workspace, Grant::AppTeam, &self.namespace, &hcl);
    }

    fn apply(&self, versions: &[Version]) {
        self.configure(versions);
        self.workspace.apply().expect_success();
        let plan = self.workspace.plan();
        assert!(plan.is_empty, "{versions:?}: {}", plan.text);
    }

    /// All changes so far, in the server's order.
    fn changes(&self) -> Vec<Change> {
        let key = |kind| Key::new(kind, &self.namespace.name, &format!("cart-{}", self.namespace.name));
        let keys = [key(&kind::DESTINATION_RULE), key(&kind::VIRTUAL_SERVICE)];
        self.watch.changes(&keys, |key| control_plane().api().get(key))
    }

    /// One line for each change after the first `skipped` lines. Changes of annotations alone aren't listed.
    fn change_lines(&self, skipped: usize) -> Vec<String> {
        let mut last = BTreeMap::new();
        let mut lines = Vec::new();
        for change in self.changes() {
            let line = describe(&change);
            if last.insert(change.key.kind.kind, line.clone()) != Some(line.clone()) {
                lines.push(line);
            }
        }
        lines.split_off(skipped)
    }

    /// Checks that no route ever named a missing subset or one that proxies had no time to learn of, and that no subset was
    /// deleted before they had time to leave it.
    fn assert_never_broken(&self) {
        let (mut subsets, mut routed) = (BTreeSet::new(), BTreeSet::new());
        let mut known_since: BTreeMap<String, Instant> = BTreeMap::new();
        let mut unrouted_since: BTreeMap<String, Instant> = BTreeMap::new();
        for change in self.changes() {
            if change.key.kind == &kind::DESTINATION_RULE {
                let now: BTreeSet<String> = subsets_of(&change).into_keys().collect();
                for deleted in subsets.difference(&now) {
                    let waited = unrouted_since.get(deleted).map(|since| change.received_at - *since);
                    assert!(
                        waited.is_none_or(|waited| waited + WATCH_DELAY >= SETTLE),
                        "{deleted} was deleted after {waited:?}"
                    );
                }
                for added in now.difference(&subsets) {
                    known_since.insert(String::clone(added), change.received_at);
                }
                subsets = now;
            } else {
                let now: BTreeSet<String> = weights_of(&change).into_keys().flatten().collect();
                for unrouted in routed.difference(&now) {
                    unrouted_since.insert(String::clone(unrouted), change.received_at);
                }
                for added in now.difference(&routed) {
                    let waited = known_since.get(added).map(|since| change.received_at - *since);
                    assert!(
                        waited.is_none_or(|waited| waited + WATCH_DELAY >= SETTLE),
                        "a route to {added} after {waited:?}"
                    );
                }
                routed = now;
            }
            let missing: Vec<_> = routed.difference(&subsets).collect();
            assert!(missing.is_empty(), "a route to {missing:?}, which doesn't exist: {change:?}");
        }
    }

    fn destroy(self) {
        self.workspace.destroy().expect_success();
        self.assert_never_broken();
        self.namespace.assert_empty();
    }
}

/// The change as `Kind subset=label …`, `Kind subset:weight …` or `Kind gone`.
fn describe(change: &Change) -> String {
    let texts: Vec<String> = if change.key.kind == &kind::DESTINATION_RULE {
        subsets_of(change).iter().map(|(name, label)| format!("{name}={label}")).collect()
    } else {
        let weights = weights_of(change).into_iter();
        weights.map(|(subset, weight)| format!("{}:{weight}", subset.unwrap_or_else(|| "all".to_owned()))).collect()
    };
    let content = if change.object.is_none() { " gone".to_owned() } else { format!(" {}", texts.join(" ")) };
    format!("{}{}", change.key.kind.kind, content.trim_end())
}

/// The subsets, each with the value of its label `version`.
fn subsets_of(change: &Change) -> BTreeMap<String, String> {
    let text = |json: &Json| json.as_str().expect("a text").to_owned();
    let subsets =
        change.object.as_ref().and_then(|live| live["spec"]["subsets"].as_array().cloned()).unwrap_or_default();
    subsets.iter().map(|subset| (text(&subset["name"]), text(&subset["labels"]["version"]))).collect()
}

/// The subsets of the route's destinations with their weights. `None` is a destination without a subset.
fn weights_of(change: &Change) -> BTreeMap<Option<String>, u64> {
    let Some(live) = &change.object else { return BTreeMap::new() };
    let routes = ["http", "tcp"].iter().filter_map(|field| live["spec"][field].as_array());
    let destinations: Vec<&Json> =
        routes.flatten().flat_map(|route| route["route"].as_array().expect("a list of destinations")).collect();
    let weight =
        |to: &Json| (to["destination"]["subset"].as_str().map(str::to_owned), to["weight"].as_u64().unwrap_or(100));
    destinations.into_iter().map(weight).collect()
}

const V1: Version = ("v1", "1", 100);
const V2: Version = ("v2", "2", 100);

fn both_versions(first: u32, second: u32) -> [Version; 2] {
    [("v1", "1", first), ("v2", "2", second)]
}

fn check_canary(tool: Tool) {
    let canary = Canary::new(tool, "http");
    let steps: [(&[Version], &[&str]); 7] = [
        (&[V1], &["DestinationRule v1=1", "VirtualService v1:100"]),
        (&both_versions(90, 10), &["DestinationRule v1=1 v2=2", "VirtualService v1:90 v2:10"]),
        (&both_versions(50, 50), &["VirtualService v1:50 v2:50"]),
        (&[V2], &["VirtualService v2:100", "DestinationRule v2=2"]),
        // All traffic moves in one step.
        (&[("v3", "3", 100)], &["DestinationRule v2=2 v3=3", "VirtualService v3:100", "DestinationRule v3=3"]),
        // The version selects other pods, and routes keep naming it.
        (&[("v3", "3b", 100)], &["DestinationRule v3=3b"]),
        (&[], &["VirtualService all:100", "DestinationRule"]),
    ];
    let mut seen = 0;
    for (versions, expected) in steps {
        canary.apply(versions);
        assert_eq!(canary.change_lines(seen), expected, "{tool}: {versions:?}");
        seen += expected.len();
        canary.assert_never_broken();
    }
    canary.destroy();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn canary_never_routes_to_a_missing_subset_with_terraform() {
    check_canary(Tool::Terraform);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn canary_never_routes_to_a_missing_subset_with_tofu() {
    check_canary(Tool::Tofu);
}

/// A TCP service has a VirtualService only while it has versions. It is deleted before the subsets that it names.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn tcp_versions_are_added_and_removed() {
    let canary = Canary::new(Tool::Terraform, "tcp");
    canary.apply(&[]);
    canary.apply(&both_versions(90, 10));
    canary.apply(&[]);
    assert_eq!(
        canary.change_lines(0),
        [
            "DestinationRule",
            "DestinationRule v1=1 v2=2",
            "VirtualService v1:90 v2:10",
            "VirtualService gone",
            "DestinationRule"
        ]
    );
    canary.assert_never_broken();
    canary.destroy();
}

/// A destroy deletes the routes first, and the subsets after proxies had time to leave them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn destroy_deletes_routes_before_subsets() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.workspace.destroy().expect_success();
    assert_eq!(canary.change_lines(2), ["VirtualService gone", "DestinationRule gone"]);
    canary.assert_never_broken();
}

/// For each write of a change: that write and all later ones fail, and the next apply completes the change.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn failure_of_any_step_is_completed_by_the_next_apply() {
    let changes: [(&[Version], &[Version]); 2] = [(&[V1], &[V2]), (&both_versions(50, 50), &[])];
    for (before, after) in changes {
        let mut writes = 0;
        loop {
            let canary = Canary::new(Tool::Terraform, "http");
            canary.apply(before);
            canary.configure(after);
            canary.proxy.forbid_writes_after(writes);
            let run = canary.workspace.apply();
            canary.proxy.reset();
            canary.assert_never_broken();
            if run.code == Some(0) {
                canary.destroy();
                break;
            }
            assert!(run.errors().contains("injected fault"), "{run}");
            canary.apply(after);
            canary.assert_never_broken();
            canary.destroy();
            writes += 1;
        }
        assert!(writes >= 2, "{before:?} to {after:?} has at least two steps: {writes}");
    }
}

/// The process id of the provider that `parent` started.
fn provider_process(parent: u32) -> Option<u32> {
    let children = fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        (field("PPid:") == Some(&parent.to_string()) && field("Name:")?.starts_with("terraform-prov")).then_some(pid)
    });
    children.last()
}

/// Starts the apply from `v1` to `v2`, kills the provider when `is_reached` is true for the changes so far, and applies
/// again.
fn kill_and_apply_again(canary: &Canary, is_reached: impl Fn(&[String]) -> bool) {
    let child = canary.workspace.spawn(&APPLY);
    wait_until(Duration::from_mins(1), "the step before the kill", || is_reached(&canary.change_lines(2)));
    let provider = provider_process(child.id()).expect("the provider runs").to_string();
    let sent = std::process::Command::new("kill").args(["-KILL", &provider]).status().expect("running kill");
    assert!(sent.success());
    let run = wait_for_exit(child);
    assert_ne!(run.code, Some(0), "{run}");
    canary.proxy.reset();
    canary.assert_never_broken();
    let before = canary.change_lines(2);
    assert!(!before.contains(&"DestinationRule v2=2".to_owned()), "{before:?}");
    canary.apply(&[V2]);
    assert_eq!(
        canary.change_lines(2),
        ["DestinationRule v1=1 v2=2", "VirtualService v2:100", "DestinationRule v2=2"],
        "after {before:?}"
    );
    canary.assert_never_broken();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn apply_killed_before_the_route_change_is_completed() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.configure(&[V2]);
    // The write of the routes is delayed until after the provider is killed.
    canary.proxy.inject_fault(0, usize::MAX, Fault::Delay(Duration::from_mins(1)), |request| {
        request.is_write() && request.path.contains("virtualservices")
    });
    kill_and_apply_again(&canary, |story| story == ["DestinationRule v1=1 v2=2"]);
    canary.destroy();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn apply_killed_while_draining_is_completed() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.configure(&[V2]);
    // The write that deletes the first subset is delayed until after the provider is killed.
    canary.proxy.inject_fault(1, usize::MAX, Fault::Delay(Duration::from_mins(1)), |request| {
        request.is_write() && request.path.contains("destinationrules")
    });
    kill_and_apply_again(&canary, |story| story.contains(&"VirtualService v2:100".to_owned()));
    canary.destroy();
}
