//! Scenarios on a real mesh: what the HCL says is what requests and responses do. `support::mesh` says how to write one.

// A failure in a helper fails the test, so helpers may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access_audit;
mod admission;
mod calls;
mod deny_all;
mod egress_gateway;
mod end_users;
mod external_addresses;
mod external_services;
mod failover;
mod gateways;
mod global_name_moves;
mod global_names;
mod harness;
mod hidden_callers;
mod ingress;
mod install_config;
mod install_config_objects;
mod install_config_observation;
mod namespaces;
mod onboarding;
mod path_normalization;
mod photo_application;
mod ports;
mod presets;
mod releases;
mod route_targets;
mod routes;
mod visibility;
mod wrong_rendering;
