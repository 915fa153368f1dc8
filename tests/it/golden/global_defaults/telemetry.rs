//! The block `telemetry`.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::check;

#[test]
fn every_argument() {
    check::<GlobalDefaults>(
        r#"
        telemetry {
          tracing {
            provider            = "otel"
            sampling_percentage = 0.5
            tags                = { cluster = "eu-1" }
            header_tags         = { tenant = "x-tenant" }
          }
          access_logging {
            filter = "response.code >= 400"
          }
          metrics {
            disabled     = ["REQUEST_SIZE", "RESPONSE_SIZE"]
            removed_tags = ["request_protocol"]
          }
        }
    "#,
        &expect_file!["telemetry.yaml"],
    );
}

#[test]
fn one_block_at_a_time() {
    for (text, expected) in [
        (
            "access_logging {}",
            expect![[r#"
            --- # Telemetry/istio-system/default
            apiVersion: telemetry.istio.io/v1
            kind: Telemetry
            metadata:
              name: default
              namespace: istio-system
            spec:
              accessLogging:
              - providers:
                - name: envoy
        "#]],
        ),
        (
            "metrics {\n provider = \"otel\"\n}",
            expect![[r#"
            --- # Telemetry/istio-system/default
            apiVersion: telemetry.istio.io/v1
            kind: Telemetry
            metadata:
              name: default
              namespace: istio-system
            spec:
              metrics:
              - providers:
                - name: otel
        "#]],
        ),
        (
            "tracing {\n provider = \"otel\"\n sampling_percentage = 100\n}",
            expect![[r#"
            --- # Telemetry/istio-system/default
            apiVersion: telemetry.istio.io/v1
            kind: Telemetry
            metadata:
              name: default
              namespace: istio-system
            spec:
              tracing:
              - providers:
                - name: otel
                randomSamplingPercentage: 100
        "#]],
        ),
    ] {
        check::<GlobalDefaults>(&format!("telemetry {{\n {text}\n}}"), &expected);
    }
}

/// One object for each selector, for workloads of the root namespace.
#[test]
fn selectors_and_values_of_tags() {
    check::<GlobalDefaults>(
        r#"
        telemetry {
          metrics {
            disabled     = ["REQUEST_SIZE"]
            tags         = { request_host = "request.host" }
            removed_tags = ["request_protocol"]
          }
        }
        telemetry {
          selector = { istio = "ingressgateway" }
          tracing {
            provider         = "otel"
            environment_tags = { node = "NODE_NAME" }
          }
        }
    "#,
        &expect![[r#"
            --- # Telemetry/istio-system/default
            apiVersion: telemetry.istio.io/v1
            kind: Telemetry
            metadata:
              name: default
              namespace: istio-system
            spec:
              metrics:
              - overrides:
                - match:
                    metric: ALL_METRICS
                  tagOverrides:
                    request_host:
                      operation: UPSERT
                      value: request.host
                    request_protocol:
                      operation: REMOVE
                - disabled: true
                  match:
                    metric: REQUEST_SIZE
                providers:
                - name: prometheus
            --- # Telemetry/istio-system/telemetry-d131cb93
            apiVersion: telemetry.istio.io/v1
            kind: Telemetry
            metadata:
              name: telemetry-d131cb93
              namespace: istio-system
            spec:
              selector:
                matchLabels:
                  istio: ingressgateway
              tracing:
              - customTags:
                  node:
                    environment:
                      name: NODE_NAME
                providers:
                - name: otel
        "#]],
    );
}
