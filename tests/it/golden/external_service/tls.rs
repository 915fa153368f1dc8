//! TLS that the proxy originates.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_keys, check_object};

fn originate(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\nresiliency = \"none\"\n{arguments}")
}

#[test]
fn ca_sni_and_subject_alt_names() {
    check_object::<ExternalService>(
        "DestinationRule",
        &originate(
            r#"
        tls = "originate"
        tls_settings {
          ca                = "/etc/partner/ca.pem"
          sni               = "gateway.example.net"
          subject_alt_names = ["gateway.example.net", "api.example.com"]
        }
    "#,
        ),
        &expect![[r#"
            DestinationRule/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              host: api.example.com
              trafficPolicy:
                portLevelSettings:
                - port:
                    number: 80
                  tls:
                    caCertificates: /etc/partner/ca.pem
                    mode: SIMPLE
                    sni: gateway.example.net
                    subjectAltNames:
                    - api.example.com
                    - gateway.example.net
        "#]],
    );
}

/// The server name stays that of the host.
#[test]
fn subject_alt_names_without_sni() {
    check_object::<ExternalService>(
        "DestinationRule",
        &originate(
            r#"
        tls = "originate"
        tls_settings {
          subject_alt_names = ["gateway.example.net"]
        }
    "#,
        ),
        &expect![[r#"
            DestinationRule/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              host: api.example.com
              trafficPolicy:
                portLevelSettings:
                - port:
                    number: 80
                  tls:
                    mode: SIMPLE
                    sni: api.example.com
                    subjectAltNames:
                    - gateway.example.net
        "#]],
    );
}

#[test]
fn mutual_tls_with_files() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls       = "originate_mutual"
        tls_settings {
          ca                 = "/etc/partner/ca.pem"
          client_certificate = "/etc/partner/tls.crt"
          client_key         = "/etc/partner/tls.key"
        }
    "#,
        &expect_file!["mutual.yaml"],
    );
}

#[test]
fn mutual_tls_on_one_port() {
    check_object::<ExternalService>(
        "DestinationRule",
        &originate(
            r#"
        tls = "originate"
        port {
          number   = 80
          protocol = "http"
        }
        port {
          number   = 8080
          protocol = "http"
          tls      = "originate_mutual"
        }
        tls_settings {
          client_certificate = "/etc/partner/tls.crt"
          client_key         = "/etc/partner/tls.key"
        }
    "#,
        ),
        &expect![[r#"
            DestinationRule/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              host: api.example.com
              trafficPolicy:
                portLevelSettings:
                - port:
                    number: 80
                  tls:
                    mode: SIMPLE
                    sni: api.example.com
                    subjectAltNames:
                    - api.example.com
                - port:
                    number: 8080
                  tls:
                    clientCertificate: /etc/partner/tls.crt
                    mode: MUTUAL
                    privateKey: /etc/partner/tls.key
                    sni: api.example.com
                    subjectAltNames:
                    - api.example.com
        "#]],
    );
}

/// Workloads that read the Secret present their certificate. The others use TLS without one, and never clear text.
#[test]
fn mutual_tls_with_a_secret() {
    let text = r#"
        host      = "api.example.com"
        namespace = "shop"
        export_to = ["shop"]
        tls       = "originate_mutual"
        tls_settings {
          credential_name   = "partner-tls"
          workload_selector = { app = "checkout" }
        }
    "#;
    check::<ExternalService>(text, &expect_file!["mutual_with_a_secret.yaml"]);
    check_keys::<ExternalService>(
        text,
        &expect![[r#"
            ServiceEntry/shop/api-example-com
            DestinationRule/shop/api-example-com
            DestinationRule/shop/api-example-com-workloads
        "#]],
    );
}

/// Ports inherit nothing, so the port that forwards TLS repeats the limits of connections beside the port with requests.
#[test]
fn clear_text_port_and_tls_port() {
    check_object::<ExternalService>(
        "DestinationRule",
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 80
          protocol = "http"
          tls      = "none"
        }
        port {
          number   = 443
          protocol = "https"
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
              - name: http-80
                number: 80
                protocol: HTTP
              - name: https-443
                number: 443
                protocol: HTTPS
              resolution: DNS
        "#]],
    );
}
