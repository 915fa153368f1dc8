//! Access to the Kubernetes API server. The engine decides what is written.
//!
//! - [`connection`] holds the arguments of the provider block and their environment variables. `resolved_connection` turns
//!   them into one API server and one user, by `kubeconfig` and `proxy`; `connection_risks` warns of insecure connections.
//! - `session` holds an HTTP client with credentials, which `credentials` reads from files or, by `exec`, from a plugin.
//! - `api_client` sends an `api_request` with `retry`, which ends at a [`deadline`]; `request_log` logs it, and `known_secrets`
//!   removes credentials from what the server answers.
//! - [`cluster`] reads objects, by `pager` and through `read_cache`, which holds `listed_object`s; [`mod@write`] changes them;
//!   [`namespace_contents`] lists the other objects of a namespace.
//! - [`error`] classifies errors, `transport_error` those without a response; [`error_report`] turns them into diagnostics.

mod api_client;
mod api_path;
mod api_request;
pub mod cluster;
pub mod connection;
mod connection_risks;
mod credentials;
pub mod deadline;
pub mod error;
pub mod error_report;
mod exec;
#[cfg(fuzzing)]
pub mod fuzzing;
mod known_secrets;
mod kubeconfig;
mod listed_object;
pub mod namespace_contents;
mod pager;
mod proxy;
mod queried_object;
mod read_cache;
mod request_log;
mod resolved_connection;
mod retry;
mod secret;
mod session;
#[cfg(test)]
mod tests;
mod transport_error;
pub mod write;

pub use cluster::Cluster;
pub use connection::{Connection, Exec, InClusterConfig};
pub use connection_risks::ConnectionRisk;
pub use deadline::Deadline;
pub use error::Error;
pub use read_cache::Freshness;
pub use secret::Secret;
pub use write::{ApplyOptions, WriteResponse};
