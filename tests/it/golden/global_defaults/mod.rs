//! The objects of `mesh_global_defaults`, for each argument and each default.

mod authorization;
mod change;
mod guardrails;
mod jwt;
mod live;
mod mistakes;
mod overrides;
mod protections;
mod routes;
mod telemetry;
mod unknowns;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_outputs};

#[test]
fn several_arguments() {
    let text = r#"
        mtls {
          mode = "strict"
        }
        authorization {
          mode = "enforce"
        }
        sidecar {
          egress_hosts = ["./*", "istio-system/*", "shop/catalog.shop.svc.cluster.local"]
        }
        outbound_traffic_policy = "registry_only"
        resiliency              = "low"
        timeouts {
          create = "1m"
        }
    "#;
    check::<GlobalDefaults>(text, &expect_file!["everything.yaml"]);
    check_outputs::<GlobalDefaults>(
        text,
        &expect![[r#"
        id = "default"
    "#]],
    );
}

#[test]
fn mtls_is_strict_by_default() {
    check::<GlobalDefaults>(
        r#"
        mtls {}
    "#,
        &expect![[r#"
            --- # PeerAuthentication/istio-system/default
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata:
              name: default
              namespace: istio-system
            spec:
              mtls:
                mode: STRICT
        "#]],
    );
}

#[test]
fn permissive_mtls() {
    check::<GlobalDefaults>(
        r#"
        mtls {
          mode = "permissive"
        }
    "#,
        &expect![[r#"
            --- # PeerAuthentication/istio-system/default
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata:
              name: default
              namespace: istio-system
            spec:
              mtls:
                mode: PERMISSIVE
        "#]],
    );
}

/// An AUDIT policy needs a rule that matches every request: without a rule it matches none.
#[test]
fn deny_all_that_audits() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "audit"
        }
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/istio-system/deny-all-audit
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              name: deny-all-audit
              namespace: istio-system
            spec:
              action: AUDIT
              rules:
              - {}
        "#]],
    );
}

#[test]
fn deny_all_in_a_dry_run() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "dry_run"
        }
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/istio-system/deny-all
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "true"
              name: deny-all
              namespace: istio-system
            spec:
              action: ALLOW
              rules: []
        "#]],
    );
}

/// Fields with default values are set, too, so that the provider owns them: a rule or a dry run that another tool adds is drift.
#[test]
fn deny_all_in_effect() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "enforce"
        }
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/istio-system/deny-all
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: deny-all
              namespace: istio-system
            spec:
              action: ALLOW
              rules: []
        "#]],
    );
}

/// Workloads may call their own namespace and the root namespace. Other hosts need `calls` of a service.
#[test]
fn sidecar_by_default() {
    check::<GlobalDefaults>(
        r#"
        sidecar {}
    "#,
        &expect![[r#"
            --- # Sidecar/istio-system/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: istio-system
            spec:
              egress:
              - hosts:
                - ./*
                - istio-system/*
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
        "#]],
    );
}

#[test]
fn sidecar_that_allows_any_outbound_traffic() {
    check::<GlobalDefaults>(
        r#"
        outbound_traffic_policy = "allow_any"
        sidecar {
          egress_hosts = ["./*"]
        }
    "#,
        &expect![[r#"
            --- # Sidecar/istio-system/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: istio-system
            spec:
              egress:
              - hosts:
                - ./*
              outboundTrafficPolicy:
                mode: ALLOW_ANY
        "#]],
    );
}

#[test]
fn outbound_traffic_policy_without_a_sidecar_block() {
    check::<GlobalDefaults>(
        r#"
        outbound_traffic_policy = "registry_only"
    "#,
        &expect![[r#"
            --- # Sidecar/istio-system/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: istio-system
            spec:
              egress:
              - hosts:
                - "*/*"
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
        "#]],
    );
}

#[test]
fn resiliency() {
    check::<GlobalDefaults>(
        r#"
        resiliency = "medium"
    "#,
        &expect![[r#"
            --- # DestinationRule/istio-system/default
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: default
              namespace: istio-system
            spec:
              exportTo:
              - "*"
              host: "*.svc.cluster.local"
              trafficPolicy:
                connectionPool:
                  http:
                    http1MaxPendingRequests: 10000
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
                retryBudget:
                  minRetryConcurrency: 3
                  percent: 20
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
                      retry_policy:
                        num_retries: 2
                        retry_on: connect-failure,refused-stream,reset-before-request
        "#]],
    );
}
