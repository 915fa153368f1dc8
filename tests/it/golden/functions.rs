//! Results and errors of functions, by calls.

use std::fmt::Write as _;

use expect_test::expect;
use terraform_provider_mesh::{functions::functions, schema::Value};

/// The results of calls, each as a name and texts; a text with `=` is an element of a map.
fn results(calls: &[(&str, &[&str])]) -> String {
    let functions = functions();
    let mut text = String::new();
    for (name, arguments) in calls {
        let function = &functions[name];
        let values: Vec<Value> = if *name == "render_yaml" {
            let pairs = arguments.iter().filter_map(|pair| pair.split_once('='));
            vec![Value::Map(pairs.map(|(key, body)| (key.to_owned(), Value::string(body))).collect())]
        } else {
            arguments.iter().map(|argument| Value::string(*argument)).collect()
        };
        let result = match (function.call)(&values) {
            Ok(Value::String(text)) => text,
            Ok(Value::Map(members)) => {
                let members = members.into_iter().map(|(name, value)| match value {
                    Value::String(value) => format!("  {name} = {value:?}"),
                    Value::Number(value) => format!("  {name} = {value}"),
                    value => format!("  {name} = {value:?}"),
                });
                format!("{{\n{}\n}}", members.collect::<Vec<_>>().join("\n"))
            }
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error in argument {:?}: {}", error.argument, error.text),
        };
        writeln!(text, "{name}({}) = {result}", arguments.join(", ")).unwrap();
    }
    text
}

#[test]
fn names() {
    let long = "a".repeat(40);
    let calls: &[(&str, &[&str])] = &[
        ("object_name", &["payments", "pci"]),
        ("object_name", &["Payments", "pci"]),
        ("host", &["payments", "pci"]),
        ("host", &["payments", "pci", "example.local"]),
        ("host", &["payments", "pci", "example.local", "b.local"]),
        ("host", &["payments", "a.b"]),
        ("principal", &["pci", "payments"]),
        ("principal", &["pci", "payments", "prod.example.com"]),
        ("principal", &["pci", "*"]),
        ("global_name", &["{name}.{namespace}.example.internal", "payments", "pci"]),
        ("global_name", &["{name}-{namespace}.example.internal", &long, &long]),
        ("global_name", &["{team}.example.internal", "payments", "pci"]),
    ];
    expect![[r#"
        object_name(payments, pci) = payments-pci
        object_name(Payments, pci) = error in argument Some(0): Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most. Got "Payments".
        host(payments, pci) = payments.pci.svc.cluster.local
        host(payments, pci, example.local) = payments.pci.svc.example.local
        host(payments, pci, example.local, b.local) = error in argument Some(3): at most one domain is accepted
        host(payments, a.b) = error in argument Some(1): Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "a.b".
        principal(pci, payments) = cluster.local/ns/pci/sa/payments
        principal(pci, payments, prod.example.com) = prod.example.com/ns/pci/sa/payments
        principal(pci, *) = error in argument Some(1): Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "*".
        global_name({name}.{namespace}.example.internal, payments, pci) = payments.pci.example.internal
        global_name({name}-{namespace}.example.internal, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) = Null
        global_name({team}.example.internal, payments, pci) = error in argument Some(0): "{team}.example.internal": {team} stands for nothing. Write {name}, {namespace} and fixed text.
    "#]].assert_eq(&results(calls));
}

#[test]
fn identities_are_taken_apart() {
    let calls: &[(&str, &[&str])] = &[
        ("parse_principal", &["cluster.local/ns/pci/sa/payments"]),
        ("parse_principal", &["spiffe://prod.example.com/ns/pci/sa/payments"]),
        ("parse_principal", &["pci/payments"]),
        ("parse_principal", &["*"]),
    ];
    expect![[r#"
        parse_principal(cluster.local/ns/pci/sa/payments) = {
          namespace = "pci"
          service_account = "payments"
          trust_domain = "cluster.local"
        }
        parse_principal(spiffe://prod.example.com/ns/pci/sa/payments) = {
          namespace = "pci"
          service_account = "payments"
          trust_domain = "prod.example.com"
        }
        parse_principal(pci/payments) = error in argument Some(0): an identity has the form cluster.local/ns/pci/sa/payments: trust domain, namespace and service account. Got "pci/payments".
        parse_principal(*) = error in argument Some(0): an identity has the form cluster.local/ns/pci/sa/payments: trust domain, namespace and service account. Got "*".
    "#]].assert_eq(&results(calls));
}

#[test]
fn presets() {
    let calls: &[(&str, &[&str])] = &[
        ("resiliency_preset", &["low"]),
        ("resiliency_preset", &["high"]),
        ("resiliency_preset", &["none"]),
        ("resiliency_preset", &["max"]),
    ];
    expect![[r#"
        resiliency_preset(low) = {
          base_ejection_time = "30s"
          connect_timeout = "10s"
          consecutive_gateway_errors = 10
          idempotent_retry_on = "connect-failure,refused-stream,gateway-error"
          interval = "30s"
          max_connections = Null
          max_ejection_percent = 50
          max_pending_requests = Null
          max_requests = Null
          per_try_timeout = "30s"
          retry_attempts = 1
          retry_on = "connect-failure,refused-stream"
        }
        resiliency_preset(high) = {
          base_ejection_time = "30s"
          connect_timeout = "2s"
          consecutive_gateway_errors = 3
          idempotent_retry_on = "connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"
          interval = "5s"
          max_connections = 10000
          max_ejection_percent = 50
          max_pending_requests = 10000
          max_requests = 10000
          per_try_timeout = "1500ms"
          retry_attempts = 3
          retry_on = "connect-failure,refused-stream,reset-before-request"
        }
        resiliency_preset(none) = Null
        resiliency_preset(max) = error in argument Some(0): "max" isn't one of "low", "medium", "high", "none".
    "#]].assert_eq(&results(calls));
}

#[test]
fn objects_are_rendered_as_yaml() {
    let calls: &[(&str, &[&str])] = &[
        ("render_yaml", &[]),
        (
            "render_yaml",
            &[
                r#"VirtualService/pci/payments-pci={"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"payments-pci","namespace":"pci","labels":{"team":"yes"}},"spec":{"hosts":["*"],"http":[{"timeout":"5s"}]}}"#,
                // What the key says already may be missing.
                r#"Namespace/pci={"metadata":{"labels":{"a":"b"}}}"#,
                r#"AuthorizationPolicy/pci/payments-pci={"spec":{"rules":[]}}"#,
            ],
        ),
        ("render_yaml", &["payments={}"]),
        ("render_yaml", &["Namespace/pci=[]"]),
        ("render_yaml", &[r#"Namespace/pci={"metadata":"x"}"#]),
    ];
    expect![[r#"
        render_yaml() = 
        render_yaml(VirtualService/pci/payments-pci={"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"payments-pci","namespace":"pci","labels":{"team":"yes"}},"spec":{"hosts":["*"],"http":[{"timeout":"5s"}]}}, Namespace/pci={"metadata":{"labels":{"a":"b"}}}, AuthorizationPolicy/pci/payments-pci={"spec":{"rules":[]}}) = apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          rules: []
        ---
        apiVersion: v1
        kind: Namespace
        metadata:
          labels:
            a: b
          name: pci
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          labels:
            team: "yes"
          name: payments-pci
          namespace: pci
        spec:
          hosts:
          - "*"
          http:
          - timeout: 5s

        render_yaml(payments={}) = error in argument Some(0): "payments" isn't the key of an object. Write the attribute objects of a resource of this provider
        render_yaml(Namespace/pci=[]) = error in argument Some(0): "Namespace/pci" isn't the JSON of an object. Write the attribute objects of a resource of this provider
        render_yaml(Namespace/pci={"metadata":"x"}) = error in argument Some(0): "Namespace/pci" isn't the JSON of an object. Write the attribute objects of a resource of this provider
    "#]].assert_eq(&results(calls));
}
