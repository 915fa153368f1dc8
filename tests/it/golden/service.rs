//! `mesh_service`

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{mesh::Mesh, resources::service::Service};

use super::{check, check_in, mesh, outputs};

#[test]
fn the_least_that_can_be_written() {
    let text = r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 8080
          protocol = "http"
        }
    "#;
    expect_file!["service/least.yaml"].assert_eq(&super::meaning::<Service>(&mesh(), text));
}
