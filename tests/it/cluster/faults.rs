//! Requests that go wrong: what heals by itself is never seen, and what doesn't leaves a state from which the next apply
//! goes on.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Asked, Fault, Proxy},
    terraform::{Tool, Workspace, finish},
    users::Grant,
};

use super::{CART, workspace};

/// A workspace whose provider speaks to the API server through a proxy.
fn through_proxy(tool: Tool, namespace: &Namespace) -> (Workspace, Proxy) {
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(tool, Grant::AppTeam, namespace, CART);
    workspace.file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    (workspace, proxy)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn passing_faults_are_never_seen() {
    for fault in [Fault::TooManyRequests(1), Fault::Answer(500), Fault::Answer(503), Fault::Cut, Fault::CutAnswer] {
        let namespace = control_plane().namespace("passing");
        let (workspace, proxy) = through_proxy(Tool::Terraform, &namespace);
        proxy.rule(1, 2, fault, Asked::writes);
        proxy.rule(1, 2, fault, |asked| asked.method == "GET");
        workspace.apply().succeeded();
        assert!(workspace.plan().is_empty, "{fault:?}");
        workspace.destroy().succeeded();
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
        proxy.rule(writes, usize::MAX, Fault::Answer(403), Asked::writes);
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
        workspace.apply().succeeded();
        assert!(workspace.plan().is_empty, "after write {writes} failed");
        workspace.destroy().succeeded();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "after write {writes} failed");
        writes += 1;
    }
    assert!(writes >= 5, "each of the objects is a write: {writes}");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_interrupted_apply_ends_soon_and_keeps_what_it_wrote() {
    let namespace = control_plane().namespace("stopped");
    let (workspace, proxy) = through_proxy(Tool::Terraform, &namespace);
    proxy.rule(2, usize::MAX, Fault::Delay(Duration::from_mins(1)), Asked::writes);
    let child = workspace.spawn(&["apply", "-input=false", "-no-color", "-auto-approve"]);
    let patience = Instant::now() + Duration::from_mins(1);
    while proxy.asked().iter().filter(|asked| asked.writes()).count() < 3 {
        assert!(Instant::now() < patience, "the third write never came");
        thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Instant::now();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("running kill");
    assert!(sent.success());
    let run = finish(child);
    assert!(interrupted.elapsed() < Duration::from_secs(15), "{:?}: {run}", interrupted.elapsed());
    assert_ne!(run.code, Some(0), "{run}");
    let recorded = workspace.resources();
    let objects = recorded.first().expect("it is in the state").1["objects"].as_object().expect("a map").len();
    assert!(objects >= 2, "{recorded:?}");
    proxy.reset();
    workspace.apply().succeeded();
    assert!(workspace.plan().is_empty);
    workspace.destroy().succeeded();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}
