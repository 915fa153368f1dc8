//! Objects of other tools: adoption, replacement and release.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    engine::OwnerIdentity,
    object::{
        Key, Object, Stage, StageOfLive, Transition, UpdateStrategy, annotation,
        kind::{DESTINATION_RULE, VIRTUAL_SERVICE},
    },
    resources::{ResourceType, service::Service},
    schema::model::Model,
};

use super::{Engine, ROUTE, RULE, identity, live, live_of, not_found, route, rule};
use crate::support::scripted_server::{ScriptedServer, exchange, status};

/// The path of a VirtualService that another tool made.
const OTHER_ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices/payments-vs";

/// The object as kubectl has applied it.
fn made_by_kubectl(object: &Object, resource_version: &str) -> Json {
    let mut live = object.body.clone();
    live["metadata"]["uid"] = json!("u9");
    live["metadata"]["resourceVersion"] = json!(resource_version);
    live["metadata"]["managedFields"] = json!([{
        "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:spec": { "f:host": {} } },
    }]);
    live
}

#[tokio::test]
async fn adopted_object_loses_its_other_managers_before_it_is_applied() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 200, made_by_kubectl(&rule(), "1")),
        exchange("PATCH", RULE, 200, made_by_kubectl(&rule(), "2")),
        exchange("PATCH", RULE, 200, live(&rule(), "3")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.adopt_existing = true;
    let outcome = engine.apply(&[rule()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["DestinationRule/pci/payments"]));
    let requests = server.finish();
    let managers = &requests[1].body[0];
    assert_eq!(
        (&managers["path"], managers["value"].as_array().map(Vec::len)),
        (&json!("/metadata/managedFields"), Some(1))
    );
    assert_eq!(requests[2].body["metadata"]["resourceVersion"], "2", "the apply follows the change of managers");
}

/// The object, which the server doesn't allow to change in place.
fn recreated(object: Object) -> Object {
    let strategy = |_: &Json, _: &Json| UpdateStrategy::Recreate;
    object.with_transition(Transition::Computed { strategy, propagation_delay: Duration::ZERO })
}

#[tokio::test]
async fn adopted_object_that_cannot_change_in_place_is_recreated() {
    let mut former = made_by_kubectl(&rule(), "7");
    former["spec"]["host"] = json!("former");
    let server = ScriptedServer::start([
        exchange("GET", RULE, 200, former),
        exchange("DELETE", RULE, 200, status(200, "", "")),
        exchange("GET", RULE, 404, not_found()),
        exchange("PATCH", RULE, 200, live(&rule(), "9")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.adopt_existing = true;
    let outcome = engine.apply(&[recreated(rule())]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["DestinationRule/pci/payments"]));
    assert_eq!(server.finish()[1].body["preconditions"], json!({ "uid": "u9", "resourceVersion": "7" }));
}

#[tokio::test]
async fn plan_of_a_recreation_says_so_and_is_not_refused_for_the_change_in_place() {
    let refusal = status(422, "Invalid", "rolebindings \"payments\" is invalid: roleRef: cannot change roleRef");
    let server = ScriptedServer::start([
        exchange("GET", "/api/v1/namespaces/kube-system", 404, not_found()),
        exchange("GET", RULE, 200, made_by_kubectl(&rule(), "7")),
        exchange("PATCH", RULE, 422, refusal),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.adopt_existing = true;
    let mut out = Diagnostics::default();
    engine.writer().check_plan(&[recreated(rule())], &mut out).await;
    assert!(out.to_string().contains("deletes it and creates it again"), "{out}");
    assert!(!out.has_errors(), "{out}");
    server.finish();
}

#[tokio::test]
async fn object_of_another_tool_is_refused_before_the_first_write() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 200, made_by_kubectl(&rule(), "1")),
        exchange("GET", ROUTE, 404, not_found()),
    ])
    .await;
    let outcome = Engine::new(&server).apply(&[rule(), route()]).await;
    assert!(outcome.messages.contains("DestinationRule exists already"), "{}", outcome.messages);
    assert!(outcome.journal.is_empty());
    server.finish();
}

/// The owner of another configuration, whose resource has the same objects.
fn other_owner() -> OwnerIdentity {
    OwnerIdentity { owner: "shop/prod".to_owned(), instance: "i9".to_owned(), ..identity() }
}

/// `adopt_existing` is about objects without an owner, and `adopt_from_owner` about those of the named owner.
#[tokio::test]
async fn object_of_another_owner_is_not_adopted_as_an_existing_object() {
    for adopt_from_owner in [None, Some("pci/prod".to_owned())] {
        let owned = live_of(&other_owner(), &rule(), "1");
        let server = ScriptedServer::start([exchange("GET", RULE, 200, owned)]).await;
        let mut engine = Engine::new(&server);
        engine.identity.takeover.adopt_existing = true;
        engine.identity.takeover.adopt_from_owner = adopt_from_owner;
        let outcome = engine.apply(&[rule()]).await;
        let expected = "it belongs to mesh_service/pci/payments of owner \"shop/prod\"";
        assert!(outcome.messages.contains(expected), "{}", outcome.messages);
        assert!(outcome.messages.contains("adopt_from_owner = \"shop/prod\""), "{}", outcome.messages);
        assert!(outcome.journal.is_empty());
        server.finish();
    }
}

#[tokio::test]
async fn object_of_the_named_owner_is_adopted() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 200, live_of(&other_owner(), &rule(), "1")),
        exchange("PATCH", RULE, 200, live(&rule(), "2")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.adopt_from_owner = Some("shop/prod".to_owned());
    let outcome = engine.apply(&[rule()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["DestinationRule/pci/payments"]));
    let requests = server.finish();
    assert_eq!(requests[1].body["metadata"]["annotations"][annotation::OWNER], "infra/prod");
}

/// An object of another tool has no owner that could be named.
#[tokio::test]
async fn object_without_an_owner_is_not_adopted_from_a_named_owner() {
    let server = ScriptedServer::start([exchange("GET", RULE, 200, made_by_kubectl(&rule(), "1"))]).await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.adopt_from_owner = Some("shop/prod".to_owned());
    let outcome = engine.apply(&[rule()]).await;
    assert!(outcome.messages.contains("adopt_existing = true"), "{}", outcome.messages);
    server.finish();
}

#[tokio::test]
async fn replaced_object_is_deleted_after_the_apply() {
    let other = made_by_kubectl(&route(), "5");
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 404, not_found()),
        exchange("GET", OTHER_ROUTE, 200, other.clone()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
        exchange("GET", OTHER_ROUTE, 200, other),
        exchange("DELETE", OTHER_ROUTE, 200, status(200, "", "")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.identity.takeover.replaced_objects =
        [(Key::new(&VIRTUAL_SERVICE, "pci", "payments-vs"), (|_| Stage(40)) as StageOfLive)].into();
    let outcome = engine.apply(&[route()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["VirtualService/pci/payments"]));
    let requests = server.finish();
    let methods: Vec<_> = requests.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["GET", "GET", "PATCH", "GET", "DELETE"]);
    assert_eq!(requests[4].body["preconditions"]["uid"], "u9");
}

/// The names of policies begin the other way round: the DENY policy has to stay until what it refuses isn't admitted any more.
#[tokio::test]
async fn replaced_allow_policy_is_deleted_before_a_replaced_deny_policy() {
    let policy = |name: &str, action: Option<&str>| {
        json!({
            "metadata": { "name": name, "namespace": "pci", "uid": name, "resourceVersion": "1" },
            "spec": action.map_or(json!({}), |action| json!({ "action": action })),
        })
    };
    let policies = [("a-deny", Some("DENY")), ("b-ask", Some("CUSTOM")), ("z-allow", None)];
    let path = |name: &str| format!("/apis/security.istio.io/v1/namespaces/pci/authorizationpolicies/{name}");
    let exchanges = policies.iter().flat_map(|(name, action)| {
        [
            exchange("GET", &path(name), 200, policy(name, *action)),
            exchange("GET", &path(name), 200, policy(name, *action)),
            exchange("DELETE", &path(name), 200, status(200, "", "")),
        ]
    });
    let server = ScriptedServer::start(exchanges.collect::<Vec<_>>()).await;
    let mut engine = Engine::new(&server);
    let replaces =
        r#"replaces = ["AuthorizationPolicy/a-deny", "AuthorizationPolicy/b-ask", "AuthorizationPolicy/z-allow"]"#;
    let service = crate::golden::hcl::resource(
        &format!("name = \"payments\"\nnamespace = \"pci\"\n{replaces}"),
        Service::schema(),
    );
    let service = Service::decode(&service, &Path::root(), &mut Diagnostics::default());
    engine.identity.takeover = ResourceType::takeover(&service);
    assert_eq!(engine.apply(&[]).await.messages, "");
    let requests = server.finish();
    let deleted = requests.iter().filter(|request| request.method == "DELETE").map(|request| request.path.clone());
    assert_eq!(deleted.collect::<Vec<_>>(), ["z-allow", "a-deny", "b-ask"].map(path));
}

#[tokio::test]
async fn object_of_an_unmanaged_kind_is_released_instead_of_deleted() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 200, live(&rule(), "1")),
        exchange("PATCH", RULE, 200, rule().body),
    ])
    .await;
    let mut engine = Engine::new(&server).recording(&[rule()]);
    engine.identity.takeover.unmanaged_kinds = vec![&DESTINATION_RULE];
    let outcome = engine.apply(&[]).await;
    assert_eq!((outcome.messages.as_str(), outcome.removed()), ("", vec!["DestinationRule/pci/payments"]));
    let patch = server.finish().remove(1).body.to_string();
    assert!(patch.contains(&annotation::OWNER.replace('/', "~1")), "{patch}");
}
