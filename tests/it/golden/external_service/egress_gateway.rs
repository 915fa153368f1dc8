//! Egress gateways: the objects of callers and those of the gateway.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_keys, check_object, check_unknown, registry_only_mesh, rendered_text};

const GATEWAY: &str = "egress_gateway {\n namespace = \"istio-egress\"\n service = \"egressgateway\"\n}\n";

fn behind_gateway(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{GATEWAY}{arguments}")
}

/// Callers have routes to the gateway, and no settings of TLS. Only the gateway knows how to connect to the host.
#[test]
fn originate_through_the_gateway() {
    check::<ExternalService>(
        &behind_gateway(
            "tls = \"originate\"\nresiliency = \"low\"\nrequest_timeout = \"5s\"\ncircuit_breaker {\n max_requests = 9\n}",
        ),
        &expect_file!["egress_gateway.yaml"],
    );
}

/// Each host has a Gateway and routes of its own, and all have one policy.
#[test]
fn many_hosts() {
    check_keys::<ExternalService>(
        &format!("name = \"partners\"\nhosts = [\"a.example.com\", \"b.example.com\"]\nexport_to = [\"*\"]\n{GATEWAY}"),
        &expect![[r#"
            ServiceEntry/istio-system/partners
            ServiceEntry/istio-egress/partners-egress
            AuthorizationPolicy/istio-egress/partners-egress
            Gateway/istio-egress/partners-a-example-com-egress
            DestinationRule/istio-egress/partners-a-example-com-egress-gateway
            VirtualService/istio-egress/partners-a-example-com-egress-443
            Gateway/istio-egress/partners-b-example-com-egress
            DestinationRule/istio-egress/partners-b-example-com-egress-gateway
            VirtualService/istio-egress/partners-b-example-com-egress-443
            VirtualService/istio-system/partners-a-example-com
            VirtualService/istio-system/partners-b-example-com
        "#]],
    );
    check_object::<ExternalService>(
        "AuthorizationPolicy",
        &format!("name = \"partners\"\nhosts = [\"a.example.com\", \"b.example.com\"]\nexport_to = [\"*\"]\n{GATEWAY}"),
        &expect![[r#"
            AuthorizationPolicy/istio-egress/partners-egress
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              name: partners-egress
              namespace: istio-egress
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - "*"
                when:
                - key: connection.sni
                  values:
                  - tls-443.a.example.com.egress.invalid
                  - tls-443.b.example.com.egress.invalid
              selector:
                matchLabels:
                  app: egressgateway
        "#]],
    );
}

#[test]
fn port_and_selector_of_the_gateway() {
    let gateway = "egress_gateway {\n namespace = \"istio-egress\"\n service = \"egressgateway\"\n port = 8443\n selector = { istio = \"egress\" }\n}";
    check_object::<ExternalService>(
        "Gateway",
        &format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{gateway}"),
        &expect![[r#"
            Gateway/istio-egress/api-example-com-egress
            apiVersion: networking.istio.io/v1
            kind: Gateway
            metadata:
              name: api-example-com-egress
              namespace: istio-egress
            spec:
              selector:
                istio: egress
              servers:
              - hosts:
                - ./tls-443.api.example.com.egress.invalid
                port:
                  name: tls-443-api-example-com
                  number: 8443
                  protocol: TLS
                tls:
                  mode: ISTIO_MUTUAL
        "#]],
    );
}

/// The gateway reads the Secret itself, so no workloads are selected.
#[test]
fn certificate_of_the_gateway() {
    let text = behind_gateway("tls = \"originate_mutual\"\ntls_settings {\n credential_name = \"partner\"\n}");
    let rendered = rendered_text::<ExternalService>(&registry_only_mesh(), &text);
    let rule = rendered
        .split("--- # ")
        .find(|object| object.starts_with("DestinationRule/istio-egress/api-example-com-egress\n"));
    expect![[r#"
        DestinationRule/istio-egress/api-example-com-egress
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: api-example-com-egress
          namespace: istio-egress
        spec:
          exportTo:
          - '.'
          host: api.example.com
          trafficPolicy:
            portLevelSettings:
            - port:
                number: 80
              tls:
                credentialName: partner
                mode: MUTUAL
                sni: api.example.com
                subjectAltNames:
                - api.example.com
    "#]]
    .assert_eq(rule.expect("the rule of the gateway"));
    check::<ExternalService>(
        &behind_gateway(
            "tls = \"originate_mutual\"\ntls_settings {\n credential_name = \"partner\"\n workload_selector = { app = \"a\" }\n}",
        ),
        &expect![[r#"
            error at tls_settings.workload_selector: workload_selector with an egress gateway
              The gateway begins TLS, and reads the Secret of credential_name in its own namespace. Remove workload_selector.
        "#]],
    );
}

#[test]
fn hosts_that_the_gateway_could_not_find() {
    check::<ExternalService>(
        &format!("host = \"*.example.com\"\nexport_to = [\"shop\"]\n{GATEWAY}"),
        &expect![[r#"
        error at egress_gateway: Wildcard host with an egress gateway
          The gateway looks up the host, and neither a wildcard nor addresses without a host tell it which. Write the exact hosts, or remove the block.
    "#]],
    );
    check::<ExternalService>(
        &behind_gateway("resolution = \"none\""),
        &expect![[r#"
        error at egress_gateway: Resolution not supported with an egress gateway
          With resolution = "none" proxies go by what the application wants, which the gateway doesn't learn. Write resolution = "dns", or "static" and endpoint blocks.
    "#]],
    );
    let port = |number: u16| format!("port {{\n number = {number}\n protocol = \"http\"\n tls = \"none\"\n}}\n");
    check::<ExternalService>(
        &behind_gateway(&(port(80) + &port(8080))),
        &expect![[r#"
        error at egress_gateway: Several ports of requests through one gateway
          The gateway distinguishes requests by their host, and all arrive on one of its ports. Leave one port block that speaks http, http2 or grpc.
    "#]],
    );
}

#[test]
fn unknown_arguments() {
    let gateway = |argument: &str| {
        format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\negress_gateway {{\n{argument}\n}}")
    };
    check_unknown::<ExternalService>(
        &[
            ("block", "host = \"api.example.com\"\nexport_to = [\"shop\"]\negress_gateway = unknown".to_owned()),
            ("namespace", gateway("namespace = unknown\nservice = \"g\"")),
            ("service", gateway("namespace = \"egress\"\nservice = unknown")),
            ("port", gateway("namespace = \"egress\"\nservice = \"g\"\nport = unknown")),
        ],
        &expect![[r#"
            block: which objects there are
            namespace: which objects there are
            service: AuthorizationPolicy, Gateway, DestinationRule, VirtualService, VirtualService
            port: Gateway, DestinationRule, VirtualService, VirtualService
        "#]],
    );
}

/// Istio refuses longer names of Gateways and subsets than 63 characters, and dots in them.
#[test]
fn gateways_and_subsets_of_long_names_end_with_a_digest() {
    let gateway = "export_to = [\"*\"]\negress_gateway {\n namespace = \"egress\"\n service = \"egress\"\n}";
    let host = "orders-replica-1.cluster-abcdefghijkl.eu-central-1.rds.amazonaws.com";
    check_keys::<ExternalService>(
        &format!("host = \"{host}\"\n{gateway}"),
        &expect![[r#"
        ServiceEntry/istio-system/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com
        ServiceEntry/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress
        AuthorizationPolicy/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress
        Gateway/egress/orders-replica-1-cluster-abcdefghijk-fcac29ec-egress
        DestinationRule/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress-gateway
        VirtualService/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress-443
        VirtualService/istio-system/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com
    "#]],
    );
    check_keys::<ExternalService>(
        &format!("host = \"api.example.com\"\nname = \"pay.ments\"\n{gateway}"),
        &expect![[r#"
        ServiceEntry/istio-system/pay.ments
        ServiceEntry/egress/pay.ments-egress
        AuthorizationPolicy/egress/pay.ments-egress
        Gateway/egress/pay-ments-dd5061ba-egress
        DestinationRule/egress/pay.ments-egress-gateway
        VirtualService/egress/pay.ments-egress-443
        VirtualService/istio-system/pay.ments
    "#]],
    );
    let references: Vec<String> =
        rendered_text::<ExternalService>(&registry_only_mesh(), &format!("host = \"{host}\"\n{gateway}"))
            .lines()
            .filter(|line| line.contains("orders-replica-1-cluster") && !line.contains("name: "))
            .map(str::to_owned)
            .collect();
    expect![[r#"
        --- # ServiceEntry/istio-system/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com
        --- # ServiceEntry/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress
        --- # AuthorizationPolicy/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress
        --- # Gateway/egress/orders-replica-1-cluster-abcdefghijk-fcac29ec-egress
        --- # DestinationRule/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress-gateway
            orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress-gateway
        --- # VirtualService/egress/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com-egress-443
          - egress/orders-replica-1-cluster-abcdefghijk-fcac29ec-egress
        --- # VirtualService/istio-system/orders-replica-1-cluster-abcdefghijkl-eu-central-1-rds-amazonaws-com
                subset: orders-replica-1-cluster-abcdefghijk-fcac29ec-443"#]]
    .assert_eq(&references.join("\n"));
}
