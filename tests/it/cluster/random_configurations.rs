//! The objects of random valid configurations pass the strict validation of the API server, come back as they were
//! rendered, and pass the rules of Istio's webhook. A counterexample is shrunk and printed.

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

use super::round_trip::{create_service, is_cluster_scoped, is_existing_service, key_of, move_to_namespace};
use crate::{
    golden::valid_configs::{ValidConfig, valid_configs},
    support::{
        api::Api,
        control_plane::{Namespace, control_plane},
        istioctl,
    },
};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_objects_are_accepted() {
    // The patch of an override may be invalid.
    check_random_configurations::<Service>(64, &["override"]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_external_service_objects_are_accepted() {
    check_random_configurations::<ExternalService>(64, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_global_defaults_objects_are_accepted() {
    check_random_configurations::<GlobalDefaults>(64, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_namespace_objects_are_accepted() {
    check_random_configurations::<resources::namespace::Namespace>(32, &[]);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_gateway_objects_are_accepted() {
    check_random_configurations::<Gateway>(32, &[]);
}

/// The checks of this file detect invalid objects.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn invalid_objects_are_rejected() {
    let (namespace, api) = (control_plane().namespace("accepted"), control_plane().api());
    let service = |ports: Json| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cart", "namespace": namespace.name },
            "spec": { "ports": ports },
        })
    };
    let whole = json!({ "name": "http-80", "port": 80, "protocol": "TCP", "targetPort": 80 });
    check_accepted(&api, &service(json!([whole]))).expect("the object is complete");
    let error =
        check_accepted(&api, &service(json!([{ "port": 80, "prot": "TCP" }]))).expect_err("the field is unknown");
    assert!(error.to_string().contains("field not declared in schema"), "{error}");
    // The server drops empty maps.
    let mut empty = service(json!([whole]));
    empty["metadata"]["labels"] = json!({});
    let error = check_accepted(&api, &empty).expect_err("the empty map doesn't come back");
    assert!(error.to_string().contains("came back as"), "{error}");
}

/// Checks the objects of `cases` random configurations, which don't use the arguments `without`.
fn check_random_configurations<R: ResourceType>(cases: usize, without: &'static [&'static str]) {
    let (namespace, api) = (control_plane().namespace("accepted"), control_plane().api());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let trees: Vec<_> =
        (0..cases).map(|_| valid_configs::<R>(without).new_tree(&mut runner).expect("a valid configuration")).collect();

    let all: Vec<Json> = trees.iter().flat_map(|tree| bodies::<R>(&tree.current(), &namespace)).collect();
    assert!(all.len() > cases, "only {} objects", all.len());
    // One run of istioctl checks all objects. Only if it fails, each configuration is checked by itself to find the
    // invalid one.
    let any_invalid = validate(&all).is_err();
    for tree in trees {
        let result = runner.run_one(tree, |config| {
            let bodies = bodies::<R>(&config, &namespace);
            if any_invalid {
                validate(&bodies).map_err(TestCaseError::fail)?;
            }
            bodies.iter().try_for_each(|body| check_accepted(&api, body))
        });
        result.unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert!(!any_invalid, "istioctl rejects the objects together, but not one by one");
}

/// The objects, moved to the namespace of the test. Hosts still name the original namespace, which the API server
/// doesn't check.
fn bodies<R: ResourceType>(config: &ValidConfig, namespace: &Namespace) -> Vec<Json> {
    let mut bodies = config.objects::<R>();
    for body in &mut bodies {
        move_to_namespace(body, &namespace.name);
    }
    bodies
}

/// Checks the objects that the webhook would get. It gets neither Services of other tools, of which the provider writes
/// only an annotation, nor admission policies.
fn validate(bodies: &[Json]) -> Result<(), String> {
    let checked = bodies.iter().filter(|body| !is_existing_service(body) && !is_cluster_scoped(body));
    istioctl::validate(&checked.cloned().collect::<Vec<_>>())
}

/// Checks that the server accepts the object and returns it as it was rendered.
fn check_accepted(api: &Api, body: &Json) -> Result<(), TestCaseError> {
    let key = key_of(body);
    if is_existing_service(body) && api.get(&key).is_none() {
        create_service(api, &key);
    }
    let live = api.dry_run(body, FIELD_MANAGER);
    let live = live.map_err(|error| TestCaseError::fail(format!("{key}: {}\n{body}", error.message)))?;
    let (projected, rendered) = (owned_fields(&live, Some(body), &key).to_string(), body.to_string());
    if projected == rendered {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{key} came back as\n{projected}\nof\n{rendered}")))
    }
}
