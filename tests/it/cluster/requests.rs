//! Upper limits for the requests that fifty services take. The exact numbers are printed, visible with `--nocapture`. Each
//! request of the log is found in the API server's audit log.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{ControlPlane, control_plane},
    polling::wait_until,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, many_carts, reads_of_a_list, workspace_with_proxy};

const SERVICES: usize = 50;
/// Each service has an AuthorizationPolicy, DestinationRule, Service, ServiceAccount, Sidecar and VirtualService.
const OBJECTS: usize = 6 * SERVICES;

#[test]
#[ignore = "needs the servers of `make tools`"]
fn requests_of_fifty_services_are_bounded() {
    let namespace = control_plane().namespace("fifty");
    let hcl = many_carts(SERVICES);
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
    let count_requests = |what: &str| {
        let (requests, methods) = (proxy.requests().len(), proxy.requests_by_method());
        let writes = proxy.writes().len();
        println!("{SERVICES} services, {what}: {requests} requests, {writes} of them writes; {methods:?}");
        proxy.reset();
        (requests, writes)
    };

    assert!(!workspace.plan().is_empty);
    let (plan, writes) = count_requests("first plan");
    assert_eq!(writes, 0);
    // A dry run for each object, and few reads.
    assert!(plan < OBJECTS + 100, "{plan}");

    workspace.apply().expect_success();
    let (apply, writes) = count_requests("apply, with its own plan");
    assert_eq!(writes, OBJECTS);
    // Core plans twice during an apply.
    assert!(apply < 3 * OBJECTS + 100, "two dry runs, a write, and few reads: {apply}");
    assert_eq!(control_plane().api().objects(&namespace.name).len(), OBJECTS);

    let start = Instant::now();
    workspace.assert_empty_plan();
    let times = reads_of_a_list(start.elapsed());
    let (unchanged, writes) = count_requests("empty plan");
    assert_eq!(writes, 0);
    // Two objects of each of the six kinds, a list of each, and the identity of the cluster.
    assert!(unchanged as u64 <= (3 * 6 + 1) * times, "lists instead of many single reads: {unchanged}");

    workspace.destroy().expect_success();
    let (destroy, writes) = count_requests("destroy, with its own plan");
    assert_eq!(writes, OBJECTS);
    assert!(destroy < OBJECTS + 100, "{destroy}");
    namespace.assert_empty();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn audit_log_has_the_id_of_each_request() {
    let plane = ControlPlane::with_audit_log();
    plane.create_namespace("audited");
    let user = plane.user_with_grants("audited", &[(Grant::AppTeam, "audited")]);
    let workspace = Workspace::new(Tool::Terraform).env("TF_LOG_PROVIDER", "debug").env("TF_LOG_PATH", "log.txt");
    workspace.write_file("kubeconfig", &plane.kubeconfig(&user));
    let provider = "provider \"mesh\" {\n  owner = \"tests\"\n  config_path = \"kubeconfig\"\n}\n";
    workspace.configure(&format!("{provider}{}", CART.replace("NAMESPACE", "audited")));
    workspace.apply().expect_success();
    let log = workspace.read_file("log.txt");
    let field = |line: &str, name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name}: {line}")).to_owned()
    };
    let requests = log.lines().filter(|line| line.contains("terraform-provider-mesh: request:"));
    let logged: BTreeSet<String> =
        requests.map(|line| format!("{}-{}", field(line, "request_id"), field(line, "attempt"))).collect();
    assert!(logged.len() >= 3 * 6, "two dry runs and a write of each object: {log}");
    let mut audited = BTreeSet::new();
    wait_until(Duration::from_secs(10), "the events of all requests", || {
        let events = plane.new_audit_events(&user).into_iter();
        audited.extend(events.map(|event| event["auditID"].as_str().expect("an id").to_owned()));
        audited == logged
    });
}
