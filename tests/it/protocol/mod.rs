//! The plugin is called over its socket as Terraform core calls it. Some tests run the provider's own binary, and
//! others the test provider (support/test_provider.rs), which can panic, be slow or break the rules of core.
//!
//! | topic | tests |
//! | --- | --- |
//! | process, handshake, TLS, signals, gRPC services, message sizes, `Stop`, disconnecting hosts | process.rs |
//! | a TCP port instead of a Unix socket, as on Windows | tcp.rs |
//! | debug mode, with Terraform and OpenTofu | debug.rs |
//! | log lines | logs.rs; their format: unit tests of src/plugin/log.rs |
//! | schemas | schema.rs, which also asserts that no attribute is write-only or both optional and computed |
//! | encoding of values | unit tests in src/schema; empty, JSON and invalid values: resource.rs |
//! | validation and configuration | validation.rs |
//! | provider blocks with unknown values, deferrals | deferral.rs |
//! | plans | plan.rs; the rules of core: every plan of every test, support/core_rules.rs |
//! | applies | apply.rs; the rules of core: every apply of every test; real objects: cluster/lifecycle.rs, cluster/faults.rs |
//! | reads, imports, upgrades, moves | resource.rs; real objects: cluster/conformance.rs, cluster/lifecycle.rs |
//! | concurrent calls | apply.rs |
//! | data sources and functions | functions.rs |

mod apply;
pub(crate) mod debug;
mod deferral;
mod functions;
mod logs;
mod plan;
mod planted_arguments;
mod process;
mod request_logs;
mod resource;
mod schema;
mod tcp;
mod validation;
