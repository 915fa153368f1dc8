//! A cluster that changes written objects by an admission policy: plan and apply warn with the name of the field, until
//! the policy is deleted. A webhook that doesn't respond fails no plan.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::{
    api::{Api, ApiError},
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    terraform::{Tool, unframe},
    users::Grant,
};

use super::{CART, PLAN_ONE_BY_ONE, many_carts, workspace};

const VERSION: &str = "admissionregistration.k8s.io/v1";
const CHANGES: &str = "The cluster changes DestinationRule as it is written";
const FIELD: &str = "the API server stored spec.trafficPolicy.connectionPool.tcp.maxConnections with other values";

/// The resources of a policy and of its binding.
const POLICY_RESOURCES: [&str; 2] = ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];

/// Creates a policy that sets the maximum of connections to 7 in every DestinationRule of the namespace.
fn create_policy(api: &Api, namespace: &Namespace) {
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["destinationrules"] });
    let change = "[JSONPatch{op: \"add\", path: \"/spec/trafficPolicy/connectionPool/tcp/maxConnections\", value: 7}]";
    let policy = json!({
        "matchConstraints": { "resourceRules": [rule] }, "failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": change } }],
    });
    let binding = json!({ "policyName": namespace.name, "matchResources": {
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace.name } },
    } });
    for ((plural, kind), spec) in POLICY_RESOURCES
        .into_iter()
        .zip(["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"])
        .zip([policy, binding])
    {
        let body = json!({ "apiVersion": VERSION, "kind": kind, "metadata": { "name": namespace.name }, "spec": spec });
        let path = format!("/apis/{VERSION}/{plural}");
        api.request(Method::POST, &path, Some(("application/json", &body))).expect("the policy is created");
    }
    wait_until(Duration::from_secs(30), "the policy changes objects", || changes_objects(api, namespace));
}

fn delete_policy(api: &Api, namespace: &Namespace) {
    for plural in POLICY_RESOURCES {
        let path = format!("/apis/{VERSION}/{plural}/{}", namespace.name);
        api.request(Method::DELETE, &path, None).expect("it exists");
    }
    wait_until(Duration::from_secs(30), "the policy no longer changes objects", || !changes_objects(api, namespace));
}

/// Creates a DestinationRule with at most one connection as a dry run. Admission policies and webhooks apply to it.
fn dry_run_rule(api: &Api, namespace: &Namespace) -> Result<Json, ApiError> {
    let path = format!("/apis/networking.istio.io/v1/namespaces/{}/destinationrules?dryRun=All", namespace.name);
    let probe = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": { "name": "probe" },
        "spec": { "host": "x", "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 1 } } } },
    });
    api.request(Method::POST, &path, Some(("application/json", &probe)))
}

/// Whether the policy is in effect, which it is only some time after its creation.
fn changes_objects(api: &Api, namespace: &Namespace) -> bool {
    let rule = dry_run_rule(api, namespace).expect("a dry run");
    rule["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] == 7
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mutated_field_is_named_in_a_warning() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("mutated");
        create_policy(&api, &namespace);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let assert_warned = |what: &str, text: &str| {
            assert_contains_all(format_args!("{tool}, {what}"), text, [CHANGES, FIELD]);
            assert!(!text.contains("changed by terraform-provider-mesh"), "{tool}, {what}: {text}");
        };
        assert_warned("plan", &workspace.plan().text);
        assert_warned("apply", &unframe(&workspace.apply().expect_success().stdout));
        // While the policy exists, each plan shows the difference, and each apply tries to revert it.
        let plan = workspace.plan();
        assert!(plan.text.contains("~ maxConnections = 7 -> 10000"), "{tool}: {}", plan.text);
        assert_warned("plan again", &plan.text);
        assert_warned("apply again", &unframe(&workspace.apply().expect_success().stdout));

        delete_policy(&api, &namespace);
        let plan = workspace.plan();
        assert!(!plan.is_empty && !plan.text.contains(CHANGES), "{tool}: {}", plan.text);
        let run = workspace.apply().expect_success();
        assert!(!run.stdout.contains("Warning: The cluster"), "{tool}: {run}");
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

/// A webhook for every DestinationRule of the namespace, at an address where no server runs.
fn webhook(namespace: &Namespace) -> Json {
    json!({
        "apiVersion": VERSION, "kind": "ValidatingWebhookConfiguration", "metadata": { "name": namespace.name },
        "webhooks": [{
            "name": "rules.example.com", "clientConfig": { "url": "https://127.0.0.1:1/" }, "failurePolicy": "Fail",
            "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace.name } },
            "rules": [{ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["*"], "resources": ["destinationrules"] }],
        }],
    })
}

/// The fault is probably temporary, so a plan only warns, and an apply retries until its timeout.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn unavailable_webhook_does_not_fail_the_plan() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("webhook"));
    let path = format!("/apis/{VERSION}/validatingwebhookconfigurations");
    api.request(Method::POST, &path, Some(("application/json", &webhook(&namespace)))).expect("the webhook is created");
    wait_until(Duration::from_secs(30), "the webhook rejects objects", || dry_run_rule(&api, &namespace).is_err());
    let hcl = many_carts(12).replace("  port {", "  timeouts {\n    create = \"5s\"\n  }\n  port {");
    let workspace =
        workspace(Tool::Terraform, Grant::AppTeam, &namespace, &hcl).env(PLAN_ONE_BY_ONE.0, PLAN_ONE_BY_ONE.1);
    let start = Instant::now();
    let plan = workspace.plan();
    assert!(start.elapsed() < Duration::from_secs(90), "each service waited: {:?}", start.elapsed());
    assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{}", plan.text);
    assert!(plan.text.contains("rules.example.com") && !plan.text.contains("without a cluster"), "{}", plan.text);
    let errors = workspace.apply().errors();
    assert!(errors.contains("Timed out on DestinationRule") && errors.contains("rules.example.com"), "{errors}");

    api.request(Method::DELETE, &format!("{path}/{}", namespace.name), None).expect("it exists");
    wait_until(Duration::from_secs(30), "the webhook is gone", || dry_run_rule(&api, &namespace).is_ok());
    workspace.converge();
    workspace.destroy().expect_success();
}
