//! The order of writes: examples, and a property over random objects.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::object::{
    Kind, Transition,
    kind::{DESTINATION_RULE, SERVICE_ENTRY, VIRTUAL_SERVICE},
};

fn key(kind: &'static Kind, name: &str) -> Key {
    Key::new(kind, "pci", name)
}

fn object(key: Key, stage: u8, body: Json, transition: Transition) -> Object {
    Object::whole(key, body, Stage(stage)).with_transition(transition)
}

fn live(owned: Json) -> LiveObject {
    LiveObject { owned, current: true }
}

/// Keeps the subsets that are removed in an intermediate body, until no route names them.
fn keep_subsets(live: &Json, desired: &Json) -> UpdateStrategy {
    let subsets = |body: &Json| body["subsets"].as_array().cloned().unwrap_or_default();
    let (old, new) = (subsets(live), subsets(desired));
    let removed: Vec<_> = old.into_iter().filter(|subset| !new.contains(subset)).collect();
    if removed.is_empty() {
        return UpdateStrategy::InPlace;
    }
    let mut intermediate = desired.clone();
    intermediate["subsets"] = new.into_iter().chain(removed).collect();
    UpdateStrategy::TwoStep { intermediate }
}

const KEEP_SUBSETS: Transition =
    Transition::Computed { strategy: keep_subsets, propagation_delay: Duration::from_secs(2) };

fn deletion(stage: u8) -> Deletion {
    Deletion { stage: Stage(stage), propagation_delay: Duration::ZERO }
}

/// Returns one line per wave: its writes, where `-` marks a removal, and the delay after it.
fn lines(waves: &[Wave]) -> Vec<String> {
    let write = |write: &Write| match write {
        Write::Apply { key, body } => format!("{} {body}", key.kind.kind),
        Write::Remove { key } => format!("-{}", key.kind.kind),
    };
    waves
        .iter()
        .map(|wave| format!("{} {:?}", wave.writes.iter().map(write).collect::<Vec<_>>().join(" + "), wave.delay_after))
        .collect()
}

#[test]
fn subset_is_removed_after_its_route() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [
        object(vs.clone(), 30, json!({"to": "v2"}), Transition::InPlace),
        object(dr.clone(), 10, json!({"subsets": ["v2"]}), KEEP_SUBSETS),
    ];
    let before =
        BTreeMap::from([(dr.clone(), live(json!({"subsets": ["v1"]}))), (vs.clone(), live(json!({"to": "v1"})))]);
    assert_eq!(
        lines(&schedule(&desired, &before, &BTreeMap::new())),
        [
            r#"DestinationRule {"subsets":["v2","v1"]} 0ns"#,
            r#"VirtualService {"to":"v2"} 2s"#,
            r#"DestinationRule {"subsets":["v2"]} 0ns"#
        ]
    );
    // If the apply was killed after the second wave, the next one waits and removes the subset.
    let between = BTreeMap::from([(dr, live(json!({"subsets": ["v2", "v1"]}))), (vs, live(json!({"to": "v2"})))]);
    assert_eq!(
        lines(&schedule(&desired, &between, &BTreeMap::new())),
        [" 2s", r#"DestinationRule {"subsets":["v2"]} 0ns"#]
    );
}

#[test]
fn object_that_cannot_change_in_place_is_deleted_first() {
    let entry = key(&SERVICE_ENTRY, "x");
    let recreate =
        Transition::Computed { strategy: |_, _| UpdateStrategy::Recreate, propagation_delay: Duration::ZERO };
    let desired = [object(entry.clone(), 20, json!({"resolution": "STATIC"}), recreate)];
    let before = BTreeMap::from([(entry, live(json!({"resolution": "NONE"})))]);
    assert_eq!(
        lines(&schedule(&desired, &before, &BTreeMap::new())),
        ["-ServiceEntry 0ns", r#"ServiceEntry {"resolution":"STATIC"} 0ns"#]
    );
}

#[test]
fn outdated_metadata_is_written() {
    let dr = key(&DESTINATION_RULE, "x");
    let desired = [object(dr.clone(), 10, json!({}), Transition::InPlace)];
    let outdated = BTreeMap::from([(dr, LiveObject { owned: json!({}), current: false })]);
    assert_eq!(lines(&schedule(&desired, &outdated, &BTreeMap::new())), ["DestinationRule {} 0ns"]);
}

#[test]
fn deletions_run_in_reverse_order() {
    let deletions =
        BTreeMap::from([(key(&DESTINATION_RULE, "x"), deletion(20)), (key(&VIRTUAL_SERVICE, "x"), deletion(40))]);
    assert_eq!(lines(&schedule(&[], &BTreeMap::new(), &deletions)), ["-VirtualService 0ns", "-DestinationRule 0ns"]);
}

#[test]
fn route_is_deleted_before_its_subset_is_removed() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [object(dr.clone(), 20, json!({}), KEEP_SUBSETS)];
    let before = BTreeMap::from([(dr, live(json!({"subsets": ["v1"]})))]);
    assert_eq!(
        lines(&schedule(&desired, &before, &BTreeMap::from([(vs, deletion(40))]))),
        ["-VirtualService 2s", "DestinationRule {} 0ns"]
    );
}

#[test]
fn destination_rule_is_deleted_after_the_propagation_delay() {
    let dr = key(&DESTINATION_RULE, "x");
    let deletion_of = |body: Json| Deletion::of(&object(dr.clone(), 20, body.clone(), KEEP_SUBSETS), &body);
    assert_eq!(deletion_of(json!({})), deletion(20));
    let delayed = deletion_of(json!({"subsets": ["v1"]}));
    let both = BTreeMap::from([(dr.clone(), delayed), (key(&VIRTUAL_SERVICE, "x"), deletion(40))]);
    assert_eq!(lines(&schedule(&[], &BTreeMap::new(), &both)), ["-VirtualService 2s", "-DestinationRule 0ns"]);
    // If the destroy was killed after the first delete, the next one waits as well.
    let rest = BTreeMap::from([(dr, delayed)]);
    assert_eq!(lines(&schedule(&[], &BTreeMap::new(), &rest)), [" 2s", "-DestinationRule 0ns"]);
}

type LiveObjects = BTreeMap<Key, Json>;

/// Carries out the first `count` writes of the schedule.
fn run(waves: &[Wave], cluster: &mut LiveObjects, count: usize) {
    for write in waves.iter().flat_map(|wave| &wave.writes).take(count) {
        match write {
            Write::Apply { key, body } => drop(cluster.insert(key.clone(), body.clone())),
            Write::Remove { key } => drop(cluster.remove(key)),
        }
    }
}

fn names() -> impl Strategy<Value = BTreeMap<u8, u8>> {
    proptest::collection::btree_map(0u8..6, 0u8..4, 0..6)
}

proptest! {
    /// From any cluster, and killed after any number of writes, the next run ends with exactly the desired objects.
    #[test]
    fn interrupted_schedule_is_completed_by_the_next(desired in names(), before in names(), count in 0usize..12) {
        let at = |name: u8| key(&DESTINATION_RULE, &name.to_string());
        let body = |n: u8| json!({"subsets": (0..=n).collect::<Vec<_>>()});
        let desired: Vec<_> =
            desired.into_iter().map(|(name, n)| object(at(name), name % 3, body(n), KEEP_SUBSETS)).collect();
        let mut cluster: LiveObjects = before.into_iter().map(|(name, n)| (at(name), body(n))).collect();
        let plan = |cluster: &LiveObjects| {
            let live = cluster.iter().map(|(key, body)| (key.clone(), live(body.clone()))).collect();
            let unwanted = cluster.keys().filter(|key| !desired.iter().any(|object| object.key == **key));
            let deletions = unwanted.map(|key| (key.clone(), deletion(1))).collect();
            schedule(&desired, &live, &deletions)
        };
        let interrupted = plan(&cluster);
        run(&interrupted, &mut cluster, count);
        let next = plan(&cluster);
        run(&next, &mut cluster, usize::MAX);
        let expected: LiveObjects = desired.iter().map(|object| (object.key.clone(), object.body.clone())).collect();
        prop_assert_eq!(&cluster, &expected);
        prop_assert!(plan(&cluster).is_empty());
    }
}
