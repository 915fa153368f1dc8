//! `mesh_service`

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::service::Service;

use super::{check, check_in, mesh, outputs};

/// The arguments that every service has, and these.
fn payments(arguments: &str) -> String {
    format!(
        "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 8080\n  protocol = \"http\"\n}}\n{arguments}"
    )
}

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
    check::<Service>(text, &expect_file!["service/least.yaml"]);
    outputs::<Service>(text, &expect![[]]);
}

#[test]
fn every_argument() {
    let mut mesh = mesh();
    mesh.gateway_namespaces.insert("ingress".to_owned());
    mesh.platform_hosts.insert("istio-system/otel.istio-system.svc.cluster.local".to_owned());
    mesh.labels.insert("managed-by".to_owned(), "platform".to_owned());
    mesh.labels.insert("team".to_owned(), "nobody".to_owned());
    mesh.annotations.insert("example.com/contact".to_owned(), "platform".to_owned());
    let text = r#"
        name                   = "payments"
        namespace              = "pci"
        selector               = { "app.kubernetes.io/name" = "payments", tier = "backend" }
        service                = "managed"
        service_account        = "payments-runner"
        create_service_account = true
        access                 = "namespace"
        authorization_mode     = "enforce"
        calls                  = ["ledger", "shop/catalog", "reports/*", "api.stripe.com", "*.s3.amazonaws.com", "team/api.partner.com"]
        resiliency             = "high"
        request_timeout        = "2m"
        labels                 = { team = "payments" }
        annotations            = { "example.com/contact" = "payments" }
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number   = 9090
          protocol = "grpc"
        }
        port {
          number      = 5432
          protocol    = "tcp"
          target_port = 15432
        }
        allow {
          from    = ["shop/checkout", "reporting/*"]
          methods = ["POST", "GET"]
          paths   = ["/v1/charges/*", "*.json"]
        }
        allow {
          from  = ["batch", "other.mesh/ns/far/sa/away"]
          ports = [5432]
        }
        timeouts {
          create = "10m"
          delete = "90s"
        }
    "#;
    check_in::<Service>(&mesh, text, &expect_file!["service/every_argument.yaml"]);
    outputs::<Service>(text, &expect![[]]);
}

#[test]
fn presets() {
    for preset in ["low", "high", "none"] {
        let path = format!("service/resiliency_{preset}.yaml");
        check::<Service>(&payments(&format!("resiliency = {preset:?}\nservice = \"managed\"")), &expect_file![path]);
    }
}
