//! Versions: subsets, and traffic that is shared out among them.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{check_destination_rule, check_part, check_virtual_service, mixed, payments, tcp, versions};
use crate::golden::{check_keys, meaning, mesh};

#[test]
fn a_canary() {
    let text = payments(&format!("resiliency = \"none\"\n{}", versions(90, 10)));
    check_destination_rule(
        &text,
        &expect![[r#"
        DestinationRule/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          host: payments.pci.svc.cluster.local
          subsets:
          - labels:
              version: v1
            name: v1
          - labels:
              version: v2
            name: v2
    "#]],
    );
    check_virtual_service(
        &text,
        &expect![[r#"
        VirtualService/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          hosts:
          - payments.pci.svc.cluster.local
          http:
          - match:
            - port: 8080
            retries:
              attempts: 0
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
                subset: v1
              weight: 90
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
                subset: v2
              weight: 10
    "#]],
    );
}

/// What has no other beside it needs no weight.
#[test]
fn one_version() {
    let version = |weight: &str| {
        payments(&format!("version {{\n  name = \"v1\"\n  labels = {{ version = \"v1\" }}\n  {weight}\n}}"))
    };
    assert_eq!(meaning::<Service>(&mesh(), &version("")), meaning::<Service>(&mesh(), &version("weight = 100")));
    check_part(
        "DestinationRule",
        "  subsets:",
        &version(""),
        &expect![[r#"
              - labels:
                  version: v1
                name: v1
        "#]],
    );
    check_part(
        "VirtualService",
        "    route:",
        &version(""),
        &expect![[r#"
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
        "#]],
    );
}

/// Istio leaves out what has no weight.
#[test]
fn a_version_without_traffic() {
    check_part(
        "VirtualService",
        "    route:",
        &payments(&versions(100, 0)),
        &expect![[r#"
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 100
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 0
        "#]],
    );
}

/// Connections follow the weights too: or those of the new version would be of all.
#[test]
fn versions_of_a_mixed_service() {
    check_virtual_service(
        &mixed(&versions(75, 25)),
        &expect![[r#"
        VirtualService/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          hosts:
          - payments.pci.svc.cluster.local
          http:
          - match:
            - port: 8080
            retries:
              attempts: 2
              retryOn: connect-failure,refused-stream,reset-before-request
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
                subset: v1
              weight: 75
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
                subset: v2
              weight: 25
            timeout: 15s
          tcp:
          - match:
            - port: 9000
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 9000
                subset: v1
              weight: 75
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 9000
                subset: v2
              weight: 25
    "#]],
    );
}

#[test]
fn versions_of_a_tcp_service() {
    check_virtual_service(
        &tcp(&versions(75, 25)),
        &expect![[r#"
        VirtualService/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          hosts:
          - payments.pci.svc.cluster.local
          tcp:
          - match:
            - port: 5432
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 5432
                subset: v1
              weight: 75
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 5432
                subset: v2
              weight: 25
    "#]],
    );
    check_keys::<Service>(
        &tcp(""),
        &expect![[r#"
        Service/pci/payments
        DestinationRule/pci/payments-pci
        AuthorizationPolicy/pci/payments-pci
    "#]],
    );
}

/// Istio tells connections with TLS of the application apart by server name: one that no route lists would find no way.
#[test]
fn tls_ports_are_not_shared_out() {
    let text = payments(&format!("port {{\n  number = 443\n  protocol = \"https\"\n}}\n{}", versions(75, 25)));
    let told = meaning::<Service>(&mesh(), &text);
    expect![[r#"
        warning at port[1].protocol: This port isn't shared out among versions
          It speaks https: proxies see no requests in TLS of the application, and tell its connections apart by server name alone. Its connections go to every version.
    "#]].assert_eq(told.split("---").next().unwrap());
    assert!(!told.contains("tls:") && !told.contains("tcp:\n  -"), "{told}");
}

#[test]
fn every_http_port_has_its_own_route() {
    let text = payments(&format!("port {{\n  number = 9090\n  protocol = \"grpc\"\n}}\n{}", versions(50, 50)));
    check_part(
        "VirtualService",
        "  http:",
        &text,
        &expect![[r#"
              - match:
                - port: 8080
                retries:
                  attempts: 2
                  retryOn: connect-failure,refused-stream,reset-before-request
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 50
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 50
                timeout: 15s
              - match:
                - port: 9090
                retries:
                  attempts: 2
                  retryOn: connect-failure,refused-stream,reset-before-request
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 9090
                    subset: v1
                  weight: 50
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 9090
                    subset: v2
                  weight: 50
        "#]],
    );
}
