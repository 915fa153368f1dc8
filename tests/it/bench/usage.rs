//! Processor time and memory of the processes of Terraform and of the provider.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use crate::support::terraform::provider;

/// The interval between two looks at the processes. The last moments of a process aren't seen.
const INTERVAL: Duration = Duration::from_millis(20);

/// The unit of processor times in `/proc`, on every platform of Linux.
const TICK: Duration = Duration::from_millis(10);

/// The processor time and memory of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time of all processes of Terraform.
    pub(super) terraform_cpu: Duration,
    /// Processor time of all processes of the provider.
    pub(super) provider_cpu: Duration,
    /// The largest resident memory of any process of the provider, in MiB.
    pub(super) provider_memory: u64,
}

/// Runs `work`, and returns its result with the usage of the processes meanwhile.
pub(super) fn usage_of<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeMap::new();
            while !is_done.load(Relaxed) {
                let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
                seen.extend(processes.filter_map(|process| Some((process.clone(), look_at(&process)?))));
                thread::sleep(INTERVAL);
            }
            seen
        });
        let result = work();
        is_done.store(true, Relaxed);
        (result, sum(watcher.join().unwrap().into_values()))
    })
}

/// A process, the last time that it was looked at.
struct Process {
    program: PathBuf,
    cpu: Duration,
    /// The peak of its resident memory, in KiB.
    memory: u64,
}

fn sum(processes: impl Iterator<Item = Process>) -> Usage {
    let mut usage = Usage::default();
    for process in processes {
        if process.program == provider() {
            usage.provider_cpu += process.cpu;
            usage.provider_memory = usage.provider_memory.max(process.memory / 1024);
        } else {
            usage.terraform_cpu += process.cpu;
        }
    }
    usage
}

/// Reads the usage of a process so far. None if it is neither Terraform nor the provider, or has ended.
fn look_at(process: &Path) -> Option<Process> {
    let program = fs::read_link(process.join("exe")).ok()?;
    (program == provider() || program.file_name() == Some(OsStr::new("terraform"))).then_some(())?;
    let status = fs::read_to_string(process.join("status")).ok()?;
    let memory = status.lines().find(|line| line.starts_with("VmHWM:"))?.split_whitespace().nth(1)?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // Of the fields behind the name of the program, which may contain spaces, the 12th and 13th are the times.
    let times = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2);
    let ticks: u32 = times.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Some(Process { program, cpu: TICK * ticks, memory })
}
