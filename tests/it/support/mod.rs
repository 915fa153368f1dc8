//! What the tests share.

pub mod core;
pub mod host;
pub mod rig;
pub mod stand_in;
