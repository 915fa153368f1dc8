//! The order of writes: examples, and a property over random objects.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::object::{
    Kind, SettleTime, Transition,
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
    if desired.is_null() {
        return UpdateStrategy::TwoStep { intermediate: Json::Null };
    }
    let mut intermediate = desired.clone();
    intermediate["subsets"] = new.into_iter().chain(removed).collect();
    UpdateStrategy::TwoStep { intermediate }
}

const KEEP_SUBSETS: Transition =
    Transition::Computed { strategy: keep_subsets, propagation_delay: Duration::from_secs(2) };

fn deletion(stage: u8) -> Deletion {
    Deletion { stage: Stage(stage), propagation_delay: Duration::ZERO, last_body: None }
}

/// Returns one line per wave: its writes, where `-` marks a removal, and the delay after it.
fn lines(waves: &[Wave]) -> Vec<String> {
    let write = |write: &Write| match write {
        Write::Apply { key, body } => format!("{} {body}", key.kind.kind),
        Write::Remove { key } => format!("-{}", key.kind.kind),
        Write::Replace { key } => format!("-{} {}", key.kind.kind, key.name),
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
        lines(&schedule(&desired, &before, &BTreeMap::new(), &BTreeMap::new())),
        [
            r#"DestinationRule {"subsets":["v2","v1"]} 0ns"#,
            r#"VirtualService {"to":"v2"} 2s"#,
            r#"DestinationRule {"subsets":["v2"]} 0ns"#
        ]
    );
    // If the apply was killed after the second wave, the next one waits and removes the subset.
    let between = BTreeMap::from([(dr, live(json!({"subsets": ["v2", "v1"]}))), (vs, live(json!({"to": "v2"})))]);
    assert_eq!(
        lines(&schedule(&desired, &between, &BTreeMap::new(), &BTreeMap::new())),
        [" 2s", r#"DestinationRule {"subsets":["v2"]} 0ns"#]
    );
}

/// A wait of one second before routes to subsets that the live object doesn't name.
const SETTLE: SettleTime = SettleTime {
    is_needed: |live, desired| desired["to"] != live["to"] && !desired["to"].is_null(),
    duration: Duration::from_secs(1),
    preparation: |_, _| None,
};

#[test]
fn new_subset_settles_before_its_route() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [
        object(vs.clone(), 30, json!({"to": "v2"}), Transition::InPlace).with_settle_time(SETTLE),
        object(dr.clone(), 10, json!({"subsets": ["v1", "v2"]}), KEEP_SUBSETS),
    ];
    let (no_deletions, no_predecessors) = (BTreeMap::new(), BTreeMap::new());
    let schedule = |live: &BTreeMap<Key, LiveObject>| lines(&schedule(&desired, live, &no_deletions, &no_predecessors));
    let before =
        BTreeMap::from([(dr.clone(), live(json!({"subsets": ["v1"]}))), (vs.clone(), live(json!({"to": "v1"})))]);
    let written = [r#"DestinationRule {"subsets":["v1","v2"]} 1s"#, r#"VirtualService {"to":"v2"} 0ns"#];
    assert_eq!(schedule(&before), written);
    assert_eq!(schedule(&BTreeMap::new()), written, "on create as well");
    // If the apply was killed after the first wave, the next one waits as well.
    let between = BTreeMap::from([(dr, live(json!({"subsets": ["v1", "v2"]}))), (vs, live(json!({"to": "v1"})))]);
    assert_eq!(schedule(&between), [" 1s", r#"VirtualService {"to":"v2"} 0ns"#]);
}

#[test]
fn prepared_body_is_written_before_the_wait() {
    let vs = key(&VIRTUAL_SERVICE, "x");
    let prepared = SettleTime {
        preparation: |live, desired| live.is_object().then(|| json!({"to": live["to"], "idle": desired["to"]})),
        ..SETTLE
    };
    let desired = [object(vs.clone(), 30, json!({"to": "b"}), Transition::InPlace).with_settle_time(prepared)];
    let schedule =
        |live: BTreeMap<Key, LiveObject>| lines(&schedule(&desired, &live, &BTreeMap::new(), &BTreeMap::new()));
    let last = r#"VirtualService {"to":"b"} 0ns"#;
    let first = r#"VirtualService {"idle":"b","to":"a"} 1s"#;
    assert_eq!(schedule(BTreeMap::from([(vs.clone(), live(json!({"to": "a"})))])), [first, last]);
    // If the apply was killed after the first write, the next one waits and goes on.
    assert_eq!(schedule(BTreeMap::from([(vs, live(json!({"to": "a", "idle": "b"})))])), [" 1s", last]);
    assert_eq!(schedule(BTreeMap::new()), [" 1s", last]);
}

/// The objects of another tool have the subset `a`, which their route names, and the resource's have `v1`.
#[test]
fn object_takes_over_from_its_predecessor() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [
        object(vs.clone(), 30, json!({"to": "v1"}), Transition::InPlace).with_settle_time(SETTLE),
        object(dr.clone(), 10, json!({"subsets": ["v1"]}), KEEP_SUBSETS).taking_over(),
    ];
    let predecessor = |stage, live| Predecessor { stage: Stage(stage), live };
    let old_rule = (key(&DESTINATION_RULE, "old"), predecessor(10, json!({"subsets": ["a"]})));
    let old_route = (key(&VIRTUAL_SERVICE, "old"), predecessor(30, json!({"to": "a"})));
    let schedule = |live: &BTreeMap<Key, LiveObject>, predecessors: &[(Key, Predecessor)]| {
        lines(&schedule(&desired, live, &BTreeMap::new(), &predecessors.iter().cloned().collect()))
    };
    let union = json!({"subsets": ["v1", "a"]});
    let rest = [
        "-DestinationRule old 1s",
        r#"VirtualService {"to":"v1"} 0ns"#,
        "-VirtualService old 2s",
        r#"DestinationRule {"subsets":["v1"]} 0ns"#,
    ];
    let first = r#"DestinationRule {"subsets":["v1","a"]} 2s"#;
    assert_eq!(schedule(&BTreeMap::new(), &[old_rule.clone(), old_route.clone()]), [&[first], &rest[..]].concat());
    // An apply that was killed goes on from where it was.
    let killed = BTreeMap::from([(dr.clone(), live(union.clone()))]);
    assert_eq!(schedule(&killed, &[old_rule, old_route.clone()]), [&[" 2s"], &rest[..]].concat());
    assert_eq!(schedule(&killed, &[old_route]), [&[" 1s"], &rest[1..]].concat());
    let killed = BTreeMap::from([(dr, live(union)), (vs, live(json!({"to": "v1"})))]);
    assert_eq!(schedule(&killed, &[]), [" 2s", rest[3]]);
}

#[test]
fn predecessors_without_successor_are_deleted_in_reverse_order() {
    let predecessor = |kind, stage| (key(kind, "old"), Predecessor { stage: Stage(stage), live: json!({}) });
    let predecessors = [predecessor(&SERVICE_ENTRY, 20), predecessor(&VIRTUAL_SERVICE, 40)].into();
    assert_eq!(
        lines(&schedule(&[], &BTreeMap::new(), &BTreeMap::new(), &predecessors)),
        ["-VirtualService old 2s", "-ServiceEntry old 0ns"]
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
        lines(&schedule(&desired, &before, &BTreeMap::new(), &BTreeMap::new())),
        ["-ServiceEntry 0ns", r#"ServiceEntry {"resolution":"STATIC"} 0ns"#]
    );
}

#[test]
fn outdated_metadata_is_written() {
    let dr = key(&DESTINATION_RULE, "x");
    let desired = [object(dr.clone(), 10, json!({}), Transition::InPlace)];
    let outdated = BTreeMap::from([(dr, LiveObject { owned: json!({}), current: false })]);
    assert_eq!(lines(&schedule(&desired, &outdated, &BTreeMap::new(), &BTreeMap::new())), ["DestinationRule {} 0ns"]);
}

#[test]
fn deletions_run_in_reverse_order() {
    let deletions =
        BTreeMap::from([(key(&DESTINATION_RULE, "x"), deletion(20)), (key(&VIRTUAL_SERVICE, "x"), deletion(40))]);
    assert_eq!(
        lines(&schedule(&[], &BTreeMap::new(), &deletions, &BTreeMap::new())),
        ["-VirtualService 0ns", "-DestinationRule 0ns"]
    );
}

#[test]
fn route_is_deleted_before_its_subset_is_removed() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [object(dr.clone(), 20, json!({}), KEEP_SUBSETS)];
    let before = BTreeMap::from([(dr, live(json!({"subsets": ["v1"]})))]);
    assert_eq!(
        lines(&schedule(&desired, &before, &BTreeMap::from([(vs, deletion(40))]), &BTreeMap::new())),
        ["-VirtualService 2s", "DestinationRule {} 0ns"]
    );
}

#[test]
fn destination_rule_is_deleted_after_the_propagation_delay() {
    let dr = key(&DESTINATION_RULE, "x");
    let deletion_of = |body: Json| Deletion::of(&object(dr.clone(), 20, body.clone(), KEEP_SUBSETS), &body);
    assert_eq!(deletion_of(json!({})), deletion(20));
    let delayed = deletion_of(json!({"subsets": ["v1"]}));
    let both = BTreeMap::from([(dr.clone(), delayed.clone()), (key(&VIRTUAL_SERVICE, "x"), deletion(40))]);
    assert_eq!(
        lines(&schedule(&[], &BTreeMap::new(), &both, &BTreeMap::new())),
        ["-VirtualService 2s", "-DestinationRule 0ns"]
    );
    // If the destroy was killed after the first delete, the next one waits as well.
    let rest = BTreeMap::from([(dr, delayed)]);
    assert_eq!(lines(&schedule(&[], &BTreeMap::new(), &rest, &BTreeMap::new())), [" 2s", "-DestinationRule 0ns"]);
}

#[test]
fn last_body_is_written_long_before_the_deletion() {
    let transition = Transition::Computed {
        strategy: |live, _| UpdateStrategy::TwoStep { intermediate: json!({"to": "own", "idle": live["to"]}) },
        propagation_delay: Duration::from_secs(2),
    };
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let desired = [object(dr.clone(), 20, json!({"tls": true}), Transition::InPlace)];
    let deletion = Deletion::of(&object(vs.clone(), 40, json!({"to": "b"}), transition), &json!({"to": "b"}));
    assert_eq!(
        lines(&schedule(&desired, &BTreeMap::new(), &BTreeMap::from([(vs, deletion)]), &BTreeMap::new())),
        [r#"DestinationRule {"tls":true} 2s"#, r#"VirtualService {"idle":"b","to":"own"} 2s"#, "-VirtualService 0ns"]
    );
}

type LiveObjects = BTreeMap<Key, Json>;

/// Carries out the first `count` writes of the schedule.
fn run(waves: &[Wave], cluster: &mut LiveObjects, count: usize) {
    for write in waves.iter().flat_map(|wave| &wave.writes).take(count) {
        match write {
            Write::Apply { key, body } => drop(cluster.insert(key.clone(), body.clone())),
            Write::Remove { key } | Write::Replace { key } => drop(cluster.remove(key)),
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
            schedule(&desired, &live, &deletions, &BTreeMap::new())
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
