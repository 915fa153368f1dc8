//! The order, as a table and as laws over random objects.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::object::{
    Kind, ManagementScope, Transition,
    kind::{DESTINATION_RULE, SERVICE_ENTRY, VIRTUAL_SERVICE},
};

fn key(kind: &'static Kind, name: &str) -> Key {
    Key::new(kind, "pci", name)
}

fn object(key: Key, stage: u8, body: Json, transition: Transition) -> Object {
    Object { key, scope: ManagementScope::Whole, body, stage: Stage(stage), transition, origins: Vec::new() }
}

fn live(owned: Json) -> Live {
    Live { owned, current: true }
}

/// Keeps lost subsets until the routes have left them.
fn keep_subsets(live: &Json, wanted: &Json) -> UpdateStrategy {
    let set = |j: &Json| j["subsets"].as_array().cloned().unwrap_or_default();
    let (old, new) = (set(live), set(wanted));
    let lost: Vec<_> = old.into_iter().filter(|s| !new.contains(s)).collect();
    if lost.is_empty() {
        return UpdateStrategy::InPlace;
    }
    let mut first = wanted.clone();
    first["subsets"] = new.into_iter().chain(lost).collect();
    UpdateStrategy::TwoStep { intermediate: first }
}

const KEEPING: Transition = Transition::Computed { strategy: keep_subsets, propagation_delay: Duration::from_secs(2) };

fn gone(stage: u8) -> Deletion {
    Deletion { stage: Stage(stage), propagation_delay: Duration::ZERO }
}

/// One line a wave.
fn told(waves: &[Wave]) -> Vec<String> {
    let write = |w: &Write| match w {
        Write::Apply { key, body } => format!("{} {body}", key.kind.kind),
        Write::Remove { key } => format!("-{}", key.kind.kind),
    };
    waves
        .iter()
        .map(|w| format!("{} {:?}", w.writes.iter().map(write).collect::<Vec<_>>().join(" + "), w.delay_after))
        .collect()
}

#[test]
fn a_canary_is_made_before_it_is_broken() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let wanted = [
        object(vs.clone(), 30, json!({"to": "v2"}), Transition::InPlace),
        object(dr.clone(), 10, json!({"subsets": ["v2"]}), KEEPING),
    ];
    let before =
        BTreeMap::from([(dr.clone(), live(json!({"subsets": ["v1"]}))), (vs.clone(), live(json!({"to": "v1"})))]);
    assert_eq!(
        told(&schedule(&wanted, &before, &BTreeMap::new())),
        [
            r#"DestinationRule {"subsets":["v2","v1"]} 0ns"#,
            r#"VirtualService {"to":"v2"} 2s"#,
            r#"DestinationRule {"subsets":["v2"]} 0ns"#
        ]
    );
    // Killed after the second wave: wait, then trim.
    let between = BTreeMap::from([(dr, live(json!({"subsets": ["v2", "v1"]}))), (vs, live(json!({"to": "v2"})))]);
    assert_eq!(
        told(&schedule(&wanted, &between, &BTreeMap::new())),
        [" 2s", r#"DestinationRule {"subsets":["v2"]} 0ns"#]
    );
}

#[test]
fn what_cannot_change_in_place_goes_first() {
    let entry = key(&SERVICE_ENTRY, "x");
    let wanted = [object(
        entry.clone(),
        20,
        json!({"resolution": "STATIC"}),
        Transition::Computed { strategy: |_, _| UpdateStrategy::Recreate, propagation_delay: Duration::ZERO },
    )];
    let before = BTreeMap::from([(entry, live(json!({"resolution": "NONE"})))]);
    assert_eq!(
        told(&schedule(&wanted, &before, &BTreeMap::new())),
        ["-ServiceEntry 0ns", r#"ServiceEntry {"resolution":"STATIC"} 0ns"#]
    );
}

#[test]
fn a_stale_stamp_is_a_write() {
    let dr = key(&DESTINATION_RULE, "x");
    let wanted = [object(dr.clone(), 10, json!({}), Transition::InPlace)];
    let stale = BTreeMap::from([(dr, Live { owned: json!({}), current: false })]);
    assert_eq!(told(&schedule(&wanted, &stale, &BTreeMap::new())), ["DestinationRule {} 0ns"]);
}

#[test]
fn removal_is_the_reverse() {
    let gone = BTreeMap::from([(key(&DESTINATION_RULE, "x"), gone(20)), (key(&VIRTUAL_SERVICE, "x"), gone(40))]);
    assert_eq!(told(&schedule(&[], &BTreeMap::new(), &gone)), ["-VirtualService 0ns", "-DestinationRule 0ns"]);
}

/// The route that named the subset goes: before the subset does.
#[test]
fn what_named_a_subset_goes_before_it() {
    let (dr, vs) = (key(&DESTINATION_RULE, "x"), key(&VIRTUAL_SERVICE, "x"));
    let wanted = [object(dr.clone(), 20, json!({}), KEEPING)];
    let before = BTreeMap::from([(dr, live(json!({"subsets": ["v1"]})))]);
    assert_eq!(
        told(&schedule(&wanted, &before, &BTreeMap::from([(vs, gone(40))]))),
        ["-VirtualService 2s", "DestinationRule {} 0ns"]
    );
}

#[test]
fn what_routes_name_goes_when_they_have_left_it() {
    let dr = key(&DESTINATION_RULE, "x");
    let leaving = |body: Json| Deletion::of(&object(dr.clone(), 20, body.clone(), KEEPING), &body);
    assert_eq!(leaving(json!({})), gone(20));
    let leaving = leaving(json!({"subsets": ["v1"]}));
    let both = BTreeMap::from([(dr.clone(), leaving), (key(&VIRTUAL_SERVICE, "x"), gone(40))]);
    assert_eq!(told(&schedule(&[], &BTreeMap::new(), &both)), ["-VirtualService 2s", "-DestinationRule 0ns"]);
    // Killed after the first delete.
    let rest = BTreeMap::from([(dr, leaving)]);
    assert_eq!(told(&schedule(&[], &BTreeMap::new(), &rest)), [" 2s", "-DestinationRule 0ns"]);
}

type World = BTreeMap<Key, Json>;

/// What `waves` make of `world`, write by write, up to `steps`.
fn run(waves: &[Wave], world: &mut World, steps: usize) {
    for write in waves.iter().flat_map(|wave| &wave.writes).take(steps) {
        match write {
            Write::Apply { key, body } => drop(world.insert(key.clone(), body.clone())),
            Write::Remove { key } => drop(world.remove(key)),
        }
    }
}

fn names() -> impl Strategy<Value = BTreeMap<u8, u8>> {
    proptest::collection::btree_map(0u8..6, 0u8..4, 0..6)
}

proptest! {
    /// From any world, killed after any number of writes, the next run ends in exactly what is wanted.
    #[test]
    fn any_prefix_converges(wanted in names(), before in names(), steps in 0usize..12) {
        let at = |name: u8| key(&DESTINATION_RULE, &name.to_string());
        let body = |n: u8| json!({"subsets": (0..=n).collect::<Vec<_>>()});
        let wanted: Vec<_> = wanted.into_iter().map(|(name, n)| object(at(name), name % 3, body(n), KEEPING)).collect();
        let mut world: World = before.into_iter().map(|(name, n)| (at(name), body(n))).collect();
        let plan = |world: &World| {
            let lives = world.iter().map(|(k, b)| (k.clone(), live(b.clone()))).collect();
            let gone = world.keys().filter(|k| !wanted.iter().any(|o| o.key == **k)).map(|k| (k.clone(), gone(1))).collect();
            schedule(&wanted, &lives, &gone)
        };
        let first = plan(&world);
        run(&first, &mut world, steps);
        let second = plan(&world);
        run(&second, &mut world, usize::MAX);
        let expected: World = wanted.iter().map(|o| (o.key.clone(), o.body.clone())).collect();
        prop_assert_eq!(&world, &expected);
        prop_assert!(plan(&world).is_empty());
    }
}
