//! Objects, computed attributes and diagnostics of `mesh_gateway`.

mod live;
mod mistakes;
mod unknowns;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    resources::{ResourceType, gateway::Gateway},
    schema::model::Model,
};

use crate::golden::{check, check_keys, check_object, check_outputs, hcl, live::format_findings, mesh};

/// A gateway with its required arguments and `servers`.
fn public(servers: &str) -> String {
    format!(
        "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = {{ app = \"public\" }}\nauthorization_mode = \"enforce\"\n{servers}"
    )
}

#[test]
fn every_argument() {
    let text = r#"
        name            = "public"
        namespace       = "istio-ingress"
        selector        = { app = "ingress", istio = "ingress" }
        service_account = "ingress"
        labels          = { team = "platform" }
        annotations     = { "example.com/runbook" = "gateways" }
        adopt_existing  = true
        authorization_mode = "dry_run"
        allow {
          from             = ["shop/checkout", "tests/*"]
          ports            = [443]
          ip_blocks        = ["10.0.0.0/8"]
          remote_ip_blocks = ["192.0.2.0/24"]
        }
        allow {
          hosts   = ["shop.example.com", "*.shop.example.com", "shop.*"]
          methods = ["GET"]
          paths   = ["/public/*"]
          end_user {
            issuer = "https://login.example.com"
            claims = { groups = ["admins"] }
          }
        }
        allow {
          remote_ip_blocks = ["192.0.2.0/24"]
        }
        server {
          port           = 80
          target_port    = 8080
          protocol       = "http"
          hosts          = ["shop.example.com", "*.shop.example.com"]
          namespaces = ["*"]
          https_redirect = true
        }
        server {
          port       = 443
          protocol   = "https"
          hosts      = ["shop.example.com", "*.shop.example.com"]
          namespaces = ["shop", "storefront"]
          tls {
            mode            = "simple"
            credential_name = "shop-cert"
            min_version     = "1.2"
            max_version     = "1.3"
            cipher_suites   = ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"]
          }
        }
        server {
          port     = 443
          protocol = "https"
          hosts    = ["partners.example.com"]
          namespaces = ["*"]
          tls {
            mode            = "mutual"
            credential_name = "partners-cert"
          }
        }
        server {
          port        = 15443
          target_port = 25443
          protocol    = "tls"
          hosts       = ["*.local"]
          namespaces = ["*"]
          tls {
            mode = "auto_passthrough"
          }
        }
        timeouts {
          create = "1m"
        }
    "#;
    check::<Gateway>(text, &expect_file!["every_argument.yaml"]);
    check_outputs::<Gateway>(
        text,
        &expect![[r#"
        id = "istio-ingress/public"
        principal = "cluster.local/ns/istio-ingress/sa/ingress"
    "#]],
    );
}

/// The minimum version is TLS 1.3.
#[test]
fn default_tls_settings() {
    check::<Gateway>(
        &public(
            r#"
        server {
          port     = 443
          protocol = "https"
          hosts    = ["shop.example.com"]
          namespaces = ["*"]
          tls {
            credential_name = "shop"
          }
        }
    "#,
        ),
        &expect![[r#"
            --- # Gateway/istio-ingress/public
            apiVersion: networking.istio.io/v1
            kind: Gateway
            metadata:
              name: public
              namespace: istio-ingress
            spec:
              selector:
                app: public
              servers:
              - hosts:
                - "*/shop.example.com"
                port:
                  name: https-443
                  number: 443
                  protocol: HTTPS
                tls:
                  credentialName: shop
                  minProtocolVersion: TLSV1_3
                  mode: SIMPLE
            --- # AuthorizationPolicy/istio-ingress/public-istio-ingress
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: public-istio-ingress
              namespace: istio-ingress
            spec:
              action: ALLOW
              rules:
              - to:
                - operation:
                    hosts:
                    - shop.example.com
                    - shop.example.com:*
              selector:
                matchLabels:
                  app: public
        "#]],
    );
}

/// The workload terminates TLS, so the gateway sees no requests and its policy can restrict only the port.
#[test]
fn tls_passthrough() {
    check::<Gateway>(
        &public(
            r#"
        server {
          port     = 443
          protocol = "https"
          hosts    = ["shop.example.com"]
          namespaces = ["*"]
          tls {
            mode = "passthrough"
          }
        }
    "#,
        ),
        &expect![[r#"
            --- # Gateway/istio-ingress/public
            apiVersion: networking.istio.io/v1
            kind: Gateway
            metadata:
              name: public
              namespace: istio-ingress
            spec:
              selector:
                app: public
              servers:
              - hosts:
                - "*/shop.example.com"
                port:
                  name: https-443
                  number: 443
                  protocol: HTTPS
                tls:
                  mode: PASSTHROUGH
            --- # AuthorizationPolicy/istio-ingress/public-istio-ingress
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: public-istio-ingress
              namespace: istio-ingress
            spec:
              action: ALLOW
              rules:
              - to:
                - operation:
                    ports:
                    - "443"
              selector:
                matchLabels:
                  app: public
        "#]],
    );
}

/// The server presents the mesh's own certificate, so none is configured.
#[test]
fn istio_mutual() {
    check_object::<Gateway>(
        "Gateway",
        &public(
            r#"
        server {
          port     = 15443
          protocol = "tls"
          hosts    = ["*"]
          namespaces = ["*"]
          tls {
            mode = "istio_mutual"
          }
        }
    "#,
        ),
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
              - hosts:
                - "*/*"
                port:
                  name: tls-15443
                  number: 15443
                  protocol: TLS
                tls:
                  minProtocolVersion: TLSV1_3
                  mode: ISTIO_MUTUAL
        "#]],
    );
}

#[test]
fn every_protocol() {
    let server = |(n, protocol): (usize, &str)| {
        let tls = if ["https", "tls"].contains(&protocol) { "tls { credential_name = \"c\" }" } else { "" };
        format!(
            "server {{\nport = {}\nprotocol = \"{protocol}\"\nhosts = [\"*\"]\nnamespaces = [\"*\"]\n{tls}\n}}\n",
            80 + n
        )
    };
    let all = ["http", "https", "http2", "grpc", "tls", "tcp", "mongo"];
    check::<Gateway>(
        &public(&all.into_iter().enumerate().map(server).collect::<String>()),
        &expect_file!["every_protocol.yaml"],
    );
}

/// Without `authorization_mode` there is no policy: what other Gateways on the same pods serve isn't refused.
#[test]
fn no_policy_unless_asked_for() {
    let text = "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = { app = \"public\" }\nserver {\n port = 80\n \
                protocol = \"http\"\n hosts = [\"a.example.com\"]\n namespaces = [\"shop\"]\n}";
    check_keys::<Gateway>(
        text,
        &expect![[r#"
        Gateway/istio-ingress/public
    "#]],
    );
    check_keys::<Gateway>(
        &format!("authorization_mode = \"enforce\"\n{text}"),
        &expect![[r#"
        Gateway/istio-ingress/public
        AuthorizationPolicy/istio-ingress/public-istio-ingress
    "#]],
    );
}

/// What clients lose is in the plan: hosts, and requests that the policy refuses.
#[test]
fn hosts_and_clients_that_are_dropped() {
    let gateway = |arguments: &str, hosts: &str, namespaces: &str| {
        let text = format!(
            "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = {{ app = \"public\" }}\n{arguments}\nserver {{\n port = 80\n \
             protocol = \"http\"\n hosts = {hosts}\n namespaces = {namespaces}\n}}"
        );
        Gateway::decode(&hcl::resource(&text, Gateway::schema()), &Path::root(), &mut Diagnostics::default())
    };
    let (two, one) = ("[\"a.example.com\", \"b.example.com\"]", "[\"a.example.com\"]");
    let changes = [
        (gateway("", two, "[\"*\"]"), gateway("", one, "[\"*\"]")),
        (gateway("", one, "[\"*\"]"), gateway("", one, "[\"shop\"]")),
        (gateway("", one, "[\"*\"]"), gateway("authorization_mode = \"enforce\"", one, "[\"*\"]")),
        (gateway("", one, "[\"shop\"]"), gateway("", two, "[\"*\"]")),
    ];
    let mut text = String::new();
    for (prior, planned) in changes {
        let mut out = Findings::default();
        <Gateway as ResourceType>::checks_of_change(Some(&prior), &planned, &mesh(), &mut out);
        text += "=== change\n";
        text += &format_findings(out);
    }
    expect![[r#"
        === change
        warn at server: The gateway drops hosts
          After this apply no server serves b.example.com (routes of every namespace): clients get 404, or no connection. (changed-access)
        === change
        warn at server: The gateway drops hosts
          After this apply no server serves a.example.com (routes of every namespace): clients get 404, or no connection. (changed-access)
        === change
        warn at authorization_mode: Callers lose access
          After this apply these requests to gateway istio-ingress/public aren't admitted any more by its policies:
        - clients without an identity: other hosts
        - every other workload of the mesh: other hosts
         (changed-access)
        === change
    "#]].assert_eq(&text);
}

/// The Gateway is in the namespace of an application, and its pods are in another: the policy and the identity are theirs.
#[test]
fn workloads_in_another_namespace() {
    let text = "name = \"hosts\"\nnamespace = \"shop\"\nworkload_namespace = \"istio-ingress\"\nservice_account = \"ingress\"\n\
                selector = { app = \"public\" }\nauthorization_mode = \"enforce\"\nserver {\n port = 80\n protocol = \"http\"\n \
                hosts = [\"a.example.com\"]\n namespaces = [\"shop\"]\n}\nallow {\n from = [\"probe\"]\n}";
    check::<Gateway>(
        text,
        &expect![[r#"
        --- # Gateway/shop/hosts
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata:
          name: hosts
          namespace: shop
        spec:
          selector:
            app: public
          servers:
          - hosts:
            - shop/a.example.com
            port:
              name: http-80
              number: 80
              protocol: HTTP
        --- # AuthorizationPolicy/istio-ingress/hosts-shop
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "false"
          name: hosts-shop
          namespace: istio-ingress
        spec:
          action: ALLOW
          rules:
          - from:
            - source:
                principals:
                - cluster.local/ns/shop/sa/probe
            to:
            - operation:
                hosts:
                - a.example.com
                - a.example.com:*
          selector:
            matchLabels:
              app: public
    "#]],
    );
    check_outputs::<Gateway>(
        text,
        &expect![[r#"
        id = "shop/hosts"
        principal = "cluster.local/ns/istio-ingress/sa/ingress"
    "#]],
    );
}
