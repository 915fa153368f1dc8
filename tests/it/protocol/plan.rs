//! Plans, of the stand-in where the plugin's part is meant, of the real provider where the promise to users is.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::schema::Value;

use crate::support::{
    core::{UNKNOWN, result_faults},
    host::binary,
    rig::{Kept, Rig},
};

const THING: &str = "test_thing";
const SERVICE: &str = "mesh_service";

/// The real provider with a cluster that the same run makes, so that nobody knows yet where it is: plans need none.
pub(super) async fn offline() -> Rig {
    let mut rig = Rig::start(binary()).await;
    assert_eq!(rig.configure(&json!({"owner": "tests", "host": UNKNOWN})).await, Vec::<String>::new());
    rig
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

/// What a plan says beside warnings that no cluster was asked.
fn errors(told: &[String]) -> Vec<&String> {
    told.iter().filter(|told| told.starts_with("ERROR")).collect()
}

#[tokio::test]
async fn case_35_a_create_is_known_wherever_its_inputs_are() {
    let mut rig = offline().await;
    let plan = rig.plan(SERVICE, None, &payments()).await;
    assert_eq!(errors(&plan.told), Vec::<&String>::new());
    assert!(plan.planned.state.wholly_known(), "{:?}", plan.planned.state);
    assert_eq!(plan.planned.state.member("id"), &Value::string("pci/payments"));
    let Value::Map(objects) = plan.planned.state.member("objects") else { panic!("no objects") };
    assert!(objects.contains_key("VirtualService/pci/payments-pci"), "{objects:?}");
}

#[tokio::test]
async fn case_36_an_unchanged_configuration_is_an_empty_plan() {
    let mut rig = offline().await;
    let first = rig.plan(SERVICE, None, &payments()).await;
    // As applied: what was planned, wholly known.
    let kept = first.planned.clone();
    let again = rig.plan(SERVICE, Some(&kept), &payments()).await;
    assert_eq!((again.bytes, again.replaces), (first.bytes, Vec::new()));
    assert_eq!((again.planned, again.told), (kept, Vec::new()));

    let mut rig = Rig::stand_in().await;
    let written = json!({"name": "a", "tags": ["z", "a"], "item": [{"key": "k"}]});
    let kept = rig.make(THING, None, &written).await.sound();
    let again = rig.plan(THING, Some(&kept), &written).await;
    assert_eq!((&again.planned, again.replaces.len()), (&kept, 0));
}

#[tokio::test]
async fn case_37_39_only_what_depends_on_an_unknown_is_unknown() {
    let mut rig = offline().await;
    let mut written = payments();
    written["request_timeout"] = json!(UNKNOWN);
    let state = rig.plan(SERVICE, None, &written).await.planned.state;
    assert_eq!(state.member("request_timeout"), &Value::Unknown);
    for known in ["id", "host", "principal", "effective_callers"] {
        assert!(state.member(known).wholly_known(), "{known}");
    }
    let Value::Map(objects) = state.member("objects") else { panic!("which objects there are is certain") };
    let unknown: Vec<_> =
        objects.iter().filter(|(_, body)| **body == Value::Unknown).map(|(key, _)| key.as_str()).collect();
    assert_eq!(unknown, ["VirtualService/pci/payments-pci"]);

    // A dynamic block over something unknown: which objects there are isn't known either.
    written["allow"] = json!(UNKNOWN);
    let state = rig.plan(SERVICE, None, &written).await.planned.state;
    assert_eq!(state.member("allow"), &Value::Unknown);
    assert_eq!(state.member("id"), &Value::string("pci/payments"));

    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a", "size": 1})).await.sound();
    let plan = rig.plan(THING, Some(&kept), &json!({"name": "a", "size": UNKNOWN})).await;
    assert_eq!(plan.planned.state.member("echo"), &Value::Unknown);
    assert_eq!(plan.planned.state.member("id"), &Value::string("a"));
}

#[tokio::test]
async fn case_41_a_changed_name_is_another_resource() {
    let mut rig = offline().await;
    let kept = rig.plan(SERVICE, None, &payments()).await.planned;
    for (argument, value) in [("name", json!("other")), ("namespace", json!(UNKNOWN))] {
        let mut written = payments();
        written[argument] = value;
        let plan = rig.plan(SERVICE, Some(&kept), &written).await;
        assert_eq!(plan.replaces, [format!(".{argument}")], "{:?}", plan.told);
    }
    assert_eq!(rig.plan(SERVICE, None, &payments()).await.replaces, Vec::<String>::new());
}

#[tokio::test]
async fn case_42_the_second_plan_of_a_replacement_knows_the_first() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    let first = rig.plan(THING, Some(&kept), &json!({"name": "b"})).await;
    assert_eq!(
        (first.replaces.as_slice(), first.planned.private.as_slice()),
        (&[".name".to_owned()][..], &b"applied"[..])
    );
    let config = rig.config(THING, &json!({"name": "b"}));
    let second = rig.plan_value(THING, None, &config, first.planned.private).await;
    assert_eq!(second.planned.private, b"planned applied");
    assert_eq!(second.planned.state, first.planned.state);
}

#[tokio::test]
async fn case_43_a_plan_is_a_function_of_its_input() {
    let mut rig = offline().await;
    let (one, two) = (rig.plan(SERVICE, None, &payments()).await, rig.plan(SERVICE, None, &payments()).await);
    assert_eq!((&one.bytes, &one.replaces), (&two.bytes, &two.replaces));

    // What was unknown becomes known in apply; nothing else may change.
    for (argument, known) in
        [("request_timeout", json!("3s")), ("resiliency", json!("low")), ("selector", json!({"a": "b"}))]
    {
        let mut written = payments();
        written[argument] = json!(UNKNOWN);
        let early = rig.plan(SERVICE, None, &written).await.planned.state;
        written[argument] = known;
        let late = rig.plan(SERVICE, None, &written).await.planned.state;
        assert_eq!(result_faults(&rig.blocks[SERVICE], &early, &late), Vec::<String>::new(), "{argument}");
    }
}

#[tokio::test]
async fn case_44_deletes_are_planned_and_may_be_refused() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    let plan = rig.plan(THING, Some(&kept), &Json::Null).await.sound();
    assert_eq!(
        (&plan.state, plan.private.as_slice(), &plan.identity),
        (&Value::Null, &b"to delete"[..], &kept.identity)
    );
    let kept = rig.make(THING, None, &json!({"name": "is protected"})).await.sound();
    let plan = rig.plan(THING, Some(&kept), &Json::Null).await;
    assert_eq!(plan.told, ["ERROR : Protected. It stays."]);
    assert_eq!(plan.planned, kept);

    let mut rig = offline().await;
    let kept: Kept = rig.plan(SERVICE, None, &payments()).await.planned;
    assert_eq!(rig.plan(SERVICE, Some(&kept), &Json::Null).await.sound().state, Value::Null);
}

#[tokio::test]
async fn case_45_blocks_keep_their_number_and_sets_have_no_order() {
    let mut rig = Rig::stand_in().await;
    for blocks in [json!([]), json!([{"key": "a"}]), json!([{"key": "b"}, {"key": "a", "count_of": 2}, {"key": "b"}])] {
        let written = json!({"name": "a", "item": blocks, "limit": {"most": 3}});
        let kept = rig.make(THING, None, &written).await.sound();
        assert_eq!(kept.state.member("item"), rig.config(THING, &written).member("item"));
    }
    let kept = rig.make(THING, None, &json!({"name": "a", "tags": ["c", "a", "b", "a"]})).await.sound();
    let plan = rig.plan(THING, Some(&kept), &json!({"name": "a", "tags": ["b", "c", "a"]})).await;
    assert_eq!(plan.planned, kept);
}

#[tokio::test]
async fn case_22_a_plan_that_core_would_refuse_is_an_error_of_ours() {
    let mut rig = Rig::stand_in().await;
    let plan = rig.plan(THING, None, &json!({"name": "plans null blocks"})).await;
    assert_eq!(plan.told.len(), 1);
    assert!(
        plan.told[0].starts_with("ERROR : The provider made an invalid value. item: a list of blocks must be empty")
    );
}
