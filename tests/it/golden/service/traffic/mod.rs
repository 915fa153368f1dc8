//! Traffic management: resiliency, failover, versions and routes.

mod connections;
mod load_balancing;
mod mistakes;
mod resiliency;
mod routes;
mod unset;
mod versions;

use expect_test::Expect;
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check_object, mesh, rendered_text};

/// A service with an HTTP and a TCP port and `arguments`.
fn http_and_tcp(arguments: &str) -> String {
    payments(&format!("port {{\n  number = 9000\n  protocol = \"tcp\"\n}}\n{arguments}"))
}

/// A service with one TCP port and `arguments`.
fn tcp_only(arguments: &str) -> String {
    format!("name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 5432\n  protocol = \"tcp\"\n}}\n{arguments}")
}

/// Two `version` blocks with these weights.
pub(super) fn versions(first: u32, second: u32) -> String {
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

/// Compares the value of a field of an object. `field` is the line of the field in the YAML, with its indentation.
fn check_part(kind: &str, field: &str, text: &str, expect: &Expect) {
    let rendered = rendered_text::<Service>(&mesh(), text);
    let object = rendered.split("--- # ").find(|object| object.starts_with(kind)).unwrap_or(&rendered);
    let Some((_, rest)) = object.split_once(&format!("{field}\n")) else { panic!("{field} isn't in {rendered}") };
    let indent = field.len() - field.trim_start().len();
    let within = |line: &&str| {
        let depth = line.len() - line.trim_start().len();
        depth > indent || depth == indent && line.trim_start().starts_with('-')
    };
    let part: Vec<&str> = rest.lines().take_while(within).collect();
    // Expectations start in the first column.
    let margin = part.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let part: Vec<&str> = part.iter().map(|line| &line[margin..]).collect();
    expect.assert_eq(&format!("{}\n", part.join("\n")));
}
