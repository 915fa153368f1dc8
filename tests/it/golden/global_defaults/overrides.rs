//! `override` blocks of `mesh_global_defaults` and `mesh_gateway`.

use expect_test::expect;
use terraform_provider_mesh::resources::{gateway::Gateway, global_defaults::GlobalDefaults};

use crate::golden::{check, check_object};

/// Objects with the usual name of their kind need no suffix; others are chosen by their names.
#[test]
fn objects_of_the_mesh_are_patched() {
    let text = r#"
        sidecar {}
        jwt {
          issuer = "https://idp.example.com"
        }
        require_end_user {
          except_ports = [9000]
        }
        override {
          kind  = "Sidecar"
          patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })
        }
        override {
          kind   = "AuthorizationPolicy"
          suffix = "require-end-user"
          patch  = jsonencode({ spec = { selector = { matchLabels = { tier = "web" } } } })
        }
    "#;
    check::<GlobalDefaults>(
        text,
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
          inboundConnectionPool:
            http:
              http2MaxRequests: 500
          outboundTrafficPolicy:
            mode: REGISTRY_ONLY
        --- # RequestAuthentication/istio-system/default
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata:
          name: default
          namespace: istio-system
        spec:
          jwtRules:
          - forwardOriginalToken: true
            issuer: https://idp.example.com
        --- # AuthorizationPolicy/istio-system/require-end-user
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "false"
          name: require-end-user
          namespace: istio-system
        spec:
          action: DENY
          rules:
          - to:
            - operation:
                notPorts:
                - "9000"
            when:
            - key: request.auth.claims[iss]
              notValues:
              - "*"
          selector:
            matchLabels:
              tier: web
    "#]],
    );
    check::<GlobalDefaults>(
        &text.replace("suffix = ", "suffix = \"x\" # "),
        &expect![[r#"
        error at override[1]: override matches no object
          This configuration renders no such object. To patch one that it renders, write kind = "Sidecar"; kind = "RequestAuthentication"; kind = "AuthorizationPolicy", suffix = "require-end-user".
    "#]],
    );
}

#[test]
fn objects_of_a_gateway_are_patched() {
    let gateway = |patch: &str| {
        format!(
            "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = {{ app = \"public\" }}\nserver {{\n port = 80\n protocol = \
             \"http\"\n hosts = [\"a.example.com\"]\n namespaces = [\"shop\"]\n}}\noverride {{\n{patch}\n}}"
        )
    };
    let servers = "kind = \"Gateway\"\n patch = jsonencode({ spec = { servers = [{ port = { name = \"http-80\", number = 80, protocol = \
                   \"HTTP\" }, hosts = [\"shop/a.example.com\"], bind = \"127.0.0.1\" }] } })";
    check_object::<Gateway>(
        "Gateway",
        &gateway(servers),
        &expect![[r#"
        Gateway/istio-ingress/public
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata:
          name: public
          namespace: istio-ingress
        spec:
          selector:
            app: public
          servers:
          - bind: "127.0.0.1"
            hosts:
            - shop/a.example.com
            port:
              name: http-80
              number: 80
              protocol: HTTP
    "#]],
    );
    check::<Gateway>(
        &gateway("kind = \"AuthorizationPolicy\"\n patch = jsonencode({ spec = { action = \"DENY\" } })"),
        &expect![[r#"
            error at override[0]: override matches no object
              This configuration renders no such object. To patch one that it renders, write kind = "Gateway".
        "#]],
    );
}
