//! Every argument of `mesh_global_defaults` on a real server: written, changed and removed, as in `arguments.rs`. There
//! is one in a mesh, so each argument has a mesh of its own: a root namespace.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::expect_file;
use serde_json::Value as Json;
use terraform_provider_mesh::{resources::global_defaults::GlobalDefaults, schema::model::Model};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
};

use super::arguments::{Row, differences, live, row};

/// Something must be written.
const MTLS: &str = "mtls {}";

const ENFORCE: &str = "authorization {\n mode = \"enforce\"\n}";

const ISSUER: &str = "jwt {\n issuer = \"https://x.example.com\"\n}";

/// In the order of the schema.
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
        "jwt",
        MTLS,
        "jwt {\n issuer = \"https://x.example.com\"\n jwks_uri = \"https://x.example.com/keys\"\n}",
        "jwt {\n issuer = \"https://x.example.com\"\n jwks = jsonencode({ keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"AQAB\" }] })\n audiences = [\"pay\"]\n \
         selector = { app = \"a\" }\n forward = false\n claims_to_headers = { sub = \"x-user\" }\n}",
    ),
    row(
        "require_end_user",
        ISSUER,
        "require_end_user {}",
        "require_end_user {\n except_ports = [9000]\n except_paths = [\"/healthz\"]\n}",
    ),
    row(
        "external_authorization",
        MTLS,
        "external_authorization {\n provider = \"opa\"\n}",
        "external_authorization {\n provider = \"other\"\n selector = { app = \"a\" }\n paths = [\"/a\"]\n except_paths = [\"/b\"]\n \
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
        "guardrails",
        MTLS,
        "guardrails {\n root_only = [\"Telemetry\"]\n namespace_selector = { guarded = \"nowhere\" }\n}",
        "guardrails {\n root_only = [\"PeerAuthentication\"]\n team_rules = true\n action = \"warn\"\n exempt_groups = [\"admins\"]\n contact = \
         \"us\"\n global_names = { pci = [\"pay.example.internal\"] }\n namespace_selector = { guarded = \"nowhere\" }\n}",
    ),
];

/// Arguments that leave no trace of their own in any object, and the tests that show what they do.
const ELSEWHERE: &[(&str, &str)] =
    &[("deletion_protection", "roll_out.rs"), ("adopt_existing", "adoption.rs"), ("timeouts", "behaviour.rs")];

#[test]
fn every_argument_has_a_row() {
    let schema = GlobalDefaults::schema();
    let rows = ROWS.iter().map(|row| row.argument).chain(ELSEWHERE.iter().map(|(argument, _)| *argument));
    let rows: Vec<_> = rows.collect();
    let missing: Vec<_> = schema.slots.iter().map(|slot| slot.name).filter(|name| !rows.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for row in &rows {
        assert!(schema.slots.iter().any(|slot| slot.name == *row), "no argument is named {row}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_each_writes_comes_changes_and_goes() {
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    let roots: Vec<Namespace> = ROWS.iter().map(|_| control_plane().namespace("defaults")).collect();
    let state = |of: fn(&Row) -> &'static str| {
        let meshes = ROWS.iter().zip(&roots).enumerate().map(|(n, (row, root))| mesh(n, &root.name, row, of(row)));
        workspace.configure(&meshes.collect::<Vec<_>>().join("\n"));
        workspace.converge();
        live(&workspace)
    };
    let without = state(|_| "");
    let written = state(|row| row.written);
    let changed = state(|row| row.changed);
    let removed = state(|_| "");
    assert_eq!(removed, without);

    let mut text = String::new();
    for (n, (row, root)) in ROWS.iter().zip(&roots).enumerate() {
        let of = |all: &BTreeMap<String, BTreeMap<String, Json>>| all[&format!("d{n}")].clone();
        for (words, other) in [(row.written, &written), (row.changed, &changed)] {
            writeln!(text, "=== {}", words.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
            for line in differences(&of(&without), &of(other)) {
                writeln!(text, "{}", line.replace(&root.name, "ROOT")).unwrap();
            }
        }
    }
    expect_file!["global_arguments.txt"].assert_eq(&text);
    workspace.destroy().expect_success();
    for root in &roots {
        assert_eq!(control_plane().api().objects(&root.name), Vec::<String>::new());
    }
}

/// A mesh with these defaults.
fn mesh(n: usize, root: &str, row: &Row, written: &str) -> String {
    let beside = row.beside;
    let written = written.replace("ROOT", root);
    format!(
        "provider \"mesh\" {{\n alias = \"m{n}\"\n owner = \"tests/{root}\"\n root_namespace = \"{root}\"\n config_path = \
         \"kubeconfig\"\n}}\nresource \"mesh_global_defaults\" \"d{n}\" {{\n provider = mesh.m{n}\n{beside}\n{written}\n}}\n"
    )
}
