//! Diagnostics of faulty configurations. One validation reports all of them.

use expect_test::expect;
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::check;

#[test]
fn no_arguments() {
    check::<GlobalDefaults>(
        "",
        &expect![[r#"
            error: No objects to create: set at least one argument
              The resource has no setting. Write mtls, authorization (with a mode other than "off"), sidecar, outbound_traffic_policy, resiliency, request_timeout, retries, jwt, require_end_user, external_authorization, telemetry or guardrails, or remove the resource.
        "#]],
    );
}

#[test]
fn authorization_off_and_nothing_else() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "off"
        }
        timeouts {}
    "#,
        &expect![[r#"
            error: No objects to create: set at least one argument
              The resource has no setting. Write mtls, authorization (with a mode other than "off"), sidecar, outbound_traffic_policy, resiliency, request_timeout, retries, jwt, require_end_user, external_authorization, telemetry or guardrails, or remove the resource.
        "#]],
    );
}

#[test]
fn all_mistakes_are_reported() {
    check::<GlobalDefaults>(
        r#"
        outbound_traffic_policy = "REGISTRY_ONLY"
        resiliency              = "best"
        mtls {
          mode = "STRICT"
        }
        authorization {}
        sidecar {
          egress_hosts = ["payments", "pci/payments", "Shop/*"]
        }
    "#,
        &expect![[r#"
            error at outbound_traffic_policy: Invalid outbound_traffic_policy
              "REGISTRY_ONLY" isn't a value; write it in lower case: "registry_only".
            error at resiliency: Invalid resiliency
              "best" isn't one of "low", "medium", "high", "none".
            error at mtls.mode: Invalid mtls.mode
              "STRICT" isn't a value; write it in lower case: "strict".
            error at authorization.mode: Missing required argument
              The argument authorization.mode is required, but no value was set.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "Shop/*" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "payments" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "pci/payments" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
        "#]],
    );
}

#[test]
fn empty_egress_hosts() {
    check::<GlobalDefaults>(
        r#"
        sidecar {
          egress_hosts = []
        }
    "#,
        &expect![[r#"
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              At least one host. Got [].
        "#]],
    );
}

#[test]
fn allow_block_without_restrictions() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "enforce"
          allow {
            from = ["anonymous", "shop/checkout"]
          }
          allow {
            from = ["*"]
          }
          allow {
            from = []
          }
          allow {
            from      = ["anonymous"]
            ports     = []
            paths     = ["healthz"]
            methods   = ["get"]
            ip_blocks = ["10.0.0.0/99"]
          }
        }
    "#,
        &expect![[r#"
            error at authorization.allow[2].from: Invalid authorization.allow[2].from
              At least one caller. Got [].
            error at authorization.allow[3].ports: Invalid authorization.allow[3].ports
              At least one port; leave the argument out for any. Got [].
            error at authorization.allow[3].paths: Invalid authorization.allow[3].paths
              Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes. Got ["healthz"].
            error at authorization.allow[3].methods: Invalid authorization.allow[3].methods
              Methods in capitals, like `GET`; for any, leave the argument out instead of `*`. Got ["get"].
            error at authorization.allow[3].ip_blocks: Invalid authorization.allow[3].ip_blocks
              Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`. Got ["10.0.0.0/99"].
            error at authorization.allow[0]: Rule of deny-all admits every request
              The block admits every request of every client, so that deny-all refuses no client. Write ports, paths, methods or ip_blocks: scrapers and health checks need a port or a path.
            error at authorization.allow[1]: Rule of deny-all admits every request
              The block admits every request of every workload, so that deny-all refuses no workload. Write ports, paths, methods or ip_blocks: scrapers and health checks need a port or a path.
        "#]],
    );
}

#[test]
fn gateway_access() {
    check::<GlobalDefaults>(
        r#"
        mtls {}
        gateway_access {
          namespace = "Edge"
          selector  = { "a b" = "c" }
          ports     = [0]
        }
        gateway_access {
          namespace = "edge"
          selector  = { app = "edge" }
          ports     = [8443]
        }
        gateway_access {
          namespace = "edge"
          selector  = { app = "edge" }
          ports     = []
        }
    "#,
        &expect![[r#"
            error at gateway_access[0].namespace: Invalid gateway_access[0].namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "Edge".
            error at gateway_access[0].ports: Invalid gateway_access[0].ports
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at gateway_access[2].ports: Invalid gateway_access[2].ports
              At least one port. Got [].
            error at gateway_access[0].selector["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
            error at gateway_access: gateway_access without authorization
              gateway_access has an effect only if requests that no policy allows are refused or counted. Write authorization; in mode "off" and "audit" nothing is made for the gateway yet.
            error at gateway_access[2]: Duplicate gateway_access block
              Another block means the same pods. Write all their ports into one block.
        "#]],
    );
}

#[test]
fn request_timeout_and_retries() {
    check::<GlobalDefaults>(
        r#"
        request_timeout = "0s"
        retries {
          attempts        = 11
          per_try_timeout = "1s"
        }
    "#,
        &expect![[r#"
            error at request_timeout: Invalid request_timeout
              More than `0s`. Got "0s".
            error at retries.attempts: Invalid retries.attempts
              0 to 10. Got 11.
            error at retries.per_try_timeout: per_try_timeout without idempotent
              A request whose attempt timed out may have reached the application, so it is retried only with idempotent = true, or on a condition in on. Without either, per_try_timeout would only shorten request_timeout. Write one of them, or remove per_try_timeout.
        "#]],
    );
    check::<GlobalDefaults>(
        "retries {\n attempts = 0\n idempotent = true\n}",
        &expect![[r#"
        error at retries.attempts: Retries have no effect
          attempts = 0 switches retries off, so the rest of the block has no effect. Remove the rest, or set attempts.
    "#]],
    );
}

#[test]
fn jwt() {
    check::<GlobalDefaults>(
        r#"
        jwt {
          issuer   = "https://accounts.example.com"
          jwks     = "{\"keys\":[{\"kty\":\"OKP\",\"x\":\"AQAB\",\"d\":\"x\"}]}"
          jwks_uri = "ftp://accounts.example.com/keys"
        }
        jwt {
          issuer   = "https://accounts.example.com"
          jwks     = "{\"keys\":[{\"kty\":\"OKP\",\"x\":\"AQAB\"}]}"
          jwks_uri = "https://accounts.example.com/keys"
        }
        jwt {
          issuer            = "accounts@example.com"
          audiences         = []
          claims_to_headers = { sub = "x-user", email = "X-User", name = "x user" }
        }
        jwt {
          issuer            = "login@example.com"
          claims_to_headers = { sub = "x-user", email = "X-User", "https://pay.test/role" = "x-role", "[a" = "x-a" }
        }
    "#,
        &expect![[r#"
            error at jwt[0].jwks: Invalid jwt[0].jwks
              keys[0] has "d", by which tokens are made. Write public keys alone, and replace this key: it isn't secret any more.
            error at jwt[0].jwks_uri: Invalid jwt[0].jwks_uri
              An address, `https://` or `http://`. Got "ftp://accounts.example.com/keys".
            error at jwt[2].audiences: Invalid jwt[2].audiences
              At least one audience; leave the argument out for any. Got [].
            error at jwt[2].claims_to_headers: Invalid jwt[2].claims_to_headers
              Names of headers: letters, digits, dashes and underscores. Got {email, name, sub}.
            error at jwt[3].claims_to_headers: Invalid jwt[3].claims_to_headers
              Names of claims, like `sub`. Got {[a, email, https://pay.test/role, sub}.
            error at jwt[1].jwks_uri: Both jwks and jwks_uri
              jwks and jwks_uri exclude each other: the keys, or where istiod loads them. Remove one.
            error at jwt[1].issuer: Duplicate issuer
              Another block for the same workloads has the issuer "https://accounts.example.com". Write one block with all audiences.
            error at jwt[2]: No source of the issuer's keys
              Write jwks or jwks_uri. Without them istiod asks the issuer itself, which takes an issuer that is an https:// address.
            error at jwt[3]: No source of the issuer's keys
              Write jwks or jwks_uri. Without them istiod asks the issuer itself, which takes an issuer that is an https:// address.
        "#]],
    );
}

#[test]
fn require_end_user() {
    check::<GlobalDefaults>(
        "require_end_user {\n except_paths = [\"*\"]\n}",
        &expect![[r#"
        error at require_end_user: No RequestAuthentication verifies tokens
          Every request would be refused: without a jwt block no token is ever verified. Write one for each issuer.
        warning at require_end_user: TCP ports are closed to all callers
          A port that doesn't speak HTTP carries no tokens, so workloads refuse every connection there. Name such ports in except_ports, by where workloads listen.
        error at require_end_user.except_paths: except_paths leaves no path that requires a token
          "*" is every path. Leave it out, or leave out require_end_user.
    "#]],
    );
    let selected = "jwt {\n issuer = \"https://x.example.com\"\n selector = { app = \"a\" }\n}\nrequire_end_user {\n except_ports = [\"x\"]\n}";
    check::<GlobalDefaults>(
        &selected.replace("[\"x\"]", "[9000]"),
        &expect![[r#"
            warning at require_end_user: Some workloads verify no tokens
              Every jwt block has a namespace or a selector, and require_end_user holds for every workload: those that no block means refuse every request. Write a jwt block without both, or require_end_user on services.
            --- # RequestAuthentication/istio-system/jwt-cacdba1e
            apiVersion: security.istio.io/v1
            kind: RequestAuthentication
            metadata:
              name: jwt-cacdba1e
              namespace: istio-system
            spec:
              jwtRules:
              - forwardOriginalToken: true
                issuer: https://x.example.com
              selector:
                matchLabels:
                  app: a
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
        "#]],
    );
}

#[test]
fn telemetry() {
    check::<GlobalDefaults>(
        "telemetry {}",
        &expect![[r#"
            error at telemetry[0]: Empty telemetry block
              Write tracing, access_logging or metrics in it, or remove the block.
        "#]],
    );
    check::<GlobalDefaults>(
        r#"
        telemetry {
          tracing {
            provider            = ""
            sampling_percentage = 0.001
            tags                = { a = "" }
          }
          access_logging {
            filter = " "
          }
          metrics {
            disabled     = ["REQUESTS"]
            removed_tags = ["a b"]
          }
        }
    "#,
        &expect![[r#"
            error at telemetry[0].tracing.provider: Invalid telemetry[0].tracing.provider
              The name of a provider. Got "".
            error at telemetry[0].tracing.sampling_percentage: Invalid telemetry[0].tracing.sampling_percentage
              0 to 100, with two decimals at most. Got 0.001.
            error at telemetry[0].tracing.tags: Invalid telemetry[0].tracing.tags
              Values that aren't empty. Got {a}.
            error at telemetry[0].access_logging.filter: Invalid telemetry[0].access_logging.filter
              An expression. Got " ".
            error at telemetry[0].metrics.disabled: Invalid telemetry[0].metrics.disabled
              "REQUESTS" isn't one of "ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION", "REQUEST_SIZE", "RESPONSE_SIZE", "TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES", "TCP_RECEIVED_BYTES", "GRPC_REQUEST_MESSAGES", "GRPC_RESPONSE_MESSAGES".
            error at telemetry[0].metrics.removed_tags: Invalid telemetry[0].metrics.removed_tags
              Names of tags, like `request_protocol`. Got ["a b"].
        "#]],
    );
    check::<GlobalDefaults>(
        "telemetry {\n tracing {\n provider = \"otel\"\n tags = { a = \"b\" }\n header_tags = { a = \"x-a\" }\n}\n}",
        &expect![[r#"
            error at telemetry[0].tracing.header_tags["a"]: Duplicate tag
              "a" is in tags, too. A tag has one value: keep one of them.
        "#]],
    );
}

#[test]
fn guardrails() {
    check::<GlobalDefaults>(
        "guardrails {}",
        &expect![[r#"
            error at guardrails: Guardrails without a rule
              Write root_only, team_rules = true, workload_rules = true, protect_platform_objects = true or require_namespace_labels = true; or remove the block.
        "#]],
    );
    check::<GlobalDefaults>(
        r#"
        guardrails {
          root_only          = ["PeerAuthentication"]
          global_names       = { pci = ["payments.example.internal"] }
          ingress_hosts      = { pci = ["pay.example.com"] }
          pod_annotations    = { "proxy.istio.io/config" = ["{}"] }
          namespace_selector = { "a b" = "c" }
        }
    "#,
        &expect![[r#"
            error at guardrails.namespace_selector["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
            error at guardrails.pod_annotations: pod_annotations without workload_rules
              pod_annotations lists values that workload_rules admits. Write workload_rules, or remove pod_annotations.
            error at guardrails.exempt_groups: Guardrails leave no way to except ports from mTLS
              With PeerAuthentication in root_only, an exception for a namespace or a port is refused to every user outside the root namespace, the platform's own pipeline included. Write the groups of those who may, or take it out of root_only.
            error at guardrails.global_names: global_names without team_rules
              This argument grants names to namespaces, and only team_rules checks them. Write team_rules = true, or remove the argument.
            error at guardrails.ingress_hosts: ingress_hosts without team_rules
              This argument grants names to namespaces, and only team_rules checks them. Write team_rules = true, or remove the argument.
        "#]],
    );
    check::<GlobalDefaults>(
        r#"
        guardrails {
          workload_rules           = true
          protect_platform_objects = true
          require_namespace_labels = true
        }
    "#,
        &expect![[r#"
            error at guardrails.workload_rules: workload_rules without namespace_selector
              Without namespace_selector, pods of kube-system, of gateways and of Istio itself would be refused, too. Write namespace_selector, or remove workload_rules.
            error at guardrails.protect_platform_objects: protect_platform_objects without exempt_groups
              Without exempt_groups, the platform's own pipeline would be refused, too. Write exempt_groups, or remove protect_platform_objects.
            error at guardrails.require_namespace_labels: require_namespace_labels without namespace_selector
              namespace_selector says which labels a namespace must have. Write namespace_selector, or remove require_namespace_labels.
            error at guardrails.require_namespace_labels: require_namespace_labels without exempt_groups
              Without exempt_groups, the platform's own pipeline would be refused, too. Write exempt_groups, or remove require_namespace_labels.
        "#]],
    );
    check::<GlobalDefaults>(
        r#"
        guardrails {
          root_only     = ["VirtualService"]
          action        = "refuse"
          exempt_groups = []
          contact       = "a\nb"
          global_names  = { pci = ["payments"], "P C I" = [] }
          ingress_hosts = { pci = ["*"], shop = [] }

          pod_annotations = { "example.com/x" = ["y"] }
        }
    "#,
        &expect![[r#"
            error at guardrails.root_only: Invalid guardrails.root_only
              "VirtualService" isn't one of "EnvoyFilter", "Gateway", "GatewayAPI", "PeerAuthentication", "ProxyConfig", "RequestAuthentication", "Telemetry", "WasmPlugin", "WorkloadEntry", "WorkloadGroup".
            error at guardrails.global_names: Invalid guardrails.global_names
              Namespaces, with one name each at least. Got {P C I, pci}.
            error at guardrails.global_names: Invalid guardrails.global_names
              A DNS name with a dot, like `payments.example.internal`. Got {P C I, pci}.
            error at guardrails.ingress_hosts: Invalid guardrails.ingress_hosts
              Namespaces, with at least one host each. Got {pci, shop}.
            error at guardrails.ingress_hosts: Invalid guardrails.ingress_hosts
              DNS names with a dot, with or without `*.` in front, like `shop.example.com`. Got {pci, shop}.
            error at guardrails.pod_annotations: Invalid guardrails.pod_annotations
              Annotations and labels that `workload_rules` validates, with at least one value each. Got {example.com/x}.
            error at guardrails.action: Invalid guardrails.action
              "refuse" isn't one of "deny", "warn", "audit".
            error at guardrails.exempt_groups: Invalid guardrails.exempt_groups
              At least one group; leave the argument out for none. Got [].
            error at guardrails.contact: Invalid guardrails.contact
              A single line. Got "a\nb".
        "#]],
    );
}

#[test]
fn reserved_and_invalid_keys() {
    check::<GlobalDefaults>(
        "mtls {}\nlabels = { \"istio.io/rev\" = \"x\" }\nannotations = { \"a b\" = \"x\" }",
        &expect![[r#"
            error at labels["istio.io/rev"]: Reserved key
              istio.io/rev is reserved: Istio or this provider uses it. Remove it, and use the argument that sets it.
            error at annotations["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
        "#]],
    );
}

#[test]
fn regular_expressions_in_paths() {
    check::<GlobalDefaults>(
        r#"
        require_end_user {
          except_paths = ["/public/.*"]
        }
        external_authorization {
          provider     = "ext-authz"
          paths        = ["/v[0-9]+/*"]
          except_paths = ["/health/(live|ready)"]
        }
    "#,
        &expect![[r#"
            error at require_end_user: No RequestAuthentication verifies tokens
              Every request would be refused: without a jwt block no token is ever verified. Write one for each issuer.
            warning at require_end_user: TCP ports are closed to all callers
              A port that doesn't speak HTTP carries no tokens, so workloads refuse every connection there. Name such ports in except_ports, by where workloads listen.
            error at require_end_user.except_paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/public/.*" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at external_authorization.paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/v[0-9]+/*" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at external_authorization.except_paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/health/(live|ready)" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
        "#]],
    );
}
