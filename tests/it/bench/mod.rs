//! Benchmarks without assertions: `make bench` prints the time, memory and requests that many services take, with a
//! release build and the real Terraform. The state is in an HTTP backend in memory: the local backend rewrites its file
//! after every resource, which would dominate the measurements.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
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

/// Runs `work`, and returns its result with the largest resident memory of any process of the provider meanwhile, in
/// MiB.
fn peak_memory<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (done, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (is_done, shared_peak) = (Arc::clone(&done), Arc::clone(&peak));
    let watcher = thread::spawn(move || {
        while !is_done.load(Relaxed) {
            for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                shared_peak.fetch_max(provider_memory(&process.path()).unwrap_or(0), Relaxed);
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let result = work();
    done.store(true, Relaxed);
    watcher.join().unwrap();
    (result, peak.load(Relaxed) / 1024)
}

/// The peak resident memory (`VmHWM`) in KiB, if the process is the provider.
fn provider_memory(process: &Path) -> Option<u64> {
    let program = fs::read_link(process.join("exe")).ok()?;
    (program == provider()).then_some(())?;
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Measures plan, apply and destroy of so many services, and prints a row for each.
fn measure_services(services: usize) {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let namespace = plane.namespace("bench");
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    let backend = format!("terraform {{\n  backend \"http\" {{\n    address = \"{}\"\n  }}\n}}\n", backend::start());
    let provider = "provider \"mesh\" {\n  owner = \"bench/NAMESPACE\"\n  config_path = \"kubeconfig\"\n}\n";
    let configure = |timeout: &str| {
        let service = SERVICE.replace("SERVICES", &services.to_string());
        let service = service.replace("calls     =", &format!("{timeout}\n  calls     ="));
        workspace.configure(&format!("{backend}{provider}{service}").replace("NAMESPACE", &namespace.name));
    };
    let measure = |what: &str, work: &dyn Fn()| {
        proxy.reset();
        let start = Instant::now();
        let ((), memory) = peak_memory(work);
        let requests = proxy.requests();
        let writes = requests.iter().filter(|request| request.is_write()).count();
        println!(
            "| {services} | {what} | {:.1} s | {} | {writes} | {memory} MiB |",
            start.elapsed().as_secs_f64(),
            requests.len()
        );
    };
    configure("");
    workspace.run(&["init", "-input=false", "-no-color"]);
    measure("plan of new services", &|| assert!(!workspace.plan().is_empty));
    measure("apply, its plan included", &|| drop(workspace.apply().expect_success()));
    measure("empty plan", &|| assert!(workspace.plan().is_empty));
    configure("request_timeout = \"7s\"");
    measure("apply of a change to all", &|| drop(workspace.apply().expect_success()));
    measure("destroy, its plan included", &|| drop(workspace.destroy().expect_success()));
}

#[test]
#[ignore = "a benchmark: `make bench`"]
fn cost_of_many_services() {
    println!("| services | what | wall | requests | writes | provider's peak memory |\n|--:|---|--:|--:|--:|--:|");
    for services in [10, 50, 200] {
        measure_services(services);
    }
}

#[tokio::test]
#[ignore = "a benchmark: `make bench`"]
async fn start_up_time() {
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let plugin = Plugin::start(Command::new(provider())).await;
        times.push(start.elapsed());
        drop(plugin);
    }
    times.sort();
    println!("process start to handshake line: median {:?}, {:?} to {:?}", times[10], times[0], times[19]);
    let binary = fs::metadata(provider()).unwrap().len();
    println!("binary: {} KB", binary / 1000);
}
