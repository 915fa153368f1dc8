//! Talks to the API server; decides nothing. [`connection`] says where and as whom, [`cluster`] has the few verbs that we
//! use, [`retry`] meets faults that pass, [`reads`] joins reads, [`errors`] says what went wrong.

pub mod cluster;
pub mod connection;
pub mod errors;
pub mod reads;
pub mod retry;

pub use cluster::{Applied, Apply, Cluster, FIELD_MANAGER};
pub use connection::{Connection, Secret};
pub use errors::Error;
pub use reads::Freshness;
pub use retry::Limits;
