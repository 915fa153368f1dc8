//! What the tests stand on.

pub mod api;
pub mod control_plane;
pub mod core;
pub mod host;
pub mod proxy;
pub mod rig;
pub mod stand_in;
pub mod terraform;
pub mod users;
