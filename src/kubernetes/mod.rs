//! Talks to the API server; decides nothing. [`connection`] is what the user writes, `target` the one cluster and user that
//! it leads to, through which `proxy`, `session` a client with credentials that are read anew in time, by `exec` where a
//! program gives them. [`cluster`] has the few verbs that we use, [`retry`] meets faults that pass, [`reads`] joins reads,
//! `transport` and [`errors`] say what went wrong.

pub mod cluster;
pub mod connection;
pub mod errors;
mod exec;
pub mod namespace_contents;
mod proxy;
pub mod reads;
pub mod retry;
mod session;
mod target;
mod transport;

pub use cluster::{Applied, Apply, Cluster};
pub use connection::{Connection, Exec, Pod, Secret};
pub use errors::Error;
pub use reads::Freshness;
pub use retry::Deadline;
