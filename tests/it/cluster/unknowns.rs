//! Arguments that are known only at apply: a plan hides only the objects that depend on them, and the apply matches the
//! plan.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{destroy_all, workspace};

/// Arguments with a value known only at apply, each with the kinds whose objects depend on it. `None` stands for the
/// whole map of objects.
const UNKNOWNS: &[(&str, Option<&[&str]>)] = &[
    ("selector = { app = LATER.text }", Some(&["AuthorizationPolicy", "Service", "Sidecar"])),
    ("labels = { team = LATER.text }", Some(&ALL_KINDS)),
    ("calls = [\"catalog\", LATER.text]", Some(&["Sidecar"])),
    ("calls = LATER.texts", None),
    // Without a preset there would be neither of its objects.
    ("resiliency = LATER.preset", None),
    ("request_timeout = LATER.time", Some(&["VirtualService"])),
    ("allow {\n    from = [\"web\", LATER.text]\n  }", Some(&CALLER_KINDS)),
    ("allow {\n    from = LATER.texts\n  }", Some(&CALLER_KINDS)),
    ("allow {\n    from  = [\"web\"]\n    ports = LATER.numbers\n  }", Some(&["AuthorizationPolicy"])),
    ("allow {\n    from  = [\"web\"]\n    ports = [LATER.number]\n  }", Some(&["AuthorizationPolicy"])),
    ("allow {\n    from    = [\"web\"]\n    methods = [\"GET\", LATER.method]\n  }", Some(&["AuthorizationPolicy"])),
    (
        "dynamic \"allow\" {\n    for_each = toset(LATER.texts)\n    content {\n      from = [allow.value]\n    }\n  }",
        Some(&CALLER_KINDS),
    ),
];

const ALL_KINDS: [&str; 6] =
    ["AuthorizationPolicy", "DestinationRule", "Service", "ServiceAccount", "Sidecar", "VirtualService"];

/// The kinds whose objects depend on the callers, unless proxies refuse calls of unknown hosts: then those with `exportTo`, too.
const CALLER_KINDS: [&str; 1] = ["AuthorizationPolicy"];

/// A service with `argument`, in which `LATER` stands for an object whose values are known only at apply.
fn configuration(argument: &str) -> String {
    let calls = if argument.starts_with("calls") { "" } else { "calls = [\"catalog\"]" };
    let argument = argument.replace("LATER", "terraform_data.later.output");
    format!(
        r#"
resource "terraform_data" "later" {{
  input = {{
    text    = "cart"
    texts   = ["web", "shop/checkout"]
    preset  = "high"
    time    = "3s"
    method  = "POST"
    number  = 8080
    numbers = [8080]
  }}
}}
resource "mesh_service" "cart" {{
  name      = "cart"
  namespace = "NAMESPACE"
  service   = "managed"
  {calls}
  port {{
    number   = 8080
    protocol = "http"
  }}
  {argument}
}}"#
    )
}

/// The kinds of the planned objects whose bodies are unknown, or `None` if the whole map of objects is unknown.
fn unknown_kinds(workspace: &Workspace) -> Option<BTreeSet<String>> {
    workspace.run(&["plan", "-input=false", "-out=plan"]).expect_success();
    let shown = workspace.run(&["show", "-json", "plan"]).expect_success().stdout;
    let plan: Json = serde_json::from_str(&shown).expect("JSON");
    let changes = plan["resource_changes"].as_array().expect("a list");
    let change = changes.iter().find(|change| change["type"] == "mesh_service").expect("the resource is planned");
    let unknown = change["change"]["after_unknown"]["objects"].as_object()?;
    let kinds = unknown.iter().filter(|(_, unknown)| **unknown == true).map(|(key, _)| key);
    Some(kinds.map(|key| key.split('/').next().unwrap_or_default().to_owned()).collect())
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unknown_arguments_hide_only_dependent_objects() {
    for (n, (argument, expected)) in UNKNOWNS.iter().enumerate() {
        let tool = if n % 2 == 0 { Tool::Terraform } else { Tool::Tofu };
        let namespace = control_plane().namespace("unknown");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &configuration(argument));
        let expected = expected.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect());
        assert_eq!(unknown_kinds(&workspace), expected, "{argument}");
        workspace.apply().expect_success();
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}, {argument}: {}", plan.text);
        workspace.destroy().expect_success();
    }
}

/// The same for an update of an existing resource.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn unknown_arguments_of_an_update_hide_only_dependent_objects() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("update");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &configuration("resiliency = \"low\""));
        workspace.apply().expect_success();
        for (argument, expected) in UNKNOWNS {
            let replaced =
                "triggers_replace = \"NEW\"\n  input = {".replace("NEW", &argument.replace(['"', '\n'], " "));
            let hcl = configuration(argument).replacen("input = {", &replaced, 1);
            super::configure(&workspace, Grant::AppTeam, &namespace, &hcl);
            let expected = expected.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect());
            assert_eq!(unknown_kinds(&workspace), expected, "{tool}, {argument}");
            workspace.apply().expect_success();
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}, {argument}: {}", plan.text);
        }
        destroy_all(&workspace, &namespace);
    }
}
