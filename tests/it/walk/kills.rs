//! The real programs, killed at random moments, and several writers at once. Afterwards an apply ends converged.

use std::{
    thread,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, label};

use crate::support::{
    api::{Api, path},
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace, children, kill, wait_for_exit},
    users::Grant,
};

use super::runner::environment;

const APPLY: [&str; 4] = ["apply", "-input=false", "-no-color", "-auto-approve"];

/// A service, with a timeout that differs between applies, so that each of them writes.
fn hcl(namespace: &str, owner: &str, timeout: u64) -> String {
    format!(
        r#"
provider "mesh" {{
  owner       = "{owner}"
  config_path = "kubeconfig"
}}
resource "mesh_service" "cart" {{
  name            = "cart"
  namespace       = "{namespace}"
  service         = "managed"
  request_timeout = "{timeout}s"
  port {{
    number   = 8080
    protocol = "http"
  }}
  allow {{
    from = ["web"]
  }}
}}
"#
    )
}

fn workspace(tool: Tool, namespace: &Namespace) -> Workspace {
    let workspace = Workspace::new(tool);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&namespace.user(Grant::AppTeam)));
    workspace
}

fn uid(api: &Api, key: &Key) -> Option<Json> {
    api.get(key).map(|object| object["metadata"]["uid"].clone())
}

/// `WALK_KILLS` applies, each of which is killed at a random moment: the provider alone, or terraform and then the provider.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn killed_programs_leave_what_the_next_apply_completes() {
    let (seed, kills) =
        (environment("WALK_SEED").unwrap_or_else(|| fastrand::u64(..)), environment("WALK_KILLS").unwrap_or(6));
    println!("kills: seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let api = control_plane().api();
    let namespace = control_plane().namespace("killed");
    let key: Key = format!("VirtualService/{0}/cart-{0}", namespace.name).parse().expect("a key");
    let workspace = workspace(if random.bool() { Tool::Terraform } else { Tool::Tofu }, &namespace);
    // How long an apply takes here, which is the range of the moments.
    workspace.configure(&hcl(&namespace.name, "tests/killed", 1));
    let start = Instant::now();
    workspace.apply().expect_success();
    let longest = u64::try_from(start.elapsed().as_millis()).expect("some seconds").max(1);
    workspace.destroy().expect_success();
    let mut living: Option<Json> = None;
    for round in 0..kills {
        workspace.configure(&hcl(&namespace.name, "tests/killed", 2 + round));
        let terraform = workspace.spawn(&APPLY);
        thread::sleep(Duration::from_millis(random.u64(..longest)));
        let of_terraform = children(terraform.id());
        if random.bool() {
            kill(terraform.id());
        }
        for child in &of_terraform {
            kill(*child);
        }
        wait_for_exit(terraform);
        // A lock of a killed terraform ends with its process; the file with its description is left.
        let _ = std::fs::remove_file(workspace.path().join(".terraform.tfstate.lock.info"));
        let now = uid(&api, &key);
        assert!(living.is_none() || now == living, "kill {round} of seed {seed}: {key} was deleted or recreated");
        if random.bool() {
            workspace.converge();
        }
        living = uid(&api, &key).or(living);
    }
    workspace.converge();
    workspace.destroy().expect_success();
    namespace.assert_empty();
}

/// Two pipelines with a state each, an Argo-like manager and kubectl write the objects of one service at once. At the end one
/// pipeline has them, and the other one is refused with the name of the first.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn concurrent_writers_converge_or_are_refused() {
    let (seed, rounds) =
        (environment("WALK_SEED").unwrap_or_else(|| fastrand::u64(..)), environment("WALK_RACES").unwrap_or(2));
    println!("races: seed {seed}, {rounds} races");
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0_u64..rounds {
        let namespace = control_plane().namespace("race");
        let pipelines = [(Tool::Terraform, "tests/first"), (Tool::Tofu, "tests/second")].map(|(tool, owner)| {
            let workspace = workspace(tool, &namespace);
            workspace.configure(&hcl(&namespace.name, owner, 3));
            workspace
        });
        let delays: Vec<u64> = (0..20).map(|_| random.u64(..150)).collect();
        let running: Vec<_> = pipelines.iter().map(|workspace| workspace.spawn(&APPLY)).collect();
        write_beside(&namespace, &delays);
        let outputs: Vec<_> = running.into_iter().map(wait_for_exit).collect();
        for output in &outputs {
            assert!(
                output.code == Some(0) || output.stderr.contains("Error:"),
                "race {round} of seed {seed}: {output}"
            );
        }
        // Both run again, alone: the error names what was taken from each other, and one of them keeps it.
        let again: Vec<_> = pipelines.iter().map(Workspace::apply).collect();
        let converged = pipelines
            .iter()
            .zip(&again)
            .filter(|(workspace, output)| output.code == Some(0) && workspace.plan().is_empty);
        let converged = converged.count();
        let refused = again.iter().filter(|output| output.code == Some(1));
        for output in refused {
            assert!(output.stderr.contains("tests/"), "race {round} of seed {seed}: no owner is named: {output}");
        }
        for (workspace, output) in pipelines.iter().zip(&again) {
            let destroyed = workspace.destroy();
            if destroyed.code == Some(0) {
                continue;
            }
            // Before a destroy, Terraform plans the configuration in order to refresh the state, which is refused as its apply was.
            let is_refused = output.code == Some(1) && destroyed.stderr.contains("exists already");
            assert!(is_refused, "race {round} of seed {seed}: {destroyed}");
            workspace.run(&["destroy", "-input=false", "-auto-approve", "-refresh=false"]).expect_success();
        }
        println!("race {round}: {converged} of 2 pipelines converged");
        let is_left = |key: &String| {
            let object = control_plane().api().get(&key.parse().expect("a key"));
            object.is_some_and(|object| object["metadata"]["labels"][label::MANAGED] == "true")
        };
        let left: Vec<_> = control_plane().api().objects(&namespace.name).into_iter().filter(is_left).collect();
        assert_eq!(left, Vec::<String>::new(), "race {round} of seed {seed}");
    }
}

/// Writes to the service's objects as Argo CD and kubectl do, with these delays in milliseconds.
fn write_beside(namespace: &Namespace, delays: &[u64]) {
    let api = control_plane().api();
    let key: Key = format!("VirtualService/{0}/cart-{0}", namespace.name).parse().expect("a key");
    for (number, delay) in delays.iter().enumerate() {
        thread::sleep(Duration::from_millis(*delay));
        let (manager, annotation) = if number % 2 == 0 {
            ("argocd-controller", "argocd.argoproj.io/tracking-id")
        } else {
            ("kubectl-annotate", "example.com/written-by")
        };
        let change = json!({ "metadata": { "annotations": { (annotation): number.to_string() } } });
        let url = format!("{}?fieldManager={manager}", path(&key));
        // The object may not be there yet.
        let _ = api.request(Method::PATCH, &url, Some(("application/merge-patch+json", &change)));
    }
}
