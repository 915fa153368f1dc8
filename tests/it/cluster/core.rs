//! What core can do with any resource does what it says with ours: `lifecycle`, `-target`, refreshes, `count` and
//! `for_each`, `terraform test`, one process for many runs, states of other versions.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, configure, many, provider, workspace};

/// `hcl`, which is applied.
fn made(tool: Tool, hcl: &str) -> (Namespace, Workspace) {
    let namespace = control_plane().namespace("core");
    let workspace = workspace(tool, Grant::AppTeam, &namespace, hcl);
    workspace.apply().expect_success();
    (namespace, workspace)
}

/// [`CART`] with more in its block.
fn cart_with(more: &str) -> String {
    format!("{}{more}\n}}\n", CART.trim_end().strip_suffix('}').unwrap())
}

fn unchanged(workspace: &Workspace, when: &str) {
    let plan = workspace.plan();
    assert!(plan.is_empty, "{when}: {}", plan.text);
}

fn end(workspace: &Workspace, namespace: &Namespace) {
    workspace.destroy().expect_success();
    assert_eq!(objects(namespace), Vec::<String>::new());
}

fn objects(namespace: &Namespace) -> Vec<String> {
    control_plane().api().objects(&namespace.name)
}

fn spec(namespace: &Namespace, kind: &str) -> Json {
    control_plane().api().get(&key(namespace, kind)).expect("it is there")["spec"].clone()
}

fn key(namespace: &Namespace, kind: &str) -> Key {
    format!("{kind}/{0}/cart-{0}", namespace.name).parse().expect("a key")
}

/// Somebody opens the service to everybody.
fn meddle(namespace: &Namespace) {
    control_plane().api().patch(&key(namespace, "AuthorizationPolicy"), &json!({ "spec": { "rules": [{}] } }));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ignored_arguments_keep_their_values() {
    let with = |preset: &str, calls: &str| {
        cart_with(&format!("  resiliency = \"{preset}\"\n  lifecycle {{\n    ignore_changes = [resiliency]\n  }}"))
            .replace("[\"catalog\"]", calls)
    };
    for tool in Tool::ALL {
        let (namespace, workspace) = made(tool, &with("low", "[\"catalog\"]"));
        configure(&workspace, Grant::AppTeam, &namespace, &with("high", "[\"catalog\"]"));
        unchanged(&workspace, "an ignored change");
        configure(&workspace, Grant::AppTeam, &namespace, &with("high", "[\"ledger\"]"));
        workspace.apply().expect_success();
        assert_eq!(spec(&namespace, "VirtualService")["http"][0]["timeout"], "60s", "{tool}");
        unchanged(&workspace, "another change");
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_the_provider_computes_cannot_be_ignored() {
    for ignored in ["[objects]", "all"] {
        for tool in Tool::ALL {
            let hcl = cart_with(&format!("  lifecycle {{\n    ignore_changes = {ignored}\n  }}"));
            let (namespace, workspace) = made(tool, &hcl);
            meddle(&namespace);
            let plan = workspace.plan();
            assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}, {ignored}: {}", plan.text);
            configure(&workspace, Grant::AppTeam, &namespace, &hcl.replace("catalog", "ledger"));
            workspace.apply().expect_success();
            assert_ne!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}, {ignored}");
            let calls = spec(&namespace, "Sidecar").to_string();
            assert_eq!(calls.contains("ledger"), ignored != "all", "{tool}, {ignored}: {calls}");
            unchanged(&workspace, "an apply");
            end(&workspace, &namespace);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_target_alone_is_applied() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("target");
        let both = format!("{CART}{}", CART.replace("cart", "basket"));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &both);
        let target = ["apply", "-input=false", "-auto-approve", "-target=mesh_service.cart"];
        workspace.run(&target).expect_success();
        assert!(objects(&namespace).iter().all(|object| object.contains("cart")), "{tool}");
        workspace.apply().expect_success();
        assert_eq!(objects(&namespace).len(), 12, "{tool}");
        let target = ["destroy", "-input=false", "-auto-approve", "-target=mesh_service.cart"];
        workspace.run(&target).expect_success();
        assert!(objects(&namespace).iter().all(|object| object.contains("basket")), "{tool}");
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn without_a_refresh_the_state_is_believed_and_an_apply_mends_all() {
    for tool in Tool::ALL {
        let (namespace, workspace) = made(tool, CART);
        meddle(&namespace);
        let plan = ["plan", "-input=false", "-detailed-exitcode", "-refresh=false"];
        assert_eq!(workspace.run(&plan).code, Some(0), "{tool}");
        configure(&workspace, Grant::AppTeam, &namespace, &CART.replace("catalog", "ledger"));
        workspace.run(&["apply", "-input=false", "-auto-approve", "-refresh=false"]).expect_success();
        assert_ne!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}");
        unchanged(&workspace, "the apply");
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_refresh_alone_records_and_changes_nothing() {
    for tool in Tool::ALL {
        let (namespace, workspace) = made(tool, CART);
        meddle(&namespace);
        workspace.run(&["apply", "-input=false", "-auto-approve", "-refresh-only"]).expect_success();
        assert_eq!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}");
        let recorded =
            workspace.resources()[0].1["objects"][key(&namespace, "AuthorizationPolicy").to_string()].clone();
        assert!(recorded.as_str().is_some_and(|body| body.contains("\"rules\":[{}]")), "{tool}: {recorded}");
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        unchanged(&workspace, "the apply");
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_must_not_be_destroyed_is_not() {
    for tool in Tool::ALL {
        let (namespace, workspace) = made(tool, &cart_with("  lifecycle {\n    prevent_destroy = true\n  }"));
        let told = workspace.destroy().errors();
        assert!(told.contains("prevent_destroy"), "{tool}: {told}");
        assert_eq!(objects(&namespace).len(), 6, "{tool}");
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_of_many_goes_alone() {
    let each = |names: &str| {
        CART.replace("\"cart\" {", &format!("\"cart\" {{\n  for_each = toset([{names}])"))
            .replace("= \"cart\"", "= each.key")
    };
    let counted = (many(3), many(2), "cart-2");
    let keyed = (each(r#""a", "b", "c""#), each(r#""a", "c""#), "/b");
    for (tool, (three, two, gone)) in Tool::ALL.into_iter().zip([counted, keyed]) {
        let (namespace, workspace) = made(tool, &three);
        assert_eq!(objects(&namespace).len(), 18, "{tool}");
        unchanged(&workspace, "three");
        configure(&workspace, Grant::AppTeam, &namespace, &two);
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 0 to change, 1 to destroy"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        let left = objects(&namespace);
        assert!(left.len() == 12 && !left.iter().any(|object| object.contains(gone)), "{tool}: {left:?}");
        unchanged(&workspace, "two");
        end(&workspace, &namespace);
    }
}

/// A test as users write it: against the cluster, then against a mock, which needs none.
const TESTS: [(&str, &str); 2] = [
    (
        "real",
        r#"
run "made" {
  assert {
    condition     = mesh_service.cart.effective_resiliency == "medium" && length(mesh_service.cart.objects) == 6
    error_message = "not what was asked for"
  }
}
run "again" {
  assert {
    condition     = startswith(output.host, "cart.")
    error_message = "another host"
  }
}
"#,
    ),
    (
        "mocked",
        r#"
mock_provider "mesh" {
  mock_resource "mesh_service" {
    defaults = { host = "cart.mocked" }
  }
}
run "made" {
  assert {
    condition     = mesh_service.cart.host == "cart.mocked" && mesh_service.cart.name == "cart"
    error_message = "not what was mocked"
  }
}
"#,
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn tests_of_configurations_run() {
    let hcl = format!("{CART}\noutput \"host\" {{\n  value = mesh_service.cart.host\n}}\n");
    for tool in Tool::ALL {
        for (name, test) in TESTS {
            let namespace = control_plane().namespace(name);
            let workspace = workspace(tool, Grant::AppTeam, &namespace, &hcl);
            workspace.write_file("cart.tftest.hcl", test);
            if name == "mocked" {
                workspace.write_file("kubeconfig", "there is none");
            }
            let run = workspace.run(&["test", "-no-color"]).expect_success();
            assert!(run.stdout.contains("Success!"), "{tool}: {run}");
            assert_eq!(objects(&namespace), Vec::<String>::new(), "{tool}: the test cleans up");
        }
    }
}

/// A provider started by hand, and where hosts find it.
fn debugged() -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_terraform-provider-mesh"))
        .arg("--debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let quoted = |line: String| Some(line.split_once("TF_REATTACH_PROVIDERS='")?.1.strip_suffix('\'')?.to_owned());
    let reattach = lines.map_while(Result::ok).find_map(quoted).expect("it says where it is");
    (process, reattach)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_process_serves_run_after_run() {
    let (mut process, reattach) = debugged();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("debugged");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "").env("TF_REATTACH_PROVIDERS", &reattach);
        // The process has a folder of its own.
        let connection = format!("config_path = {:?}", workspace.path().join("kubeconfig"));
        workspace.configure(&provider(&namespace, "istio-system", &connection, &many(2)));
        for _ in 0..2 {
            assert!(!workspace.plan().is_empty);
            workspace.apply().expect_success();
            unchanged(&workspace, "the apply");
            meddle_first(&namespace);
            workspace.apply().expect_success();
            unchanged(&workspace, "the mending");
            end(&workspace, &namespace);
        }
    }
    process.kill().expect("it is still there");
    process.wait().expect("it ends");
}

fn meddle_first(namespace: &Namespace) {
    let key = format!("VirtualService/{0}/cart-0-{0}", namespace.name).parse().expect("a key");
    control_plane().api().delete(&key);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn states_of_other_versions_are_read() {
    for tool in Tool::ALL {
        let (namespace, workspace) = made(tool, CART);
        let state = workspace.path().join("terraform.tfstate");
        let written: Json = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        for (what, attribute, value) in [
            ("an argument that there wasn't", "resiliency", None),
            ("an output that there wasn't", "effective_callers", None),
            ("a block that there wasn't", "timeouts", None),
            ("an attribute that there isn't any more", "mood", Some(json!("fine"))),
        ] {
            let mut edited = written.clone();
            let values = &mut edited["resources"][0]["instances"][0]["attributes"];
            values.as_object_mut().unwrap().remove(attribute);
            if let Some(value) = value {
                values[attribute] = value;
            }
            fs::write(&state, edited.to_string()).unwrap();
            unchanged(&workspace, what);
        }
        end(&workspace, &namespace);
    }
}
