//! Every argument of `mesh_service` on a real API server is set, changed and removed. `arguments.txt` lists the fields
//! that each argument changes in the live objects. After its removal, all objects are as before.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::{ExpectFile, expect_file};
use serde_json::Value as Json;
use terraform_provider_mesh::{
    engine::drift::owned_fields,
    object::{Key, from_text},
    resources::{ResourceType, service::Service},
};

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{configure, destroy_all, workspace};

/// A test of one argument or block.
pub(super) struct Row {
    /// Name of the argument.
    pub(super) argument: &'static str,
    /// Other arguments that the resource has all the time, in addition to its required ones.
    pub(super) context: &'static str,
    /// The argument as it is set first.
    pub(super) set: &'static str,
    /// The argument with another value.
    pub(super) changed: &'static str,
}

/// The resource creates all objects but the ServiceAccount.
const MANAGED: &str = "service = \"managed\"\ncreate_service_account = false";

/// [`MANAGED`], and released objects are adopted again.
const ADOPT_EXISTING: &str = "service = \"managed\"\ncreate_service_account = false\nadopt_existing = true";

/// [`MANAGED`], with two versions.
const VERSIONS: &str = "service = \"managed\"\ncreate_service_account = false\nversion {\n name = \"v1\"\n labels = { version = \"v1\" }\n weight = 90\n}\nversion {\n name = \"v2\"\n labels = { version = \"v2\" }\n weight = 10\n}";

/// Creates a row.
pub(super) const fn row(
    argument: &'static str,
    context: &'static str,
    set: &'static str,
    changed: &'static str,
) -> Row {
    Row { argument, context, set, changed }
}

/// The rows in the order of the schema.
const ROWS: &[Row] = &[
    row(
        "global_name",
        "service = \"managed\"\ncreate_service_account = false\ncalls = []",
        "global_name = \"payments.example.internal\"",
        "global_name = \"charges.example.internal\"",
    ),
    row("selector", MANAGED, "selector = { app = \"x\" }", "selector = { app = \"x\", tier = \"y\" }"),
    row("service_account", "service = \"managed\"", "service_account = \"a\"", "service_account = \"b\""),
    row(
        "create_service_account",
        "service = \"managed\"",
        "create_service_account = false",
        "create_service_account = true",
    ),
    row("access", MANAGED, "access = \"mesh\"", "access = \"none\""),
    row("authorization_mode", MANAGED, "authorization_mode = \"dry_run\"", "authorization_mode = \"off\""),
    row("calls", MANAGED, "calls = [\"ledger\"]", "calls = [\"ledger\", \"shop/*\", \"api.example.com\"]"),
    row(
        "outbound_traffic_policy",
        "service = \"managed\"\ncreate_service_account = false\ncalls = []",
        "outbound_traffic_policy = \"allow_any\"",
        "outbound_traffic_policy = \"inherit\"",
    ),
    row("resiliency", MANAGED, "resiliency = \"high\"", "resiliency = \"none\""),
    row("request_timeout", MANAGED, "request_timeout = \"3s\"", "request_timeout = \"0s\""),
    row("object_name", MANAGED, "object_name = \"pay\"", "object_name = \"payments.old\""),
    row("labels", MANAGED, "labels = { team = \"a\" }", "labels = { team = \"b\", tier = \"c\" }"),
    row("annotations", MANAGED, "annotations = { note = \"a\" }", "annotations = { note = \"b\" }"),
    row(
        "unmanaged",
        ADOPT_EXISTING,
        "unmanaged = [\"DestinationRule\"]",
        "unmanaged = [\"DestinationRule\", \"VirtualService\"]",
    ),
    row(
        "port",
        MANAGED,
        "port {\n number = 9000\n protocol = \"tcp\"\n}",
        "port {\n number = 9000\n protocol = \"grpc\"\n target_port = 9001\n}",
    ),
    row(
        "allow",
        MANAGED,
        "allow {\n from = [\"shop/checkout\"]\n}",
        "allow {\n from = [\"shop/*\"]\n methods = [\"GET\"]\n paths = [\"/v1/*\"]\n ports = [8080]\n}",
    ),
    row(
        "ingress",
        MANAGED,
        "ingress {\n gateway = \"istio-ingress/public\"\n hosts = [\"api.example.com\"]\n}",
        "ingress {\n name = \"v1\"\n gateway = \"istio-ingress/public\"\n service_account = \"istio-ingress/gateway\"\n hosts = [\"api.example.com\"]\n paths = [\"/v1/*\"]\n port = 8080\n rewrite = \"/\"\n}",
    ),
    row(
        "ingress",
        "service = \"managed\"\ncreate_service_account = false\nport {\n number = 8443\n protocol = \"tls\"\n}",
        "ingress {\n gateway = \"istio-ingress/public\"\n protocol = \"tls\"\n hosts = [\"db.example.com\"]\n}",
        "ingress {\n gateway = \"istio-ingress/public\"\n protocol = \"tcp\"\n gateway_port = 5432\n hosts = [\"*\"]\n}",
    ),
    row(
        "route",
        "service = \"managed\"\ncreate_service_account = false\ningress {\n gateway = \"istio-ingress/public\"\n hosts = [\"pay.example.com\"]\n paths = [\"/pay/*\"]\n rewrite = \"/\"\n}",
        "route {\n applies_to = [\"ingress\"]\n match {\n path = \"/old/*\"\n}\n rewrite {\n path = \"/new/\"\n}\n}",
        "route {\n applies_to = [\"mesh\", \"ingress\"]\n match {\n headers = { x-beta = \"*\" }\n}\n redirect {\n path = \"/beta\"\n}\n}",
    ),
    row(
        "allow",
        MANAGED,
        "allow {\n from = [\"shop/checkout\"]\n hosts = [\"a.example.com\"]\n}",
        "allow {\n from = [\"shop/checkout\"]\n hosts = [\"*.example.com\"]\n ip_blocks = [\"10.0.0.0/8\"]\n}",
    ),
    row(
        "allow",
        MANAGED,
        "allow {\n from = [\"shop/checkout\"]\n end_user {\n issuer = \"https://a.example.com\"\n}\n}",
        "allow {\n from = [\"shop/checkout\"]\n end_user {\n issuer = \"https://b.example.com\"\n claims = { groups = [\"admin\"] }\n}\n}",
    ),
    row(
        "deny",
        MANAGED,
        "deny {\n from = [\"*\"]\n methods = [\"DELETE\"]\n target_ports = [9090]\n}",
        "deny {\n from = [\"anonymous\"]\n paths = [\"/admin/*\"]\n ip_blocks = [\"192.0.2.0/24\"]\n}",
    ),
    row(
        "allow",
        MANAGED,
        "allow {\n from = [\"shop/*\"]\n except {\n from = [\"shop/legacy\", \"pci/*\"]\n methods = [\"DELETE\"]\n}\n}",
        "allow {\n from = [\"shop/*\"]\n except {\n paths = [\"/internal/*\"]\n hosts = [\"old.example.com\"]\n ip_blocks = [\"192.0.2.0/24\"]\n}\n}",
    ),
    row(
        "deny",
        MANAGED,
        "deny {\n from = [\"*\"]\n when {\n key = \"request.headers[x-team]\"\n values = [\"shop-*\"]\n}\n}",
        "deny {\n from = [\"anonymous\"]\n when {\n key = \"destination.ip\"\n values = [\"10.0.0.0/8\"]\n not_values = [\"10.0.0.1\"]\n}\n}",
    ),
    row(
        "deny",
        "service = \"managed\"\ncreate_service_account = false\ningress {\n gateway = \"istio-ingress/public\"\n hosts = [\"deny.example.com\"]\n}\nport {\n number = 9000\n protocol = \"tcp\"\n}",
        "deny {\n from = [\"istio-ingress/public\"]\n remote_ip_blocks = [\"198.51.100.0/24\"]\n}",
        "deny {\n from = [\"istio-ingress/public\"]\n except {\n remote_ip_blocks = [\"198.51.100.0/24\"]\n ports = [9000]\n}\n}",
    ),
    row(
        "require_end_user",
        MANAGED,
        "require_end_user {}",
        "require_end_user {\n except_paths = [\"/healthz\"]\n except_methods = [\"OPTIONS\"]\n}",
    ),
    row(
        "external_authorization",
        MANAGED,
        "external_authorization {\n provider = \"opa\"\n}",
        "external_authorization {\n provider = \"opa\"\n paths = [\"/admin/*\"]\n}",
    ),
    row("export_to", MANAGED, "export_to = [\"shop\"]", "export_to = [\"*\"]"),
    row("streaming", MANAGED, "streaming = true", "streaming = false"),
    row(
        "retries",
        MANAGED,
        "retries {\n attempts = 5\n}",
        "retries {\n attempts = 4\n idempotent = true\n per_try_timeout = \"2s\"\n}",
    ),
    row(
        "retries",
        MANAGED,
        "retries {\n attempts = 5\n on = [\"connect-failure\", \"503\"]\n}",
        "retries {\n attempts = 5\n on = [\"gateway-error\"]\n per_try_timeout = \"2s\"\n}",
    ),
    row(
        "circuit_breaker",
        MANAGED,
        "circuit_breaker {\n connect_timeout = \"2s\"\n max_connections = 10\n}",
        "circuit_breaker {\n max_pending_requests = 20\n max_requests = 30\n}",
    ),
    row(
        "outlier_detection",
        MANAGED,
        "outlier_detection {\n consecutive_5xx = 7\n min_health_percent = 20\n interval = \"1s\"\n}",
        "outlier_detection {\n consecutive_gateway_errors = 4\n base_ejection_time = \"1m\"\n max_ejection_percent = 10\n}",
    ),
    row(
        "connections",
        MANAGED,
        "connections {\n idle_timeout = \"5m\"\n max_duration = \"1h\"\n keepalive {}\n}",
        "connections {\n max_requests_per_connection = 9\n http2 = true\n keepalive {\n time = \"30s\"\n interval = \"5s\"\n probes = 3\n}\n}",
    ),
    row("circuit_breaker", MANAGED, "circuit_breaker {\n max_retries = 7\n}", "circuit_breaker {\n max_retries = 8\n}"),
    row(
        "load_balancing",
        MANAGED,
        "load_balancing {\n locality = \"inherit\"\n}",
        "load_balancing {\n locality = \"off\"\n}",
    ),
    row(
        "load_balancing",
        MANAGED,
        "load_balancing {\n algorithm = \"round_robin\"\n warmup = \"30s\"\n}",
        "load_balancing {\n consistent_hash {\n cookie {\n name = \"session\"\n ttl = \"1h\"\n path = \"/\"\n}\n}\n}",
    ),
    row(
        "load_balancing",
        MANAGED,
        "load_balancing {\n consistent_hash {\n header = \"x-user\"\n}\n}",
        "load_balancing {\n consistent_hash {\n source_ip = true\n}\n}",
    ),
    row(
        "version",
        MANAGED,
        "version {\n name = \"v1\"\n labels = { version = \"v1\" }\n weight = 90\n}\nversion {\n name = \"v2\"\n labels = { version = \"v2\" }\n weight = 10\n}",
        "version {\n name = \"v1\"\n labels = { version = \"v1\" }\n weight = 50\n}\nversion {\n name = \"v2\"\n labels = { version = \"v2\" }\n weight = 50\n}",
    ),
    row(
        "version",
        MANAGED,
        "version {\n name = \"v1\"\n labels = { version = \"v1\" }\n}\nversion {\n name = \"v2\"\n labels = { version = \"v2\" }\n}",
        "version {\n name = \"v1\"\n labels = { version = \"v1\" }\n weight = 100\n}\nversion {\n name = \"v2\"\n labels = { version = \"v2\" }\n weight = 0\n}",
    ),
    row("settle_seconds", MANAGED, "settle_seconds = 0", "settle_seconds = 5"),
    row(
        "route",
        VERSIONS,
        "route {\n name = \"beta\"\n match {\n headers = { x-beta = \"*\" }\n}\n to {\n version = \"v2\"\n}\n}",
        "route {\n request_timeout = \"1s\"\n match {\n path = \"/old/*\"\n method = \"GET\"\n query = { beta = \"1\" }\n}\n to {\n version = \"v1\"\n weight = 60\n}\n to {\n version = \"v2\"\n weight = 40\n}\n rewrite {\n path = \"/new/\"\n}\n mirror {\n version = \"v2\"\n percent = 5\n}\n}",
    ),
    row(
        "route",
        MANAGED,
        "route {\n match {\n path = \"/gone\"\n}\n redirect {\n path = \"/\"\n status = 308\n}\n}",
        "route {\n match {\n path = \"/slow\"\n}\n fault {\n delay = \"1s\"\n delay_percent = 10\n abort_status = 503\n abort_percent = 1\n}\n}",
    ),
    row(
        "route",
        VERSIONS,
        "route {\n match {\n path_regex = \"/v[0-9]+/.*\"\n authority = \"a*\"\n scheme = \"http\"\n cookies = { beta = \"1\" }\n}\n to {\n version = \"v2\"\n headers {\n response {\n set = { x-version = \"2\" }\n}\n}\n}\n headers {\n request {\n add = { x-a = \"b\" }\n}\n}\n}",
        "route {\n match {\n headers_regex = { x-a = \"[0-9]+\" }\n query_regex = { b = \"c+\" }\n from {\n namespace = \"shop\"\n labels = { app = \"web\" }\n}\n}\n direct_response {\n status = 503\n body = \"later\"\n}\n cors {\n allow_origins = [\"*\"]\n}\n}",
    ),
    row(
        "route",
        VERSIONS,
        "route {\n to {\n version = \"v1\"\n weight = 90\n}\n to {\n service = \"cart-next\"\n weight = 10\n}\n mirror {\n version = \"v2\"\n}\n mirror {\n service = \"shop/audit\"\n port = 80\n percent = 5\n}\n}",
        "route {\n to {\n host = \"api.example.com\"\n port = 443\n}\n rewrite {\n host = \"api.example.com\"\n}\n}",
    ),
    row(
        "headers",
        MANAGED,
        "headers {\n request {\n set = { x-a = \"b\" }\n}\n}",
        "headers {\n request {\n remove = [\"x-a\"]\n}\n response {\n add = { x-c = \"d\" }\n}\n}",
    ),
    row(
        "cors",
        MANAGED,
        "cors {\n allow_origins = [\"https://shop.example.com\"]\n}",
        "cors {\n allow_origins = [\"https://*\"]\n allow_origins_regex = [\"https://[a-z]+\"]\n allow_methods = [\"GET\"]\n allow_headers = [\"authorization\"]\n expose_headers = [\"x-total\"]\n max_age = \"1h\"\n allow_credentials = false\n}",
    ),
    row(
        "failover",
        MANAGED,
        "failover {\n from = \"us-east\"\n to = \"us-west\"\n}",
        "failover {\n from = \"us-east\"\n to = \"eu\"\n}\nfailover {\n from = \"eu\"\n to = \"us-east\"\n}",
    ),
    row(
        "failover_priority",
        MANAGED,
        "failover_priority = [\"topology.kubernetes.io/region\"]",
        "failover_priority = [\"topology.kubernetes.io/region\", \"tier=gold\"]",
    ),
    row(
        "override",
        MANAGED,
        "override {\n kind = \"DestinationRule\"\n patch = \"{\\\"spec\\\":{\\\"trafficPolicy\\\":{\\\"retryBudget\\\":null}}}\"\n}",
        "override {\n kind = \"VirtualService\"\n patch = \"{\\\"spec\\\":{\\\"gateways\\\":[\\\"mesh\\\"]}}\"\n}",
    ),
];

/// Arguments without an own field in any object, each with the file of its tests.
const TESTED_ELSEWHERE: &[(&str, &str)] = &[
    ("name", "lifecycle.rs, replacement.rs"),
    ("namespace", "lifecycle.rs, replacement.rs"),
    ("service", "existing_service.rs"),
    ("adopt_existing", "adoption.rs"),
    ("adopt_from_owner", "adoption.rs"),
    ("replaces", "takeover.rs"),
    ("timeouts", "provider_comparison.rs"),
];

#[test]
fn every_argument_has_a_row() {
    assert_covers_schema::<Service>(ROWS, TESTED_ELSEWHERE);
}

/// Checks that the rows and the arguments tested elsewhere are all arguments of the schema.
pub(super) fn assert_covers_schema<R: ResourceType>(rows: &[Row], tested_elsewhere: &[(&str, &str)]) {
    let schema = R::schema();
    let rows: Vec<_> =
        rows.iter().map(|row| row.argument).chain(tested_elsewhere.iter().map(|(argument, _)| *argument)).collect();
    let missing: Vec<_> = schema.members.iter().map(|member| member.name).filter(|name| !rows.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for row in &rows {
        assert!(schema.members.iter().any(|member| member.name == *row), "no argument is named {row}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    let namespace = control_plane().namespace("arguments");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let configure = |hcl: &str| configure(&workspace, Grant::AppTeam, &namespace, hcl);
    check_arguments(ROWS, service, &workspace, &configure, &namespace.name, &expect_file!["arguments.txt"]);
    destroy_all(&workspace, &namespace);
}

/// Sets, changes and removes the argument of every row. Each row has its own resource: `s0`, `s1` and so on.
pub(super) fn check_arguments(
    rows: &[Row],
    resource: fn(usize, &Row, &str) -> String,
    workspace: &Workspace,
    configure: &dyn Fn(&str),
    namespace: &str,
    expect: &ExpectFile,
) {
    let apply = |argument: fn(&Row) -> &'static str| {
        let resources: Vec<_> = rows.iter().enumerate().map(|(n, row)| resource(n, row, argument(row))).collect();
        configure(&resources.join("\n"));
        workspace.converge();
        live_objects(workspace)
    };
    let without = apply(|_| "");
    let set = apply(|row| row.set);
    let changed = apply(|row| row.changed);
    let removed = apply(|_| "");
    assert_eq!(removed, without);

    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        for (argument, objects) in [(row.set, &set), (row.changed, &changed)] {
            writeln!(text, "=== {}", argument.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
            let name = format!("s{n}");
            for line in differences(&without[&name], &objects[&name]) {
                writeln!(text, "{}", line.replace(namespace, "NAMESPACE").replace(&name, "NAME")).unwrap();
            }
        }
    }
    expect.assert_eq(&text);
}

fn service(n: usize, row: &Row, argument: &str) -> String {
    let port = "port {\nnumber = 8080\nprotocol = \"http\"\n}";
    let context = row.context;
    format!(
        "resource \"mesh_service\" \"s{n}\" {{\nname = \"s{n}\"\nnamespace = \"NAMESPACE\"\n{context}\n{port}\n{argument}\n}}"
    )
}

/// The live objects of each resource, by resource name and key, reduced to what the provider owns.
pub(super) fn live_objects(workspace: &Workspace) -> BTreeMap<String, BTreeMap<String, Json>> {
    let api = control_plane().api();
    let mut all = BTreeMap::new();
    for (address, values) in workspace.resources() {
        let objects = values["objects"].as_object().expect("a map").iter().map(|(key, body)| {
            let parsed: Key = key.parse().expect("a key");
            let body = from_text(&parsed, body.as_str().expect("text")).expect("an object");
            let live = api.get(&parsed).unwrap_or_else(|| panic!("{key} doesn't exist"));
            (key.clone(), owned_fields(&live, Some(&body), &parsed))
        });
        let name = address.rsplit('.').next().expect("an address").to_owned();
        all.insert(name, objects.collect());
    }
    all
}

/// The differences, one line for each field.
pub(super) fn differences(before: &BTreeMap<String, Json>, after: &BTreeMap<String, Json>) -> Vec<String> {
    let mut lines = Vec::new();
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        match (before.get(key), after.get(key)) {
            (Some(before), Some(after)) => fields(before, after, "", &mut |line| lines.push(format!("{key} {line}"))),
            (Some(_), None) => lines.push(format!("{key} is gone")),
            (None, Some(after)) => {
                let content = ["spec", "rules", "subjects"].iter().find_map(|name| after.get(*name));
                lines.push(format!("{key} comes: {}", content.unwrap_or(&Json::Null)));
            }
            (None, None) => {}
        }
    }
    lines
}

fn fields(before: &Json, after: &Json, path: &str, report: &mut dyn FnMut(String)) {
    match (before, after) {
        (Json::Object(a), Json::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |object: &serde_json::Map<String, Json>| object.get(name).cloned().unwrap_or_default();
                fields(&of(a), &of(b), &inner, report);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                fields(a, b, &format!("{path}[{n}]"), report);
            }
        }
        (a, b) if a == b => {}
        (Json::Null, b) => report(format!("+ {path}: {b}")),
        (a, Json::Null) => report(format!("- {path}: {a}")),
        (a, b) => report(format!("~ {path}: {a} -> {b}")),
    }
}
