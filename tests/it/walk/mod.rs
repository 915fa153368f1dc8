//! The walk through every fault: for each operation on each resource type, at each of its requests, each fault. After each
//! case the state says what is in the cluster, no object that stays desired was deleted or recreated, the next run brings an
//! empty plan, no request was admitted for a while, and a destroy leaves nothing.
//!
//! The cases run against the real API server, with the built provider, in the tests' own host. `make test` runs some of them
//! for a few minutes, `make soak` all of them. A case is replayed by its name: `WALK_CASE=service/update/14/lost-answer`.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod case;
mod faults;
mod invariants;
mod kills;
mod operations;
mod runner;
mod terraform_core;

use std::time::Duration;

use self::runner::{Walk, environment};

/// The seed of the sample that `make test` runs. It is always the same, so that a failure comes from a change; `make soak` runs all
/// cases.
const SAMPLE_SEED: u64 = 56_680_753_312_993_808;

/// Every write with the three faults that matter most, then a random sample of all other cases, for `WALK_SECONDS`.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn faults_at_every_write_and_a_sample_of_all_others() {
    let seconds = environment("WALK_SECONDS").unwrap_or(180);
    let walk = Walk::new(environment("WALK_SEED").unwrap_or(SAMPLE_SEED));
    walk.run(Some(Duration::from_secs(seconds)), None);
}

/// All cases. What a former run has done is in `target/walk/progress.txt` and isn't done again.
#[test]
#[ignore = "takes hours: `make soak`"]
fn soak_all_faults_at_all_requests() {
    let limit = environment("WALK_SECONDS").map(Duration::from_secs);
    Walk::new(environment("WALK_SEED").unwrap_or(0)).run(limit, Some("target/walk/progress.txt"));
}
