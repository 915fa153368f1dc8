//! Scenarios on a real mesh: what the HCL says is what requests and responses do. `support::mesh` says how to write one.

mod harness;
mod onboarding;
mod photo_application;
mod presets;
mod releases;
mod visibility;
