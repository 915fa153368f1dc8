//! The messages and services of the wire, generated from proto/. Only this folder and the tests' host use them.

/// Terraform's plugin protocol 5.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod tfplugin5 {
    tonic::include_proto!("tfplugin5");
}

/// What a go-plugin host expects beside it.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod go_plugin {
    tonic::include_proto!("plugin");
}

/// gRPC's health check.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
