//! Diagnostics of arguments of authorization.

use expect_test::{Expect, expect};
use terraform_provider_mesh::{mesh::Mesh, resources::service::Service};

use super::payments;
use crate::golden::{check_object, mesh, rendered_text};

/// A service with an HTTP and a TCP port and `arguments`.
fn http_and_tcp(arguments: &str) -> String {
    payments(&format!("port {{\n  number = 9000\n  protocol = \"tcp\"\n  target_port = 19000\n}}\n{arguments}"))
}

/// A service with one TCP port and `arguments`.
fn tcp_only(arguments: &str) -> String {
    payments(arguments).replace("\"http\"", "\"tcp\"")
}

/// Compares the errors or warnings of a configuration.
fn check_diagnostics(text: &str, expect: &Expect) {
    let rendered = rendered_text::<Service>(&mesh(), text);
    expect.assert_eq(rendered.split("--- # ").next().unwrap_or_default());
}

#[test]
fn invalid_values() {
    check_diagnostics(
        &payments(
            r#"
        export_to = ["Shop", "shop/checkout"]
        allow {
          from      = ["anonymous"]
          paths     = ["*/v1/*", "/a/{*}b", "/{**}/{*}", "/a//{*}"]
          hosts     = ["https://payments.example.com", "*.example.*"]
          ip_blocks = ["10.0.0.0/33", "fe80::1%eth0", "example.com"]
          end_user {
            issuer = "https://*"
            claims = { iss = ["x"] }
          }
        }
        allow {
          from      = ["anonymous"]
          hosts     = []
          ip_blocks = []
          end_user {
            issuer = ""
            claims = {}
          }
        }
        deny {
          from = ["anonymous"]
          end_user {
            issuer = "x"
            claims = { "a[b]" = ["*x*"], groups = [] }
          }
        }
        deny {
          from = []
        }
        require_end_user {
          except_paths = ["healthz"]
        }
        external_authorization {
          provider = ""
          paths    = []
        }
    "#,
        ),
        &expect![[r#"
            error at export_to: Invalid export_to
              Names of namespaces, `.` for the service's own, or `*` alone. Got ["Shop", "shop/checkout"].
            error at allow[0].paths: Invalid allow[0].paths
              Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes. Got ["*/v1/*", "/a//{*}", "/a/{*}b", "/{**}/{*}"].
            error at allow[0].hosts: Invalid allow[0].hosts
              Hosts, with one `*` at the start or end, like `payments.example.com` or `*.example.com`. Got ["*.example.*", "https://payments.example.com"].
            error at allow[0].ip_blocks: Invalid allow[0].ip_blocks
              Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`. Got ["10.0.0.0/33", "example.com", "fe80::1%eth0"].
            error at allow[0].end_user.issuer: Invalid allow[0].end_user.issuer
              The exact value of the claim, without `*`. Got "https://*".
            error at allow[0].end_user.claims: Invalid allow[0].end_user.claims
              Names of claims, like `groups`; a claim within a claim is `realm_access.roles` or `[realm_access][roles]`, and a name with dots is `[example.com]`. For `iss` use `issuer`. Got {iss}.
            error at allow[1].hosts: Invalid allow[1].hosts
              At least one host; leave the argument out for any. Got [].
            error at allow[1].ip_blocks: Invalid allow[1].ip_blocks
              At least one block; leave the argument out for any. Got [].
            error at allow[1].end_user.issuer: Invalid allow[1].end_user.issuer
              The exact value of the claim, without `*`. Got "".
            error at allow[1].end_user.claims: Invalid allow[1].end_user.claims
              At least one claim; leave the argument out for any. Got {}.
            error at deny[0].end_user.claims: Invalid deny[0].end_user.claims
              Names of claims, like `groups`; a claim within a claim is `realm_access.roles` or `[realm_access][roles]`, and a name with dots is `[example.com]`. For `iss` use `issuer`. Got {a[b], groups}.
            error at deny[0].end_user.claims: Invalid deny[0].end_user.claims
              At least one value a claim. Got {a[b], groups}.
            error at deny[0].end_user.claims: Invalid deny[0].end_user.claims
              Values, with one `*` at the start or end; `*` alone is any. Got {a[b], groups}.
            error at deny[1].from: Invalid deny[1].from
              At least one caller. Got [].
            error at require_end_user.except_paths: Invalid require_end_user.except_paths
              Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes. Got ["healthz"].
            error at external_authorization.provider: Invalid external_authorization.provider
              The name of a provider. Got "".
            error at external_authorization.paths: Invalid external_authorization.paths
              At least one path; leave the argument out for all. Got [].
        "#]],
    );
}

#[test]
fn missing_required_arguments() {
    check_diagnostics(
        &payments(
            r#"
        deny {
          end_user {
          }
        }
        external_authorization {
        }
    "#,
        ),
        &expect![[r#"
            error at deny[0].from: Missing required argument
              The argument deny[0].from is required, but no value was set.
            error at deny[0].end_user.issuer: Missing required argument
              The argument deny[0].end_user.issuer is required, but no value was set.
            error at external_authorization.provider: Missing required argument
              The argument external_authorization.provider is required, but no value was set.
        "#]],
    );
}

#[test]
fn http_rules_on_a_tcp_port() {
    for (attribute, expect) in [
        (
            "hosts = [\"payments.example.com\"]",
            expect![[r#"
                error at allow[0].ports: HTTP rule on tcp port 9000
                  A proxy sees no requests on a port that speaks tcp, and hosts is about requests, so the rule would never match there. Remove 9000 from ports, and give it a block of its own: allow with from and ports alone.
                error at deny[0].ports: HTTP rule on tcp port 9000
                  A proxy sees no requests on a port that speaks tcp, and hosts is about requests, where Istio would refuse everything instead (IST0133). Remove 9000 from ports, and give it a block of its own: deny with from and ports alone.
            "#]],
        ),
        (
            "end_user {\n  issuer = \"https://accounts.example.com\"\n}",
            expect![[r#"
                error at allow[0].ports: HTTP rule on tcp port 9000
                  A proxy sees no requests on a port that speaks tcp, and end_user is about requests, so the rule would never match there. Remove 9000 from ports, and give it a block of its own: allow with from and ports alone.
                error at deny[0].ports: HTTP rule on tcp port 9000
                  A proxy sees no requests on a port that speaks tcp, and end_user is about requests, where Istio would refuse everything instead (IST0133). Remove 9000 from ports, and give it a block of its own: deny with from and ports alone.
            "#]],
        ),
    ] {
        let block =
            |word: &str| format!("{word} {{\n  from = [\"shop/checkout\"]\n  ports = [9000]\n  {attribute}\n}}\n");
        check_diagnostics(&http_and_tcp(&(block("allow") + &block("deny"))), &expect);
    }
}

#[test]
fn request_rules_without_an_http_port() {
    check_diagnostics(
        &tcp_only(
            r#"
        allow {
          from  = ["shop/checkout"]
          hosts = ["payments.example.com"]
        }
        deny {
          from = ["shop/checkout"]
          end_user {
            issuer = "https://accounts.example.com"
          }
        }
        require_end_user {}
        external_authorization {
          provider = "opa"
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].hosts: HTTP rule without an HTTP port
              A proxy sees requests, which hosts is about, only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp), so the rule would never match. Remove hosts, or write the port block that is meant.
            error at deny[0].end_user: HTTP rule without an HTTP port
              A proxy sees requests, which end_user is about, only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp), so the rule would never match. Remove end_user, or write the port block that is meant.
            error at require_end_user: Rule on requests without an HTTP port
              A proxy sees requests only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp). Remove require_end_user, or write the port block that is meant.
            error at external_authorization: Rule on requests without an HTTP port
              A proxy sees requests only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp). Remove external_authorization, or write the port block that is meant.
        "#]],
    );
}

#[test]
fn request_rules_without_any_port() {
    check_diagnostics(
        "name = \"payments\"\nnamespace = \"pci\"\nservice = \"none\"\nrequire_end_user {}",
        &expect![[r#"
        error at require_end_user: Rule on requests without an HTTP port
          A proxy sees requests only on ports that speak http, http2 or grpc, and the service has no port. Remove require_end_user, or write the port block that is meant.
    "#]],
    );
}

/// An `allow` block with methods allows nothing on TCP ports.
#[test]
fn port_without_callers() {
    check_diagnostics(
        &http_and_tcp(
            r#"
        allow {
          from    = ["shop/checkout"]
          methods = ["GET"]
        }
    "#,
        ),
        &expect![[r#"
            warning at port[1]: No caller is admitted to port 9000
              No allow block applies to this port: blocks with methods, paths, hosts or end_user apply only to HTTP ports, and blocks with ports only to the ports listed there. To admit tcp connections to it, write an allow block with ports = [9000].
        "#]],
    );
    check_diagnostics(
        &http_and_tcp(
            r#"
        access = "namespace"
        allow {
          from    = ["shop/checkout"]
          methods = ["GET"]
        }
    "#,
        ),
        &expect![[r#""#]],
    );
}

/// An `ingress` block allows the gateway's requests without an `allow` block.
#[test]
fn port_opened_by_ingress() {
    check_diagnostics(
        &http_and_tcp(
            r#"
        allow {
          from  = ["shop/checkout"]
          ports = [9000]
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["payments.example.com"]
        }
    "#,
        ),
        &expect![[r#""#]],
    );
}

#[test]
fn redundant_callers() {
    check_diagnostics(
        &payments(
            r#"
        allow {
          from = ["*", "shop/checkout"]
        }
        deny {
          from  = ["anonymous", "*", "shop/legacy"]
          paths = ["/admin/*"]
        }
    "#,
        ),
        &expect![[r#"
            warning at allow[0].from: "*" already includes the other callers
              "*" is every workload of the mesh, so "shop/checkout" changes nothing. Remove "*" if only the others are meant, or else the others.
            warning at deny[0].from: "anonymous" already includes the other callers
              "anonymous" is every client, with or without an identity, so "*", "shop/legacy" changes nothing. Remove "anonymous" if only the others are meant, or else the others.
        "#]],
    );
}

#[test]
fn methods_on_grpc_ports() {
    let grpc = |arguments: &str| payments(arguments).replace("\"http\"", "\"grpc\"");
    check_diagnostics(
        &grpc(
            r#"
        allow {
          from    = ["shop/checkout"]
          methods = ["GET"]
        }
        deny {
          from    = ["*"]
          methods = ["DELETE", "PUT"]
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].methods: gRPC calls are POST requests
              All ports that the block governs speak grpc, so no request has one of these methods, and the block allows nothing. Remove methods, and tell calls apart by paths, like "/package.Service/Method".
            error at deny[0].methods: gRPC calls are POST requests
              All ports that the block governs speak grpc, so no request has one of these methods, and the block refuses nothing. Remove methods, and tell calls apart by paths, like "/package.Service/Method".
        "#]],
    );
}

#[test]
fn denied_host_pattern_can_be_evaded() {
    check_diagnostics(
        &payments(
            r#"
        deny {
          from  = ["anonymous"]
          hosts = ["*.internal.example.com", "payments.internal.example.com", "*"]
        }
    "#,
        ),
        &expect![[r#"
            error at deny[0].hosts: *.internal.example.com can be evaded
              Clients may name a host with a port, like x.internal.example.com:1, which doesn't end as *.internal.example.com does. Write whole hosts, which are refused with every port, or refuse by from or paths.
        "#]],
    );
}

#[test]
fn deny_without_effect() {
    check_diagnostics(
        &payments(
            r#"
        allow {
          from = ["shop/checkout"]
        }
        deny {
          from = ["reporting/*", "shop/legacy"]
        }
        deny {
          from    = ["shop/*"]
          methods = ["DELETE"]
        }
    "#,
        ),
        &expect![[r#"
            warning at deny[0]: Deny block without effect
              None of its callers may call: no allow block names them, and access doesn't let them in. Remove the block, or correct from, unless it guards against policies of other tools.
        "#]],
    );
}

#[test]
fn deny_of_all_requests() {
    check_diagnostics(
        &payments(
            r#"
        deny {
          from = ["anonymous"]
        }
    "#,
        ),
        &expect![[r#"
            warning at deny[0]: deny refuses every request
              The block matches every request, and takes precedence over every allow block. If the service is meant to be closed, access = "none" without allow blocks says so; if not, say what is refused, by methods, paths, ports or ip_blocks.
        "#]],
    );
}

#[test]
fn contradictory_exceptions_of_end_users() {
    check_diagnostics(
        &payments(
            r#"
        require_end_user {
          except_paths = ["/*", "/healthz"]
        }
    "#,
        ),
        &expect![[r#"
            error at require_end_user.except_paths: except_paths leaves no path that requires a token
              "/*" is every path. Leave it out, or leave out require_end_user.
        "#]],
    );
    check_diagnostics(
        &payments(
            r#"
        allow {
          from = ["shop/checkout"]
          end_user {
            issuer = "https://accounts.example.com"
          }
        }
        require_end_user {
          except_paths   = ["/healthz"]
          except_methods = ["OPTIONS"]
        }
    "#,
        ),
        &expect![[r#"
            warning at require_end_user.except_paths: Exempt requests are refused by the allow blocks
              Every allow block asks for an end user, of the requests of except_paths too. Write an allow block without end_user for them, or remove except_paths.
            warning at require_end_user.except_methods: Exempt requests are refused by the allow blocks
              Every allow block asks for an end user, of the requests of except_methods too. Write an allow block without end_user for them, or remove except_methods.
        "#]],
    );
}

#[test]
fn external_authorization_requires_enforce() {
    for mode in ["dry_run", "off"] {
        let text = format!("authorization_mode = {mode:?}\nexternal_authorization {{\n  provider = \"opa\"\n}}");
        let rendered = rendered_text::<Service>(&mesh(), &payments(&text));
        assert!(
            rendered.contains("warning at external_authorization: External authorization is not asked yet"),
            "{rendered}"
        );
        assert!(!rendered.contains("ext-authz"), "{rendered}");
    }
    check_diagnostics(
        &payments("authorization_mode = \"dry_run\"\nexternal_authorization {\n  provider = \"opa\"\n}"),
        &expect![[r#"
            warning at external_authorization: External authorization is not asked yet
              Istio has no dry run of it, so with authorization_mode = "dry_run" its policy isn't written, and the authorizer isn't asked. It applies with "enforce".
        "#]],
    );
}

#[test]
fn target_port_of_a_declared_port() {
    check_diagnostics(
        &payments(
            "allow {\n from = [\"*\"]\n target_ports = [8080, 9090]\n}\ndeny {\n from = [\"*\"]\n target_ports = []\n}",
        ),
        &expect![[r#"
            error at deny[0].target_ports: Invalid deny[0].target_ports
              At least one port; leave the argument out for none. Got [].
            error at allow[0].target_ports: Port 8080 is declared
              Port 8080 of the Service leads to it, whose protocol says which rules can hold there. Write ports = [8080] instead.
        "#]],
    );
}

/// Each would match no request, or could be evaded.
#[test]
fn invalid_exceptions() {
    let deny = |except: &str| format!("deny {{\n from = [\"shop/*\"]\n except {{\n {except}\n }}\n}}\n");
    let text = [
        deny(""),
        deny("from = [\"shop/*\", \"pci/*\"]"),
        deny("from = [\"*\"]"),
        deny("from = [\"anonymous\"]"),
        deny("paths = [\"/a\", \"/*\"]"),
        deny("ports = [8080, 9000]"),
        deny("ports = [9001]"),
        "access = \"mesh\"\nallow {\n from = [\"shop/*\"]\n except {\n hosts = [\"*.example.com\"]\n }\n}\n".to_owned(),
    ];
    check_diagnostics(
        &http_and_tcp(&text.concat()),
        &expect![[r#"
            error at allow[0].except.hosts: *.example.com can be evaded
              Clients may name a host with a port, like x.example.com:1, which doesn't end as *.example.com does. Write whole hosts, which are refused with every port, or refuse by from or paths.
            error at deny[0].except: Empty except block
              Write what the block leaves out: from, methods, paths, hosts, ports, ip_blocks or remote_ip_blocks; or remove it.
            error at deny[3].except.from: No caller matches the block
              "anonymous" is every client, with an identity or without. Write "*" for all workloads of the mesh, or remove it.
            error at deny[4].except.paths: No path matches the block
              "/*" is every path, so the block would match no request. Write the paths that it leaves out.
            error at deny[5].except.ports: No port matches the block
              With except.ports, the block applies to no port of the service, which has port 8080 (http), 9000 (tcp). Remove from except a port that the block is meant for, or remove the block.
            error at deny[6].except.ports: No port 9001
              The service has port 8080 (http), 9000 (tcp). Write numbers of port blocks (not target ports).
            error at deny[1].except.from: No caller matches the block
              except covers every caller in from of the block, so the block would match no request. Remove from except the callers that the block is meant for, or remove the block.
            error at deny[2].except.from: No caller matches the block
              except covers every caller in from of the block, so the block would match no request. Remove from except the callers that the block is meant for, or remove the block.
        "#]],
    );
    check_diagnostics(
        &http_and_tcp(&(deny("from = [\"shop/*\", \"pci/*\"]") + &deny("from = [\"*\"]"))),
        &expect![[r#"
            warning at deny[0]: Deny block without effect
              None of its callers may call: no allow block names them, and access doesn't let them in. Remove the block, or correct from, unless it guards against policies of other tools.
            warning at deny[1]: Deny block without effect
              None of its callers may call: no allow block names them, and access doesn't let them in. Remove the block, or correct from, unless it guards against policies of other tools.
            error at deny[0].except.from: No caller matches the block
              except covers every caller in from of the block, so the block would match no request. Remove from except the callers that the block is meant for, or remove the block.
            error at deny[1].except.from: No caller matches the block
              except covers every caller in from of the block, so the block would match no request. Remove from except the callers that the block is meant for, or remove the block.
        "#]],
    );
    check_diagnostics(
        &tcp_only(&deny("methods = [\"GET\"]")),
        &expect![[r#"
        error at deny[0].except.methods: HTTP rule without an HTTP port
          A proxy sees requests, which except.methods is about, only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp), so the rule would never match. Remove except.methods, or write the port block that is meant.
        warning at deny[0]: Deny block without effect
          None of its callers may call: no allow block names them, and access doesn't let them in. Remove the block, or correct from, unless it guards against policies of other tools.
    "#]],
    );
}

#[test]
fn invalid_conditions() {
    let when = |condition: &str| format!("deny {{\n from = [\"*\"]\n when {{\n {condition}\n }}\n}}\n");
    let text = [
        when("key = \"request.headers[x-team]\""),
        when("key = \"request.header[x-team]\"\n values = [\"a\"]"),
        when("key = \"source.namespace\"\n values = [\"shop\"]"),
        when("key = \"remote.ip\"\n values = [\"10.0.0.0/8\"]"),
        when("key = \"destination.ip\"\n values = [\"10.0.0.0/33\"]"),
        when("key = \"request.headers[x-team]\"\n values = [\"*a*\"]\n not_values = [\"[0-9]+\"]"),
    ];
    check_diagnostics(
        &payments(&text.concat()),
        &expect![[r#"
        error at deny[1].when[0].key: Invalid deny[1].when[0].key
          Attributes of Istio that have no argument, like `request.headers[x-team]`. Got "request.header[x-team]".
        error at deny[0].when[0]: Condition without values
          Write values, not_values, or both: values = ["*"] asks for any value, not_values = ["*"] for none.
        error at deny[2].when[0].key: source.namespace has an argument
          Conditions are for attributes that have no argument, and for source.namespace there is one. Write from = ["namespace/*"], in the block itself or in its except block.
        error at deny[3].when[0].key: remote.ip has an argument
          Conditions are for attributes that have no argument, and for remote.ip there is one. Write remote_ip_blocks, in the block itself or in its except block.
        error at deny[4].when[0].values: Invalid value of destination.ip
          Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`. Got "10.0.0.0/33".
        error at deny[5].when[0].values: Invalid value of request.headers[x-team]
          Values, with one `*` at the start or end; `*` alone is any. Got "*a*".
        error at deny[5].when[0].not_values: Regular expression in a condition
          AuthorizationPolicies have no regular expressions, and "[0-9]+" would match no request that you mean. Write the values, or one * at the start or end.
    "#]],
    );
    let claim = when("key = \"request.auth.claims[groups]\"\n values = [\"a\"]");
    check_diagnostics(
        &tcp_only(&claim),
        &expect![[r#"
        error at deny[0].when: HTTP rule without an HTTP port
          A proxy sees requests, which when is about, only on ports that speak http, http2 or grpc, and the service has port 8080 (tcp), so the rule would never match. Remove when, or write the port block that is meant.
    "#]],
    );
}

/// Sidecars believe the X-Forwarded-For of any caller.
#[test]
fn client_addresses_of_callers_that_are_no_gateways() {
    let allow = |from: &str, rest: &str| {
        format!("allow {{\n from = [{from}]\n remote_ip_blocks = [\"198.51.100.0/24\"]\n}}\n{rest}")
    };
    let ingress = "ingress {\n gateway = \"edge/public\"\n hosts = [\"api.example.com\"]\n}\n";
    check_diagnostics(&payments(&allow("\"edge/public\"", ingress)), &expect![[""]]);
    check_diagnostics(
        &payments(&allow("\"edge/public\", \"edge/other\", \"*\", \"shop/cart\"", ingress)),
        &expect![[r#"
            warning at allow[0].from: "*" already includes the other callers
              "*" is every workload of the mesh, so "edge/other", "edge/public", "shop/cart" changes nothing. Remove "*" if only the others are meant, or else the others.
            error at allow[0].remote_ip_blocks: remote_ip_blocks can be forged by callers
              Sidecars take the client's address from X-Forwarded-For, which every caller in the mesh can set. Only gateways overwrite that header, but from also names "*", "edge/other", "shop/cart", which neither an ingress block nor the provider's gateway_namespaces declares as gateways. Write a separate block for the gateways, or use ip_blocks for callers in the mesh.
        "#]],
    );
    let except = "deny {\n from = [\"anonymous\"]\n except {\n remote_ip_blocks = [\"198.51.100.0/24\"]\n }\n}\n";
    check_diagnostics(
        &payments(except),
        &expect![[r#"
        error at deny[0].except.remote_ip_blocks: remote_ip_blocks can be forged by callers
          Sidecars take the client's address from X-Forwarded-For, which every caller in the mesh can set. Only gateways overwrite that header, but from also names "anonymous", which neither an ingress block nor the provider's gateway_namespaces declares as gateways. Write a separate block for the gateways, or use ip_blocks for callers in the mesh.
    "#]],
    );
    let in_gateway_namespace = Mesh { gateway_namespaces: ["edge".to_owned()].into(), ..mesh() };
    let rendered = rendered_text::<Service>(&in_gateway_namespace, &payments(&allow("\"edge/*\", \"edge/other\"", "")));
    assert!(!rendered.starts_with("error"), "{rendered}");
    let unknown = rendered_text::<Service>(&mesh(), &payments(&allow("unknown", "")));
    assert!(!unknown.starts_with("error"), "{unknown}");
}

#[test]
fn regular_expressions_in_paths() {
    check_diagnostics(
        &payments(
            r#"
        allow {
          from  = ["shop/*"]
          paths = ["/items/[0-9]+"]
          except {
            paths = ["/items/.*"]
          }
        }
        deny {
          from  = ["shop/*"]
          paths = ["/v1\\.0"]
        }
        require_end_user {
          except_paths = ["/health/.+"]
        }
        external_authorization {
          provider = "opa"
          paths    = ["/admin/.*"]
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com"]
          paths   = ["/api/.*"]
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/items/[0-9]+" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at allow[0].except.paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/items/.*" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at deny[0].paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/v1\\.0" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at require_end_user.except_paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/health/.+" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at external_authorization.paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/admin/.*" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
            error at ingress[0].paths: Regular expression in paths
              paths are literal but for a * at the end, and "/api/.*" would match no request that you mean. Write the part that is always the same, and *: "/items/*"; a route block with applies_to = ["ingress"] and path_regex matches requests more precisely within it.
        "#]],
    );
}

#[test]
fn exceptions_that_leave_nothing() {
    check_diagnostics(
        &payments(
            r#"
        allow {
          from    = ["web"]
          methods = ["GET"]
          paths   = ["/a", "/b"]
          except {
            methods = ["GET", "POST"]
            paths   = ["/a"]
          }
        }
        deny {
          from      = ["web"]
          hosts     = ["a.example.com"]
          ip_blocks = ["10.0.0.0/8"]
          except {
            hosts     = ["a.example.com"]
            ip_blocks = ["10.0.0.0/8"]
          }
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].except.methods: except leaves no methods
              except lists every value of methods in the block, so the block would match no request. Remove from except the values that the block is meant for, or remove the block.
            error at deny[0].except.hosts: except leaves no hosts
              except lists every value of hosts in the block, so the block would match no request. Remove from except the values that the block is meant for, or remove the block.
            error at deny[0].except.ip_blocks: except leaves no ip_blocks
              except lists every value of ip_blocks in the block, so the block would match no request. Remove from except the values that the block is meant for, or remove the block.
        "#]],
    );
}

/// Dots lead to a claim within a claim, but not in an address or a name in brackets.
#[test]
fn claim_with_dots() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from = ["web"]
          end_user {
            issuer = "https://login.test"
            claims = {
              "realm_access.roles"    = ["admin"]
              "[organization.unit]"   = ["payments"]
              "https://pay.test/role" = ["clerk"]
            }
          }
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/pci/sa/web
                to:
                - operation:
                    ports:
                    - "8080"
                when:
                - key: request.auth.claims[iss]
                  values:
                  - https://login.test
                - key: request.auth.claims[organization.unit]
                  values:
                  - payments
                - key: request.auth.claims[https://pay.test/role]
                  values:
                  - clerk
                - key: request.auth.claims[realm_access][roles]
                  values:
                  - admin
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}
