//! A plugin driven over its socket as Terraform drives it, case by case. Cases are numbered; each test's name starts with
//! the number of its case. `real` is the provider's own binary, `stand-in` a provider that can be told to panic, to be slow
//! or to break the rules (support/stand_in.rs), `unit` a test beside the code.
//!
//! | cases | what | where |
//! | --- | --- | --- |
//! | 1–11, 13, 14 | process, handshake, TLS, signals, services, sizes | process.rs (14 with real Terraform: debug.rs) |
//! | 12 | log lines | logs.rs; form: unit, plugin/log.rs |
//! | 15, 27–29 | schemas | schema.rs |
//! | 16–22, 24–26 | codec | unit, schema/vectors.rs; 22 also plan.rs, 25 also resource.rs |
//! | 23 | values that are empty or JSON | resource.rs |
//! | 30–32, 34 | validation and configuration | validation.rs (real) |
//! | 35–37, 39–45 | plans | plan.rs (real and stand-in); 40: every plan of every test, and unit, support/core.rs |
//! | 48 | results of applies | every apply of every test, and unit, support/core.rs |
//! | 49–54 | applies | apply.rs (stand-in; 54 real); with real objects: cluster/lifecycle.rs, cluster/faults.rs |
//! | 54, 55 | Stop, hosts that hang up | process.rs |
//! | 56–61 | reads, imports, upgrades, moves | resource.rs; with real objects: cluster/conformance.rs, cluster/lifecycle.rs |
//! | 62 | many calls at a time | apply.rs |
//! | 63 | whole life cycles with terraform and tofu | cluster/lifecycle.rs, cluster/conformance.rs |
//! | 64, 65 | data sources, functions | functions.rs (stand-in) |
//! | 33, 38, 46 | write-only, optional and computed | don't apply: there are none, which schema.rs asserts |

mod apply;
mod debug;
mod functions;
mod logs;
mod plan;
mod process;
mod resource;
mod schema;
mod validation;
