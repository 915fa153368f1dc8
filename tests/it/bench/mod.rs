//! Benchmarks without assertions: `make bench` prints the time, memory and requests that many services take, with a
//! release build, the real Terraform and the real API server, beside what Terraform and the API server take by themselves.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod backend;
mod floor;
mod load;
mod steps;
mod usage;

use std::{env, fs, time::Instant};

use prost::Message as _;
use tokio::process::Command;

use self::load::Load;
use crate::support::{control_plane::ControlPlane, core_client::CoreClient, host::Plugin, terraform::provider};

/// `BENCH_SERVICES` has other numbers of services, such as `500,2000`, and `BENCH_NAMESPACES` other numbers of namespaces.
#[test]
#[ignore = "a benchmark: `make bench`"]
fn cost_of_many_services() {
    let plane = ControlPlane::with_audit_log();
    let load_average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average at the start: {}", load_average.trim());
    println!(
        "| services in namespaces | step | wall | Terraform's floor | bare requests | ratio | Terraform's CPU | provider's CPU | requests | provider's peak memory |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for services in numbers("BENCH_SERVICES", "50,200") {
        for namespaces in numbers("BENCH_NAMESPACES", "1,5") {
            for versions in [false, true] {
                Load { services, namespaces, versions }.measure(&plane);
            }
        }
    }
}

fn numbers(variable: &str, default: &str) -> Vec<usize> {
    let text = env::var(variable).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.parse().expect("a number")).collect()
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
    let schemas = CoreClient::start(Command::new(provider())).await.schemas;
    println!("answer to GetProviderSchema: {} KB", schemas.encoded_len() / 1000);
}
