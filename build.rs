//! Bindings of the protocol.
fn main() {}
