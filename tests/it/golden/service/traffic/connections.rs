//! `connections` blocks, and `max_retries` of `circuit_breaker`.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{check_part, http_and_tcp, payments, tcp_only};
use crate::golden::check;

const EVERY_SETTING: &str = "connections {
  idle_timeout                = \"5m\"
  max_duration                = \"1h\"
  max_requests_per_connection = 100
  http2                       = true
  keepalive {
    time     = \"30s\"
    interval = \"5s\"
    probes   = 3
  }
}";

/// The traffic policy of a service.
fn check_policy(text: &str, expect: &expect_test::Expect) {
    check_part("DestinationRule", "  trafficPolicy:", text, expect);
}

/// TCP ports have no settings of requests, and close connections of applications that are idle.
#[test]
fn every_setting() {
    check_policy(
        &http_and_tcp(EVERY_SETTING),
        &expect![[r#"
        connectionPool:
          http:
            h2UpgradePolicy: UPGRADE
            idleTimeout: 300s
            maxRequestsPerConnection: 100
          tcp:
            maxConnectionDuration: 3600s
            tcpKeepalive:
              interval: 5s
              probes: 3
              time: 30s
        portLevelSettings:
        - connectionPool:
            tcp:
              idleTimeout: 300s
              maxConnectionDuration: 3600s
              tcpKeepalive:
                interval: 5s
                probes: 3
                time: 30s
          port:
            number: 9000
    "#]],
    );
    check_policy(
        &tcp_only("connections {\n  idle_timeout = \"5m\"\n  keepalive {}\n}"),
        &expect![[r#"
        connectionPool:
          tcp:
            idleTimeout: 300s
            tcpKeepalive: {}
    "#]],
    );
    check_policy(
        &payments("connections {\n  http2 = false\n}"),
        &expect![[r#"
        connectionPool:
          http:
            h2UpgradePolicy: DO_NOT_UPGRADE
    "#]],
    );
}

/// Neither the preset nor the limits of a block are lost.
#[test]
fn beside_a_preset_and_limits() {
    check_policy(
        &payments(
            "resiliency = \"high\"\ncircuit_breaker {\n  max_connections = 9\n}\nconnections {\n  idle_timeout = \"30s\"\n}",
        ),
        &expect![[r#"
            connectionPool:
              http:
                http1MaxPendingRequests: 10000
                http2MaxRequests: 10000
                idleTimeout: 30s
              tcp:
                connectTimeout: 2s
                maxConnections: 9
            loadBalancer:
              localityLbSetting:
                enabled: false
            outlierDetection:
              baseEjectionTime: 30s
              consecutive5xxErrors: 0
              consecutiveGatewayErrors: 3
              interval: 5s
              maxEjectionPercent: 50
            retryBudget:
              minRetryConcurrency: 3
              percent: 20
        "#]],
    );
}

/// Beside a budget Envoy would ignore the number.
#[test]
fn max_retries_takes_the_place_of_the_budget() {
    check_policy(
        &payments("resiliency = \"low\"\ncircuit_breaker {\n  max_retries = 7\n}"),
        &expect![[r#"
        connectionPool:
          http:
            maxRetries: 7
          tcp:
            connectTimeout: 10s
        loadBalancer:
          localityLbSetting:
            enabled: false
        outlierDetection:
          baseEjectionTime: 30s
          consecutive5xxErrors: 0
          consecutiveGatewayErrors: 10
          interval: 30s
          maxEjectionPercent: 50
    "#]],
    );
}

#[test]
fn settings_without_an_effect() {
    check::<Service>(
        &payments("connections {}"),
        &expect![[r#"
            error at connections: connections without a setting
              Write idle_timeout, max_duration, max_requests_per_connection, http2 or keepalive, or remove the block.
        "#]],
    );
    check::<Service>(
        &tcp_only(&format!("{EVERY_SETTING}\ncircuit_breaker {{\n  max_retries = 7\n}}")),
        &expect![[r#"
        error at circuit_breaker.max_retries: No HTTP port
          circuit_breaker.max_retries applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at connections.max_requests_per_connection: No HTTP port
          connections.max_requests_per_connection applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        error at connections.http2: No HTTP port
          connections.http2 applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
    "#]],
    );
    check::<Service>(
        &payments(
            "connections {\n  max_duration = \"0s\"\n  keepalive {\n    time = \"1500ms\"\n    probes = 0\n  }\n}",
        ),
        &expect![[r#"
            error at connections.max_duration: Invalid connections.max_duration
              More than `0s`. Got "0s".
            error at connections.keepalive.time: Invalid connections.keepalive.time
              Whole seconds, at least one. Got "1500ms".
            error at connections.keepalive.probes: Invalid connections.keepalive.probes
              1 to 100. Got 0.
        "#]],
    );
}
