//! Fixtures, servers and clients that several test modules share.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub(crate) mod api;
pub(crate) mod assertions;
pub(crate) mod connect_proxy;
pub(crate) mod control_plane;
pub(crate) mod core_client;
pub(crate) mod core_rules;
pub(crate) mod host;
pub(crate) mod istioctl;
#[cfg(target_os = "linux")]
pub(crate) mod mesh;
pub(crate) mod namespace_finalizer;
pub(crate) mod other_provider;
pub(crate) mod polling;
pub(crate) mod proxy;
pub(crate) mod scripted_server;
pub(crate) mod terraform;
pub(crate) mod test_provider;
pub(crate) mod users;
pub(crate) mod watch;
