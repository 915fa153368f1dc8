//! How failures are met, versions, routes and failover.

mod mistakes;
mod resiliency;
mod routes;
mod versions;

use expect_test::Expect;
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check_object, meaning, mesh};

/// A service with two ports, and these arguments.
fn mixed(arguments: &str) -> String {
    payments(&format!("port {{\n  number = 9000\n  protocol = \"tcp\"\n}}\n{arguments}"))
}

/// A service that takes connections alone, and these arguments.
fn tcp(arguments: &str) -> String {
    format!("name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 5432\n  protocol = \"tcp\"\n}}\n{arguments}")
}

/// Two versions, with these weights.
fn versions(first: u32, second: u32) -> String {
    let version = |name: &str, weight: u32| {
        format!("version {{\n  name = {name:?}\n  labels = {{ version = {name:?} }}\n  weight = {weight}\n}}\n")
    };
    version("v1", first) + &version("v2", second)
}

fn check_destination_rule(text: &str, expect: &Expect) {
    check_object::<Service>("DestinationRule", text, expect);
}

fn check_virtual_service(text: &str, expect: &Expect) {
    check_object::<Service>("VirtualService", text, expect);
}

/// Compares the part of an object under `field`, a line of its YAML.
fn check_part(kind: &str, field: &str, text: &str, expect: &Expect) {
    let meaning = meaning::<Service>(&mesh(), text);
    let object = meaning.split("--- # ").find(|object| object.starts_with(kind)).unwrap_or(&meaning);
    let Some((_, rest)) = object.split_once(&format!("{field}\n")) else { panic!("{field} isn't in {meaning}") };
    let indent = field.len() - field.trim_start().len();
    let within = |line: &&str| {
        let depth = line.len() - line.trim_start().len();
        depth > indent || depth == indent && line.trim_start().starts_with('-')
    };
    let part: Vec<&str> = rest.lines().take_while(within).collect();
    // An expectation begins at the margin.
    let margin = part.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let part: Vec<&str> = part.iter().map(|line| &line[margin..]).collect();
    expect.assert_eq(&format!("{}\n", part.join("\n")));
}
