//! `version` blocks: subsets, and the weights of routes to them.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{check_destination_rule, check_part, check_virtual_service, http_and_tcp, payments, tcp_only, versions};
use crate::golden::{check_keys, mesh, rendered_text};

#[test]
fn canary() {
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
              - "*"
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
              - "*"
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

#[test]
fn single_version_needs_no_weight() {
    let version = |weight: &str| {
        payments(&format!("version {{\n  name = \"v1\"\n  labels = {{ version = \"v1\" }}\n  {weight}\n}}"))
    };
    assert_eq!(
        rendered_text::<Service>(&mesh(), &version("")),
        rendered_text::<Service>(&mesh(), &version("weight = 100"))
    );
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

/// Istio ignores destinations with weight 0, so the route omits them.
#[test]
fn version_with_weight_zero() {
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

/// The TCP route has the weights too. Otherwise TCP connections would be spread over the pods of all versions.
#[test]
fn versions_with_http_and_tcp_ports() {
    check_virtual_service(
        &http_and_tcp(&versions(75, 25)),
        &expect![[r#"
            VirtualService/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - "*"
              hosts:
              - payments.pci.svc.cluster.local
              http:
              - match:
                - port: 8080
                name: default
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
fn versions_with_tcp_ports_only() {
    check_virtual_service(
        &tcp_only(&versions(75, 25)),
        &expect![[r#"
            VirtualService/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - "*"
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
        &tcp_only(""),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
}

/// A TLS route matches server names and blocks connections with any other, so TLS ports have no route with weights.
#[test]
fn weights_do_not_apply_to_tls_ports() {
    let text = payments(&format!("port {{\n  number = 443\n  protocol = \"https\"\n}}\n{}", versions(75, 25)));
    let rendered = rendered_text::<Service>(&mesh(), &text);
    expect![[r#"
        warning at port[1].protocol: This port isn't shared out among versions
          It speaks https: proxies see no requests in TLS of the application, and tell its connections apart by server name alone. Its connections go to every version.
    "#]].assert_eq(rendered.split("---").next().unwrap());
    assert!(!rendered.contains("tls:") && !rendered.contains("tcp:\n  -"), "{rendered}");
}

#[test]
fn each_http_port_has_its_own_route() {
    let text = payments(&format!("port {{\n  number = 9090\n  protocol = \"grpc\"\n}}\n{}", versions(50, 50)));
    check_part(
        "VirtualService",
        "  http:",
        &text,
        &expect![[r#"
            - match:
              - port: 8080
              name: default
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
            - match:
              - port: 9090
              name: default
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

/// Several versions without weights are what routes name. Other requests, and connections, go to all pods.
#[test]
fn versions_without_weights() {
    let text = format!(
        "{}route {{\n  match {{\n    path = \"/beta\"\n  }}\n  to {{\n    version = \"v2\"\n  }}\n}}",
        versions(1, 1).replace("weight = 1", "")
    );
    check_part(
        "VirtualService",
        "spec:",
        &http_and_tcp(&text),
        &expect![[r#"
        exportTo:
        - "*"
        hosts:
        - payments.pci.svc.cluster.local
        http:
        - match:
          - port: 8080
            uri:
              exact: /beta
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
              subset: v2
        - match:
          - port: 8080
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
        tcp:
        - match:
          - port: 9000
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 9000
    "#]],
    );
    check_part(
        "DestinationRule",
        "  subsets:",
        &payments(&text),
        &expect![[r#"
        - labels:
            version: v1
          name: v1
        - labels:
            version: v2
          name: v2
    "#]],
    );
}
