//! Against real servers: etcd and kube-apiserver with Istio's kinds, real terraform, real tofu. `make test` runs them.

// A failure here is a test's failure: it may panic, and clippy knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod control_plane;
mod lifecycle;
mod proxy;
mod rbac;
