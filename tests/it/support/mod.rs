//! What the tests stand on.

pub mod api;
pub mod control_plane;
pub mod proxy;
pub mod terraform;
pub mod users;
