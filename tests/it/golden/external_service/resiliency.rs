//! Timeouts, retries, circuit breakers and outlier detection that override the preset.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_object, check_unknown};

fn api(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{arguments}")
}

/// Ports inherit nothing: that of port 80 has the limits of requests, and that of port 443 those of connections.
#[test]
fn all_arguments() {
    check::<ExternalService>(
        &api(r#"
        tls             = "originate"
        resiliency      = "none"
        request_timeout = "3s"
        retries {
          attempts        = 2
          per_try_timeout = "1s"
          idempotent      = true
        }
        circuit_breaker {
          connect_timeout      = "200ms"
          max_connections      = 10
          max_pending_requests = 20
          max_requests         = 30
        }
        outlier_detection {
          consecutive_5xx      = 7
          interval             = "1s"
          base_ejection_time   = "2s"
          max_ejection_percent = 100
        }
    "#),
        &expect_file!["resiliency.yaml"],
    );
}

#[test]
fn retry_attempts_override_the_preset() {
    check_object::<ExternalService>(
        "VirtualService",
        &api("tls = \"originate\"\nretries {\nattempts = 5\n}"),
        &expect![[r#"
            VirtualService/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              hosts:
              - api.example.com
              http:
              - match:
                - port: 80
                retries:
                  attempts: 5
                  retryOn: connect-failure,refused-stream,reset-before-request
                route:
                - destination:
                    host: api.example.com
                    port:
                      number: 80
        "#]],
    );
}

#[test]
fn zero_request_timeout_is_no_timeout() {
    check_object::<ExternalService>(
        "VirtualService",
        &api("tls = \"originate\"\nrequest_timeout = \"0s\""),
        &expect![[r#"
            VirtualService/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - shop
              hosts:
              - api.example.com
              http:
              - match:
                - port: 80
                route:
                - destination:
                    host: api.example.com
                    port:
                      number: 80
        "#]],
    );
}

/// A port without requests gets a connection pool without limits, since Envoy would apply those of requests to it.
#[test]
fn request_limits_do_not_reach_tls_ports() {
    check_object::<ExternalService>(
        "DestinationRule",
        &api(r#"
        resiliency = "none"
        port {
          number   = 80
          protocol = "http"
          tls      = "none"
        }
        port {
          number   = 443
          protocol = "tls"
        }
        circuit_breaker {
          max_requests = 5
        }
    "#),
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
                  http:
                    http2MaxRequests: 5
                portLevelSettings:
                - connectionPool:
                    tcp: {}
                  port:
                    number: 443
        "#]],
    );
}

#[test]
fn request_arguments_without_http_ports() {
    check::<ExternalService>(
        &api("request_timeout = \"3s\"\nretries {\nattempts = 1\n}\ncircuit_breaker {\nmax_requests = 5\n}"),
        &expect![[r#"
            error at request_timeout: Retries or timeout on TLS of the application
              request_timeout applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = "originate": the application calls http://, and the proxy speaks TLS.
            error at retries: Retries or timeout on TLS of the application
              retries applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = "originate": the application calls http://, and the proxy speaks TLS.
            error at circuit_breaker.max_requests: Retries or timeout on TLS of the application
              circuit_breaker.max_requests applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = "originate": the application calls http://, and the proxy speaks TLS.
        "#]],
    );
}

#[test]
fn contradictory_retries() {
    let retries = |preset: &str, arguments: &str| {
        api(&format!("tls = \"originate\"\nresiliency = \"{preset}\"\nretries {{\n{arguments}\n}}"))
    };
    check::<ExternalService>(
        &retries("high", "per_try_timeout = \"1s\""),
        &expect![[r#"
            error at retries.per_try_timeout: per_try_timeout without idempotent
              A request whose attempt timed out may have reached the application, so it is retried only with idempotent = true, or on a condition in on. Without either, per_try_timeout would only shorten request_timeout. Write one of them, or remove per_try_timeout.
        "#]],
    );
    check::<ExternalService>(
        &format!("{}\nrequest_timeout = \"5s\"", retries("high", "per_try_timeout = \"5s\"\nidempotent = true")),
        &expect![[r#"
            error at retries.per_try_timeout: per_try_timeout is not shorter than request_timeout
              A request may take 5s, so a try that takes 5s is never followed by another. Write a shorter one, or a longer request_timeout.
        "#]],
    );
    check::<ExternalService>(
        &retries("high", "attempts = 0\nidempotent = true"),
        &expect![[r#"
        error at retries.attempts: Retries have no effect
          attempts = 0 switches retries off, so the rest of the block has no effect. Remove the rest, or set attempts.
    "#]],
    );
    check::<ExternalService>(
        &retries("none", "idempotent = true"),
        &expect![[r#"
            error at retries: Retries without attempts
              Without a resiliency preset, and with "none", the block must say how many retries there are. Write attempts.
        "#]],
    );
}

#[test]
fn unknown_arguments() {
    let with = |arguments: &str| api(&format!("tls = \"originate\"\n{arguments}"));
    let texts = [
        ("request_timeout", with("request_timeout = unknown")),
        ("retries", with("retries = unknown")),
        ("attempts", with("retries {\nattempts = unknown\n}")),
        ("idempotent", with("retries {\nattempts = 2\nidempotent = unknown\n}")),
        ("circuit_breaker", with("circuit_breaker = unknown")),
        ("max_connections", with("circuit_breaker {\nmax_connections = unknown\n}")),
        ("outlier_detection", with("outlier_detection = unknown")),
        ("interval", with("outlier_detection {\nconsecutive_5xx = 5\ninterval = unknown\n}")),
    ];
    check_unknown::<ExternalService>(
        &texts,
        &expect![[r#"
            request_timeout: which objects there are
            retries: which objects there are
            attempts: VirtualService
            idempotent: VirtualService
            circuit_breaker: DestinationRule
            max_connections: DestinationRule
            outlier_detection: DestinationRule
            interval: DestinationRule
        "#]],
    );
}

/// Ports inherit nothing, so the port with TLS has all that the host has.
#[test]
fn connections_and_their_keepalive() {
    check_object::<ExternalService>(
        "DestinationRule",
        r#"
        host       = "api.example.com"
        export_to  = ["shop"]
        tls        = "originate"
        connections {
          idle_timeout                = "5m"
          max_duration                = "1h"
          max_requests_per_connection = 100
          http2                       = true
          keepalive {
            time     = "30s"
            interval = "5s"
            probes   = 3
          }
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
                    idleTimeout: 300s
                    maxConnectionDuration: 3600s
                    tcpKeepalive:
                      interval: 5s
                      probes: 3
                      time: 30s
                portLevelSettings:
                - connectionPool:
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
                  port:
                    number: 80
                  tls:
                    mode: SIMPLE
                    sni: api.example.com
                    subjectAltNames:
                    - api.example.com
        "#]],
    );
    check_object::<ExternalService>(
        "DestinationRule",
        "host = \"api.example.com\"\nexport_to = [\"shop\"]\nconnections {\n idle_timeout = \"5m\"\n keepalive {}\n}",
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
                    idleTimeout: 300s
                    tcpKeepalive: {}
        "#]],
    );
}

#[test]
fn connection_settings_that_have_no_effect() {
    let text = |block: &str| format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\nconnections {{\n{block}\n}}");
    check::<ExternalService>(
        &text(""),
        &expect![[r#"
            error at connections: connections without a setting
              Write idle_timeout, max_duration, max_requests_per_connection, http2 or keepalive, or remove the block.
        "#]],
    );
    check::<ExternalService>(
        &text("max_requests_per_connection = 1\nhttp2 = false\nkeepalive {\n time = \"1500ms\"\n interval = \"0s\"\n}"),
        &expect![[r#"
            error at connections.keepalive.time: Invalid connections.keepalive.time
              Whole seconds, at least one. Got "1500ms".
            error at connections.keepalive.interval: Invalid connections.keepalive.interval
              Whole seconds, at least one. Got "0s".
            error at connections.max_requests_per_connection: Retries or timeout on TLS of the application
              connections.max_requests_per_connection applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = "originate": the application calls http://, and the proxy speaks TLS.
            error at connections.http2: Retries or timeout on TLS of the application
              connections.http2 applies to requests, which proxies see only if the application speaks clear text to them, and it does so on no port. Remove it, or write tls = "originate": the application calls http://, and the proxy speaks TLS.
        "#]],
    );
}

/// A number takes the place of the preset's.
#[test]
fn concurrent_retries() {
    check_object::<ExternalService>(
        "DestinationRule",
        "host = \"api.example.com\"\nexport_to = [\"shop\"]\ntls = \"originate\"\nresiliency = \"low\"\ncircuit_breaker {\n max_retries = 7\n}",
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
                portLevelSettings:
                - connectionPool:
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
                  port:
                    number: 80
                  tls:
                    mode: SIMPLE
                    sni: api.example.com
                    subjectAltNames:
                    - api.example.com
        "#]],
    );
}
