//! Figures, not assertions: `make bench` prints what many services cost in time, memory and requests, with a release build,
//! real terraform, and a state backend that doesn't rewrite a file after every resource (the local one would be measured
//! instead).

// A failure here is a test's failure: it may panic, and clippy knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod backend;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::support::{
    control_plane::control_plane,
    host::Plugin,
    proxy::Proxy,
    terraform::{Tool, Workspace, provider},
    users::Grant,
};

const SERVICE: &str = r#"
resource "mesh_service" "many" {
  count     = SERVICES
  name      = "cart-${count.index}"
  namespace = "NAMESPACE"
  service   = "managed"
  calls     = ["catalog"]

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["web", "shop/checkout"]
    methods = ["GET", "POST"]
  }
}"#;

/// The largest resident memory of any process of the provider while `work` runs, in MiB.
fn peak_memory<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (done, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (until, seen) = (Arc::clone(&done), Arc::clone(&peak));
    let watcher = thread::spawn(move || {
        while !until.load(Relaxed) {
            for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                seen.fetch_max(memory_of_provider(&process.path()).unwrap_or(0), Relaxed);
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let result = work();
    done.store(true, Relaxed);
    watcher.join().unwrap();
    (result, peak.load(Relaxed) / 1024)
}

/// `VmHWM` in KiB, where the process is the provider.
fn memory_of_provider(process: &Path) -> Option<u64> {
    let program = fs::read_link(process.join("exe")).ok()?;
    (program == provider()).then_some(())?;
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn many(services: usize) {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let namespace = plane.namespace("bench");
    let workspace = Workspace::new(Tool::Terraform);
    workspace.file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    let backend = format!("terraform {{\n  backend \"http\" {{\n    address = \"{}\"\n  }}\n}}\n", backend::start());
    let provider = "provider \"mesh\" {\n  owner = \"bench/NAMESPACE\"\n  config_path = \"kubeconfig\"\n}\n";
    let configure = |timeout: &str| {
        let service = SERVICE.replace("SERVICES", &services.to_string());
        let service = service.replace("calls     =", &format!("{timeout}\n  calls     ="));
        workspace.configure(&format!("{backend}{provider}{service}").replace("NAMESPACE", &namespace.name));
    };
    let measured = |what: &str, work: &dyn Fn()| {
        proxy.reset();
        let begun = Instant::now();
        let ((), memory) = peak_memory(work);
        let asked = proxy.asked();
        let writes = asked.iter().filter(|asked| asked.writes()).count();
        println!(
            "| {services} | {what} | {:.1} s | {} | {writes} | {memory} MiB |",
            begun.elapsed().as_secs_f64(),
            asked.len()
        );
    };
    configure("");
    workspace.run(&["init", "-input=false", "-no-color"]);
    measured("plan of new services", &|| assert!(!workspace.plan().is_empty));
    measured("apply, its plan included", &|| drop(workspace.apply().succeeded()));
    measured("empty plan", &|| assert!(workspace.plan().is_empty));
    configure("request_timeout = \"7s\"");
    measured("apply of a change to all", &|| drop(workspace.apply().succeeded()));
    measured("destroy, its plan included", &|| drop(workspace.destroy().succeeded()));
}

#[test]
#[ignore = "a benchmark: `make bench`"]
fn services() {
    println!(
        "| services | what | wall | requests | of them writes | provider's peak memory |\n|--:|---|--:|--:|--:|--:|"
    );
    for services in [10, 50, 200] {
        many(services);
    }
}

#[tokio::test]
#[ignore = "a benchmark: `make bench`"]
async fn start() {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let plugin = Plugin::start(Command::new(provider())).await;
        times.push(begun.elapsed());
        drop(plugin);
    }
    times.sort();
    println!("process start to handshake line: median {:?}, {:?} to {:?}", times[10], times[0], times[19]);
    let binary = fs::metadata(provider()).unwrap().len();
    println!("binary: {} KB", binary / 1000);
}
