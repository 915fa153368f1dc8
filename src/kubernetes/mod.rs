//! Talks to the API server; decides nothing. [`connection`] is what the user writes, `target` the one cluster and user that
//! it leads to, through which `proxy`, `session` a client with credentials that are read anew in time, by `exec` where a
//! program gives them. [`cluster`] has the few verbs that we use, [`retry`] meets faults that pass, [`read_cache`] joins reads,
//! `transport` and [`error_report`] say what went wrong.

pub mod cluster;
pub mod connection;
pub mod error;
pub mod error_report;
mod exec;
pub mod namespace_contents;
mod proxy;
pub mod read_cache;
pub mod retry;
mod secret;
mod session;
mod target;
mod transport;

pub use cluster::{ApplyOptions, Cluster, FIELD_MANAGER, WriteResponse};
pub use connection::{Connection, Exec, InClusterConfig};
pub use error::Error;
pub use read_cache::Freshness;
pub use retry::Deadline;
pub use secret::Secret;
