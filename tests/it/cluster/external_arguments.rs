//! Every argument of `mesh_external_service` on a real API server is set, changed and removed, as in `arguments.rs`.

use expect_test::expect_file;
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::{
    arguments::{Row, assert_covers_schema, check_arguments, row},
    configure, destroy_all, workspace,
};
use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

/// Proxies originate TLS, so that they see the requests.
const ORIGINATE: &str = "tls = \"originate\"";

/// The rows in the order of the schema.
const ROWS: &[Row] = &[
    row("tls", "", "tls = \"originate\"", "tls = \"none\""),
    row(
        "resolution",
        "",
        "resolution = \"none\"",
        "resolution = \"static\"\nendpoint {\n address = \"203.0.113.7\"\n}",
    ),
    row("resolution", "", "resolution = \"dns_round_robin\"", "endpoint {\n address = \"eu.example.net\"\n}"),
    row("addresses", "", "addresses = [\"203.0.113.7\"]", "addresses = [\"203.0.113.8\", \"2001:db8::1\"]"),
    row("resiliency", ORIGINATE, "resiliency = \"high\"", "resiliency = \"none\""),
    row("request_timeout", ORIGINATE, "request_timeout = \"3s\"", "request_timeout = \"0s\""),
    row("labels", "", "labels = { team = \"a\" }", "labels = { team = \"b\", tier = \"c\" }"),
    row("annotations", "", "annotations = { note = \"a\" }", "annotations = { note = \"b\" }"),
    row(
        "port",
        "",
        "port {\n number = 8443\n protocol = \"https\"\n}",
        "port {\n number = 8080\n protocol = \"http\"\n tls = \"originate\"\n target_port = 8443\n}",
    ),
    row(
        "tls_settings",
        ORIGINATE,
        "tls_settings {\n ca = \"/etc/ca.pem\"\n}",
        "tls_settings {\n sni = \"a.example.net\"\n subject_alt_names = [\"a.example.net\"]\n}",
    ),
    row(
        "endpoint",
        "",
        "endpoint {\n address = \"203.0.113.7\"\n}",
        "endpoint {\n address = \"203.0.113.8\"\n locality = \"eu/a\"\n ports = { 443 = 8443 }\n}",
    ),
    row(
        "retries",
        ORIGINATE,
        "retries {\n attempts = 0\n}",
        "retries {\n attempts = 4\n idempotent = true\n per_try_timeout = \"1s\"\n}",
    ),
    row(
        "circuit_breaker",
        ORIGINATE,
        "circuit_breaker {\n max_requests = 7\n}",
        "circuit_breaker {\n connect_timeout = \"200ms\"\n max_connections = 8\n max_pending_requests = 9\n}",
    ),
    row(
        "circuit_breaker",
        ORIGINATE,
        "circuit_breaker {\n max_retries = 7\n}",
        "circuit_breaker {\n max_retries = 8\n}",
    ),
    row(
        "connections",
        ORIGINATE,
        "connections {\n idle_timeout = \"5m\"\n max_duration = \"1h\"\n keepalive {}\n}",
        "connections {\n max_requests_per_connection = 9\n http2 = true\n keepalive {\n time = \"30s\"\n interval = \"5s\"\n probes = 3\n}\n}",
    ),
    row(
        "outlier_detection",
        "",
        "outlier_detection {\n consecutive_5xx = 7\n}",
        "outlier_detection {\n consecutive_gateway_errors = 4\n interval = \"1s\"\n base_ejection_time = \"2s\"\n max_ejection_percent = 100\n}",
    ),
    row(
        "load_balancing",
        "resiliency = \"low\"",
        "load_balancing {\n locality = \"inherit\"\n}",
        "load_balancing {\n locality = \"off\"\n}",
    ),
    row(
        "egress_gateway",
        "",
        "egress_gateway {\n namespace = \"NAMESPACE\"\n service = \"egress\"\n}",
        "egress_gateway {\n namespace = \"NAMESPACE\"\n service = \"egress\"\n port = 8443\n selector = { istio = \"egress\" }\n}",
    ),
    row(
        "override",
        ORIGINATE,
        "override {\n kind = \"ServiceEntry\"\n patch = \"{\\\"spec\\\":{\\\"subjectAltNames\\\":[\\\"a.example.net\\\"]}}\"\n}",
        "override {\n kind = \"DestinationRule\"\n patch = \"{\\\"spec\\\":{\\\"trafficPolicy\\\":{\\\"proxyProtocol\\\":{\\\"version\\\":\\\"V2\\\"}}}}\"\n}",
    ),
];

/// Arguments without an own field in any object, each with the file of its tests.
const TESTED_ELSEWHERE: &[(&str, &str)] = &[
    ("host", "external_service.rs"),
    ("hosts", "external_service.rs"),
    ("name", "external_service.rs"),
    ("export_to", "external_service.rs"),
    ("namespace", "external_service.rs"),
    ("adopt_existing", "adoption.rs"),
    ("adopt_from_owner", "adoption.rs"),
    ("deletion_protection", "external_service.rs"),
    ("timeouts", "provider_comparison.rs"),
];

fn external_service(n: usize, row: &Row, argument: &str) -> String {
    let context = row.context;
    format!(
        "resource \"mesh_external_service\" \"s{n}\" {{\nhost = \"s{n}.example.com\"\nexport_to = [\"shop\"]\n{context}\n{argument}\n}}"
    )
}

#[test]
fn every_argument_has_a_row() {
    assert_covers_schema::<ExternalService>(ROWS, TESTED_ELSEWHERE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    let namespace = control_plane().namespace("external");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, "");
    let configure = |hcl: &str| configure(&workspace, Grant::Platform, &namespace, hcl);
    check_arguments(
        ROWS,
        external_service,
        &workspace,
        &configure,
        &namespace.name,
        &expect_file!["external_arguments.txt"],
    );
    destroy_all(&workspace, &namespace);
}
