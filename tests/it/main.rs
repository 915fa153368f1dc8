//! The integration tests, one module per tier: `golden` (HCL in, objects or diagnostics out), `protocol` (the built binary
//! over its socket), `engine` (the engine's requests, against a scripted server), `generated` (documentation and layers), and
//! `cluster` (real API servers with the real Terraform and OpenTofu; ignored by default, because they need `make tools`).
//! `mesh` sends requests through a real istiod and real Envoys (ignored by default, because it needs Linux and root as well).
//! `release` packs the provider, and lets terraform and tofu install it (ignored by default, because it needs both, and more).
//! `walk` puts a fault into every request of every operation. `bench` prints measurements.

// Items that modules share are `pub`, although nothing in a test binary is reachable from outside.
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
#[cfg(all(test, target_os = "linux"))]
mod mesh;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod release;
#[cfg(test)]
mod support;
#[cfg(test)]
mod walk;
