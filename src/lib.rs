//! # terraform-provider-mesh
//!
//! Intent to Istio, by way of Terraform. Five verbs, a folder each:
//!
//! | folder | verb | may use |
//! | --- | --- | --- |
//! | [`plugin`] | speaks: tfplugin5 over gRPC, handshake, mutual TLS, logs | `schema`, `diagnostics` |
//! | [`schema`] | understands: types, values, models, the codec | `diagnostics`, `known` |
//! | [`mesh`] | means: intent → Istio objects, pure | `object`, `diagnostics`, `known` |
//! | [`engine`] | decides: wanted × live → waves of writes | `kubernetes`, `object`, `diagnostics` |
//! | [`kubernetes`] | acts: requests, retries, snapshots | `object`, `diagnostics` |
//!
//! [`resources`] joins them, and [`provider`] lists everything offered. [`diagnostics`], [`object`], [`query`], [`known`]
//! and [`json_path`] are leaves.
//! docs/architecture.md says why, and tests/it/generated/layers.rs holds it.

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
