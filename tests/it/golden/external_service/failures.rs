//! How failures are met, where the preset's numbers aren't right.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::{check, check_object, check_unknown};

fn api(arguments: &str) -> String {
    format!("host = \"api.example.com\"\nexport_to = [\"shop\"]\n{arguments}")
}

/// Each port says all of it: on port 80 for requests, on port 443 for connections.
#[test]
fn everything() {
    check::<ExternalService>(
        &api(
            r#"
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
    "#,
        ),
        &expect_file!["failures.yaml"],
    );
}

#[test]
fn one_number_of_the_preset() {
    check_object::<ExternalService>(
        "VirtualService",
        &api("tls = \"originate\"\nretries {\nattempts = 5\n}"),
        &expect![[r#""#]],
    );
}

#[test]
fn no_timeout() {
    check_object::<ExternalService>(
        "VirtualService",
        &api("tls = \"originate\"\nrequest_timeout = \"0s\""),
        &expect![[r#""#]],
    );
}

/// Limits of requests alone: a port without requests takes none of them.
#[test]
fn limits_of_requests_beside_a_port_without() {
    check_object::<ExternalService>(
        "DestinationRule",
        &api(
            r#"
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
    "#,
        ),
        &expect![[r#""#]],
    );
}

#[test]
fn requests_that_nobody_sees() {
    check::<ExternalService>(
        &api("request_timeout = \"3s\"\nretries {\nattempts = 1\n}\ncircuit_breaker {\nmax_requests = 5\n}"),
        &expect![[r#""#]],
    );
}

#[test]
fn retries_that_make_no_sense() {
    let retries = |preset: &str, arguments: &str| {
        api(&format!("tls = \"originate\"\nresiliency = \"{preset}\"\nretries {{\n{arguments}\n}}"))
    };
    check::<ExternalService>(&retries("high", "per_try_timeout = \"1s\""), &expect![[r#""#]]);
    check::<ExternalService>(&retries("high", "per_try_timeout = \"5s\"\nidempotent = true"), &expect![[r#""#]]);
    check::<ExternalService>(&retries("high", "attempts = 0\nidempotent = true"), &expect![[r#""#]]);
    check::<ExternalService>(&retries("none", "idempotent = true"), &expect![[r#""#]]);
}

#[test]
fn unknown() {
    let with = |arguments: &str| api(&format!("tls = \"originate\"\n{arguments}"));
    let texts = [
        ("request_timeout", with("request_timeout = unknown")),
        ("retries", with("retries = unknown")),
        ("attempts", with("retries {\nattempts = unknown\n}")),
        ("idempotent", with("retries {\nidempotent = unknown\n}")),
        ("circuit_breaker", with("circuit_breaker = unknown")),
        ("max_connections", with("circuit_breaker {\nmax_connections = unknown\n}")),
        ("outlier_detection", with("outlier_detection = unknown")),
        ("interval", with("outlier_detection {\ninterval = unknown\n}")),
    ];
    check_unknown::<ExternalService>(&texts, &expect![[r#""#]]);
}
