//! Every argument of `mesh_global_defaults` on a real API server is set, changed and removed, as in `arguments.rs`. A
//! mesh has only one such resource, so each row has its own mesh, that is, its own root namespace.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::expect_file;
use serde_json::Value as Json;
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
};

use super::arguments::{Row, assert_covers_schema, differences, live_objects, row};

/// A block that most rows have, because a resource without any object is an error.
const MTLS: &str = "mtls {}";

const ENFORCE: &str = "authorization {\n mode = \"enforce\"\n}";

const ISSUER: &str = "jwt {\n issuer = \"https://x.example.com\"\n}";

/// The rows in the order of the schema.
const ROWS: &[Row] = &[
    row(
        "outbound_traffic_policy",
        MTLS,
        "outbound_traffic_policy = \"allow_any\"",
        "outbound_traffic_policy = \"registry_only\"",
    ),
    row("resiliency", MTLS, "resiliency = \"high\"", "resiliency = \"none\""),
    row("request_timeout", MTLS, "request_timeout = \"3s\"", "request_timeout = \"5s\""),
    row("labels", MTLS, "labels = { team = \"a\" }", "labels = { team = \"b\", tier = \"c\" }"),
    row("annotations", MTLS, "annotations = { note = \"a\" }", "annotations = { note = \"b\" }"),
    row("mtls", "sidecar {}", "mtls {}", "mtls {\n mode = \"permissive\"\n}"),
    row(
        "authorization",
        MTLS,
        "authorization {\n mode = \"audit\"\n}",
        "authorization {\n mode = \"dry_run\"\n allow {\n from = [\"monitoring/prometheus\"]\n ports = [9090]\n }\n allow {\n from = \
         [\"anonymous\"]\n paths = [\"/healthz\"]\n methods = [\"GET\"]\n ip_blocks = [\"10.0.0.0/8\"]\n }\n}",
    ),
    row(
        "gateway_access",
        ENFORCE,
        "gateway_access {\n namespace = \"ROOT\"\n selector = { app = \"edge\" }\n ports = [8443]\n}",
        "gateway_access {\n namespace = \"ROOT\"\n selector = { app = \"edge\" }\n ports = [8080, 8443]\n}",
    ),
    row("sidecar", MTLS, "sidecar {}", "sidecar {\n egress_hosts = [\"*/*\"]\n}"),
    row(
        "retries",
        MTLS,
        "retries {\n attempts = 1\n}",
        "retries {\n attempts = 3\n per_try_timeout = \"2s\"\n idempotent = true\n}",
    ),
    row(
        "load_balancing",
        "resiliency = \"low\"",
        "load_balancing {\n locality = \"inherit\"\n}",
        "load_balancing {\n locality = \"off\"\n}",
    ),
    row(
        "jwt",
        MTLS,
        "jwt {\n issuer = \"https://x.example.com\"\n jwks_uri = \"https://x.example.com/keys\"\n}",
        "jwt {\n issuer = \"https://x.example.com\"\n jwks = jsonencode({ keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"AQAB\" }] })\n audiences = [\"pay\"]\n \
         selector = { app = \"a\" }\n forward = false\n claims_to_headers = { sub = \"x-user\" }\n}",
    ),
    row(
        "jwt",
        MTLS,
        "jwt {\n issuer = \"https://x.example.com\"\n from_headers = { \"x-id-token\" = \"\" }\n}",
        "jwt {\n issuer = \"https://x.example.com\"\n from_params = [\"token\"]\n from_cookies = [\"id\"]\n}",
    ),
    row(
        "jwt",
        MTLS,
        "jwt {\n issuer = \"https://x.example.com\"\n namespace = \"ROOT\"\n}",
        "jwt {\n issuer = \"https://x.example.com\"\n namespace = \"ROOT\"\n selector = { app = \"a\" }\n}",
    ),
    row(
        "require_end_user",
        ISSUER,
        "require_end_user {}",
        "require_end_user {\n except_ports = [9000]\n except_paths = [\"/healthz\"]\n except_methods = [\"OPTIONS\"]\n}",
    ),
    row(
        "external_authorization",
        MTLS,
        "external_authorization {\n provider = \"opa\"\n}",
        "external_authorization {\n provider = \"opa\"\n selector = { app = \"a\" }\n paths = [\"/a\"]\n except_paths = [\"/b\"]\n \
         except_ports = [9000]\n}",
    ),
    row(
        "telemetry",
        MTLS,
        "telemetry {\n access_logging {}\n}",
        "telemetry {\n tracing {\n provider = \"otel\"\n sampling_percentage = 0.5\n tags = { a = \"b\" }\n header_tags = { c = \"x-c\" }\n }\n \
         access_logging {\n filter = \"response.code >= 400\"\n }\n metrics {\n disabled = [\"REQUEST_SIZE\"]\n removed_tags = \
         [\"request_protocol\"]\n }\n}",
    ),
    row(
        "telemetry",
        MTLS,
        "telemetry {\n selector = { app = \"edge\" }\n access_logging {\n disabled = true\n }\n}",
        "telemetry {\n tracing {\n provider = \"otel\"\n disabled = true\n environment_tags = { node = \"NODE\" }\n }\n metrics {\n tags = { host \
         = \"request.host\" }\n }\n}",
    ),
    row(
        "guardrails",
        MTLS,
        "guardrails {\n root_only = [\"Telemetry\"]\n namespace_selector = { guarded = \"nowhere\" }\n}",
        "guardrails {\n root_only = [\"PeerAuthentication\"]\n team_rules = true\n action = \"warn\"\n exempt_groups = [\"admins\"]\n contact = \
         \"us\"\n global_names = { pci = [\"pay.example.internal\"] }\n ingress_hosts = { pci = \
         [\"pay.example.com\"] }\n workload_rules = true\n pod_annotations = { \"proxy.istio.io/config\" = [\"{}\"] }\n \
         protect_platform_objects = true\n namespace_selector = { guarded = \"nowhere\" }\n}",
    ),
    row(
        "override",
        MTLS,
        "override {\n kind = \"PeerAuthentication\"\n patch = jsonencode({ spec = { mtls = { mode = \"PERMISSIVE\" } } })\n}",
        "override {\n kind = \"PeerAuthentication\"\n patch = jsonencode({ spec = { selector = { matchLabels = { app = \"a\" } } } })\n}",
    ),
];

/// Arguments without an own field in any object, each with the file of its tests.
const TESTED_ELSEWHERE: &[(&str, &str)] = &[
    ("deletion_protection", "roll_out.rs"),
    ("adopt_existing", "adoption.rs"),
    ("adopt_from_owner", "adoption.rs"),
    ("timeouts", "provider_comparison.rs"),
];

#[test]
fn every_argument_has_a_row() {
    assert_covers_schema::<GlobalDefaults>(ROWS, TESTED_ELSEWHERE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    let roots: Vec<Namespace> = ROWS.iter().map(|_| control_plane().namespace("defaults")).collect();
    let apply = |argument: fn(&Row) -> &'static str| {
        let meshes =
            ROWS.iter().zip(&roots).enumerate().map(|(n, (row, root))| mesh(n, &root.name, row, argument(row)));
        workspace.configure(&meshes.collect::<Vec<_>>().join("\n"));
        workspace.converge();
        live_objects(&workspace)
    };
    let without = apply(|_| "");
    let set = apply(|row| row.set);
    let changed = apply(|row| row.changed);
    let removed = apply(|_| "");
    assert_eq!(removed, without);

    let mut text = String::new();
    for (n, (row, root)) in ROWS.iter().zip(&roots).enumerate() {
        let of = |all: &BTreeMap<String, BTreeMap<String, Json>>| all[&format!("d{n}")].clone();
        for (argument, objects) in [(row.set, &set), (row.changed, &changed)] {
            writeln!(text, "=== {}", argument.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
            for line in differences(&of(&without), &of(objects)) {
                writeln!(text, "{}", line.replace(&root.name, "ROOT")).unwrap();
            }
        }
    }
    expect_file!["global_arguments.txt"].assert_eq(&text);
    workspace.destroy().expect_success();
    for root in &roots {
        root.assert_empty();
    }
}

/// A provider for a mesh, and the resource with the argument of a row.
fn mesh(n: usize, root: &str, row: &Row, argument: &str) -> String {
    let context = row.context;
    let argument = argument.replace("ROOT", root);
    format!(
        "provider \"mesh\" {{\n alias = \"m{n}\"\n owner = \"tests/{root}\"\n root_namespace = \"{root}\"\n config_path = \
         \"kubeconfig\"\n checks = {{ \"closed-gateway\" = \"off\" }}\n}}\nresource \"mesh_global_defaults\" \"d{n}\" {{\n provider = mesh.m{n}\n{context}\n{argument}\n}}\n"
    )
}
