//! Chooses the cases and runs them side by side until the time is over.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    str::FromStr,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    control_plane::{control_plane, repository_root},
    proxy::Proxy,
};

use super::{
    case::{Baseline, Host, Stage},
    faults::Fault,
    operations::Operation,
};

/// The value of an environment variable, if it is set.
pub(super) fn environment<T: FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} isn't a number: {value:?}")))
}

/// An operation with one fault at one request.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    operation: usize,
    request: usize,
    fault: Fault,
    /// Whether it comes before the random sample.
    is_first: bool,
}

/// All operations with what they do without a fault.
pub(super) struct Walk {
    seed: u64,
    operations: Vec<(Operation, Baseline)>,
    cases: Vec<Case>,
}

#[derive(Default)]
struct Results {
    done: usize,
    unreached: usize,
    first_done: usize,
    violations: BTreeMap<String, Vec<String>>,
}

impl Walk {
    /// Runs each operation once, to see its requests.
    pub(super) fn new(seed: u64) -> Self {
        let only = std::env::var("WALK_CASE").ok();
        let mut all = Operation::all();
        all.retain(|operation| {
            only.as_ref().is_none_or(|only| {
                only.starts_with(&(operation.name() + "/")) || operation.name().starts_with(only.as_str())
            })
        });
        let queue = Mutex::new(all.into_iter().collect::<VecDeque<_>>());
        let found = Mutex::new(Vec::new());
        work(|proxy, host| {
            loop {
                let Some(operation) = queue.lock().unwrap().pop_front() else { return };
                let baseline = Stage::new(operation, proxy).baseline(host);
                found.lock().unwrap().push((operation, baseline));
            }
        });
        let mut operations = found.into_inner().unwrap();
        operations.sort_by_key(|(operation, _)| operation.name());
        let mut cases = cases(&operations);
        cases.retain(|case| only.as_ref().is_none_or(|only| case.name.starts_with(only.as_str())));
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut cases);
        cases.sort_by_key(|case| !case.is_first);
        Self { seed, operations, cases }
    }

    /// Runs the first cases, and then others until `limit` is over. Panics with everything that was violated. With a file of
    /// progress, the cases in it are skipped, and there are no first ones.
    pub(super) fn run(&self, limit: Option<Duration>, progress: Option<&str>) {
        let start = Instant::now();
        let progress = progress.map(|name| repository_root().join(name));
        let known = progress.as_ref().map(known_results).unwrap_or_default();
        let open = self.cases.iter().filter(|case| !known.contains(&case.name));
        let queue = Mutex::new(open.collect::<VecDeque<_>>());
        let results = Mutex::new(Results::default());
        let is_over = || limit.is_some_and(|limit| start.elapsed() >= limit);
        work(|proxy, host| {
            loop {
                let mut open = queue.lock().unwrap();
                let is_due = |case: &&Case| !is_over() || progress.is_none() && case.is_first;
                let Some(case) = open.pop_front().filter(is_due) else { return };
                drop(open);
                let (violations, is_reached) = self.run_case(case, proxy, host);
                let mut results = results.lock().unwrap();
                results.done += 1;
                results.first_done += usize::from(case.is_first);
                results.unreached += usize::from(!is_reached);
                if let Some(file) = &progress {
                    append(file, &case.name, &violations);
                }
                if !violations.is_empty() {
                    let (_, baseline) = &self.operations[case.operation];
                    println!("{}: {}: {violations:#?}", case.name, baseline.requests[case.request]);
                    results.violations.insert(case.name.clone(), violations);
                }
            }
        });
        let results = results.into_inner().unwrap();
        let first = self.cases.iter().filter(|case| case.is_first).count();
        println!(
            "walk: seed {}; {} of {} cases ran in {} s, {} in former runs; {} of {first} of those at every write; {} didn't \
             come to their request; {} violate something",
            self.seed,
            results.done,
            self.cases.len(),
            start.elapsed().as_secs(),
            known.len(),
            results.first_done,
            results.unreached,
            results.violations.len(),
        );
        assert!(
            results.violations.is_empty(),
            "replay with WALK_CASE=<name> and the same test: {:#?}",
            results.violations.keys()
        );
    }

    fn run_case(&self, case: &Case, proxy: &Proxy, host: &mut Host) -> (Vec<String>, bool) {
        let (operation, baseline) = &self.operations[case.operation];
        let run = || Stage::new(*operation, proxy).run(case.fault, case.request, baseline, host);
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            (vec![format!("panic: {}", text.unwrap_or_default())], true)
        })
    }
}

/// Runs `worker` in several threads, each with a proxy and a provider of its own. Cases wait more than they compute, so there are more workers than cores.
fn work(worker: impl Fn(&Proxy, &mut Host) + Sync) {
    let workers = environment("WALK_WORKERS").unwrap_or(8);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| worker(&Proxy::start(control_plane()), &mut Host::default()));
        }
    });
}

/// Every fault at every request of every operation, if it can happen there.
fn cases(operations: &[(Operation, Baseline)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, (operation, baseline)) in operations.iter().enumerate() {
        for (request, recorded) in baseline.requests.iter().enumerate() {
            for (fault, fault_name) in Fault::ALL {
                if fault == Fault::StaleAnswer && recorded.method != "GET" {
                    continue;
                }
                cases.push(Case {
                    name: format!("{}/{request}/{fault_name}", operation.name()),
                    operation: index,
                    request,
                    fault,
                    is_first: recorded.is_write() && fault.is_always_tested(),
                });
            }
        }
    }
    cases
}

fn known_results(file: &PathBuf) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_suffix(" ok")).map(str::to_owned).collect()
}

fn append(file: &PathBuf, case: &str, violations: &[String]) {
    fs::create_dir_all(file.parent().expect("a folder")).expect("making a folder");
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).expect("opening the file of progress");
    let result = if violations.is_empty() { "ok".to_owned() } else { format!("violates {violations:?}") };
    writeln!(file, "{case} {result}").expect("writing the file of progress");
}
