//! A cluster that changes what we write, by a policy or a webhook: told at plan and at apply, with the field's name, and no
//! error; and forgotten when it is gone.

use std::{
    thread,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::{
    api::Api,
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, many, workspace};

const VERSION: &str = "admissionregistration.k8s.io/v1";
const CHANGES: &str = "The cluster changes DestinationRule as it is written";
const FIELD: &str = "spec.trafficPolicy.connectionPool.tcp.maxConnections came back other than it was sent";

/// The policy and its binding, by plural.
const POLICY: [&str; 2] = ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];

/// In this namespace, every DestinationRule has 7 connections.
fn meddle(api: &Api, namespace: &Namespace) {
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["destinationrules"] });
    let change = "[JSONPatch{op: \"add\", path: \"/spec/trafficPolicy/connectionPool/tcp/maxConnections\", value: 7}]";
    let policy = json!({
        "matchConstraints": { "resourceRules": [rule] }, "failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": change } }],
    });
    let binding = json!({ "policyName": namespace.name, "matchResources": {
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace.name } },
    } });
    for ((plural, kind), spec) in
        POLICY.into_iter().zip(["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]).zip([policy, binding])
    {
        let body = json!({ "apiVersion": VERSION, "kind": kind, "metadata": { "name": namespace.name }, "spec": spec });
        let path = format!("/apis/{VERSION}/{plural}");
        api.request(Method::POST, &path, Some(("application/json", &body))).expect("it is taken");
    }
    wait_until(api, namespace, true);
}

fn leave(api: &Api, namespace: &Namespace) {
    for plural in POLICY {
        let path = format!("/apis/{VERSION}/{plural}/{}", namespace.name);
        api.request(Method::DELETE, &path, None).expect("it is there");
    }
    wait_until(api, namespace, false);
}

/// Policies hold some time after they were written.
fn wait_until(api: &Api, namespace: &Namespace, meddles: bool) {
    let path = format!("/apis/networking.istio.io/v1/namespaces/{}/destinationrules?dryRun=All", namespace.name);
    let probe = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": { "name": "probe" },
        "spec": { "host": "x", "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 1 } } } },
    });
    for _ in 0..150 {
        let made = api.request(Method::POST, &path, Some(("application/json", &probe))).expect("it is taken");
        if (made["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] == 7) == meddles {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("the policy's word isn't heard");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_field_that_the_cluster_changes_is_named() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("mutated");
        meddle(&api, &namespace);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let told = |what: &str, text: &str| {
            for word in [CHANGES, FIELD] {
                assert!(text.contains(word), "{tool}, {what}: {word:?} is not in: {text}");
            }
            assert!(!text.contains("changed by terraform-provider-mesh"), "{tool}, {what}: {text}");
        };
        told("plan", &workspace.plan().text);
        told("apply", &words(&workspace.apply().expect_success().stdout));
        // The difference shows, and is met again, for as long as the cluster insists.
        let plan = workspace.plan();
        assert!(plan.text.contains("~ maxConnections = 7 -> 1024"), "{tool}: {}", plan.text);
        told("plan again", &plan.text);
        told("apply again", &words(&workspace.apply().expect_success().stdout));

        leave(&api, &namespace);
        let plan = workspace.plan();
        assert!(!plan.is_empty && !plan.text.contains(CHANGES), "{tool}: {}", plan.text);
        let run = workspace.apply().expect_success();
        assert!(!run.stdout.contains("Warning: The cluster"), "{tool}: {run}");
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
    }
}

/// A webhook of the platform that every DestinationRule of the namespace has to pass, at an address where nobody is.
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

/// The fault is neither the configuration's nor lasting: a plan warns, an apply waits for as long as it may.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_webhook_that_does_not_answer_fails_no_plan() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("webhook"));
    let path = format!("/apis/{VERSION}/validatingwebhookconfigurations");
    api.request(Method::POST, &path, Some(("application/json", &webhook(&namespace)))).expect("it is taken");
    thread::sleep(Duration::from_secs(2));
    let impatient = many(12).replace("  port {", "  timeouts {\n    create = \"5s\"\n  }\n  port {");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &impatient);
    let begun = Instant::now();
    let plan = workspace.plan();
    assert!(begun.elapsed() < Duration::from_secs(30), "each service waited: {:?}", begun.elapsed());
    assert_eq!(plan.text.matches("Some checks wait until apply").count(), 1, "{}", plan.text);
    assert!(plan.text.contains("rules.example.com") && !plan.text.contains("without the cluster"), "{}", plan.text);
    let told = workspace.apply().errors();
    assert!(told.contains("Timed out on DestinationRule") && told.contains("rules.example.com"), "{told}");

    api.request(Method::DELETE, &format!("{path}/{}", namespace.name), None).expect("it is there");
    thread::sleep(Duration::from_secs(2));
    workspace.converge();
    workspace.destroy().expect_success();
}

fn words(text: &str) -> String {
    text.replace(['│', '╷', '╵'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}
