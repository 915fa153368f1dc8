//! The messages and services of the protocol, generated from `proto/`. Only this module and the tests' host use them.

/// Terraform's plugin protocol, version 5.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod tfplugin5 {
    tonic::include_proto!("tfplugin5");
}

/// The services of go-plugin.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod go_plugin {
    tonic::include_proto!("plugin");
}

/// The health check of gRPC.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
