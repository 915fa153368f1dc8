//! Laws that hold for whatever is written: rendering never panics, is the same each time, and what is unsound renders no
//! object that it is unsound about. (Values that break every rule are among the random ones.)

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    object::Key,
    resources::{Kind, external_service::ExternalService, global_defaults::GlobalDefaults, service::Service},
    schema::{Nesting, Number, Schema, Shape, Type, Value, model::Model},
};

/// Texts that mean something somewhere, and texts that don't.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "payments",
        "default",
        "pci",
        "shop/checkout",
        "shop/*",
        "*",
        "anonymous",
        "api.stripe.com",
        "*.example.com",
        "team/api.partner.com",
        "cluster.local/ns/shop/sa/checkout",
        "existing",
        "managed",
        "none",
        "http",
        "grpc",
        "tcp",
        "tls",
        "namespace",
        "mesh",
        "enforce",
        "dry_run",
        "off",
        "audit",
        "high",
        "low",
        "GET",
        "/v1/*",
        "5s",
        "0s",
        "1m30s",
        "passthrough",
        "originate",
        "strict",
        "permissive",
        "registry_only",
        "allow_any",
        "istio-system",
        "./*",
        "istio.io/rev",
        "x.svc.cluster.local",
        "",
    ];
    prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        8 => prop::sample::select(vec![80_i64, 443, 8080, 8443, 9000, 0, -1, 65536]).prop_map(Number::from),
        1 => any::<i64>().prop_map(Number::from),
        1 => Just(Number::parse("1.5").unwrap()),
    ]
}

/// Any value of a type: written, absent or unknown at any depth.
fn value(kind: &Type) -> BoxedStrategy<Value> {
    let written = match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number().prop_map(Value::Number).boxed(),
        Type::List(element) | Type::Set(element) => {
            prop::collection::vec(value(element), 0..4).prop_map(Value::List).boxed()
        }
        Type::Map(element) => prop::collection::btree_map(text(), value(element), 0..3).prop_map(Value::Map).boxed(),
        _ => text().prop_map(Value::String).boxed(),
    };
    prop_oneof![6 => written, 2 => Just(Value::Null), 1 => Just(Value::Unknown)].boxed()
}

/// Any body of a block.
fn body(schema: &Schema) -> BoxedStrategy<Value> {
    let members: Vec<_> = schema
        .slots
        .iter()
        .map(|slot| {
            let name = slot.name.to_owned();
            let member = match &slot.shape {
                Shape::Attribute { kind, .. } => value(kind),
                Shape::Block { nesting: Nesting::List, schema, .. } => prop_oneof![
                    8 => prop::collection::vec(body(schema), 0..3).prop_map(Value::List),
                    1 => Just(Value::Unknown)
                ]
                .boxed(),
                Shape::Block { schema, .. } => {
                    prop_oneof![4 => body(schema), 4 => Just(Value::Null), 1 => Just(Value::Unknown)].boxed()
                }
            };
            member.prop_map(move |member| (name.clone(), member))
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().collect::<BTreeMap<_, _>>())).boxed()
}

fn laws<K: Kind>() {
    proptest!(ProptestConfig::with_cases(2000), |(value in body(&K::Config::schema()))| {
        let mesh = super::mesh();
        let mut out = Diagnostics::default();
        let config = K::Config::decode(&value, &Path::root(), &mut out);
        K::check(&config, &mut out);
        K::check_in_mesh(&config, &mesh, &mut out);
        let id = K::id(&config, &mesh);
        let outputs = K::outputs(&config, &mesh).encode();
        prop_assert_eq!(&outputs, &K::outputs(&config, &mesh).encode());
        let rendered = K::render(&config, &mesh);
        let again = K::render(&config, &mesh);
        let text = |rendered: &terraform_provider_mesh::mesh::Rendered| format!("{rendered:?}");
        prop_assert_eq!(text(&rendered), text(&again));

        if value.wholly_known() && out.sound().is_ok() {
            prop_assert!(id.is_ok(), "a sound configuration has an id");
            prop_assert!(outputs.wholly_known(), "a sound configuration has its outputs");
            let objects = rendered.clone().expect("a sound configuration has its objects");
            prop_assert!(!objects.is_empty(), "a sound configuration says something");
            prop_assert!(objects.iter().all(|(_, object)| object.is_ok()), "a sound configuration is rendered whole");
        }
        for (key, object) in rendered.iter().flatten() {
            let Ok(object) = object else { continue };
            prop_assert_eq!(&object.body["metadata"]["name"], &key.name);
            prop_assert_eq!(object.body["metadata"]["namespace"].as_str(), key.namespace.as_deref());
            prop_assert_eq!(&object.body["kind"], key.kind.kind);
            prop_assert_eq!(&object.body["apiVersion"], &key.kind.api_version());
        }
        let keys: Vec<&Key> = rendered.iter().flatten().map(|(key, _)| key).collect();
        prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "each object once");
    });
}

#[test]
fn of_mesh_service() {
    laws::<Service>();
}

#[test]
fn of_mesh_external_service() {
    laws::<ExternalService>();
}

#[test]
fn of_mesh_global_defaults() {
    laws::<GlobalDefaults>();
}
