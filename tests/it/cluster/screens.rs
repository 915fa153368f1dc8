//! Screens of the pages. A comment `<!-- screen: NAME -->` stands before a block with the output of Terraform, and this test runs
//! the present version to see whether it still prints that. `UPDATE_DOCS=1` writes the blocks again.

use std::{collections::BTreeMap, env, fs};

use serde_json::json;

use crate::{
    cluster::examples::create_existing_services,
    generated::{files, text},
    support::{
        control_plane::{ControlPlane, parse_yaml, repository_root},
        terraform::{Tool, Workspace},
    },
};

const PROVIDER: &str =
    "provider \"mesh\" {\n  owner       = \"infra-payments/prod\"\n  config_path = \"kubeconfig\"\n}\n";

/// A service of the guides, with further arguments.
fn payments(arguments: &str) -> String {
    format!(
        "{PROVIDER}\nresource \"mesh_service\" \"payments\" {{\n  name      = \"payments\"\n  namespace = \"pci\"\n{arguments}\n\n  \
         port {{\n    number   = 8080\n    protocol = \"http\"\n  }}\n}}\n"
    )
}

/// A workspace in which `terraform init` has run.
fn workspace(plane: &ControlPlane, hcl: &str) -> Workspace {
    let workspace = Workspace::with_mirror(Tool::Terraform);
    workspace.write_file("kubeconfig", &plane.kubeconfig(&plane.admin));
    workspace.configure(hcl);
    workspace.run(&["init", "-input=false", "-no-color"]).expect_success();
    workspace
}

/// The changes that `plan` prints, from the first line that starts with `first` to the summary.
#[track_caller]
fn planned_changes(workspace: &Workspace, first: &str) -> String {
    let printed = plan(workspace);
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let position = |prefix: &str| lines.iter().position(|line| line.starts_with(prefix)).expect(&printed);
    lines[position(first)..=position("Plan:")].join("\n")
}

/// The errors and warnings of `plan` that contain `text`.
#[track_caller]
fn diagnostics(workspace: &Workspace, text: &str) -> String {
    let printed = plan(workspace).replace("\nError:", "\0Error:").replace("\nWarning:", "\0Warning:");
    let found: Vec<&str> = printed.split('\0').skip(1).map(str::trim_end).filter(|part| part.contains(text)).collect();
    assert!(!found.is_empty(), "nothing about {text}: {printed}");
    found.join("\n\n")
}

fn plan(workspace: &Workspace) -> String {
    let output = workspace.run(&["plan", "-input=false", "-no-color"]);
    format!("{}{}", output.stdout, output.stderr)
}

/// Plans of a service that a chart installed, from the first one to its enforced policy.
fn first_service(plane: &ControlPlane, screens: &mut BTreeMap<&str, String>) {
    plane.create_namespace("pci");
    create_existing_services(&plane.api(), &payments(""));
    let dry_run = "  authorization_mode = \"dry_run\"";
    let workspace = workspace(plane, &payments(dry_run));
    screens.insert("first-plan", planned_changes(&workspace, "Terraform will perform"));
    workspace.converge();

    let callers = "\n  allow {\n    from = [\"shop/checkout\", \"reporting/*\"]\n  }";
    workspace.configure(&payments(&format!("{dry_run}{callers}")));
    screens.insert("callers-plan", planned_changes(&workspace, "  # mesh_service.payments"));
    workspace.configure(&payments(&format!("  resiliency = \"medium\"{callers}")));
    workspace.converge();
    workspace.configure(&payments(&format!("  resiliency = \"high\"{callers}")));
    screens.insert("preset-plan", planned_changes(&workspace, "  # mesh_service.payments"));

    workspace.configure(&payments(&format!("  request_timeout = \"1.5s\"{}", callers.replace("shop/", "Shop/"))));
    screens.insert("mistakes", diagnostics(&workspace, "payments"));
    workspace.configure(&payments(""));
    workspace.destroy().expect_success();
}

/// A plan that finds an object of another tool.
fn foreign_object(plane: &ControlPlane, screens: &mut BTreeMap<&str, String>) {
    let policy = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": { "name": "payments-pci", "namespace": "pci" },
        "spec": { "selector": { "matchLabels": { "app": "payments" } } },
    });
    plane.api().apply(&policy, "kubectl");
    screens.insert("foreign-object", diagnostics(&workspace(plane, &payments("")), "AuthorizationPolicy"));
}

/// A plan that takes over hand-made manifests.
fn take_over(plane: &ControlPlane, screens: &mut BTreeMap<&str, String>) {
    plane.create_namespace("orders");
    for path in files("examples/scenarios/six-manifests/before", ".yaml") {
        for object in parse_yaml(&text(&path)) {
            plane.api().apply(&object, "kubectl");
        }
    }
    let workspace = workspace(plane, "").env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.write_file("main.tf", &text("examples/scenarios/six-manifests/after/main.tf"));
    screens.insert("take-over", diagnostics(&workspace, "VirtualService/orders"));
}

/// The output of `terraform test` of the example.
fn policy_tests(screens: &mut BTreeMap<&str, String>) {
    let workspace = Workspace::with_mirror(Tool::Terraform);
    workspace.copy_example("scenarios/policy-tests");
    workspace.write_file("policies.tftest.hcl", &text("examples/scenarios/policy-tests/policies.tftest.hcl"));
    workspace.run(&["init", "-input=false", "-no-color"]).expect_success();
    let output = workspace.run(&["test", "-no-color"]).expect_success();
    screens.insert("policy-tests", output.stdout.trim_end().to_owned());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn pages_show_what_terraform_prints() {
    let plane = ControlPlane::start();
    let mut screens = BTreeMap::new();
    first_service(&plane, &mut screens);
    foreign_object(&plane, &mut screens);
    take_over(&plane, &mut screens);
    policy_tests(&mut screens);

    let (mut shown, mut stale) = (Vec::new(), Vec::new());
    for page in files("docs", ".md").into_iter().chain(["README.md".to_owned()]) {
        let before = text(&page);
        let after = with_screens(&before, &screens, &mut shown);
        if after != before && env::var_os("UPDATE_DOCS").is_some() {
            fs::write(repository_root().join(&page), after).expect("writing a page");
        } else if after != before {
            stale.push(page);
        }
    }
    shown.sort();
    assert_eq!(shown, screens.keys().map(ToString::to_string).collect::<Vec<_>>(), "each screen is on one page");
    assert!(stale.is_empty(), "{stale:?}: run UPDATE_DOCS=1 cargo test --test it -- --ignored cluster::screens");
}

/// The page with the blocks after its comments replaced by screens, whose names are added to `shown`.
fn with_screens(page: &str, screens: &BTreeMap<&str, String>, shown: &mut Vec<String>) -> String {
    let (mut written, mut lines) = (String::new(), page.split_inclusive('\n'));
    while let Some(line) = lines.next() {
        written.push_str(line);
        let name = line.trim().strip_prefix("<!-- screen: ").and_then(|rest| rest.strip_suffix(" -->"));
        let Some(name) = name else { continue };
        let screen = screens.get(name).unwrap_or_else(|| panic!("no screen {name}"));
        let fence = lines.next().filter(|line| line.starts_with("```")).expect("a block after the comment");
        let end = lines.find(|line| line.trim_end() == "```").expect("the end of the block");
        written.extend([fence, screen, "\n", end]);
        shown.push(name.to_owned());
    }
    written
}
