//! `PlanResourceChange`, with the test provider for what the plugin layer does, and with the real provider for what users rely
//! on.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::schema::Value;

use crate::support::{
    core_client::{CoreClient, Plan, ResourceInstance},
    core_rules::{UNKNOWN, result_violations},
    host::binary,
};

const THING: &str = "test_thing";
const SERVICE: &str = "mesh_service";

/// The real provider with an unknown cluster address, as if the same run created the cluster. Plans need no cluster.
pub(super) async fn with_unknown_cluster() -> CoreClient {
    let mut core = CoreClient::start(binary()).await;
    assert_eq!(core.configure(&json!({"owner": "tests", "host": UNKNOWN})).await, Vec::<String>::new());
    core
}

pub(super) fn payments() -> Json {
    json!({
        "name": "payments",
        "namespace": "pci",
        "resiliency": "high",
        "port": [{"number": 8080, "protocol": "http"}],
        "allow": [{"from": ["shop/checkout"], "methods": ["POST"]}],
    })
}

/// The errors, without the warnings about the missing cluster.
fn errors(diagnostics: &[String]) -> Vec<&String> {
    diagnostics.iter().filter(|diagnostic| diagnostic.starts_with("ERROR")).collect()
}

#[tokio::test]
async fn create_with_known_arguments_has_a_known_plan() {
    let mut core = with_unknown_cluster().await;
    let plan = core.plan(SERVICE, None, &payments()).await;
    assert_eq!(errors(&plan.diagnostics), Vec::<&String>::new());
    assert!(plan.planned.state.is_wholly_known(), "{:?}", plan.planned.state);
    assert_eq!(plan.planned.state.member("id"), &Value::string("pci/payments"));
    let Value::Map(objects) = plan.planned.state.member("objects") else { panic!("no objects") };
    assert!(objects.contains_key("VirtualService/pci/payments-pci"), "{objects:?}");
}

#[tokio::test]
async fn unchanged_configuration_is_an_empty_plan() {
    let mut core = with_unknown_cluster().await;
    let first = core.plan(SERVICE, None, &payments()).await;
    // The planned state is wholly known, so it is also the applied state.
    let instance = first.planned.clone();
    let again = core.plan(SERVICE, Some(&instance), &payments()).await;
    assert_eq!((again.msgpack, again.requires_replace), (first.msgpack, Vec::new()));
    assert_eq!((again.planned.state, again.planned.identity), (instance.state, instance.identity));
    assert_eq!(again.diagnostics, Vec::<String>::new());

    let mut core = CoreClient::with_test_provider().await;
    let written = json!({"name": "a", "tags": ["z", "a"], "item": [{"key": "k"}]});
    let instance = core.plan_and_apply(THING, None, &written).await.expect_no_diagnostics();
    let again = core.plan(THING, Some(&instance), &written).await;
    assert_eq!((&again.planned, again.requires_replace.len()), (&instance, 0));
}

#[tokio::test]
async fn unknown_argument_hides_only_what_depends_on_it() {
    let mut core = with_unknown_cluster().await;
    let mut written = payments();
    written["request_timeout"] = json!(UNKNOWN);
    let state = core.plan(SERVICE, None, &written).await.planned.state;
    assert_eq!(state.member("request_timeout"), &Value::Unknown);
    for known in ["id", "host", "principal", "effective_callers"] {
        assert!(state.member(known).is_wholly_known(), "{known}");
    }
    let Value::Map(objects) = state.member("objects") else { panic!("which objects there are is certain") };
    let unknown: Vec<_> =
        objects.iter().filter(|(_, body)| **body == Value::Unknown).map(|(key, _)| key.as_str()).collect();
    assert_eq!(unknown, ["VirtualService/pci/payments-pci"]);

    // A dynamic block over an unknown value: the set of objects is unknown, too.
    written["allow"] = json!(UNKNOWN);
    let state = core.plan(SERVICE, None, &written).await.planned.state;
    assert_eq!(state.member("allow"), &Value::Unknown);
    assert_eq!(state.member("id"), &Value::string("pci/payments"));

    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a", "size": 1})).await.expect_no_diagnostics();
    let plan = core.plan(THING, Some(&instance), &json!({"name": "a", "size": UNKNOWN})).await;
    assert_eq!(plan.planned.state.member("echo"), &Value::Unknown);
    assert_eq!(plan.planned.state.member("id"), &Value::string("a"));
}

#[tokio::test]
async fn changed_name_or_namespace_requires_replacement() {
    let mut core = with_unknown_cluster().await;
    let instance = core.plan(SERVICE, None, &payments()).await.planned;
    for (argument, value) in [("name", json!("other")), ("namespace", json!(UNKNOWN))] {
        let mut written = payments();
        written[argument] = value;
        let plan = core.plan(SERVICE, Some(&instance), &written).await;
        assert_eq!(plan.requires_replace, [format!(".{argument}")], "{:?}", plan.diagnostics);
    }
    assert_eq!(core.plan(SERVICE, None, &payments()).await.requires_replace, Vec::<String>::new());
}

#[tokio::test]
async fn second_plan_of_a_replacement_gets_the_private_data_of_the_first() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    let first = core.plan(THING, Some(&instance), &json!({"name": "b"})).await;
    assert_eq!(
        (first.requires_replace.as_slice(), first.planned.private.as_slice()),
        (&[".name".to_owned()][..], &b"applied"[..])
    );
    let config = core.config(THING, &json!({"name": "b"}));
    let second = core.plan_config(THING, None, &config, first.planned.private).await;
    assert_eq!(second.planned.private, b"planned applied");
    assert_eq!(second.planned.state, first.planned.state);
}

#[tokio::test]
async fn replacement_of_a_state_without_private_data_is_not_a_second_declaration() {
    let mut core = with_unknown_cluster().await;
    let created = core.plan(SERVICE, None, &payments()).await.planned;
    let instance = ResourceInstance { private: Vec::new(), ..created };
    let first = core.plan(SERVICE, Some(&instance), &payments()).await;
    assert!(!first.planned.private.is_empty());
    let config = core.config(SERVICE, &payments());
    let second = core.plan_config(SERVICE, None, &config, first.planned.private).await;
    assert_eq!(errors(&second.diagnostics), Vec::<&String>::new());
    let deletion = core.plan(SERVICE, Some(&instance), &Json::Null).await;
    assert!(!deletion.planned.private.is_empty());
}

/// Core stores the private data of the plan where an apply fails without a result.
#[tokio::test]
async fn stored_private_data_of_a_planned_create_does_not_make_a_destroy_a_replacement() {
    let mut core = with_unknown_cluster().await;
    let instance = core.plan(SERVICE, None, &payments()).await.planned;
    assert!(String::from_utf8_lossy(&instance.private).contains("replaces"));
    for written in [Json::Null, payments()] {
        let plan = core.plan(SERVICE, Some(&instance), &written).await;
        let private = String::from_utf8(plan.planned.private).unwrap();
        assert!(private.contains("pci/payments") && !private.contains("replaces"), "{private}");
    }
}

#[tokio::test]
async fn plans_are_deterministic() {
    let mut core = with_unknown_cluster().await;
    let (one, two) = (core.plan(SERVICE, None, &payments()).await, core.plan(SERVICE, None, &payments()).await);
    assert_eq!((&one.msgpack, &one.requires_replace), (&two.msgpack, &two.requires_replace));

    // What was unknown becomes known in apply; nothing else may change.
    for (argument, known) in
        [("request_timeout", json!("3s")), ("resiliency", json!("low")), ("selector", json!({"a": "b"}))]
    {
        let mut written = payments();
        written[argument] = json!(UNKNOWN);
        let before_apply = core.plan(SERVICE, None, &written).await.planned.state;
        written[argument] = known;
        let during_apply = core.plan(SERVICE, None, &written).await.planned.state;
        assert_eq!(
            result_violations(&core.blocks[SERVICE], &before_apply, &during_apply),
            Vec::<String>::new(),
            "{argument}"
        );
    }
}

#[tokio::test]
async fn deletes_are_planned_and_may_be_rejected() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    let plan = core.plan(THING, Some(&instance), &Json::Null).await.expect_no_diagnostics();
    assert_eq!(
        (&plan.state, plan.private.as_slice(), &plan.identity),
        (&Value::Null, &b"to delete"[..], &instance.identity)
    );
    let instance = core.plan_and_apply(THING, None, &json!({"name": "is protected"})).await.expect_no_diagnostics();
    let plan = core.plan(THING, Some(&instance), &Json::Null).await;
    assert_eq!(plan.diagnostics, ["ERROR : Protected. It stays."]);
    assert_eq!(plan.planned, instance);

    let mut core = with_unknown_cluster().await;
    let instance: ResourceInstance = core.plan(SERVICE, None, &payments()).await.planned;
    assert_eq!(core.plan(SERVICE, Some(&instance), &Json::Null).await.expect_no_diagnostics().state, Value::Null);
}

#[tokio::test]
async fn block_counts_are_kept_and_sets_are_unordered() {
    let mut core = CoreClient::with_test_provider().await;
    for blocks in [json!([]), json!([{"key": "a"}]), json!([{"key": "b"}, {"key": "a", "count_of": 2}, {"key": "b"}])] {
        let written = json!({"name": "a", "item": blocks, "limit": {"most": 3}});
        let instance = core.plan_and_apply(THING, None, &written).await.expect_no_diagnostics();
        assert_eq!(instance.state.member("item"), core.config(THING, &written).member("item"));
    }
    let instance = core
        .plan_and_apply(THING, None, &json!({"name": "a", "tags": ["c", "a", "b", "a"]}))
        .await
        .expect_no_diagnostics();
    let plan = core.plan(THING, Some(&instance), &json!({"name": "a", "tags": ["b", "c", "a"]})).await;
    assert_eq!(plan.planned, instance);
}

#[tokio::test]
async fn plan_that_core_would_reject_is_an_error_of_the_provider() {
    let mut core = CoreClient::with_test_provider().await;
    let plan = core.plan(THING, None, &json!({"name": "plans null blocks"})).await;
    assert_eq!(plan.diagnostics.len(), 1);
    assert!(
        plan.diagnostics[0]
            .starts_with("ERROR : Invalid value from the provider (bug). item: a list of blocks must be empty")
    );
}

/// The annotation that records the arguments couldn't hold them, which the API server would report in the middle of an apply.
#[tokio::test]
async fn arguments_that_an_annotation_cannot_hold_are_an_error_where_they_are_recorded() {
    let mut core = with_unknown_cluster().await;
    let mut service = payments();
    let rule = |n: usize| json!({ "from": [format!("namespace-{n}/account")], "paths": [format!("/a/path/{n}/*")] });
    service["allow"] = (0..100).map(rule).collect();
    assert_eq!(errors(&core.plan(SERVICE, None, &service).await.diagnostics), Vec::<&String>::new());
    service["allow"] = (0..4000).map(rule).collect();
    let refused = core.plan(SERVICE, None, &service).await.diagnostics;
    assert_eq!(errors(&refused).len(), 1, "{refused:?}");
    assert!(errors(&refused)[0].contains("Arguments too large to be recorded"), "{refused:?}");
    core.configure(&json!({"owner": "tests", "host": UNKNOWN, "record_arguments": false})).await;
    assert_eq!(errors(&core.plan(SERVICE, None, &service).await.diagnostics), Vec::<&String>::new());
}

/// A service with an ingress of these paths; of all, if there are none.
fn behind_gateway(name: &str, paths: &[&str]) -> Json {
    let paths = if paths.is_empty() { Json::Null } else { json!(paths) };
    json!({
        "name": name,
        "namespace": "shop",
        "port": [{"number": 8080, "protocol": "http"}],
        "ingress": [{"gateway": "ingress/public", "hosts": ["www.example.com"], "paths": paths}],
    })
}

/// Plans a service in the run that has begun.
async fn plan_in_run(core: &mut CoreClient, prior: Option<&ResourceInstance>, written: &Json) -> Plan {
    let config = core.config(SERVICE, written);
    core.plan_config(SERVICE, prior, &config, Vec::new()).await
}

/// Which of the two gets a request would depend on the ages of their VirtualServices. Configurations of one run alone count: those of
/// resources that change their paths, or are destroyed, don't.
#[tokio::test]
async fn services_with_overlapping_paths_of_a_host_are_an_error() {
    let overlap = "Two services at a gateway overlap";
    let mut core = with_unknown_cluster().await;
    let web = plan_in_run(&mut core, None, &behind_gateway("web", &["/api*", "/web/*"])).await;
    assert_eq!(errors(&web.diagnostics), Vec::<&String>::new());
    // What the paths of others leave.
    let rest = plan_in_run(&mut core, None, &behind_gateway("rest", &[])).await;
    assert_eq!(errors(&rest.diagnostics), Vec::<&String>::new());
    let api = plan_in_run(&mut core, None, &behind_gateway("api", &["/api/v2*"])).await.diagnostics.concat();
    assert!(api.contains(overlap), "{api}");
    assert!(api.contains("mesh_service/shop/web routes /api* of www.example.com at ingress/public"), "{api}");
    assert!(api.contains("and this resource routes /api/v2* of www.example.com"), "{api}");
    let second_rest = plan_in_run(&mut core, None, &behind_gateway("second-rest", &["/*"])).await.diagnostics.concat();
    assert!(second_rest.contains(overlap) && second_rest.contains("every path"), "{second_rest}");

    // In another run web gives the paths up, in whichever order the two are planned.
    let web = web.planned;
    for api_first in [true, false] {
        assert_eq!(core.configure(&json!({"owner": "tests", "host": UNKNOWN})).await, Vec::<String>::new());
        let mut diagnostics = Vec::new();
        for is_api in [api_first, !api_first] {
            let plan = if is_api {
                plan_in_run(&mut core, None, &behind_gateway("api", &["/api/v2*"])).await
            } else {
                plan_in_run(&mut core, Some(&web), &behind_gateway("web", &["/web/*"])).await
            };
            diagnostics.extend(plan.diagnostics);
        }
        assert_eq!(errors(&diagnostics), Vec::<&String>::new());
    }
    // In a third one it is destroyed.
    assert_eq!(core.configure(&json!({"owner": "tests", "host": UNKNOWN})).await, Vec::<String>::new());
    core.plan_config(SERVICE, Some(&web), &Value::Null, Vec::new()).await;
    let api = plan_in_run(&mut core, None, &behind_gateway("api", &["/api/v2*"])).await;
    assert_eq!(errors(&api.diagnostics), Vec::<&String>::new());
}
