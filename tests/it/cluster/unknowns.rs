//! Arguments that come at apply: a plan leaves unknown what needs them and nothing else, and the apply keeps its word.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::workspace;

/// What is written in place of what comes at apply, and the kinds whose objects need it; none: all that there are.
const UNKNOWNS: &[(&str, Option<&[&str]>)] = &[
    ("selector = { app = LATER.text }", Some(&["AuthorizationPolicy", "Service", "Sidecar"])),
    ("labels = { team = LATER.text }", Some(&EVERY)),
    ("calls = [\"catalog\", LATER.text]", Some(&["Sidecar"])),
    ("calls = LATER.texts", None),
    ("resiliency = LATER.preset", Some(&["DestinationRule", "VirtualService"])),
    ("request_timeout = LATER.time", Some(&["VirtualService"])),
    ("allow {\n    from = [\"web\", LATER.text]\n  }", Some(&SEEN)),
    ("allow {\n    from = LATER.texts\n  }", Some(&SEEN)),
    ("allow {\n    from  = [\"web\"]\n    ports = LATER.numbers\n  }", Some(&["AuthorizationPolicy"])),
    ("allow {\n    from  = [\"web\"]\n    ports = [LATER.number]\n  }", Some(&["AuthorizationPolicy"])),
    ("allow {\n    from    = [\"web\"]\n    methods = [\"GET\", LATER.method]\n  }", Some(&["AuthorizationPolicy"])),
    (
        "dynamic \"allow\" {\n    for_each = toset(LATER.texts)\n    content {\n      from = [allow.value]\n    }\n  }",
        Some(&SEEN),
    ),
];

const EVERY: [&str; 6] =
    ["AuthorizationPolicy", "DestinationRule", "Service", "ServiceAccount", "Sidecar", "VirtualService"];

/// What says who sees the service, and the policy.
const SEEN: [&str; 4] = ["AuthorizationPolicy", "DestinationRule", "Service", "VirtualService"];

fn configuration(written: &str) -> String {
    let calls = if written.starts_with("calls") { "" } else { "calls = [\"catalog\"]" };
    let written = written.replace("LATER", "terraform_data.later.output");
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
  {written}
}}"#
    )
}

/// The kinds of the planned objects that are unknown; none: it isn't known which there are.
fn unknown(workspace: &Workspace) -> Option<BTreeSet<String>> {
    workspace.run(&["plan", "-input=false", "-out=plan"]).expect_success();
    let shown = workspace.run(&["show", "-json", "plan"]).expect_success().stdout;
    let plan: Json = serde_json::from_str(&shown).expect("JSON");
    let changes = plan["resource_changes"].as_array().expect("a list");
    let change = changes.iter().find(|change| change["type"] == "mesh_service").expect("it is planned");
    let unknown = change["change"]["after_unknown"]["objects"].as_object()?;
    let kinds = unknown.iter().filter(|(_, unknown)| **unknown == true).map(|(key, _)| key);
    Some(kinds.map(|key| key.split('/').next().unwrap_or_default().to_owned()).collect())
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn only_what_needs_it_is_unknown_and_apply_keeps_its_word() {
    for (n, (written, expected)) in UNKNOWNS.iter().enumerate() {
        let tool = if n % 2 == 0 { Tool::Terraform } else { Tool::Tofu };
        let namespace = control_plane().namespace("unknown");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &configuration(written));
        let expected = expected.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect());
        assert_eq!(unknown(&workspace), expected, "{written}");
        workspace.apply().expect_success();
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}, {written}: {}", plan.text);
        workspace.destroy().expect_success();
    }
}

/// The same for a resource that is there: what comes at apply is an update of what needs it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_update_by_what_comes_at_apply() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("update");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &configuration("resiliency = \"low\""));
        workspace.apply().expect_success();
        for (written, expected) in UNKNOWNS {
            let replaced = "triggers_replace = \"NEW\"\n  input = {".replace("NEW", &written.replace(['"', '\n'], " "));
            let hcl = configuration(written).replacen("input = {", &replaced, 1);
            super::configure(&workspace, Grant::AppTeam, &namespace, &hcl);
            let expected = expected.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect());
            assert_eq!(unknown(&workspace), expected, "{tool}, {written}");
            workspace.apply().expect_success();
            let plan = workspace.plan();
            assert!(plan.is_empty, "{tool}, {written}: {}", plan.text);
        }
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}
