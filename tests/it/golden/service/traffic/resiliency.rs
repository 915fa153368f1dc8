//! Timeouts, retries, circuit breakers, outlier detection and failover.

use std::fmt::Write as _;

use expect_test::expect;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    resources::service::Service,
    schema::model::Model,
};

use super::{check_destination_rule, check_part, http_and_tcp, payments, tcp_only};
use crate::golden::{hcl, mesh};

/// Timeout and retries of the first route, in one line, with the preset `medium` where the arguments have none.
fn timeout_and_retries(arguments: &str) -> String {
    let preset = if arguments.contains("resiliency") { "" } else { "resiliency = \"medium\"\n" };
    let value = hcl::resource(&payments(&format!("{preset}{arguments}")), Service::schema());
    let mut out = Diagnostics::default();
    let config = Service::decode(&value, &Path::root(), &mut out);
    Service::validate(&config, &mut out);
    Service::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    assert!(!out.has_errors(), "{arguments}: {out}");
    let objects = Service::render(&config, &mesh()).unwrap();
    let (_, route) = objects.iter().find(|(key, _)| key.kind.kind == "VirtualService").unwrap();
    let route = &route.as_ref().unwrap().body["spec"]["http"][0];
    format!("timeout {}, retries {}", route["timeout"], route["retries"])
}

/// Each preset with and without `idempotent`.
#[test]
fn presets_and_idempotence() {
    let mut lines = String::new();
    for preset in ["low", "medium", "high", "none"] {
        for idempotent in [false, true] {
            // `none` has no default for `attempts`.
            let attempts = if preset == "none" { "attempts = 1\n" } else { "" };
            let block = format!("resiliency = {preset:?}\nretries {{\n{attempts}idempotent = {idempotent}\n}}");
            writeln!(lines, "{preset}, idempotent = {idempotent}: {}", timeout_and_retries(&block)).unwrap();
        }
    }
    expect![[r#"
        low, idempotent = false: timeout null, retries {"attempts":1,"retryOn":"connect-failure,refused-stream"}
        low, idempotent = true: timeout null, retries {"attempts":1,"retryOn":"connect-failure,refused-stream,gateway-error"}
        medium, idempotent = false: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        medium, idempotent = true: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        high, idempotent = false: timeout null, retries {"attempts":3,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        high, idempotent = true: timeout null, retries {"attempts":3,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        none, idempotent = false: timeout null, retries {"attempts":1,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        none, idempotent = true: timeout null, retries {"attempts":1,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
    "#]].assert_eq(&lines);
}

#[test]
fn retries() {
    let mut lines = String::new();
    for arguments in [
        "",
        "retries {}",
        "retries {\n  attempts = 0\n}",
        "retries {\n  attempts = 5\n}",
        "retries {\n  idempotent = true\n}",
        "retries {\n  attempts = 5\n  idempotent = true\n  per_try_timeout = \"2s\"\n}",
        // The preset's `per_try_timeout` is left out if it isn't shorter than the timeout, or if there is no timeout.
        "request_timeout = \"7s\"\nretries {\n  idempotent = true\n}",
        "request_timeout = \"6s\"\nretries {\n  idempotent = true\n}",
        "request_timeout = \"0s\"\nretries {\n  idempotent = true\n}",
        "streaming = true\nretries {\n  idempotent = true\n}",
        "streaming = true\nretries {\n  idempotent = true\n  per_try_timeout = \"2s\"\n}",
        "resiliency = \"none\"\nretries {\n  attempts = 1\n  idempotent = true\n  per_try_timeout = \"2s\"\n}",
        "resiliency = \"none\"\nretries {\n  attempts = 0\n}",
    ] {
        writeln!(lines, "{}: {}", arguments.replace('\n', " "), timeout_and_retries(arguments)).unwrap();
    }
    expect![[r#"
        : timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        retries {}: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        retries {   attempts = 0 }: timeout null, retries {"attempts":0}
        retries {   attempts = 5 }: timeout null, retries {"attempts":5,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        retries {   idempotent = true }: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        retries {   attempts = 5   idempotent = true   per_try_timeout = "2s" }: timeout null, retries {"attempts":5,"perTryTimeout":"2s","retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        request_timeout = "7s" retries {   idempotent = true }: timeout "7s", retries {"attempts":2,"perTryTimeout":"6s","retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        request_timeout = "6s" retries {   idempotent = true }: timeout "6s", retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        request_timeout = "0s" retries {   idempotent = true }: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        streaming = true retries {   idempotent = true }: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        streaming = true retries {   idempotent = true   per_try_timeout = "2s" }: timeout null, retries {"attempts":2,"perTryTimeout":"2s","retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        resiliency = "none" retries {   attempts = 1   idempotent = true   per_try_timeout = "2s" }: timeout null, retries {"attempts":1,"perTryTimeout":"2s","retryOn":"connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled"}
        resiliency = "none" retries {   attempts = 0 }: timeout null, retries {"attempts":0}
    "#]].assert_eq(&lines);
}

#[test]
fn timeouts() {
    let mut lines = String::new();
    for arguments in ["", "request_timeout = \"90s\"", "streaming = true", "streaming = false", "resiliency = \"none\""]
    {
        writeln!(lines, "{arguments}: {}", timeout_and_retries(arguments)).unwrap();
    }
    expect![[r#"
        : timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        request_timeout = "90s": timeout "90s", retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        streaming = true: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        streaming = false: timeout null, retries {"attempts":2,"retryOn":"connect-failure,refused-stream,reset-before-request"}
        resiliency = "none": timeout null, retries {"attempts":0}
    "#]].assert_eq(&lines);
}

#[test]
fn every_limit() {
    check_destination_rule(
        &payments(
            r#"
        resiliency = "medium"
        circuit_breaker {
          connect_timeout      = "250ms"
          max_connections      = 64
          max_pending_requests = 32
          max_requests         = 128
        }
        outlier_detection {
          consecutive_5xx            = 2
          consecutive_gateway_errors = 3
          interval             = "1s"
          base_ejection_time   = "1m"
          max_ejection_percent = 40
        }
    "#,
        ),
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
              trafficPolicy:
                connectionPool:
                  http:
                    http1MaxPendingRequests: 32
                    http2MaxRequests: 128
                  tcp:
                    connectTimeout: 250ms
                    maxConnections: 64
                loadBalancer:
                  localityLbSetting:
                    enabled: false
                outlierDetection:
                  baseEjectionTime: 60s
                  consecutive5xxErrors: 2
                  consecutiveGatewayErrors: 3
                  interval: 1s
                  maxEjectionPercent: 40
                retryBudget:
                  minRetryConcurrency: 3
                  percent: 20
        "#]],
    );
}

#[test]
fn arguments_override_the_preset() {
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &payments(
            "resiliency = \"medium\"\ncircuit_breaker {\n  max_connections = 64\n}\noutlier_detection {\n  interval = \"1s\"\n}",
        ),
        &expect![[r#"
            connectionPool:
              http:
                http1MaxPendingRequests: 10000
                http2MaxRequests: 10000
              tcp:
                connectTimeout: 5s
                maxConnections: 64
            loadBalancer:
              localityLbSetting:
                enabled: false
            outlierDetection:
              baseEjectionTime: 30s
              consecutive5xxErrors: 0
              consecutiveGatewayErrors: 5
              interval: 1s
              maxEjectionPercent: 50
            retryBudget:
              minRetryConcurrency: 3
              percent: 20
        "#]],
    );
}

/// Only the given limits are set. Outlier detection alone would enable locality load balancing, so that is disabled.
#[test]
fn limits_without_a_preset() {
    let texts = [
        "circuit_breaker {\n  max_requests = 64\n}",
        "circuit_breaker {\n  connect_timeout = \"1s\"\n}",
        "outlier_detection {\n  consecutive_5xx = 3\n}",
    ];
    let expected = [
        expect![[r#"
                connectionPool:
                  http:
                    http2MaxRequests: 64
        "#]],
        expect![[r#"
                connectionPool:
                  tcp:
                    connectTimeout: 1s
        "#]],
        expect![[r#"
                loadBalancer:
                  localityLbSetting:
                    enabled: false
                outlierDetection:
                  consecutive5xxErrors: 3
        "#]],
    ];
    for (text, expected) in texts.iter().zip(expected) {
        check_part(
            "DestinationRule",
            "  trafficPolicy:",
            &payments(&format!("resiliency = \"none\"\n{text}")),
            &expected,
        );
    }
}

/// Envoy counts a connection that is being established as a pending request, so request limits would limit TCP as well.
#[test]
fn request_limits_do_not_reach_tcp_ports() {
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &http_and_tcp("resiliency = \"medium\"\ncircuit_breaker {\n  max_pending_requests = 1\n}"),
        &expect![[r#"
            connectionPool:
              http:
                http1MaxPendingRequests: 1
                http2MaxRequests: 10000
              tcp:
                connectTimeout: 5s
                maxConnections: 10000
            loadBalancer:
              localityLbSetting:
                enabled: false
            outlierDetection:
              baseEjectionTime: 30s
              consecutive5xxErrors: 0
              consecutiveGatewayErrors: 5
              interval: 10s
              maxEjectionPercent: 50
            portLevelSettings:
            - connectionPool:
                tcp:
                  connectTimeout: 5s
                  maxConnections: 10000
              loadBalancer:
                localityLbSetting:
                  enabled: false
              outlierDetection:
                baseEjectionTime: 30s
                consecutive5xxErrors: 0
                consecutiveGatewayErrors: 5
                interval: 10s
                maxEjectionPercent: 50
              port:
                number: 9000
            retryBudget:
              minRetryConcurrency: 3
              percent: 20
        "#]],
    );
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &http_and_tcp("resiliency = \"none\"\ncircuit_breaker {\n  max_pending_requests = 1\n}"),
        &expect![[r#"
                connectionPool:
                  http:
                    http1MaxPendingRequests: 1
                portLevelSettings:
                - connectionPool:
                    tcp: {}
                  port:
                    number: 9000
        "#]],
    );
}

#[test]
fn limits_of_tcp_ports() {
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &tcp_only(
            "resiliency = \"medium\"\ncircuit_breaker {\n  max_connections = 10\n}\noutlier_detection {\n  consecutive_5xx = 1\n}",
        ),
        &expect![[r#"
            connectionPool:
              tcp:
                connectTimeout: 5s
                maxConnections: 10
            loadBalancer:
              localityLbSetting:
                enabled: false
            outlierDetection:
              baseEjectionTime: 30s
              consecutive5xxErrors: 1
              consecutiveGatewayErrors: 5
              interval: 10s
              maxEjectionPercent: 50
        "#]],
    );
}

#[test]
fn failover() {
    let text = r#"
        resiliency = "medium"
        failover {
          from = "us-east-1"
          to   = "us-west-2"
        }
        failover {
          from = "us-west-2"
          to   = "us-east-1"
        }
    "#;
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &payments(text),
        &expect![[r#"
            connectionPool:
              http:
                http1MaxPendingRequests: 10000
                http2MaxRequests: 10000
              tcp:
                connectTimeout: 5s
                maxConnections: 10000
            loadBalancer:
              localityLbSetting:
                enabled: true
                failover:
                - from: us-east-1
                  to: us-west-2
                - from: us-west-2
                  to: us-east-1
            outlierDetection:
              baseEjectionTime: 30s
              consecutive5xxErrors: 0
              consecutiveGatewayErrors: 5
              interval: 10s
              maxEjectionPercent: 100
            retryBudget:
              minRetryConcurrency: 3
              percent: 20
        "#]],
    );
}

#[test]
fn failover_priority() {
    let text = r#"
        resiliency        = "none"
        failover_priority = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]
        outlier_detection {
          consecutive_5xx      = 3
          max_ejection_percent = 80
        }
    "#;
    check_part(
        "DestinationRule",
        "  trafficPolicy:",
        &payments(text),
        &expect![[r#"
                loadBalancer:
                  localityLbSetting:
                    enabled: true
                    failoverPriority:
                    - topology.kubernetes.io/region
                    - topology.kubernetes.io/zone
                outlierDetection:
                  consecutive5xxErrors: 3
                  maxEjectionPercent: 80
        "#]],
    );
}

#[test]
fn failover_with_http_and_tcp_ports() {
    let text = "resiliency = \"medium\"\nfailover {\n  from = \"us-east-1\"\n  to = \"us-west-2\"\n}";
    check_part(
        "DestinationRule",
        "    portLevelSettings:",
        &http_and_tcp(text),
        &expect![[r#"
            - connectionPool:
                tcp:
                  connectTimeout: 5s
                  maxConnections: 10000
              loadBalancer:
                localityLbSetting:
                  enabled: true
                  failover:
                  - from: us-east-1
                    to: us-west-2
              outlierDetection:
                baseEjectionTime: 30s
                consecutive5xxErrors: 0
                consecutiveGatewayErrors: 5
                interval: 10s
                maxEjectionPercent: 100
              port:
                number: 9000
        "#]],
    );
}
