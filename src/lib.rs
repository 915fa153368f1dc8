//! # terraform-provider-mesh
//!
//! A Terraform provider that renders the arguments of its resources as Istio objects and writes them by server-side
//! apply. The crate has five layers, each in a folder:
//!
//! | folder | task |
//! | --- | --- |
//! | [`plugin`] | serves the plugin protocol (tfplugin5 over gRPC), with handshake, mutual TLS and logs |
//! | [`schema`] | defines Terraform's types and values, their encodings, and the declarations of arguments |
//! | [`mesh`] | renders arguments as Istio objects, as pure functions |
//! | [`engine`] | compares rendered with live objects, and schedules the writes |
//! | [`kubernetes`] | sends requests to the API server, with retries and a read cache |
//!
//! [`resources`] connects the layers, and [`provider`] lists the resources, data sources and functions. [`diagnostics`],
//! [`object`], [`query`], [`known`] and [`json_path`] use none of the layers. docs/architecture.md gives the reasons, and
//! tests/it/generated/layers.rs checks which module may use which.

pub mod diagnostics;
pub mod engine;
pub mod json_path;
pub mod known;
pub mod kubernetes;
pub mod mesh;
pub mod object;
pub mod plugin;
pub mod provider;
pub mod query;
pub mod resources;
pub mod schema;
