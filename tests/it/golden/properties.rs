//! Properties of random configurations. Rendering never panics and is deterministic, even for invalid values. Every object
//! of a valid configuration is rendered. What is known at plan time doesn't change when unknown arguments become known.

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

use super::{mesh, valid_configs::valid_configs};

/// Values for the argument `name` that are valid in many configurations.
fn valid_texts(name: &str) -> &'static [&'static str] {
    match name {
        // Routes refer to versions by name.
        "name" | "version" => &["payments", "ledger"],
        // In an `ingress` block the value contains the namespace.
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
        "applies_to" => &["mesh", "ingress"],
        "key" => &["request.headers[x-team]", "request.auth.claims[groups]", "connection.sni"],
        "paths" | "except_paths" => &["/", "/v1/*", "*.json", "/a/{*}/b"],
        "hosts" => &["payments.example.com", "*.example.com", "payments.*", "payments.example.com:8080"],
        "ip_blocks" | "remote_ip_blocks" => &["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"],
        "host" => &["api.example.com", "*.example.com"],
        "tls" => &["passthrough", "originate", "originate_mutual", "none"],
        "resolution" => &["dns", "none", "static"],
        "address" | "addresses" => &["203.0.113.7", "203.0.113.0/24", "2001:db8::1"],
        "ca" | "client_certificate" | "client_key" => &["/etc/certs/a.pem", "/etc/certs/b.pem"],
        "export_to" => &["shop", "media", "*"],
        "mode" => &["strict", "permissive", "audit", "dry_run", "enforce", "off", "simple", "passthrough"],
        "outbound_traffic_policy" => &["registry_only", "allow_any", "inherit"],
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

/// Values that are invalid for some or all arguments.
fn invalid_text() -> impl Strategy<Value = String> {
    let texts = ["default", "", "/", "*/", "pci/", "istio.io/rev", "x.svc.cluster.local", "0s", "-1s", "istio-system"];
    prop_oneof![prop::sample::select(texts.to_vec()).prop_map(str::to_owned), ".{0,12}"]
}

/// Numbers for the argument `name` that are valid in many configurations.
fn valid_numbers(name: &str) -> &'static [i64] {
    match name {
        "number" | "target_port" | "port" | "ports" | "except_ports" | "gateway_port" => &[80, 443, 8080, 9000],
        "sampling_percentage" => &[0, 1, 100],
        "weight" => &[100, 0, 40, 60],
        "status" => &[302, 308],
        "abort_status" => &[503, 200],
        _ => &[1, 3, 0],
    }
}

fn number(name: &str, invalid: u32) -> impl Strategy<Value = Number> {
    prop_oneof![
        20 => prop::sample::select(valid_numbers(name).to_vec()).prop_map(Number::from),
        invalid => prop::sample::select(vec![0_i64, -1, 65536, i64::MAX]).prop_map(Number::from),
        invalid => Just(Number::parse("1.5").unwrap()),
    ]
}

/// A value of a type. Relative to 20 valid values, there are `invalid` invalid ones, and `unknown` unknown ones within it.
fn value(name: &'static str, kind: &Type, invalid: u32, unknown: u32) -> BoxedStrategy<Value> {
    let item = |element: &Type| {
        let element = value(name, element, invalid, unknown);
        prop_oneof![20 => element, invalid => Just(Value::Null), unknown => Just(Value::Unknown)].boxed()
    };
    match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number(name, invalid).prop_map(Value::Number).boxed(),
        Type::List(element) => prop::collection::vec(item(element), 1..4).prop_map(Value::List).boxed(),
        Type::Set(element) => {
            let least = usize::from(invalid == 0);
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
                invalid => invalid_text()];
            prop::collection::btree_map(key, item(element), 1..3).prop_map(Value::Map).boxed()
        }
        _ => {
            let valid = prop::sample::select(valid_texts(name).to_vec()).prop_map(Value::string);
            prop_oneof![20 => valid, invalid => invalid_text().prop_map(Value::String)].boxed()
        }
    }
}

fn member_value(member: &Member, invalid: u32, unknown: u32) -> BoxedStrategy<Value> {
    let unknown_value = Just(Value::Unknown);
    match &member.kind {
        MemberKind::Attribute { value_type, spec } => {
            let absent = if spec.configurability == Configurability::Required { invalid } else { 20 };
            let set = value(member.name, value_type, invalid, unknown);
            if absent == 0 {
                return prop_oneof![20 => set, unknown => unknown_value].boxed();
            }
            // Shrinking prefers the first alternative, so counterexamples contain few arguments.
            prop_oneof![absent => Just(Value::Null), 20 => set, unknown => unknown_value].boxed()
        }
        MemberKind::Block { nesting: Nesting::List, schema, .. } => {
            let blocks = prop::collection::vec(body(schema, invalid, unknown), 1..3).prop_map(Value::List);
            // A service is rarely valid without a port.
            let absent = if member.name == "port" { 5 + invalid } else { 20 };
            prop_oneof![absent => Just(Value::List(Vec::new())), 20 => blocks, unknown => unknown_value].boxed()
        }
        MemberKind::Block { schema, .. } => {
            let block = body(schema, invalid, unknown);
            prop_oneof![20 => Just(Value::Null), 20 => block, unknown => unknown_value].boxed()
        }
    }
}

/// The value of the body of a block. For `invalid` and `unknown` see `value`.
pub(super) fn body(schema: &Schema, invalid: u32, unknown: u32) -> BoxedStrategy<Value> {
    let members: Vec<_> = schema
        .members
        .iter()
        .map(|member| {
            let name = member.name.to_owned();
            member_value(member, invalid, unknown).prop_map(move |value| (name.clone(), value))
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().collect())).boxed()
}

/// The result of decoding, validating and rendering a configuration.
struct Evaluation {
    valid: bool,
    id: Known<String>,
    outputs: Value,
    rendered: Rendered,
}

fn evaluate<R: ResourceType>(value: &Value) -> Evaluation {
    let mut out = Diagnostics::default();
    let config = R::decode(value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    Evaluation {
        valid: !out.has_errors(),
        id: R::id(&config, Ok(&mesh())),
        outputs: R::outputs(&config, &mesh()).encode(),
        rendered: R::render(&config, &mesh()),
    }
}

fn bodies(rendered: &Rendered) -> Known<BTreeMap<Key, Known<serde_json::Value>>> {
    let body = |object: &Known<Object>| object.as_ref().map(|object| object.body.clone()).map_err(|unknown| *unknown);
    Ok(rendered.as_ref().map_err(|unknown| *unknown)?.iter().map(|(key, object)| (key.clone(), body(object))).collect())
}

/// Whether an error of the server may name a field of the body, like `spec.http[0].timeout`. The field itself may be absent.
fn has_parent_of(body: &serde_json::Value, field: &str) -> bool {
    let pointer = format!("/{}", field.replace('[', "/").replace(']', "").replace('.', "/"));
    let (parent, _) = pointer.rsplit_once('/').unwrap_or_default();
    body.pointer(parent).is_some()
}

/// Failing cases are printed and not stored in a file. A test with the printed value is to be written instead.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Rendering of any value is deterministic, each object matches its key, and keys are unique.
fn check_rendering<R: ResourceType>(invalid: u32, unknown: u32) {
    let schema = R::schema();
    proptest!(cases(256), |(value in body(schema, invalid, unknown))| {
        let (first, second) = (evaluate::<R>(&value), evaluate::<R>(&value));
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
                prop_assert!(has_parent_of(&object.body, field), "{} has no parent of {}", key, field);
                let Some(Step::Attribute(name)) = argument.steps().first() else { panic!("{argument} names no argument") };
                prop_assert!(schema.members.iter().any(|member| member.name == name), "no argument is named {}", name);
            }
        }
    });
}

/// A valid configuration without unknowns has known objects and outputs, and at least one object.
fn check_valid_configs<R: ResourceType>() {
    proptest!(cases(256), |(config in valid_configs::<R>(&[]))| {
        let evaluation = evaluate::<R>(&config.0);
        prop_assert!(evaluation.valid);
        prop_assert!(evaluation.id.is_ok());
        prop_assert!(evaluation.outputs.is_wholly_known(), "{:?}", evaluation.outputs);
        let objects = evaluation.rendered.unwrap();
        prop_assert!(!objects.is_empty());
        prop_assert!(objects.iter().all(|(_, object)| object.is_ok()));
    });
}

/// The value in which each unknown is replaced by the value at the same path of `known`.
fn replace_unknowns(value: &Value, known: &Value) -> Value {
    match (value, known) {
        (Value::Unknown, known) => known.clone(),
        (Value::Map(members), Value::Map(_)) => Value::Map(
            members.iter().map(|(name, item)| (name.clone(), replace_unknowns(item, known.member(name)))).collect(),
        ),
        (value, _) => value.clone(),
    }
}

/// Outputs and objects that are known at plan time are the same at apply time. Terraform reports any difference as an
/// inconsistent result.
fn check_known_values<R: ResourceType>() {
    let schema = R::schema();
    let both = (body(schema, 0, 5), body(schema, 0, 0));
    proptest!(cases(512), |((planned, later) in both)| {
        let applied = replace_unknowns(&planned, &later);
        let (plan, apply) = (evaluate::<R>(&planned), evaluate::<R>(&applied));
        if let (Value::Map(before), Value::Map(after)) = (&plan.outputs, &apply.outputs) {
            for (name, output) in before.iter().filter(|(_, output)| **output != Value::Unknown) {
                prop_assert_eq!(output, &after[name], "{}", name);
            }
        }
        if let (Ok(before), Ok(after)) = (bodies(&plan.rendered), bodies(&apply.rendered)) {
            prop_assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
            for (key, body) in before.iter().filter(|(_, body)| body.is_ok()) {
                prop_assert_eq!(body, &after[key], "{}", key);
            }
        }
    });
}

fn check_properties<R: ResourceType>() {
    check_rendering::<R>(1, 2);
    check_rendering::<R>(20, 5);
    check_valid_configs::<R>();
    check_known_values::<R>();
}

#[test]
fn mesh_service() {
    check_properties::<Service>();
}

#[test]
fn mesh_external_service() {
    check_properties::<ExternalService>();
}

#[test]
fn mesh_global_defaults() {
    check_properties::<GlobalDefaults>();
}

#[test]
fn mesh_namespace() {
    check_properties::<Namespace>();
}

#[test]
fn mesh_gateway() {
    check_properties::<Gateway>();
}
