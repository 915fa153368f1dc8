//! Plans without a cluster, or with parts of one missing: a plan shows what it can know exactly, one warning says what
//! waits until apply, and the apply waits for what the same run creates.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{CommandOutput, Tool, Workspace, wait_for_exit},
    users::{Credential, Grant},
};

use super::{
    APPLY, CART, PLAN_ONE_BY_ONE, configure, created_part, destroy_all, many_carts, provider, workspace,
    workspace_with_proxy,
};

const UNREACHABLE: &str = r#"host = "https://127.0.0.1:1""#;
const OFFLINE: &str = "offline = true";

#[test]
#[ignore = "needs the servers of `make tools`"]
fn new_resources_are_planned_without_a_server() {
    let namespace = control_plane().namespace("unreachable");
    for tool in Tool::ALL {
        let hcl = many_carts(12);
        let with = workspace(tool, Grant::AppTeam, &namespace, &hcl).plan();
        for (connection, warnings) in [(UNREACHABLE, 1), (OFFLINE, 0)] {
            let offline = Workspace::new(tool).env(PLAN_ONE_BY_ONE.0, PLAN_ONE_BY_ONE.1);
            offline.configure(&provider(&namespace, "istio-system", connection, &hcl));
            let start = Instant::now();
            let without = offline.plan();
            assert!(start.elapsed() < Duration::from_secs(50), "each service waited: {:?}", start.elapsed());
            assert_eq!(created_part(&without.text, "Plan: "), created_part(&with.text, "Plan: "), "{tool}");
            assert_eq!(without.text.matches("Planned without a cluster").count(), warnings, "{tool}: {}", without.text);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unreadable_resource_is_an_error_unless_on_unreadable_is_warn() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("unreadable");
        let hcl = many_carts(12);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &hcl).env(PLAN_ONE_BY_ONE.0, PLAN_ONE_BY_ONE.1);
        workspace.apply().expect_success();

        for (connection, error) in [(UNREACHABLE, "API server is unreachable"), (OFFLINE, "The provider is offline")] {
            let start = Instant::now();
            workspace.configure(&provider(&namespace, "istio-system", connection, &hcl));
            let errors = workspace.try_plan().errors();
            assert_eq!(errors.matches(error).count(), 1, "{tool}: {errors}");

            let warn = format!("{connection}\n  on_unreadable = \"warn\"");
            workspace.configure(&provider(&namespace, "istio-system", &warn, &hcl));
            let plan = workspace.assert_empty_plan();
            assert_eq!(plan.text.matches("goes on with what the state says").count(), 1, "{tool}: {}", plan.text);
            assert!(start.elapsed() < Duration::from_secs(100), "each service waited: {:?}", start.elapsed());
        }

        configure(&workspace, Grant::AppTeam, &namespace, &hcl);
        workspace.destroy().expect_success();
    }
}

/// Arguments of the provider block, followed by a `terraform_data` resource whose outputs are known only at apply.
fn with_values_known_at_apply(values: &str, arguments: &str) -> String {
    format!("{arguments}\n}}\nresource \"terraform_data\" \"later\" {{\n  input = {{\n{values}\n  }}\n")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn connection_can_come_from_the_same_run() {
    let plane = control_plane();
    let Credential::Token(token) = &plane.admin.credential else { panic!("the admin has a token") };
    let cases = [
        (r#"path = "kubeconfig""#.to_owned(), "config_path = terraform_data.later.output.path"),
        (
            format!("host = {:?}\n    token = {token:?}", plane.server),
            "cluster_ca_certificate = file(\"ca.pem\")\n  host = terraform_data.later.output.host\n  token = \
             terraform_data.later.output.token",
        ),
    ];
    for tool in Tool::ALL {
        for (values, arguments) in &cases {
            let namespace = plane.namespace("connected");
            let workspace = Workspace::new(tool);
            workspace.write_file("kubeconfig", &plane.kubeconfig(&namespace.user(Grant::AppTeam)));
            workspace.write_file("ca.pem", &plane.certificate_authority);
            workspace.configure(&provider(
                &namespace,
                "istio-system",
                &with_values_known_at_apply(values, arguments),
                CART,
            ));
            let plan = workspace.plan();
            assert!(plan.text.contains("Plan: 2 to add"), "{tool}: {}", plan.text);
            assert_eq!(plan.text.matches("Planned without a cluster").count(), 1, "{tool}: {}", plan.text);
            assert!(plan.text.contains("VirtualService/connected"), "the objects are known: {}", plan.text);
            workspace.converge();
            workspace.destroy().expect_success();
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn connection_can_change_in_the_same_run() {
    let arguments = "config_path = terraform_data.later.output.path";
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("reconnected");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let kubeconfig = workspace.read_file("kubeconfig");
        let configure = |path: &str, hcl: &str| {
            workspace.write_file(path, &kubeconfig);
            let block = with_values_known_at_apply(&format!("path = {path:?}"), arguments);
            workspace.configure(&provider(&namespace, "istio-system", &block, hcl));
        };
        configure("one", CART);
        workspace.apply().expect_success();
        let high = CART.replace("service   =", "resiliency = \"high\"\n  service =");
        configure("two", &high);
        let plan = workspace.plan();
        assert_eq!(plan.text.matches("The cluster connection isn't known yet").count(), 1, "{tool}: {}", plan.text);
        workspace.converge();
        workspace.destroy().expect_success();
    }
}

/// For the other arguments of the provider block: whether an unknown value makes `objects` unknown.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn other_provider_arguments_can_come_from_the_same_run() {
    const OBJECTS: &str = "+ objects = (known after apply)";
    let cases = [
        ("owner = terraform_data.later.output.owner", false),
        ("owner = \"tests\"\n  root_namespace = terraform_data.later.output.root", true),
        ("owner = \"tests\"\n  labels = { team = terraform_data.later.output.team }", true),
    ];
    for tool in Tool::ALL {
        for (arguments, is_unknown) in cases {
            let namespace = control_plane().namespace("late");
            let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
            let configure = |team: &str| {
                let values = format!("owner = \"tests\"\n    root = \"istio-system\"\n    team = \"{team}\"");
                let block = format!(
                    "provider \"mesh\" {{\n  config_path = \"kubeconfig\"\n  {}}}\n",
                    with_values_known_at_apply(&values, arguments)
                );
                workspace.configure(&(block + CART).replace("NAMESPACE", &namespace.name));
            };
            configure("one");
            let plan = workspace.plan();
            assert_eq!(plan.text.contains(OBJECTS), is_unknown, "{tool}, {arguments}: {}", plan.text);
            // The id stays known, so that resources that refer to it aren't replaced.
            assert!(plan.text.contains(&format!("+ id = \"{}/cart\"", namespace.name)), "{tool}: {}", plan.text);
            workspace.apply().expect_success();
            assert!(workspace.plan().is_empty, "{tool}, {arguments}");
            // For an existing resource, when the provider block is unknown again.
            configure("two");
            workspace.apply().expect_success();
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}, {arguments}: {}", plan.text);
            destroy_all(&workspace, &namespace);
        }
    }
}

/// A workspace of an administrator for a service in the namespace `name`, which doesn't exist, and its proxy.
fn in_missing_namespace(tool: Tool, home: &Namespace, name: &str) -> (Workspace, Proxy) {
    let workspace = workspace(tool, Grant::AppTeam, home, &CART.replace("NAMESPACE", name));
    let proxy = Proxy::start(control_plane());
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&control_plane().admin));
    (workspace, proxy)
}

/// Starts an apply, runs `action` once the apply has repeated a write, that is, waits for something, and waits for its
/// end.
fn apply_and_act_while_it_waits(workspace: &Workspace, proxy: &Proxy, action: impl FnOnce()) -> CommandOutput {
    let apply = workspace.spawn(&APPLY);
    wait_until(Duration::from_mins(1), "the apply repeats a write", || {
        let writes = proxy.writes();
        let paths: BTreeSet<&str> = writes.iter().map(|request| request.path.as_str()).collect();
        paths.len() < writes.len()
    });
    action();
    wait_for_exit(apply)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_can_be_created_in_the_same_run() {
    let home = control_plane().namespace("home");
    for tool in Tool::ALL {
        let name = format!("{}-{tool}", home.name);
        let (workspace, proxy) = in_missing_namespace(tool, &home, &name);
        let plan = workspace.plan();
        assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{tool}: {}", plan.text);
        assert!(plan.text.contains(&format!(r#"namespaces "{name}" not found"#)), "{}", plan.text);
        let create = || control_plane().create_namespace(&name);
        apply_and_act_while_it_waits(&workspace, &proxy, create).expect_success();
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn missing_namespace_is_an_apply_error() {
    let home = control_plane().namespace("home");
    let name = format!("{}-never", home.name);
    let (workspace, _proxy) = in_missing_namespace(Tool::Terraform, &home, &name);
    let start = Instant::now();
    let errors = workspace.apply().errors();
    assert!((30..120).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert!(errors.contains(&format!(r#"namespaces "{name}" not found. Create the namespace first"#)), "{errors}");
    // One error for all objects of the resource.
    assert_eq!(errors.matches("doesn't exist").count(), 1, "{errors}");
    assert_eq!(workspace.resources(), Vec::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn crds_can_be_installed_in_the_same_run() {
    let rules = |request: &RecordedRequest| request.path.contains("/destinationrules");
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("kinds");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        proxy.inject_fault(0, usize::MAX, Fault::Status(404), rules);
        let plan = workspace.plan();
        assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{tool}: {}", plan.text);
        let reason = "The cluster doesn't serve destinationrules of networking.istio.io/v1.";
        assert!(plan.text.contains(reason), "{tool}: {}", plan.text);
        apply_and_act_while_it_waits(&workspace, &proxy, || proxy.reset()).expect_success();
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn plan_without_a_cluster_equals_the_plan_with_one() {
    let namespace = control_plane().namespace("early");
    for tool in Tool::ALL {
        let offline = Workspace::new(tool);
        offline.configure(&provider(&namespace, "istio-system", UNREACHABLE, CART));
        let (offline, online) = (offline.plan().text, workspace(tool, Grant::AppTeam, &namespace, CART).plan().text);
        assert_eq!(created_part(&offline, "Plan: 1 to add"), created_part(&online, "Plan: 1 to add"));
        assert_eq!(offline.matches("Planned without a cluster").count(), 1, "{offline}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn apply_waits_for_a_missing_namespace() {
    let home = control_plane().namespace("early");
    let name = format!("{}-soon", home.name);
    let (workspace, proxy) = in_missing_namespace(Tool::Terraform, &home, &name);
    let plan = workspace.plan().text;
    assert_eq!(plan.matches("Some checks wait until apply").count(), 1, "{plan}");
    let create = || control_plane().create_namespace(&name);
    apply_and_act_while_it_waits(&workspace, &proxy, create).expect_success();
    workspace.assert_empty_plan();
    assert_eq!(control_plane().api().objects(&name).len(), 6);
    workspace.destroy().expect_success();
}
