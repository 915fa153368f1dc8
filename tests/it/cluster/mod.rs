//! Against real servers: etcd and kube-apiserver with Istio's kinds, real terraform, real tofu. `make test` runs them.

mod control_plane;
mod proxy;
mod rbac;
