//! Whatever passes our rules, Istio and Kubernetes take: objects of random sound configurations pass the API server's strict
//! validation, come back as they were rendered, and pass the rules of Istio's webhook. What doesn't is shrunken, and shown.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    engine::drift::owned_fields,
    object::FIELD_MANAGER,
    resources::{
        self, ResourceType, external_service::ExternalService, gateway::Gateway, global_defaults::GlobalDefaults,
        service::Service,
    },
};

use super::fixed_point::{is_of_somebody_else, is_of_the_cluster, key_of, make_service, placed};
use crate::{
    golden::sound::{Sound, sound},
    support::{
        api::Api,
        control_plane::{Namespace, control_plane},
        istioctl,
    },
};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_mesh_service() {
    // What an override says is for its author to answer for.
    accepted::<Service>(64, &["override"]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_mesh_external_service() {
    accepted::<ExternalService>(64, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_mesh_global_defaults() {
    accepted::<GlobalDefaults>(64, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_mesh_namespace() {
    accepted::<resources::namespace::Namespace>(32, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn of_mesh_gateway() {
    accepted::<Gateway>(32, &[]);
}

/// Else the tests above would show nothing.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_wrong_is_not_taken() {
    let (namespace, api) = (control_plane().namespace("accepted"), control_plane().api());
    let service = |ports: Json| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cart", "namespace": namespace.name },
            "spec": { "ports": ports },
        })
    };
    let whole = json!({ "name": "http-80", "port": 80, "protocol": "TCP", "targetPort": 80 });
    taken(&api, &service(json!([whole]))).expect("it is as the server would write it");
    let refused = taken(&api, &service(json!([{ "port": 80, "prot": "TCP" }]))).expect_err("there is no such field");
    assert!(refused.to_string().contains("field not declared in schema"), "{refused}");
    // The server drops what is empty.
    let mut empty = service(json!([whole]));
    empty["metadata"]["labels"] = json!({});
    let dropped = taken(&api, &empty).expect_err("less comes back than was written");
    assert!(dropped.to_string().contains("came back as"), "{dropped}");
}

/// Holds for so many configurations.
fn accepted<R: ResourceType>(cases: usize, without: &'static [&'static str]) {
    let (namespace, api) = (control_plane().namespace("accepted"), control_plane().api());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let trees: Vec<_> =
        (0..cases).map(|_| sound::<R>(without).new_tree(&mut runner).expect("a sound configuration")).collect();

    let all: Vec<Json> = trees.iter().flat_map(|tree| bodies::<R>(&tree.current(), &namespace)).collect();
    assert!(all.len() > cases, "only {} objects", all.len());
    // One call for all; each by itself only where it must be found out which it is.
    let refused = validate(&all).is_err();
    for tree in trees {
        let held = runner.run_one(tree, |sound| {
            let bodies = bodies::<R>(&sound, &namespace);
            if refused {
                validate(&bodies).map_err(TestCaseError::fail)?;
            }
            bodies.iter().try_for_each(|body| taken(&api, body))
        });
        held.unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert!(!refused, "istioctl refuses together what it takes one by one");
}

/// The objects, in the namespace of the test: what hosts say of theirs means nothing to an API server.
fn bodies<R: ResourceType>(sound: &Sound, namespace: &Namespace) -> Vec<Json> {
    let mut bodies = sound.objects::<R>();
    for body in &mut bodies {
        placed(body, &namespace.name);
    }
    bodies
}

/// What the webhook sees of it: a Service of somebody else's, of which an annotation is ours, isn't among it, nor are rules of
/// the API server.
fn validate(bodies: &[Json]) -> Result<(), String> {
    let seen = bodies.iter().filter(|body| !is_of_somebody_else(body) && !is_of_the_cluster(body));
    istioctl::validate(&seen.cloned().collect::<Vec<_>>())
}

/// The server takes it as it is, and gives back what was rendered.
fn taken(api: &Api, body: &Json) -> Result<(), TestCaseError> {
    let key = key_of(body);
    if is_of_somebody_else(body) && api.get(&key).is_none() {
        make_service(api, &key);
    }
    let live = api.dry_run(body, FIELD_MANAGER);
    let live = live.map_err(|refusal| TestCaseError::fail(format!("{key}: {}\n{body}", refusal.message)))?;
    let (projected, rendered) = (owned_fields(&live, Some(body), &key).to_string(), body.to_string());
    if projected == rendered {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{key} came back as\n{projected}\nof\n{rendered}")))
    }
}
