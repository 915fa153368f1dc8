//! What happens to calls that no policy allows, and who keeps a way in.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_keys, check_object};

/// What the moves of a roll-out have in common.
pub(crate) const DOORS: &str = r#"
    gateway_access {
      namespace = "istio-ingress"
      selector  = { istio = "ingress" }
      ports     = [8080, 8443]
    }
    gateway_access {
      namespace = "edge"
      selector  = { app = "edge" }
      ports     = [8443]
    }
"#;

fn authorization(mode: &str) -> String {
    format!(
        r#"
        authorization {{
          mode = "{mode}"
          allow {{
            from  = ["monitoring/prometheus"]
            ports = [9090, 9102]
          }}
          allow {{
            from      = ["anonymous"]
            paths     = ["/healthz", "/metrics"]
            methods   = ["GET"]
            ip_blocks = ["10.0.0.0/8"]
          }}
        }}
        {DOORS}
        "#
    )
}

/// Scrapers and health checks are rules of deny-all itself: the one never holds without the other.
#[test]
fn doors() {
    check::<GlobalDefaults>(&authorization("enforce"), &expect_file!["doors.yaml"]);
}

/// A gateway's policy runs dry exactly while deny-all does.
#[test]
fn doors_run_dry() {
    check_object::<GlobalDefaults>(
        "AuthorizationPolicy/edge",
        &authorization("dry_run"),
        &expect![[r#"
        AuthorizationPolicy/edge/gateway-access-f626a0e6
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "true"
          name: gateway-access-f626a0e6
          namespace: edge
        spec:
          action: ALLOW
          rules:
          - to:
            - operation:
                ports:
                - "8443"
          selector:
            matchLabels:
              app: edge
    "#]],
    );
}

/// Where nothing is denied, a gateway's policy would by itself close its other ports.
#[test]
fn no_doors_where_nothing_is_denied() {
    for mode in ["off", "audit"] {
        let text = format!("mtls {{}}\n{}", authorization(mode));
        let keys = if mode == "off" {
            expect![[r#"
            PeerAuthentication/istio-system/default
        "#]]
        } else {
            expect![[r#"
            PeerAuthentication/istio-system/default
            AuthorizationPolicy/istio-system/deny-all-audit
        "#]]
        };
        check_keys::<GlobalDefaults>(&text, &keys);
    }
}

#[test]
fn external_authorization() {
    check::<GlobalDefaults>(
        r#"
        external_authorization {
          provider     = "opa"
          selector     = { istio = "ingress" }
          paths        = ["/api/*"]
          except_paths = ["/api/health"]
          except_ports = [9000]
        }
    "#,
        &expect_file!["external_authorization.yaml"],
    );
}

#[test]
fn external_authorization_of_everything() {
    check::<GlobalDefaults>(
        r#"
        external_authorization {
          provider = "opa"
        }
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/istio-system/external-authorization
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              name: external-authorization
              namespace: istio-system
            spec:
              action: CUSTOM
              provider:
                name: opa
              rules:
              - {}
        "#]],
    );
}
