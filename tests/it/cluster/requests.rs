//! What fifty services cost the API server. The numbers are bounds, told in full when the test runs with `--nocapture`.

use crate::support::{control_plane::control_plane, proxy::Proxy, terraform::Tool, users::Grant};

use super::{many, workspace};

const SERVICES: usize = 50;
/// Of each: AuthorizationPolicy, DestinationRule, Service, ServiceAccount, Sidecar, VirtualService.
const OBJECTS: usize = 6 * SERVICES;

#[test]
#[ignore = "needs the servers of `make tools`"]
fn fifty_services() {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let namespace = plane.namespace("fifty");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &many(SERVICES));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    let counted = |what: &str| {
        let (asked, verbs) = (proxy.requests(), proxy.requests_by_method());
        let writes = asked.iter().filter(|request| request.is_write()).count();
        println!("{SERVICES} services, {what}: {} requests, {writes} of them writes; {verbs:?}", asked.len());
        proxy.reset();
        (asked.len(), writes)
    };

    assert!(!workspace.plan().is_empty);
    let (plan, writes) = counted("first plan");
    assert_eq!(writes, 0);
    // A dry run for each object that would be made, and few reads beside.
    assert!(plan < OBJECTS + 100, "{plan}");

    workspace.apply().expect_success();
    let (apply, writes) = counted("apply, with its own plan");
    assert_eq!(writes, OBJECTS);
    // Core plans twice in an apply.
    assert!(apply < 5 * OBJECTS, "{apply}");
    assert_eq!(plane.api().objects(&namespace.name).len(), OBJECTS);

    workspace.assert_empty_plan();
    let (unchanged, writes) = counted("empty plan");
    assert_eq!(writes, 0);
    assert!(unchanged < 100, "one list in place of many reads: {unchanged}");

    workspace.destroy().expect_success();
    let (destroy, writes) = counted("destroy, with its own plan");
    assert_eq!(writes, OBJECTS);
    assert!(destroy < 3 * OBJECTS, "{destroy}");
    assert_eq!(plane.api().objects(&namespace.name), Vec::<String>::new());
}
