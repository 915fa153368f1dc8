//! # terraform-provider-mesh
//!
//! A Terraform provider that renders Istio objects from the intent of a service's owner. Each folder is a layer:
//!
//! | folder | content | may use |
//! | --- | --- | --- |
//! | `object` | desired objects: keys, kinds, manifests, stages | `diagnostics`, `json_path` |
//! | `schema` | Terraform's types, values and schemas, and declarations of arguments; pure | `diagnostics`, `known` |
//! | `mesh` | arguments, their validation, and their rendering into Istio objects; pure | `diagnostics`, `query::Query`, `known`, `object`, `json_path`, `model`, `schema` |
//! | `plugin` | Terraform's plugin protocol: handshake, mutual TLS, gRPC, logs; free of Kubernetes and Istio | `diagnostics`, `known`, `schema` |
//! | `kubernetes` | requests to the API server: connection, retries, shared reads, errors; free of Istio and Terraform | `diagnostics`, `query`, `known`, `object`, `json_path` |
//! | `engine` | plans and writes: desired objects against live ones, ownership, order; free of Istio and HCL | `diagnostics`, `query`, `known`, `kubernetes`, `object`, `json_path` |
//! | `resources` | the resource types, and the Terraform resource made of each | `diagnostics`, `query`, `known`, `mesh`, `object`, `schema` |
//! | `data_sources` | the data sources: what they read, and what is made of it | `diagnostics`, `engine`, `kubernetes`, `known`, `mesh`, `plugin::interface`, `resources`, `schema` |
//! | `functions` | functions for expressions in HCL; pure | `mesh`, `object`, `plugin::interface`, `schema` |
//! | `provider` | the provider block and the lists of resource types, data sources and functions | `data_sources`, `diagnostics`, `functions`, `known`, `kubernetes`, `mesh`, `plugin::interface`, `resources`, `schema` |
//!
//! [`provider`] lists everything that the provider offers. `docs/architecture.md` explains the layers, and
//! `tests/it/generated/layers.rs` enforces them.

pub mod data_sources;
pub mod diagnostics;
pub mod engine;
pub mod functions;
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
