//! The EnvoyFilter for routes that istiod generates, those of services without a VirtualService.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_keys, check_object};

const ROUTE: &str = "EnvoyFilter";

#[test]
fn timeout_and_retries() {
    check::<GlobalDefaults>(
        r#"
        retries {
          attempts        = 4
          per_try_timeout = "2s"
          idempotent      = true
        }
    "#,
        &expect_file!["routes.yaml"],
    );
    check::<GlobalDefaults>(
        r#"
        request_timeout = "30s"
    "#,
        &expect![[r#"
            warning at request_timeout: Mesh-wide timeout also ends streams
              A route can't tell a stream from a request: calls to services that set neither timeout nor retries end after 30s, streams of gRPC and server-sent events among them. Give such services a mesh_service with streaming = true first, or leave timeouts to services.
            --- # EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      timeout: 30s
        "#]],
    );
}

/// A preset sets retries and no timeout, since a generated route serves streams as well as requests.
#[test]
fn retries_of_a_preset() {
    check_object::<GlobalDefaults>(
        ROUTE,
        "resiliency = \"high\"",
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 3
                        retry_on: connect-failure,refused-stream,reset-before-request
        "#]],
    );
}

#[test]
fn no_retries() {
    check_object::<GlobalDefaults>(
        ROUTE,
        "resiliency = \"none\"",
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 0
                        retry_on: retriable-headers
        "#]],
    );
    check_object::<GlobalDefaults>(
        ROUTE,
        "retries {\n attempts = 0\n}",
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 0
                        retry_on: retriable-headers
        "#]],
    );
}

/// A limit of one try that is longer than the whole request is left out.
#[test]
fn idempotent_retries() {
    let text = "resiliency = \"low\"\nretries {\n idempotent = true\n}";
    check_object::<GlobalDefaults>(
        ROUTE,
        text,
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 1
                        retry_on: connect-failure,refused-stream,gateway-error
        "#]],
    );
    let text = format!("{text}\nrequest_timeout = \"20s\"");
    check_object::<GlobalDefaults>(
        ROUTE,
        &text,
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 1
                        retry_on: connect-failure,refused-stream,gateway-error
                      timeout: 20s
        "#]],
    );
}

#[test]
fn objects_of_each_argument() {
    check_keys::<GlobalDefaults>(
        "request_timeout = \"5s\"",
        &expect![[r#"
        EnvoyFilter/istio-system/default-route
    "#]],
    );
    check_keys::<GlobalDefaults>(
        "resiliency = \"medium\"",
        &expect![[r#"
        DestinationRule/istio-system/default
        EnvoyFilter/istio-system/default-route
    "#]],
    );
    check_keys::<GlobalDefaults>(
        "mtls {}",
        &expect![[r#"
        PeerAuthentication/istio-system/default
    "#]],
    );
}

/// Envoy has status codes in a list of their own, and Istio doesn't convert them in an EnvoyFilter.
#[test]
fn conditions_of_retries() {
    check_object::<GlobalDefaults>(
        ROUTE,
        "retries {\n  attempts = 2\n  on = [\"connect-failure\", \"503\", \"429\"]\n}",
        &expect![[r#"
            EnvoyFilter/istio-system/default-route
            apiVersion: networking.istio.io/v1alpha3
            kind: EnvoyFilter
            metadata:
              name: default-route
              namespace: istio-system
            spec:
              configPatches:
              - applyTo: HTTP_ROUTE
                match:
                  context: SIDECAR_OUTBOUND
                  routeConfiguration:
                    vhost:
                      route:
                        action: ROUTE
                        name: default
                patch:
                  operation: MERGE
                  value:
                    route:
                      retry_policy:
                        num_retries: 2
                        retriable_status_codes:
                        - 429
                        - 503
                        retry_on: connect-failure,retriable-status-codes
        "#]],
    );
}
