//! All tests that need more than one module. Tiers are modules: `golden` (HCL in, objects or diagnostics out), `protocol`
//! (the built binary over its socket), `engine` (its requests, against a scripted server), `generated` (docs and layers), and `cluster` (real servers, real terraform and
//! tofu; ignored unless asked for, since they need `make tools`). `bench` prints figures.

// Whatever modules share is `pub`, and nothing of a test binary is reachable from outside.
#![allow(unreachable_pub)]

#[cfg(test)]
mod bench;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod support;
