//! Features of Terraform core work with the provider's resources: `lifecycle`, `-target`, refreshes, `count` and
//! `for_each`, `terraform test`, one process for many runs, and states of other provider versions.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value as Json, json};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, cart_key, cart_with, configure, destroy_all, many_carts, provider, workspace};

/// A workspace in which `hcl` is applied.
fn applied(tool: Tool, hcl: &str) -> (Namespace, Workspace) {
    let namespace = control_plane().namespace("core");
    let workspace = workspace(tool, Grant::AppTeam, &namespace, hcl);
    workspace.apply().expect_success();
    (namespace, workspace)
}

fn objects(namespace: &Namespace) -> Vec<String> {
    control_plane().api().objects(&namespace.name)
}

fn spec(namespace: &Namespace, kind: &str) -> Json {
    control_plane().api().get_existing(&cart_key(namespace, kind))["spec"].clone()
}

/// Changes the live AuthorizationPolicy so that every caller is allowed.
fn open_policy(namespace: &Namespace) {
    control_plane().api().patch(&cart_key(namespace, "AuthorizationPolicy"), &json!({ "spec": { "rules": [{}] } }));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ignore_changes_keeps_argument_values() {
    let with = |preset: &str, calls: &str| {
        cart_with(&format!("  resiliency = \"{preset}\"\n  lifecycle {{\n    ignore_changes = [resiliency]\n  }}"))
            .replace("[\"catalog\"]", calls)
    };
    for tool in Tool::ALL {
        let (namespace, workspace) = applied(tool, &with("low", "[\"catalog\"]"));
        configure(&workspace, Grant::AppTeam, &namespace, &with("high", "[\"catalog\"]"));
        workspace.assert_empty_plan();
        configure(&workspace, Grant::AppTeam, &namespace, &with("high", "[\"ledger\"]"));
        workspace.apply().expect_success();
        assert_eq!(spec(&namespace, "VirtualService")["http"][0]["retries"]["attempts"], 1, "{tool}");
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ignore_changes_does_not_hide_drift_of_objects() {
    for ignored in ["[objects]", "all"] {
        for tool in Tool::ALL {
            let hcl = cart_with(&format!("  lifecycle {{\n    ignore_changes = {ignored}\n  }}"));
            let (namespace, workspace) = applied(tool, &hcl);
            open_policy(&namespace);
            let plan = workspace.plan();
            assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}, {ignored}: {}", plan.text);
            configure(&workspace, Grant::AppTeam, &namespace, &hcl.replace("catalog", "ledger"));
            workspace.apply().expect_success();
            assert_ne!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}, {ignored}");
            let calls = spec(&namespace, "Sidecar").to_string();
            assert_eq!(calls.contains("ledger"), ignored != "all", "{tool}, {ignored}: {calls}");
            workspace.assert_empty_plan();
            destroy_all(&workspace, &namespace);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn target_option_limits_the_apply() {
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
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn plan_without_refresh_trusts_the_state_and_apply_repairs_drift() {
    for tool in Tool::ALL {
        let (namespace, workspace) = applied(tool, CART);
        open_policy(&namespace);
        let plan = ["plan", "-input=false", "-detailed-exitcode", "-refresh=false"];
        assert_eq!(workspace.run(&plan).code, Some(0), "{tool}");
        configure(&workspace, Grant::AppTeam, &namespace, &CART.replace("catalog", "ledger"));
        workspace.run(&["apply", "-input=false", "-auto-approve", "-refresh=false"]).expect_success();
        assert_ne!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}");
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn refresh_only_apply_records_drift_without_changes() {
    for tool in Tool::ALL {
        let (namespace, workspace) = applied(tool, CART);
        open_policy(&namespace);
        workspace.run(&["apply", "-input=false", "-auto-approve", "-refresh-only"]).expect_success();
        assert_eq!(spec(&namespace, "AuthorizationPolicy")["rules"], json!([{}]), "{tool}");
        let recorded =
            workspace.resources()[0].1["objects"][cart_key(&namespace, "AuthorizationPolicy").to_string()].clone();
        assert!(recorded.as_str().is_some_and(|body| body.contains("\"rules\":[{}]")), "{tool}: {recorded}");
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn prevent_destroy_is_respected() {
    for tool in Tool::ALL {
        let (namespace, workspace) = applied(tool, &cart_with("  lifecycle {\n    prevent_destroy = true\n  }"));
        let errors = workspace.destroy().errors();
        assert!(errors.contains("prevent_destroy"), "{tool}: {errors}");
        assert_eq!(objects(&namespace).len(), 6, "{tool}");
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_instance_of_count_or_for_each_is_destroyed_alone() {
    let each = |names: &str| {
        CART.replace("\"cart\" {", &format!("\"cart\" {{\n  for_each = toset([{names}])"))
            .replace("= \"cart\"", "= each.key")
    };
    let counted = (many_carts(3), many_carts(2), "cart-2");
    let keyed = (each(r#""a", "b", "c""#), each(r#""a", "c""#), "/b");
    for (tool, (three, two, gone)) in Tool::ALL.into_iter().zip([counted, keyed]) {
        let (namespace, workspace) = applied(tool, &three);
        assert_eq!(objects(&namespace).len(), 18, "{tool}");
        workspace.assert_empty_plan();
        configure(&workspace, Grant::AppTeam, &namespace, &two);
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 0 to change, 1 to destroy"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        let left = objects(&namespace);
        assert!(left.len() == 12 && !left.iter().any(|object| object.contains(gone)), "{tool}: {left:?}");
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

/// Test files as users write them: one with the real provider, and one with a mock provider, which needs no cluster.
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
fn terraform_test_runs() {
    let hcl = format!("{CART}\noutput \"host\" {{\n  value = mesh_service.cart.host\n}}\n");
    for tool in Tool::ALL {
        for (name, test) in TESTS {
            let namespace = control_plane().namespace(name);
            let workspace = workspace(tool, Grant::AppTeam, &namespace, &hcl);
            workspace.write_file("cart.tftest.hcl", test);
            if name == "mocked" {
                workspace.write_file("kubeconfig", "not a kubeconfig");
            }
            let run = workspace.run(&["test", "-no-color"]).expect_success();
            assert!(run.stdout.contains("Success!"), "{tool}: {run}");
            assert_eq!(objects(&namespace), Vec::<String>::new(), "{tool}: the test cleans up");
        }
    }
}

/// A provider in debug mode, and the value of TF_REATTACH_PROVIDERS that it prints.
fn start_debug_mode() -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_terraform-provider-mesh"))
        .arg("--debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starting the provider");
    let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let quoted = |line: String| Some(line.split_once("TF_REATTACH_PROVIDERS='")?.1.strip_suffix('\'')?.to_owned());
    let reattach = lines.map_while(Result::ok).find_map(quoted).expect("the value of TF_REATTACH_PROVIDERS");
    (process, reattach)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn debug_process_serves_many_runs() {
    let (mut process, reattach) = start_debug_mode();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("debugged");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "").env("TF_REATTACH_PROVIDERS", &reattach);
        // An absolute path, because the process runs in another folder.
        let connection = format!("config_path = {:?}", workspace.path().join("kubeconfig"));
        workspace.configure(&provider(&namespace, "istio-system", &connection, &many_carts(2)));
        for _ in 0..2 {
            assert!(!workspace.plan().is_empty);
            workspace.apply().expect_success();
            workspace.assert_empty_plan();
            delete_first_route(&namespace);
            workspace.apply().expect_success();
            workspace.assert_empty_plan();
            destroy_all(&workspace, &namespace);
        }
    }
    process.kill().expect("the process still runs");
    process.wait().expect("waiting for the end");
}

fn delete_first_route(namespace: &Namespace) {
    let key = format!("VirtualService/{0}/cart-0-{0}", namespace.name).parse().expect("a key");
    control_plane().api().delete(&key);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn states_of_other_provider_versions_are_read() {
    for tool in Tool::ALL {
        let (namespace, workspace) = applied(tool, CART);
        let state = workspace.path().join("terraform.tfstate");
        let written: Json = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        for (difference, attribute, value) in [
            ("an argument of a newer version", "resiliency", None),
            ("a computed attribute of a newer version", "effective_callers", None),
            ("a block of a newer version", "timeouts", None),
            ("an attribute of an older version", "mood", Some(json!("fine"))),
        ] {
            let mut edited = written.clone();
            let values = &mut edited["resources"][0]["instances"][0]["attributes"];
            values.as_object_mut().unwrap().remove(attribute);
            if let Some(value) = value {
                values[attribute] = value;
            }
            fs::write(&state, edited.to_string()).unwrap();
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}, {difference}: {}", plan.text);
        }
        destroy_all(&workspace, &namespace);
    }
}
