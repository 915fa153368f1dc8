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
