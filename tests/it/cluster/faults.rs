//! Failing requests: transient faults are retried without an error, and after a permanent one the next apply completes
//! the work.

use std::{
    process::{Child, Command},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    proxy::{Action, Fault, Moment, Proxy, RecordedRequest},
    terraform::{CommandOutput, Tool, Workspace, wait_for_exit},
    users::Grant,
};

use super::{APPLY, CART, configure, destroy_all, workspace_with_proxy};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn transient_faults_are_retried() {
    for fault in
        [Fault::TooManyRequests(1), Fault::Status(500), Fault::Status(503), Fault::DropRequest, Fault::DropResponse]
    {
        let namespace = control_plane().namespace("passing");
        let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, CART);
        proxy.inject_fault(1, 2, fault, RecordedRequest::is_write);
        proxy.inject_fault(1, 2, fault, |request| request.method == "GET");
        workspace.apply().expect_success();
        assert!(workspace.plan().is_empty, "{fault:?}");
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failure_of_any_write_is_completed_by_the_next_apply() {
    let api = control_plane().api();
    let mut writes = 0;
    loop {
        let namespace = control_plane().namespace("partial");
        let tool = if writes % 2 == 0 { Tool::Terraform } else { Tool::Tofu };
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        // A 403 isn't retried.
        proxy.forbid_writes_after(writes);
        let run = workspace.apply();
        if run.code == Some(0) {
            break;
        }
        let errors = run.errors();
        assert!(errors.contains("injected fault"), "{errors}");
        let live = api.objects(&namespace.name);
        let recorded = workspace.resources();
        assert!(live.is_empty() == recorded.is_empty(), "live: {live:?}, recorded: {recorded:?}");
        if let Some((_, values)) = recorded.first() {
            let objects: Vec<&String> = values["objects"].as_object().expect("a map").keys().collect();
            assert_eq!(objects, live.iter().collect::<Vec<_>>(), "write {writes} failed");
        }
        proxy.reset();
        workspace.apply().expect_success();
        assert!(workspace.plan().is_empty, "after write {writes} failed");
        workspace.destroy().expect_success();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "after write {writes} failed");
        writes += 1;
    }
    assert!(writes >= 5, "each of the objects is a write: {writes}");
}

/// [`CART`] with changes of every object but the ServiceAccount.
fn changed_cart() -> String {
    let port = "resiliency = \"high\"\n  port {\n    number   = 9090\n    protocol = \"http\"\n  }\n  port {";
    CART.replace("port {", port).replace("\"web\"", "\"web\", \"shop/web\"").replace("\"catalog\"", "\"prices\"")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failure_of_any_write_of_an_update_or_destroy_is_completed_by_the_next_run() {
    let api = control_plane().api();
    for destroys in [false, true] {
        let mut writes = 0;
        loop {
            let namespace = control_plane().namespace("partial");
            let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, CART);
            workspace.apply().expect_success();
            configure(&workspace, Grant::AppTeam, &namespace, &changed_cart());
            let attempt = || if destroys { workspace.destroy() } else { workspace.apply() };
            proxy.forbid_writes_after(writes);
            let run = attempt();
            proxy.reset();
            if run.code == Some(0) {
                break;
            }
            assert!(run.errors().contains("injected fault"), "{run}");
            attempt().expect_success();
            if !destroys {
                assert!(workspace.plan().is_empty, "after write {writes} failed");
                workspace.destroy().expect_success();
            }
            assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "after write {writes} failed");
            writes += 1;
        }
        assert!(writes >= 5, "each of the objects is a write: {writes}");
    }
}

fn interrupt(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("running kill");
    assert!(sent.success());
}

/// Starts an apply, sends a signal to Terraform while its third write is delayed, and waits for its end.
fn apply_with_signal(signal: &str, workspace: &Workspace, proxy: &Proxy) -> CommandOutput {
    proxy.inject_fault(2, usize::MAX, Fault::Delay(Duration::from_mins(1)), RecordedRequest::is_write);
    let child = workspace.spawn(&APPLY);
    wait_until(Duration::from_mins(1), "the third write", || proxy.writes().len() >= 3);
    interrupt(&child, signal);
    let start = Instant::now();
    let run = wait_for_exit(child);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}: {run}", start.elapsed());
    assert_ne!(run.code, Some(0), "{run}");
    proxy.reset();
    run
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn interrupted_apply_ends_soon_and_keeps_its_state() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("stopped");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        apply_with_signal("-INT", &workspace, &proxy);
        let recorded = workspace.resources();
        let objects =
            recorded.first().expect("the resource is in the state").1["objects"].as_object().expect("a map").len();
        assert!(objects >= 2, "{tool}: {recorded:?}");
        assert_recovers(&workspace, &namespace);
    }
}

/// The server has carried out the third write when Terraform is interrupted, and its answer comes two seconds later.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn write_that_is_answered_after_an_interrupt_is_in_the_state() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("answered-late");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        let delay: Action = Arc::new(|_| thread::sleep(Duration::from_secs(2)));
        proxy.inject_action(2, None, (Moment::BeforeResponse, delay), RecordedRequest::is_write);
        let child = workspace.spawn(&APPLY);
        wait_until(Duration::from_mins(1), "the third write", || proxy.written().len() >= 3);
        interrupt(&child, "-INT");
        let run = wait_for_exit(child);
        assert_ne!(run.code, Some(0), "{run}");
        proxy.reset();
        let recorded = workspace.resources();
        let recorded = recorded.first().expect("the resource is in the state").1["objects"].as_object().expect("a map");
        let live = api.objects(&namespace.name);
        assert_eq!(recorded.keys().collect::<Vec<_>>(), live.iter().collect::<Vec<_>>(), "{tool}: {run}");
        assert!(live.len() >= 3, "{tool}: {live:?}");
        assert_recovers(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn killed_apply_can_be_repeated() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("killed");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        apply_with_signal("-KILL", &workspace, &proxy);
        assert_eq!(workspace.resources(), Vec::new(), "{tool}: a killed process can't write its state");
        assert!(!control_plane().api().objects(&namespace.name).is_empty(), "{tool}");
        assert_recovers(&workspace, &namespace);
    }
}

/// Applies again, and destroys everything.
fn assert_recovers(workspace: &Workspace, namespace: &Namespace) {
    workspace.converge();
    destroy_all(workspace, namespace);
}
