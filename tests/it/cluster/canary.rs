//! A canary on the API server, watched: what routes name is there at every instant, it goes only when proxies had time
//! to leave it, and an apply that ends between any two steps is finished by the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy},
    terraform::{Tool, Workspace, wait_for_exit},
    users::Grant,
    watch::{Change, Watch},
};

use super::{APPLY, configure, workspace};

/// How long the configurations here wait, and what of it a watch that hears late may miss.
const DRAIN: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(300);

/// A version: name, its label, weight.
type Version = (&'static str, &'static str, u32);

/// A service with versions.
fn service(versions: &[Version]) -> String {
    let version = |(name, label, weight): &Version| {
        format!(
            "  version {{\n    name   = {name:?}\n    labels = {{ version = {label:?} }}\n    weight = {weight}\n  }}\n"
        )
    };
    format!(
        "resource \"mesh_service\" \"cart\" {{\n  name          = \"cart\"\n  namespace     = \"NAMESPACE\"\n  service       = \
         \"managed\"\n  drain_seconds = {}\n  port {{\n    number   = 8080\n    protocol = \"PROTOCOL\"\n  }}\n{}}}",
        DRAIN.as_secs(),
        versions.iter().map(version).collect::<String>()
    )
}

/// A service that is watched.
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
        let proxy = Proxy::start(control_plane());
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
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

    /// Everything that happened, in the server's order.
    fn changes(&self) -> Vec<Change> {
        let key = |kind| Key::new(kind, &self.namespace.name, &format!("cart-{}", self.namespace.name));
        let keys = [key(&kind::DESTINATION_RULE), key(&kind::VIRTUAL_SERVICE)];
        self.watch.changes(&keys, |key| control_plane().api().get(key))
    }

    /// What happened since the last `told` lines, one line a change; what a stamp alone changes isn't told.
    fn story(&self, told: usize) -> Vec<String> {
        let mut last = BTreeMap::new();
        let mut lines = Vec::new();
        for change in self.changes() {
            let line = line(&change);
            if last.insert(change.key.kind.kind, line.clone()) != Some(line.clone()) {
                lines.push(line);
            }
        }
        lines.split_off(told)
    }

    /// At no instant a route named what wasn't there, and nothing went before proxies had time to leave it.
    fn never_broke(&self) {
        let (mut subsets, mut named) = (BTreeSet::new(), BTreeSet::new());
        let mut left: BTreeMap<String, Instant> = BTreeMap::new();
        for change in self.changes() {
            if change.key.kind == &kind::DESTINATION_RULE {
                let now: BTreeSet<String> = subsets_of(&change).into_keys().collect();
                for gone in subsets.difference(&now) {
                    let waited = left.get(gone).map(|left| change.received_at - *left);
                    assert!(waited.is_none_or(|waited| waited + LATE >= DRAIN), "{gone} went after {waited:?}");
                }
                subsets = now;
            } else {
                let now: BTreeSet<String> = weights_of(&change).into_keys().flatten().collect();
                for unnamed in named.difference(&now) {
                    left.insert(String::clone(unnamed), change.received_at);
                }
                named = now;
            }
            let missing: Vec<_> = named.difference(&subsets).collect();
            assert!(missing.is_empty(), "a route to {missing:?}, which isn't there: {change:?}");
        }
    }

    fn destroy(self) {
        self.workspace.destroy().expect_success();
        self.never_broke();
        assert_eq!(control_plane().api().objects(&self.namespace.name), Vec::<String>::new());
    }
}

fn line(change: &Change) -> String {
    let texts: Vec<String> = if change.key.kind == &kind::DESTINATION_RULE {
        subsets_of(change).iter().map(|(name, label)| format!("{name}={label}")).collect()
    } else {
        let weights = weights_of(change).into_iter();
        weights.map(|(subset, weight)| format!("{}:{weight}", subset.unwrap_or_else(|| "all".to_owned()))).collect()
    };
    let is = if change.object.is_none() { " gone".to_owned() } else { format!(" {}", texts.join(" ")) };
    format!("{}{}", change.key.kind.kind, is.trim_end())
}

/// The subsets and their label.
fn subsets_of(change: &Change) -> BTreeMap<String, String> {
    let text = |json: &Json| json.as_str().expect("a text").to_owned();
    let subsets =
        change.object.as_ref().and_then(|live| live["spec"]["subsets"].as_array().cloned()).unwrap_or_default();
    subsets.iter().map(|subset| (text(&subset["name"]), text(&subset["labels"]["version"]))).collect()
}

/// The subsets that the one route names, `None` for all endpoints, and their weights.
fn weights_of(change: &Change) -> BTreeMap<Option<String>, u64> {
    let Some(live) = &change.object else { return BTreeMap::new() };
    let routes = ["http", "tcp"].iter().filter_map(|field| live["spec"][field].as_array());
    let destinations: Vec<&Json> =
        routes.flatten().flat_map(|route| route["route"].as_array().expect("where to")).collect();
    let weight =
        |to: &Json| (to["destination"]["subset"].as_str().map(str::to_owned), to["weight"].as_u64().unwrap_or(100));
    destinations.into_iter().map(weight).collect()
}

const V1: Version = ("v1", "1", 100);
const V2: Version = ("v2", "2", 100);

fn weighed(first: u32, second: u32) -> [Version; 2] {
    [("v1", "1", first), ("v2", "2", second)]
}

fn a_whole_canary(tool: Tool) {
    let canary = Canary::new(tool, "http");
    let steps: [(&[Version], &[&str]); 7] = [
        (&[V1], &["DestinationRule v1=1", "VirtualService v1:100"]),
        (&weighed(90, 10), &["DestinationRule v1=1 v2=2", "VirtualService v1:90 v2:10"]),
        (&weighed(50, 50), &["VirtualService v1:50 v2:50"]),
        (&[V2], &["VirtualService v2:100", "DestinationRule v2=2"]),
        // All at once.
        (&[("v3", "3", 100)], &["DestinationRule v2=2 v3=3", "VirtualService v3:100", "DestinationRule v3=3"]),
        // Another set of pods under the name: routes go on to name it.
        (&[("v3", "3b", 100)], &["DestinationRule v3=3b"]),
        (&[], &["VirtualService all:100", "DestinationRule"]),
    ];
    let mut told = 0;
    for (versions, expected) in steps {
        canary.apply(versions);
        assert_eq!(canary.story(told), expected, "{tool}: {versions:?}");
        told += expected.len();
        canary.never_broke();
    }
    canary.destroy();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_canary_is_made_before_it_is_broken_by_terraform() {
    a_whole_canary(Tool::Terraform);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_canary_is_made_before_it_is_broken_by_tofu() {
    a_whole_canary(Tool::Tofu);
}

/// Connections need a VirtualService only while there are versions: it goes before what it names does.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn versions_of_connections_come_and_go() {
    let canary = Canary::new(Tool::Terraform, "tcp");
    canary.apply(&[]);
    canary.apply(&weighed(90, 10));
    canary.apply(&[]);
    assert_eq!(
        canary.story(0),
        [
            "DestinationRule",
            "DestinationRule v1=1 v2=2",
            "VirtualService v1:90 v2:10",
            "VirtualService gone",
            "DestinationRule"
        ]
    );
    canary.never_broke();
    canary.destroy();
}

/// The routes go first, and what they named when proxies had time to hear of it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_with_versions_is_destroyed_slowly() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.workspace.destroy().expect_success();
    assert_eq!(canary.story(2), ["VirtualService gone", "DestinationRule gone"]);
    canary.never_broke();
}

/// A write fails, and all that follow.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn whichever_step_fails_the_next_apply_goes_on() {
    let moves: [(&[Version], &[Version]); 2] = [(&[V1], &[V2]), (&weighed(50, 50), &[])];
    for (before, after) in moves {
        let mut writes = 0;
        loop {
            let canary = Canary::new(Tool::Terraform, "http");
            canary.apply(before);
            canary.configure(after);
            canary.proxy.forbid_writes_after(writes);
            let run = canary.workspace.apply();
            canary.proxy.reset();
            canary.never_broke();
            if run.code == Some(0) {
                canary.destroy();
                break;
            }
            assert!(run.errors().contains("made to fail"), "{run}");
            canary.apply(after);
            canary.never_broke();
            canary.destroy();
            writes += 1;
        }
        assert!(writes >= 2, "{before:?} to {after:?} has at least two steps: {writes}");
    }
}

/// The process under `parent` that is the provider.
fn provider_of(parent: u32) -> Option<u32> {
    let children = fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        (field("PPid:") == Some(&parent.to_string()) && field("Name:")?.starts_with("terraform-prov")).then_some(pid)
    });
    children.last()
}

/// Starts the apply from `v1` to `v2`, and kills the provider as soon as `is_time`; then applies again.
fn killed(canary: &Canary, is_time: impl Fn(&[String]) -> bool) {
    let child = canary.workspace.spawn(&APPLY);
    let patience = Instant::now() + Duration::from_mins(1);
    while !is_time(&canary.story(2)) {
        assert!(Instant::now() < patience, "it never came so far: {:?}", canary.story(2));
        thread::sleep(Duration::from_millis(10));
    }
    let provider = provider_of(child.id()).expect("it is running").to_string();
    let sent = std::process::Command::new("kill").args(["-KILL", &provider]).status().expect("running kill");
    assert!(sent.success());
    let run = wait_for_exit(child);
    assert_ne!(run.code, Some(0), "{run}");
    canary.proxy.reset();
    canary.never_broke();
    let so_far = canary.story(2);
    assert!(!so_far.contains(&"DestinationRule v2=2".to_owned()), "{so_far:?}");
    canary.apply(&[V2]);
    assert_eq!(
        canary.story(2),
        ["DestinationRule v1=1 v2=2", "VirtualService v2:100", "DestinationRule v2=2"],
        "after {so_far:?}"
    );
    canary.never_broke();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn killed_before_the_routes_move() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.configure(&[V2]);
    // The routes' write is held up for longer than the provider lives.
    canary.proxy.inject_fault(0, usize::MAX, Fault::Delay(Duration::from_mins(1)), |request| {
        request.is_write() && request.path.contains("virtualservices")
    });
    killed(&canary, |story| story == ["DestinationRule v1=1 v2=2"]);
    canary.destroy();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn killed_while_it_waits() {
    let canary = Canary::new(Tool::Terraform, "http");
    canary.apply(&[V1]);
    canary.configure(&[V2]);
    killed(&canary, |story| story.contains(&"VirtualService v2:100".to_owned()));
    canary.destroy();
}
