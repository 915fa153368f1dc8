//! The peak memory of provider processes that Terraform starts.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use crate::support::terraform::provider;

/// Runs `work`, and returns its result with the largest resident memory of any process of the provider meanwhile, in MiB.
pub(super) fn peak_memory<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !is_done.load(Relaxed) {
                let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
                peak = processes.filter_map(|process| provider_memory(&process.path())).fold(peak, u64::max);
                thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        let result = work();
        is_done.store(true, Relaxed);
        (result, watcher.join().unwrap() / 1024)
    })
}

/// The peak resident memory (`VmHWM`) in KiB, if the process is the provider.
fn provider_memory(process: &Path) -> Option<u64> {
    let program = fs::read_link(process.join("exe")).ok()?;
    (program == provider()).then_some(())?;
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
