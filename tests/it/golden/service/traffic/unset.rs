//! Services without a resiliency preset: traffic arguments that aren't set change nothing.

use std::fmt::Write as _;

use expect_test::expect;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::{Mesh, duration::Duration, resiliency::Preset},
    resources::service::Service,
    schema::model::Model,
};

use super::{check_part, http_and_tcp, payments, versions};
use crate::golden::{check_keys, check_outputs, hcl, mesh};

/// The objects of a kind of a valid configuration.
fn objects(mesh: &Mesh, text: &str, kind: &str) -> Vec<Json> {
    let value = hcl::resource(text, Service::schema());
    let mut out = Diagnostics::default();
    let config = Service::decode(&value, &Path::root(), &mut out);
    Service::validate(&config, &mut out);
    Service::validate_in_mesh(&config, mesh, &config.render(mesh), &mut out);
    assert!(!out.has_errors(), "{text}: {out}");
    let rendered = config.render(mesh).unwrap();
    let of_kind = rendered.into_iter().filter(|(key, _)| key.kind.kind == kind);
    of_kind.map(|(_, object)| object.unwrap().body).collect()
}

/// Name, timeout and number of retries of each route for callers in the mesh, in one line.
fn routes(mesh: &Mesh, arguments: &str) -> String {
    let mut line = String::new();
    for object in objects(mesh, &payments(arguments), "VirtualService") {
        for route in object["spec"]["http"].as_array().unwrap() {
            let retries = &route["retries"]["attempts"];
            write!(line, " [name {}, timeout {}, attempts {retries}]", route["name"], route["timeout"]).unwrap();
        }
    }
    line
}

#[test]
fn service_without_traffic_arguments_has_no_traffic_objects() {
    let text = payments("authorization_mode = \"dry_run\"");
    check_keys::<Service>(
        &text,
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
    check_outputs::<Service>(
        &text,
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["anonymous"]
            effective_resiliency = null
            global_host = null
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// A DestinationRule for subsets alone has no traffic policy, and the preset `none` is a setting of its own.
#[test]
fn destination_rule_has_only_the_arguments_that_are_set() {
    let mut lines = String::new();
    for arguments in [
        &versions(50, 50),
        "resiliency = \"none\"",
        "circuit_breaker {\n  connect_timeout = \"1s\"\n}",
        "outlier_detection {\n  consecutive_5xx = 3\n}",
        "request_timeout = \"5s\"",
        "streaming = true",
        "retries {\n  attempts = 1\n}",
    ] {
        let rules = objects(&mesh(), &payments(arguments), "DestinationRule");
        let policies: Vec<String> = rules.iter().map(|rule| rule["spec"]["trafficPolicy"].to_string()).collect();
        writeln!(lines, "{}: {}", arguments.replace('\n', " "), policies.join(", ")).unwrap();
    }
    expect![[r#"
        version {   name = "v1"   labels = { version = "v1" }   weight = 50 } version {   name = "v2"   labels = { version = "v2" }   weight = 50 } : null
        resiliency = "none": null
        circuit_breaker {   connect_timeout = "1s" }: {"connectionPool":{"tcp":{"connectTimeout":"1s"}}}
        outlier_detection {   consecutive_5xx = 3 }: {"loadBalancer":{"localityLbSetting":{"enabled":false}},"outlierDetection":{"consecutive5xxErrors":3}}
        request_timeout = "5s": 
        streaming = true: 
        retries {   attempts = 1 }: 
    "#]].assert_eq(&lines);
}

/// The mesh-wide EnvoyFilter changes routes with the name `default`. A route has this name if it sets neither timeout nor retries,
/// as the generated route that it takes the place of.
#[test]
fn routes_without_timeout_and_retries_are_named_default() {
    let with_default = |timeout: Option<Duration>, resiliency: Option<Preset>| {
        let mut mesh = mesh();
        (mesh.defaults.request_timeout, mesh.defaults.resiliency) = (timeout, resiliency);
        mesh
    };
    let to_v1 = "route {\n  match {\n    path = \"/a\"\n  }\n  to {\n    version = \"v1\"\n  }\n}";
    let named = to_v1.replace("route {", "route {\n  name = \"first\"");
    let with_timeout = to_v1.replace("route {", "route {\n  request_timeout = \"1s\"");
    let redirect = "route {\n  match {\n    path = \"/a\"\n  }\n  redirect {\n    path = \"/b\"\n  }\n}";
    let mut lines = String::new();
    for arguments in [
        String::new(),
        "global_name = \"payments.example.internal\"".to_owned(),
        "streaming = true".to_owned(),
        "request_timeout = \"0s\"".to_owned(),
        "request_timeout = \"5s\"".to_owned(),
        "retries {\n  attempts = 0\n}".to_owned(),
        "resiliency = \"none\"".to_owned(),
        "resiliency = \"low\"".to_owned(),
        versions(50, 50),
        versions(50, 50) + to_v1,
        versions(50, 50) + &named,
        versions(50, 50) + &with_timeout,
        redirect.to_owned(),
    ] {
        writeln!(lines, "{}:{}", arguments.replace('\n', " "), routes(&mesh(), &arguments)).unwrap();
    }
    let timeout = routes(&with_default(Some(Duration::seconds(9)), None), "");
    writeln!(lines, "defaults.request_timeout:{timeout}").unwrap();
    let resiliency = routes(&with_default(None, Some(Preset::High)), "");
    writeln!(lines, "defaults.resiliency:{resiliency}").unwrap();
    expect![[r#"
        :
        global_name = "payments.example.internal": [name "default", timeout null, attempts null] [name "default", timeout null, attempts null]
        streaming = true: [name null, timeout null, attempts null]
        request_timeout = "0s": [name null, timeout null, attempts null]
        request_timeout = "5s": [name null, timeout "5s", attempts null]
        retries {   attempts = 0 }: [name null, timeout null, attempts 0]
        resiliency = "none": [name null, timeout null, attempts 0]
        resiliency = "low": [name null, timeout null, attempts 1]
        version {   name = "v1"   labels = { version = "v1" }   weight = 50 } version {   name = "v2"   labels = { version = "v2" }   weight = 50 } : [name "default", timeout null, attempts null]
        version {   name = "v1"   labels = { version = "v1" }   weight = 50 } version {   name = "v2"   labels = { version = "v2" }   weight = 50 } route {   match {     path = "/a"   }   to {     version = "v1"   } }: [name "default", timeout null, attempts null] [name "default", timeout null, attempts null]
        version {   name = "v1"   labels = { version = "v1" }   weight = 50 } version {   name = "v2"   labels = { version = "v2" }   weight = 50 } route {   name = "first"   match {     path = "/a"   }   to {     version = "v1"   } }: [name "first", timeout null, attempts null] [name "default", timeout null, attempts null]
        version {   name = "v1"   labels = { version = "v1" }   weight = 50 } version {   name = "v2"   labels = { version = "v2" }   weight = 50 } route {   request_timeout = "1s"   match {     path = "/a"   }   to {     version = "v1"   } }: [name null, timeout "1s", attempts null] [name "default", timeout null, attempts null]
        route {   match {     path = "/a"   }   redirect {     path = "/b"   } }: [name null, timeout null, attempts null] [name "default", timeout null, attempts null]
        defaults.request_timeout: [name null, timeout "9s", attempts null]
        defaults.resiliency: [name null, timeout null, attempts 3]
    "#]].assert_eq(&lines);
}

/// A gateway's route has no such name: the EnvoyFilter doesn't reach gateways.
#[test]
fn gateway_routes_are_not_named_default() {
    let ingress = "ingress {\n  gateway = \"ingress/public\"\n  service_account = \"ingress/gateway\"\n  hosts = [\"pay.example.com\"]\n}";
    assert_eq!(routes(&mesh(), ingress), " [name null, timeout null, attempts null]");
}

/// Without `consecutive5xxErrors` Envoy ejects after five responses of 5xx, the application's own ones among them.
#[test]
fn outlier_detection_always_sets_consecutive_5xx() {
    let mut lines = String::new();
    for block in [
        "consecutive_5xx = 3",
        "consecutive_gateway_errors = 3",
        "consecutive_gateway_errors = 3\n  consecutive_5xx = 20\n  max_ejection_percent = 34",
    ] {
        let rules = objects(&mesh(), &payments(&format!("outlier_detection {{\n  {block}\n}}")), "DestinationRule");
        writeln!(lines, "{}: {}", block.replace('\n', " "), rules[0]["spec"]["trafficPolicy"]["outlierDetection"])
            .unwrap();
    }
    expect![[r#"
        consecutive_5xx = 3: {"consecutive5xxErrors":3}
        consecutive_gateway_errors = 3: {"consecutive5xxErrors":0,"consecutiveGatewayErrors":3}
        consecutive_gateway_errors = 3   consecutive_5xx = 20   max_ejection_percent = 34: {"consecutive5xxErrors":20,"consecutiveGatewayErrors":3,"maxEjectionPercent":34}
    "#]].assert_eq(&lines);
}

#[test]
fn streaming_removes_the_request_limits_of_the_preset() {
    check_part(
        "DestinationRule",
        "    connectionPool:",
        &payments("resiliency = \"high\"\nstreaming = true"),
        &expect![[r#"
            tcp:
              connectTimeout: 2s
              maxConnections: 10000
        "#]],
    );
    check_part(
        "DestinationRule",
        "    connectionPool:",
        &payments("resiliency = \"high\"\nstreaming = true\ncircuit_breaker {\n  max_requests = 10\n}"),
        &expect![[r#"
            http:
              http2MaxRequests: 10
            tcp:
              connectTimeout: 2s
              maxConnections: 10000
        "#]],
    );
}

/// Outlier detection alone would switch locality load balancing on.
#[test]
fn locality_is_off_with_outlier_detection_unless_inherited() {
    let mut lines = String::new();
    for arguments in [
        "resiliency = \"medium\"",
        "resiliency = \"medium\"\nload_balancing {\n  locality = \"inherit\"\n}",
        "resiliency = \"medium\"\nload_balancing {\n  locality = \"off\"\n}",
        "resiliency = \"none\"\nload_balancing {\n  locality = \"off\"\n}",
        "circuit_breaker {\n  max_connections = 1\n}",
    ] {
        for text in [payments(arguments), http_and_tcp(arguments)] {
            let rules = objects(&mesh(), &text, "DestinationRule");
            let policy = &rules[0]["spec"]["trafficPolicy"];
            let ports = &policy["portLevelSettings"][0]["loadBalancer"];
            writeln!(lines, "{}: {}, port {ports}", arguments.replace('\n', " "), policy["loadBalancer"]).unwrap();
        }
    }
    expect![[r#"
        resiliency = "medium": {"localityLbSetting":{"enabled":false}}, port null
        resiliency = "medium": {"localityLbSetting":{"enabled":false}}, port {"localityLbSetting":{"enabled":false}}
        resiliency = "medium" load_balancing {   locality = "inherit" }: null, port null
        resiliency = "medium" load_balancing {   locality = "inherit" }: null, port null
        resiliency = "medium" load_balancing {   locality = "off" }: {"localityLbSetting":{"enabled":false}}, port null
        resiliency = "medium" load_balancing {   locality = "off" }: {"localityLbSetting":{"enabled":false}}, port {"localityLbSetting":{"enabled":false}}
        resiliency = "none" load_balancing {   locality = "off" }: null, port null
        resiliency = "none" load_balancing {   locality = "off" }: null, port null
        circuit_breaker {   max_connections = 1 }: null, port null
        circuit_breaker {   max_connections = 1 }: null, port null
    "#]]
    .assert_eq(&lines);
}
