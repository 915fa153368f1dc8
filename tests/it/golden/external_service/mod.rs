//! `mesh_external_service`

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::{check, check_object, knowledge, outputs};

/// The application speaks TLS: the proxy sees bytes, so there is nothing to route or to retry.
#[test]
fn passthrough() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
    "#;
    check::<ExternalService>(text, &expect_file!["passthrough.yaml"]);
    outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/api-example-com"
        url = "https://api.example.com"
    "#]],
    );
}

/// `http://api.example.com/` leaves as TLS on 443; `https://` passes through.
#[test]
fn originate() {
    let text = r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls       = "originate"
    "#;
    check::<ExternalService>(text, &expect_file!["originate.yaml"]);
    outputs::<ExternalService>(
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
    outputs::<ExternalService>(
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
    outputs::<ExternalService>(
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
    outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/wildcard-s3-amazonaws-com"
        url = null
    "#]],
    );
}

/// Neither sni nor subjectAltNames: the proxy takes both from the request.
#[test]
fn wildcard_originate() {
    let text = r#"
        host       = "*.s3.amazonaws.com"
        export_to  = ["*"]
        tls        = "originate"
        resiliency = "high"
    "#;
    check::<ExternalService>(text, &expect_file!["wildcard_originate.yaml"]);
    outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "istio-system/wildcard-s3-amazonaws-com"
        url = null
    "#]],
    );
}

#[test]
fn ports_of_its_own() {
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
    check::<ExternalService>(text, &expect_file!["ports_of_its_own.yaml"]);
    outputs::<ExternalService>(
        text,
        &expect![[r#"
        id = "partners/api-example-com"
        url = "http://api.example.com:8080"
    "#]],
    );
}

#[test]
fn a_tls_port_alone() {
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
                connectionPool:
                  tcp:
                    connectTimeout: 5s
                    maxConnections: 1024
                loadBalancer:
                  localityLbSetting:
                    enabled: false
                outlierDetection:
                  baseEjectionTime: 30s
                  consecutive5xxErrors: 5
                  interval: 10s
                  maxEjectionPercent: 30
        "#]],
    );
}

#[test]
fn nothing_written() {
    check::<ExternalService>(
        r#"

    "#,
        &expect![[r#"
            error at host: Missing required argument
              The argument host is required, but no value was set.
            error at export_to: Missing required argument
              The argument export_to is required, but no value was set.
        "#]],
    );
}

#[test]
fn three_mistakes_at_once() {
    check::<ExternalService>(
        r#"
        host      = "https://api.example.com/v1"
        tls       = "simple"
        export_to = []
    "#,
        &expect![[r#"
            error at host: Invalid host
              "https://api.example.com/v1" isn't a host: leave out the scheme and the path, as in "api.example.com".
            error at tls: Invalid tls
              "simple" isn't one of "passthrough", "originate", "none".
            error at export_to: Invalid export_to
              At least one namespace. Got [].
        "#]],
    );
}

#[test]
fn a_host_with_a_port() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com:8443"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "api.example.com:8443" isn't a host: leave out the port, and write a port block for it.
        "#]],
    );
}

#[test]
fn an_address() {
    check::<ExternalService>(
        r#"
        host      = "10.0.0.1"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "10.0.0.1" isn't a host: write a DNS name, not an address.
        "#]],
    );
}

#[test]
fn no_dns_name() {
    check::<ExternalService>(
        r#"
        host      = "Api_example"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "Api_example" isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like "api.example.com", or "*." and such a name.
        "#]],
    );
}

#[test]
fn a_star_in_the_middle() {
    check::<ExternalService>(
        r#"
        host      = "api.*.example.com"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: Invalid host
              "api.*.example.com" isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like "api.example.com", or "*." and such a name.
        "#]],
    );
}

#[test]
fn a_host_of_the_cluster() {
    check::<ExternalService>(
        r#"
        host      = "payments.pci.svc.cluster.local"
        export_to = ["shop"]
    "#,
        &expect![[r#"
            error at host: A host of the cluster
              Hosts under cluster.local are Kubernetes Services, which an external service of the same name would hide. Declare it as a mesh_service, or write the host that is meant.
        "#]],
    );
}

#[test]
fn everybody_and_somebody() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["*", "shop"]
    "#,
        &expect![[r#"
            error at export_to: Everybody and somebody
              "*" is every namespace. Leave it out, or leave out the others.
        "#]],
    );
}

#[test]
fn no_namespaces() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        namespace = "a/b"
        export_to = ["Shop", "."]
    "#,
        &expect![[r#"
            error at export_to: Invalid export_to
              Names of namespaces, or `*`. Got [".", "Shop"].
            error at namespace: Invalid namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "a/b".
        "#]],
    );
}

#[test]
fn a_tcp_port() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: A tcp port without an address
              Proxies can't tell hosts apart on it: without an address of its own the host would take this port for every other host too: bytes carry no name. Use protocol = "tls" where the host takes TLS (the application then speaks TLS, whose handshake carries the name).
        "#]],
    );
}

#[test]
fn a_tcp_port_of_a_wildcard() {
    check::<ExternalService>(
        r#"
        host      = "*.example.com"
        export_to = ["shop"]
        port {
          number   = 6379
          protocol = "redis"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: A redis port without an address
              Proxies can't tell hosts apart on it: bytes carry no name by which a proxy could tell the hosts of a wildcard. Use protocol = "tls" where the host takes TLS.
        "#]],
    );
}

/// Clear text leaves the mesh only where `tls = "none"` stands.
#[test]
fn clear_text_that_nobody_asked_for() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 8080
          protocol = "http"
        }
        port {
          number   = 8081
          protocol = "http"
          tls      = "passthrough"
        }
    "#,
        &expect![[r#"
            error at port[0].protocol: http can't pass through as TLS
              With protocol = "http" the application speaks clear text. Write tls = "originate" for the proxy to speak TLS to the host, tls = "none" for clear text on the whole way, or protocol = "https" if the application speaks TLS.
            error at port[1].tls: http can't pass through as TLS
              With protocol = "http" the application speaks clear text. Write tls = "originate" for the proxy to speak TLS to the host, tls = "none" for clear text on the whole way, or protocol = "https" if the application speaks TLS.
        "#]],
    );
}

#[test]
fn double_tls() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 8443
          protocol = "https"
          tls      = "originate"
        }
    "#,
        &expect![[r#"
            error at port[0].tls: TLS port that isn't passed through
              With protocol = "https" the application speaks TLS itself, so tls = "originate" can't be meant. Remove tls, or write protocol = "http" if the application speaks clear text.
        "#]],
    );
}

#[test]
fn a_port_twice() {
    check::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 443
          protocol = "tls"
        }
        port {
          number   = 443
          protocol = "https"
        }
    "#,
        &expect![[r#"
            error at port[1].number: Port 443 declared twice
              A host has each port once. Remove one of the blocks, or give it another number.
        "#]],
    );
}

#[test]
fn unknown_host() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = unknown
        export_to = ["shop"]
    "#,
    );
    expect![[r#"
        which objects there are: known at apply
        id = (known after apply)
        url = (known after apply)
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_tls() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls = unknown
    "#,
    );
    expect![[r#"
        which objects there are: known at apply
        id = "istio-system/api-example-com"
        url = (known after apply)
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_export_to() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop", unknown]
        tls       = "originate"
    "#,
    );
    expect![[r#"
        ServiceEntry/istio-system/api-example-com: known at apply
        DestinationRule/istio-system/api-example-com: known at apply
        VirtualService/istio-system/api-example-com: known at apply
        id = "istio-system/api-example-com"
        url = "http://api.example.com"
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_namespace() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        namespace = unknown
    "#,
    );
    expect![[r#"
        which objects there are: known at apply
        id = (known after apply)
        url = "https://api.example.com"
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_resiliency() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        resiliency = unknown
        tls        = "originate"
    "#,
    );
    expect![[r#"
        ServiceEntry/istio-system/api-example-com: known
        DestinationRule/istio-system/api-example-com: known at apply
        VirtualService/istio-system/api-example-com: known at apply
        id = "istio-system/api-example-com"
        url = "http://api.example.com"
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_ports() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port = unknown
    "#,
    );
    expect![[r#"
        which objects there are: known at apply
        id = "istio-system/api-example-com"
        url = (known after apply)
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn an_unknown_protocol() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        port {
          number   = 8443
          protocol = unknown
        }
    "#,
    );
    expect![[r#"
        which objects there are: known at apply
        id = "istio-system/api-example-com"
        url = (known after apply)
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn an_unknown_number() {
    let (objects, outputs) = knowledge::<ExternalService>(
        r#"
        host      = "api.example.com"
        export_to = ["shop"]
        tls = "originate"
        port {
          number   = unknown
          protocol = "http"
        }
    "#,
    );
    expect![[r#"
        ServiceEntry/istio-system/api-example-com: known at apply
        DestinationRule/istio-system/api-example-com: known at apply
        VirtualService/istio-system/api-example-com: known at apply
        id = "istio-system/api-example-com"
        url = (known after apply)
    "#]]
    .assert_eq(&format!("{objects}{outputs}"));
}
