//! Objects, computed attributes and diagnostics of `mesh_external_service`.

mod egress_gateway;
mod endpoints;
mod hosts;
mod live;
mod mistakes;
mod overrides;
mod resiliency;
mod tls;
mod tls_mistakes;
mod unknowns;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::{ResourceType, external_service::ExternalService};

use crate::golden::{Expected, check_in, check_object, check_outputs, mesh, registry_only_mesh, rendered_text};

/// Compares the objects or diagnostics of a configuration with an expectation, in a mesh where `export_to` needs no warning.
fn check<R: ResourceType>(text: &str, expect: &impl Expected) {
    check_in::<R>(&registry_only_mesh(), text, expect);
}

/// A proxy that doesn't know the host forwards calls of it unchanged.
#[test]
fn narrow_export_without_registry_only() {
    let warning = expect![[r#"
        warning at export_to: export_to doesn't stop calls of the host
          Proxies in other namespaces don't know the host and forward calls of it unchanged: what an application sends to http:// leaves in clear, also where this resource would originate TLS. That is so unless the mesh's outbound traffic policy is REGISTRY_ONLY. Write export_to = ["*"], or make the mesh refuse calls of unknown hosts and write in the provider block: installed { outbound_traffic_policy = "registry_only" }.
    "#]];
    let rendered = rendered_text::<ExternalService>(&mesh(), "host = \"api.example.com\"\nexport_to = [\"shop\"]");
    warning.assert_eq(rendered.split("---").next().unwrap_or_default());
    let open = "host = \"api.example.com\"\nexport_to = [\"*\"]";
    assert!(rendered_text::<ExternalService>(&mesh(), open).starts_with("---"));
}

/// The application begins TLS. The proxy forwards bytes, so there is no VirtualService.
#[test]
fn passthrough() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
    "#;
    check::<ExternalService>(text, &expect_file!["passthrough.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/api-example-com"
        url = "https://api.example.com"
    "#]],
    );
}

/// The proxy sends requests to `http://api.example.com/` with TLS to port 443. It forwards `https://` as it is.
#[test]
fn originate() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls       = "originate"
    "#;
    check::<ExternalService>(text, &expect_file!["originate.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/api-example-com"
        url = "http://api.example.com"
    "#]],
    );
}

#[test]
fn no_tls() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls       = "none"
    "#;
    check::<ExternalService>(text, &expect_file!["no_tls.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/api-example-com"
        url = "http://api.example.com"
    "#]],
    );
}

#[test]
fn originate_without_resiliency() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls        = "originate"
        resiliency = "none"
    "#;
    check::<ExternalService>(text, &expect_file!["originate_without_resiliency.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/api-example-com"
        url = "http://api.example.com"
    "#]],
    );
}

#[test]
fn wildcard_passthrough() {
    let text = r#"
        host      = "*.s3.amazonaws.com"
        export_to = ["shop", "media"]
    "#;
    check::<ExternalService>(text, &expect_file!["wildcard_passthrough.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/wildcard-s3-amazonaws-com"
        url = null
    "#]],
    );
}

/// There is neither `sni` nor `subjectAltNames`: the proxy takes both from the request.
#[test]
fn wildcard_originate() {
    let text = r#"
        host       = "*.s3.amazonaws.com"
        export_to  = ["*"]
        tls        = "originate"
        resiliency = "high"
    "#;
    check::<ExternalService>(text, &expect_file!["wildcard_originate.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/wildcard-s3-amazonaws-com"
        url = null
    "#]],
    );
}

#[test]
fn port_blocks() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
        namespace = "partners"
        tls       = "originate"
        port {
          number   = 8080
          protocol = "http"
        }
        port {
          number      = 9090
          protocol    = "grpc"
          target_port = 9443
        }
        port {
          number   = 8081
          protocol = "http2"
          tls      = "none"
        }
        port {
          number   = 8443
          protocol = "https"
        }
        port {
          number      = 5671
          protocol    = "tls"
          target_port = 15671
        }
    "#;
    check::<ExternalService>(text, &expect_file!["port_blocks.yaml"]);
    check_outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "partners/api-example-com"
        url = "http://api.example.com:8080"
    "#]],
    );
}

#[test]
fn single_tls_port() {
    check_object::<ExternalService>(
        "DestinationRule",
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 5671
          protocol = "tls"
        }
    "#,
        &expect![[r#"
            warning at export_to: export_to doesn't stop calls of the host
              Proxies in other namespaces don't know the host and forward calls of it unchanged: what an application sends to http:// leaves in clear, also where this resource would originate TLS. That is so unless the mesh's outbound traffic policy is REGISTRY_ONLY. Write export_to = ["*"], or make the mesh refuse calls of unknown hosts and write in the provider block: installed { outbound_traffic_policy = "registry_only" }.
            --- # ServiceEntry/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              hosts:
              - api.example.com
              location: MESH_EXTERNAL
              ports:
              - name: tls-5671
                number: 5671
                protocol: TLS
              resolution: DNS
        "#]],
    );
}

#[test]
fn labels_and_annotations() {
    check::<ExternalService>(
        r#"
        host        = "api.example.com"
        export_to   = ["shop"]
        labels      = { team = "partners" }
        annotations = { "example.com/contract" = "4711" }
    "#,
        &expect![[r#"
            --- # ServiceEntry/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata:
              annotations:
                example.com/contract: "4711"
              labels:
                team: partners
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              hosts:
              - api.example.com
              location: MESH_EXTERNAL
              ports:
              - name: tls-443
                number: 443
                protocol: TLS
              resolution: DNS
        "#]],
    );
}
