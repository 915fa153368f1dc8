//! Plans without a cluster, or with half of one: what can be known is planned exactly, one warning says what waits, and the
//! apply of the same run goes on with what has come up meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{CommandOutput, Tool, Workspace, wait_for_exit},
    users::{Credential, Grant},
};

use super::{APPLY, CART, configure, many, provider, workspace};

const NOWHERE: &str = r#"host = "https://127.0.0.1:1""#;

/// Of a plan, what would be made.
fn planned(text: &str) -> &str {
    let (_, after) = text.split_once("will be created").expect("it would be made");
    after.split_once("Plan: ").expect("a sum").0
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_new_is_planned_exactly_without_a_server() {
    let namespace = control_plane().namespace("unreachable");
    for tool in Tool::ALL {
        let hcl = many(12);
        let offline = Workspace::new(tool);
        offline.configure(&provider(&namespace, "istio-system", NOWHERE, &hcl));
        let begun = Instant::now();
        let without = offline.plan();
        assert!(begun.elapsed() < Duration::from_secs(30), "each service waited: {:?}", begun.elapsed());
        let with = workspace(tool, Grant::AppTeam, &namespace, &hcl).plan();
        assert_eq!(planned(&without.text), planned(&with.text), "{tool}");
        assert_eq!(without.text.matches("Planned without the cluster").count(), 1, "{tool}: {}", without.text);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_there_and_cannot_be_read_is_an_error_unless_told_otherwise() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("unreadable");
        let hcl = many(12);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &hcl);
        workspace.apply().expect_success();

        let begun = Instant::now();
        workspace.configure(&provider(&namespace, "istio-system", NOWHERE, &hcl));
        let told = workspace.try_plan().errors();
        assert_eq!(told.matches("The API server can't be reached").count(), 1, "{tool}: {told}");

        let warn = format!("{NOWHERE}\n  on_unreadable = \"warn\"");
        workspace.configure(&provider(&namespace, "istio-system", &warn, &hcl));
        let plan = workspace.assert_empty_plan();
        assert_eq!(plan.text.matches("goes on with what the state says").count(), 1, "{tool}: {}", plan.text);
        assert!(begun.elapsed() < Duration::from_secs(45), "each service waited: {:?}", begun.elapsed());

        configure(&workspace, Grant::AppTeam, &namespace, &hcl);
        workspace.destroy().expect_success();
    }
}

/// What the provider block says, with values that come at apply.
fn later(values: &str, arguments: &str) -> String {
    format!("{arguments}\n}}\nresource \"terraform_data\" \"later\" {{\n  input = {{\n{values}\n  }}\n")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_connection_that_comes_in_the_same_run() {
    let plane = control_plane();
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let ways = [
        (r#"path = "kubeconfig""#.to_owned(), "config_path = terraform_data.later.output.path"),
        (
            format!("host = {:?}\n    token = {token:?}", plane.server),
            "cluster_ca_certificate = file(\"ca.pem\")\n  host = terraform_data.later.output.host\n  token = \
             terraform_data.later.output.token",
        ),
    ];
    for tool in Tool::ALL {
        for (values, arguments) in &ways {
            let namespace = plane.namespace("connected");
            let workspace = Workspace::new(tool);
            workspace.write_file("kubeconfig", &plane.kubeconfig(&namespace.user(Grant::AppTeam)));
            workspace.write_file("ca.pem", &plane.certificate_authority);
            workspace.configure(&provider(&namespace, "istio-system", &later(values, arguments), CART));
            let plan = workspace.plan();
            assert!(plan.text.contains("Plan: 2 to add"), "{tool}: {}", plan.text);
            assert_eq!(plan.text.matches("Planned without the cluster").count(), 1, "{tool}: {}", plan.text);
            assert!(plan.text.contains("VirtualService/connected"), "the objects are known: {}", plan.text);
            workspace.converge();
            workspace.destroy().expect_success();
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_connection_that_changes_in_the_same_run() {
    let arguments = "config_path = terraform_data.later.output.path";
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("reconnected");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let kubeconfig = std::fs::read_to_string(workspace.path().join("kubeconfig")).expect("it is there");
        let configure = |path: &str, hcl: &str, more: &str| {
            workspace.write_file(path, &kubeconfig);
            let block = later(&format!("path = {path:?}"), &format!("{arguments}\n  {more}"));
            workspace.configure(&provider(&namespace, "istio-system", &block, hcl));
        };
        configure("one", CART, "");
        workspace.apply().expect_success();
        let high = CART.replace("service   =", "resiliency = \"high\"\n  service =");
        configure("two", &high, "");
        let told = workspace.try_plan().errors();
        assert!(told.contains("The cluster connection isn't known yet"), "{tool}: {told}");
        configure("two", &high, "on_unreadable = \"warn\"");
        workspace.converge();
        workspace.destroy().expect_success();
    }
}

/// The provider block's other arguments, and what stays unknown by them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn other_provider_arguments_that_come_in_the_same_run() {
    const OBJECTS: &str = "+ objects = (known after apply)";
    let ways = [
        ("owner = terraform_data.later.output.owner", false),
        ("owner = \"tests\"\n  root_namespace = terraform_data.later.output.root", true),
        ("owner = \"tests\"\n  labels = { team = terraform_data.later.output.team }", true),
    ];
    for tool in Tool::ALL {
        for (arguments, unknown) in ways {
            let namespace = control_plane().namespace("late");
            let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
            let configure = |team: &str| {
                let values = format!("owner = \"tests\"\n    root = \"istio-system\"\n    team = \"{team}\"");
                let block = format!(
                    "provider \"mesh\" {{\n  config_path = \"kubeconfig\"\n  {}}}\n",
                    later(&values, arguments)
                );
                workspace.configure(&(block + CART).replace("NAMESPACE", &namespace.name));
            };
            configure("one");
            let plan = workspace.plan();
            assert_eq!(plan.text.contains(OBJECTS), unknown, "{tool}, {arguments}: {}", plan.text);
            // What refers to it isn't replaced for that.
            assert!(plan.text.contains(&format!("+ id = \"{}/cart\"", namespace.name)), "{tool}: {}", plan.text);
            workspace.apply().expect_success();
            assert!(workspace.plan().is_empty, "{tool}, {arguments}");
            // The same for what exists: the provider block is unknown again.
            configure("two");
            workspace.apply().expect_success();
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}, {arguments}: {}", plan.text);
            workspace.destroy().expect_success();
            assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
        }
    }
}

/// A workspace of an administrator, whose service lives in the namespace `name`, which nobody has made.
fn in_namespace(tool: Tool, home: &Namespace, name: &str) -> Workspace {
    let workspace = workspace(tool, Grant::AppTeam, home, &CART.replace("NAMESPACE", name));
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    workspace
}

/// Applies, and does `meanwhile` when the apply has waited for a while.
fn apply_while(workspace: &Workspace, meanwhile: impl FnOnce()) -> CommandOutput {
    let apply = workspace.spawn(&APPLY);
    thread::sleep(Duration::from_secs(6));
    meanwhile();
    wait_for_exit(apply)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_that_comes_up_in_the_same_run() {
    let home = control_plane().namespace("home");
    for tool in Tool::ALL {
        let name = format!("{}-{tool}", home.name);
        let workspace = in_namespace(tool, &home, &name);
        let plan = workspace.plan();
        assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{tool}: {}", plan.text);
        assert!(plan.text.contains(&format!(r#"namespaces "{name}" not found"#)), "{}", plan.text);
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        apply_while(&workspace, || control_plane().api().apply(&body, "tests")).expect_success();
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_that_never_comes_is_named() {
    let home = control_plane().namespace("home");
    let name = format!("{}-never", home.name);
    let workspace = in_namespace(Tool::Terraform, &home, &name);
    let begun = Instant::now();
    let told = workspace.apply().errors();
    assert!((30..60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(told.contains(&format!(r#"namespaces "{name}" not found. Create the namespace first"#)), "{told}");
    assert_eq!(workspace.resources(), Vec::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn kinds_that_come_up_in_the_same_run() {
    let rules = |request: &RecordedRequest| request.path.contains("/destinationrules");
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("kinds");
        let proxy = Proxy::start(control_plane());
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
        proxy.inject_fault(0, usize::MAX, Fault::Status(404), rules);
        let plan = workspace.plan();
        assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{tool}: {}", plan.text);
        let what = "The cluster doesn't serve destinationrules of networking.istio.io/v1.";
        assert!(plan.text.contains(what), "{tool}: {}", plan.text);
        apply_while(&workspace, || proxy.reset()).expect_success();
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}
