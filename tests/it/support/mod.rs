//! What the tests stand on.

// A failure here is a test's failure: it may panic, and clippy knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub(crate) mod api;
pub(crate) mod control_plane;
pub(crate) mod core;
pub(crate) mod foreign;
pub(crate) mod host;
pub(crate) mod istioctl;
pub(crate) mod namespaces;
pub(crate) mod proxy;
pub(crate) mod rig;
pub(crate) mod scripted_server;
pub(crate) mod stand_in;
pub(crate) mod terraform;
pub(crate) mod tunnel;
pub(crate) mod users;
pub(crate) mod watch;
