//! Requests that go wrong: what heals by itself is never seen, and what doesn't leaves a state from which the next apply
//! goes on.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{CommandOutput, Tool, Workspace, wait_for_exit},
    users::Grant,
};

use super::{CART, configure, workspace};

/// A workspace whose provider speaks to the API server through a proxy.
fn through_proxy(tool: Tool, namespace: &Namespace) -> (Workspace, Proxy) {
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(tool, Grant::AppTeam, namespace, CART);
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    (workspace, proxy)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn passing_faults_are_never_seen() {
    for fault in
        [Fault::TooManyRequests(1), Fault::Status(500), Fault::Status(503), Fault::DropRequest, Fault::DropResponse]
    {
        let namespace = control_plane().namespace("passing");
        let (workspace, proxy) = through_proxy(Tool::Terraform, &namespace);
        proxy.inject_fault(1, 2, fault, RecordedRequest::is_write);
        proxy.inject_fault(1, 2, fault, |request| request.method == "GET");
        workspace.apply().expect_success();
        assert!(workspace.plan().is_empty, "{fault:?}");
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new(), "{fault:?}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn whichever_write_fails_the_next_apply_goes_on() {
    let api = control_plane().api();
    let mut writes = 0;
    loop {
        let namespace = control_plane().namespace("partial");
        let (workspace, proxy) = through_proxy(if writes % 2 == 0 { Tool::Terraform } else { Tool::Tofu }, &namespace);
        // Neither a fault that passes, nor one that a retry could heal.
        proxy.forbid_writes_after(writes);
        let run = workspace.apply();
        if run.code == Some(0) {
            break;
        }
        let told = run.errors();
        assert!(told.contains("made to fail"), "{told}");
        let written = api.objects(&namespace.name);
        let recorded = workspace.resources();
        assert!(written.is_empty() == recorded.is_empty(), "written: {written:?}, recorded: {recorded:?}");
        if let Some((_, values)) = recorded.first() {
            let objects: Vec<&String> = values["objects"].as_object().expect("a map").keys().collect();
            assert_eq!(objects, written.iter().collect::<Vec<_>>(), "write {writes} failed");
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

/// The configuration after [`CART`]: every object but the ServiceAccount changes.
fn changed() -> String {
    CART.replace("port {", "resiliency = \"high\"\n  port {")
        .replace("\"web\"", "\"web\", \"shop/web\"")
        .replace("\"catalog\"", "\"prices\"")
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn whichever_write_of_an_update_or_destroy_fails_the_next_one_goes_on() {
    let api = control_plane().api();
    for destroys in [false, true] {
        let mut writes = 0;
        loop {
            let namespace = control_plane().namespace("partial");
            let (workspace, proxy) = through_proxy(Tool::Terraform, &namespace);
            workspace.apply().expect_success();
            configure(&workspace, Grant::AppTeam, &namespace, &changed());
            let attempt = || if destroys { workspace.destroy() } else { workspace.apply() };
            proxy.forbid_writes_after(writes);
            let run = attempt();
            proxy.reset();
            if run.code == Some(0) {
                break;
            }
            assert!(run.errors().contains("made to fail"), "{run}");
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

/// Starts an apply whose third write gets no answer, sends the signal then, and waits for the end.
fn signalled(signal: &str, workspace: &Workspace, proxy: &Proxy) -> CommandOutput {
    proxy.inject_fault(2, usize::MAX, Fault::Delay(Duration::from_mins(1)), RecordedRequest::is_write);
    let child = workspace.spawn(&["apply", "-input=false", "-no-color", "-auto-approve"]);
    let patience = Instant::now() + Duration::from_mins(1);
    while proxy.writes().len() < 3 {
        assert!(Instant::now() < patience, "the third write never came");
        thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("running kill");
    assert!(sent.success());
    let start = Instant::now();
    let run = wait_for_exit(child);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}: {run}", start.elapsed());
    assert_ne!(run.code, Some(0), "{run}");
    proxy.reset();
    run
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_interrupted_apply_ends_soon_and_keeps_what_it_wrote() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("stopped");
        let (workspace, proxy) = through_proxy(tool, &namespace);
        signalled("-INT", &workspace, &proxy);
        let recorded = workspace.resources();
        let objects = recorded.first().expect("it is in the state").1["objects"].as_object().expect("a map").len();
        assert!(objects >= 2, "{tool}: {recorded:?}");
        goes_on(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_killed_apply_is_simply_run_again() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("killed");
        let (workspace, proxy) = through_proxy(tool, &namespace);
        signalled("-KILL", &workspace, &proxy);
        assert_eq!(workspace.resources(), Vec::new(), "{tool}: nobody was left to write the state");
        assert!(!control_plane().api().objects(&namespace.name).is_empty(), "{tool}");
        goes_on(&workspace, &namespace);
    }
}

fn goes_on(workspace: &Workspace, namespace: &Namespace) {
    workspace.converge();
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}
