//! Laws that hold for whatever is written. Rendering never panics and is the same each time, values that break every rule
//! included; what passes the rules is rendered whole; and what comes at apply changes nothing that was known before.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Step},
    known::Known,
    mesh::Rendered,
    object::{Key, Object},
    resources::{
        ResourceType, external_service::ExternalService, gateway::Gateway, global_defaults::GlobalDefaults,
        namespace::Namespace, service::Service,
    },
    schema::{Configurability, Member, MemberKind, Nesting, Number, Schema, Type, Value, model::Model},
};

use super::{mesh, sound::sound};

/// What may stand where `name` is asked for, so that many random configurations are sound.
fn sound_texts(name: &str) -> &'static [&'static str] {
    match name {
        // A version is named by a route.
        "name" | "version" => &["payments", "ledger"],
        // An ingress names the namespace, too.
        "service_account" => &["payments", "ledger", "istio-ingress/public"],
        "gateway" => &["istio-ingress/public", "pci/public"],
        "rewrite" => &["/", "/v2/"],
        "object_name" => &["pay", "payments.old"],
        "namespace" => &["pci", "shop"],
        "service" => &["existing", "managed", "none"],
        "protocol" => &["http", "http2", "grpc", "tls", "https", "tcp"],
        "access" => &["namespace", "none", "mesh"],
        "authorization_mode" => &["enforce", "dry_run", "off"],
        "resiliency" => &["low", "medium", "high", "none"],
        "request_timeout" | "create" | "read" | "update" | "delete" | "interval" | "base_ejection_time" | "delay" => {
            &["5s", "1500ms", "1m30s"]
        }
        "connect_timeout" | "per_try_timeout" => &["200ms", "1s"],
        "path" => &["/", "/a", "/a/*", "/b*"],
        "calls" => {
            &["ledger", "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", "team/api.partner.com"]
        }
        "from" => {
            &["checkout", "shop/checkout", "shop/*", "*", "anonymous", "cluster.local/ns/a/sa/b", "x.y/ns/a/sa/b"]
        }
        "global_name" => &["payments.example.internal", "payments.pci.example.internal"],
        "credential_name" => &["shop-cert", "partners"],
        "min_version" | "max_version" => &["1.2", "1.3"],
        "cipher_suites" => &["ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"],
        "namespaces" => &["shop", "pci"],
        "revision" => &["stable", "1-31-0"],
        "service_accounts" => &["ci/pipeline", "deployer"],
        "method" | "methods" => &["GET", "POST"],
        "paths" | "except_paths" => &["/", "/v1/*", "*.json", "/a/{*}/b"],
        "hosts" => &["payments.example.com", "*.example.com", "payments.*", "payments.example.com:8080"],
        "ip_blocks" => &["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"],
        "host" => &["api.example.com", "*.example.com"],
        "tls" => &["passthrough", "originate", "originate_mutual", "none"],
        "resolution" => &["dns", "none", "static"],
        "address" | "addresses" => &["203.0.113.7", "203.0.113.0/24", "2001:db8::1"],
        "ca" | "client_certificate" | "client_key" => &["/etc/certs/a.pem", "/etc/certs/b.pem"],
        "export_to" => &["shop", "media", "*"],
        "mode" => &["strict", "permissive", "audit", "dry_run", "enforce", "off", "simple", "passthrough"],
        "outbound_traffic_policy" => &["registry_only", "allow_any"],
        "egress_hosts" => &["./*", "istio-system/*", "*/*", "shop/api.example.com"],
        "issuer" => &["https://accounts.example.com", "https://login.example.com"],
        "jwks" => &[r#"{"keys":[{"kty":"RSA","kid":"1","n":"0vx7","e":"AQAB"}]}"#],
        "jwks_uri" => &["https://accounts.example.com/keys"],
        "disabled" => &["REQUEST_SIZE", "ALL_METRICS"],
        "root_only" => &["Telemetry", "PeerAuthentication", "EnvoyFilter", "WasmPlugin"],
        "global_names" => &["payments.example.internal", "ledger.example.internal"],
        "action" => &["deny", "warn", "audit"],
        "filter" => &["response.code >= 400"],
        "unmanaged" | "kind" => &["VirtualService", "DestinationRule"],
        "replaces" => &["VirtualService/theirs", "DestinationRule/theirs"],
        "patch" => &[r#"{"spec":{"exportTo":["*"]}}"#, r#"{"spec":{"exportTo":null}}"#],
        _ => &["a", "b"],
    }
}

/// Texts that mean nothing there, or nothing at all.
fn unsound_text() -> impl Strategy<Value = String> {
    let texts = ["default", "", "/", "*/", "pci/", "istio.io/rev", "x.svc.cluster.local", "0s", "-1s", "istio-system"];
    prop_oneof![prop::sample::select(texts.to_vec()).prop_map(str::to_owned), ".{0,12}"]
}

/// Likewise of numbers.
fn sound_numbers(name: &str) -> &'static [i64] {
    match name {
        "number" | "target_port" | "port" | "ports" | "except_ports" => &[80, 443, 8080, 9000],
        "sampling_percentage" => &[0, 1, 100],
        "weight" => &[100, 0, 40, 60],
        "status" => &[302, 308],
        "abort_status" => &[503, 200],
        _ => &[1, 3, 0],
    }
}

fn number(name: &str, unsound: u32) -> impl Strategy<Value = Number> {
    prop_oneof![
        20 => prop::sample::select(sound_numbers(name).to_vec()).prop_map(Number::from),
        unsound => prop::sample::select(vec![0_i64, -1, 65536, i64::MAX]).prop_map(Number::from),
        unsound => Just(Number::parse("1.5").unwrap()),
    ]
}

/// Any value of a type, written: out of 20, so many unsound, and so many unknown within it.
fn value(name: &'static str, kind: &Type, unsound: u32, unknown: u32) -> BoxedStrategy<Value> {
    let item = |element: &Type| {
        let written = value(name, element, unsound, unknown);
        prop_oneof![20 => written, unsound => Just(Value::Null), unknown => Just(Value::Unknown)].boxed()
    };
    match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number(name, unsound).prop_map(Value::Number).boxed(),
        Type::List(element) => prop::collection::vec(item(element), 1..4).prop_map(Value::List).boxed(),
        Type::Set(element) => {
            let least = usize::from(unsound == 0);
            prop::collection::vec(item(element), least..4)
                .prop_map(|mut items| {
                    items.sort_by_key(|item| format!("{item:?}"));
                    items.dedup();
                    Value::List(items)
                })
                .boxed()
        }
        Type::Map(element) => {
            let key = prop_oneof![20 => prop::sample::select(vec!["team", "example.com/x"]).prop_map(str::to_owned),
                unsound => unsound_text()];
            prop::collection::btree_map(key, item(element), 1..3).prop_map(Value::Map).boxed()
        }
        _ => {
            let sound = prop::sample::select(sound_texts(name).to_vec()).prop_map(Value::string);
            prop_oneof![20 => sound, unsound => unsound_text().prop_map(Value::String)].boxed()
        }
    }
}

fn member_value(member: &Member, unsound: u32, unknown: u32) -> BoxedStrategy<Value> {
    let unknown_value = Just(Value::Unknown);
    match &member.kind {
        MemberKind::Attribute { value_type, spec } => {
            let absent = if spec.configurability == Configurability::Required { unsound } else { 20 };
            let written = value(member.name, value_type, unsound, unknown);
            if absent == 0 {
                return prop_oneof![20 => written, unknown => unknown_value].boxed();
            }
            // Shrinks to what stands first: a failure is shown with no more than it needs.
            prop_oneof![absent => Just(Value::Null), 20 => written, unknown => unknown_value].boxed()
        }
        MemberKind::Block { nesting: Nesting::List, schema, .. } => {
            let blocks = prop::collection::vec(body(schema, unsound, unknown), 1..3).prop_map(Value::List);
            // Hardly a service is sound without a port.
            let absent = if member.name == "port" { 5 + unsound } else { 20 };
            prop_oneof![absent => Just(Value::List(Vec::new())), 20 => blocks, unknown => unknown_value].boxed()
        }
        MemberKind::Block { schema, .. } => {
            let block = body(schema, unsound, unknown);
            prop_oneof![20 => Just(Value::Null), 20 => block, unknown => unknown_value].boxed()
        }
    }
}

/// Any body of a block.
pub(super) fn body(schema: &Schema, unsound: u32, unknown: u32) -> BoxedStrategy<Value> {
    let members: Vec<_> = schema
        .members
        .iter()
        .map(|member| {
            let name = member.name.to_owned();
            member_value(member, unsound, unknown).prop_map(move |value| (name.clone(), value))
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().collect())).boxed()
}

/// What a configuration gives.
struct Given {
    sound: bool,
    id: Known<String>,
    outputs: Value,
    rendered: Rendered,
}

fn given<R: ResourceType>(value: &Value) -> Given {
    let mut out = Diagnostics::default();
    let config = R::decode(value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    Given {
        sound: !out.has_errors(),
        id: R::id(&config, Ok(&mesh())),
        outputs: R::outputs(&config, &mesh()).encode(),
        rendered: R::render(&config, &mesh()),
    }
}

fn bodies(rendered: &Rendered) -> Known<BTreeMap<Key, Known<serde_json::Value>>> {
    let body = |object: &Known<Object>| object.as_ref().map(|object| object.body.clone()).map_err(|unknown| *unknown);
    Ok(rendered.as_ref().map_err(|unknown| *unknown)?.iter().map(|(key, object)| (key.clone(), body(object))).collect())
}

/// Whether the server may name `field` of the body, `spec.http[0].timeout`, in an error: it stands there, or could.
fn stands_in(body: &serde_json::Value, field: &str) -> bool {
    let pointer = format!("/{}", field.replace('[', "/").replace(']', "").replace('.', "/"));
    let (parent, _) = pointer.rsplit_once('/').unwrap_or_default();
    body.pointer(parent).is_some()
}

/// So many cases; one that fails is printed whole, and becomes a test of its own.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Whatever is written, nothing panics, and every object is what its key says, once.
fn total<R: ResourceType>(unsound: u32, unknown: u32) {
    let schema = R::schema();
    proptest!(cases(256), |(value in body(schema, unsound, unknown))| {
        let (first, second) = (given::<R>(&value), given::<R>(&value));
        prop_assert_eq!(bodies(&first.rendered), bodies(&second.rendered));
        prop_assert_eq!(&first.outputs, &second.outputs);
        let objects = first.rendered.as_deref().unwrap_or_default();
        prop_assert_eq!(objects.iter().map(|(key, _)| key).collect::<BTreeSet<_>>().len(), objects.len());
        for (key, object) in objects {
            let Ok(object) = object else { continue };
            prop_assert_eq!(key, &object.key);
            prop_assert_eq!(object.body["metadata"]["name"].as_str(), Some(key.name.as_str()));
            prop_assert_eq!(object.body["metadata"]["namespace"].as_str(), key.namespace.as_deref());
            prop_assert_eq!(object.body["kind"].as_str(), Some(key.kind.kind));
            prop_assert_eq!(&object.body["apiVersion"], &serde_json::json!(key.kind.api_version()));
            for (field, argument) in &object.origins {
                prop_assert!(stands_in(&object.body, field), "{} has no {}", key, field);
                let Some(Step::Attribute(name)) = argument.steps().first() else { panic!("{argument} names no argument") };
                prop_assert!(schema.members.iter().any(|member| member.name == name), "no argument is named {}", name);
            }
        }
    });
}

/// What is wholly known and passes the rules is rendered whole, and says something.
fn whole<R: ResourceType>() {
    proptest!(cases(256), |(sound in sound::<R>(&[]))| {
        let given = given::<R>(&sound.0);
        prop_assert!(given.sound);
        prop_assert!(given.id.is_ok());
        prop_assert!(given.outputs.is_wholly_known(), "{:?}", given.outputs);
        let objects = given.rendered.unwrap();
        prop_assert!(!objects.is_empty());
        prop_assert!(objects.iter().all(|(_, object)| object.is_ok()));
    });
}

/// The value with each of its unknowns replaced by what stands there in `known`.
fn filled(value: &Value, known: &Value) -> Value {
    match (value, known) {
        (Value::Unknown, known) => known.clone(),
        (Value::Map(members), Value::Map(_)) => {
            Value::Map(members.iter().map(|(name, item)| (name.clone(), filled(item, known.member(name)))).collect())
        }
        (value, _) => value.clone(),
    }
}

/// What was known of a plan stays when the arguments that were unknown come: Terraform calls anything else an inconsistent
/// result.
fn steady<R: ResourceType>() {
    let schema = R::schema();
    let both = (body(schema, 0, 5), body(schema, 0, 0));
    proptest!(cases(512), |((planned, later) in both)| {
        let applied = filled(&planned, &later);
        let (planned, applied) = (given::<R>(&planned), given::<R>(&applied));
        if let (Value::Map(before), Value::Map(after)) = (&planned.outputs, &applied.outputs) {
            for (name, output) in before.iter().filter(|(_, output)| **output != Value::Unknown) {
                prop_assert_eq!(output, &after[name], "{}", name);
            }
        }
        if let (Ok(before), Ok(after)) = (bodies(&planned.rendered), bodies(&applied.rendered)) {
            prop_assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
            for (key, body) in before.iter().filter(|(_, body)| body.is_ok()) {
                prop_assert_eq!(body, &after[key], "{}", key);
            }
        }
    });
}

fn laws<R: ResourceType>() {
    total::<R>(1, 2);
    total::<R>(20, 5);
    whole::<R>();
    steady::<R>();
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

#[test]
fn of_mesh_namespace() {
    laws::<Namespace>();
}

#[test]
fn of_mesh_gateway() {
    laws::<Gateway>();
}
