//! `mesh_global_defaults`: every argument, every default.

mod access;
mod guardrails;
mod live;
mod mistakes;
mod protections;
mod routes;
mod telemetry;
mod tokens;
mod unknowns;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_outputs};

#[test]
fn everything() {
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
fn strict_unless_written() {
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
fn permissive() {
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

/// AUDIT needs a rule that matches everything: with none it matches nothing.
#[test]
fn audit() {
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
fn dry_run() {
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

/// Everything is written, so that everything is ours: nobody can add a rule or run it dry unseen.
#[test]
fn enforce() {
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

/// The own namespace and the root one; everything else has to be called for.
#[test]
fn sidecar() {
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
fn sidecar_that_lets_out() {
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
fn outbound_traffic_policy_alone() {
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
                    http1MaxPendingRequests: 1024
                    http2MaxRequests: 1024
                  tcp:
                    connectTimeout: 5s
                    maxConnections: 1024
                loadBalancer:
                  localityLbSetting:
                    enabled: false
                outlierDetection:
                  baseEjectionTime: 30s
                  consecutive5xxErrors: 5
                  interval: 10s
                  maxEjectionPercent: 30
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
