//! Upper limits for the requests that fifty services take. The exact numbers are printed, visible with `--nocapture`.

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{many_carts, workspace_with_proxy};

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

    workspace.assert_empty_plan();
    let (unchanged, writes) = count_requests("empty plan");
    assert_eq!(writes, 0);
    // Two objects of each of the six kinds, a list of each, and the identity of the cluster.
    assert!(unchanged <= 3 * 6 + 1, "lists instead of many single reads: {unchanged}");

    workspace.destroy().expect_success();
    let (destroy, writes) = count_requests("destroy, with its own plan");
    assert_eq!(writes, OBJECTS);
    assert!(destroy < OBJECTS + 100, "{destroy}");
    namespace.assert_empty();
}
