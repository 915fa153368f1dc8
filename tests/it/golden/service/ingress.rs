//! The block `ingress`: the VirtualService of the gateway, and the rule that allows the gateway to call.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check, check_keys, check_object, check_outputs, check_unknown, mesh, rendered_text};

/// The objects are exported to the namespace of the gateway, and its identity is allowed to call.
#[test]
fn single_ingress() {
    let text = payments(
        r#"
        resiliency = "high"
        access     = "none"
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com", "*.pay.example.com"]
        }
    "#,
    );
    check::<Service>(&text, &expect_file!["single_ingress.yaml"]);
    check_outputs::<Service>(
        &text,
        &expect![[r#"
        id = "pci/payments"
        effective_callers = ["istio-ingress/public"]
        effective_resiliency = "high"
        global_host = null
        host = "payments.pci.svc.cluster.local"
        principal = "cluster.local/ns/pci/sa/payments"
    "#]],
    );
}

/// The policy contains the rewritten paths, which arrive at the workload. The most specific path comes first.
#[test]
fn paths_and_rewrite() {
    let text = payments(
        r#"
        ingress {
          gateway         = "istio-ingress/public"
          service_account = "istio-system/istio-ingressgateway"
          hosts           = ["api.example.com"]
          paths           = ["/v1/charges/*", "/v1/charges", "/v1/charges/bulk/*"]
        }
        ingress {
          gateway         = "istio-ingress/public"
          service_account = "istio-system/istio-ingressgateway"
          hosts           = ["api.example.com"]
          paths           = ["/pay/*"]
          rewrite         = "/v2/"
        }
    "#,
    );
    check_object::<Service>(
        "VirtualService/pci/payments-pci-ingress",
        &text,
        &expect![[r#"
            VirtualService/pci/payments-pci-ingress
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress
              namespace: pci
            spec:
              exportTo:
              - istio-system
              gateways:
              - istio-ingress/public
              hosts:
              - api.example.com
              http:
              - match:
                - uri:
                    exact: /v1/charges
                - uri:
                    prefix: /v1/charges/bulk/
                - uri:
                    prefix: /v1/charges/
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
              - match:
                - uri:
                    prefix: /pay/
                rewrite:
                  uri: /v2/
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
        "#]],
    );
    check_object::<Service>(
        "AuthorizationPolicy",
        &text,
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
                    - cluster.local/ns/istio-system/sa/istio-ingressgateway
                to:
                - operation:
                    hosts:
                    - api.example.com
                    - api.example.com:*
                    paths:
                    - /v1/charges
                    - /v1/charges/*
                    - /v1/charges/bulk/*
                    ports:
                    - "8080"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/istio-system/sa/istio-ingressgateway
                to:
                - operation:
                    hosts:
                    - api.example.com
                    - api.example.com:*
                    paths:
                    - /v2/*
                    ports:
                    - "8080"
              - from:
                - source:
                    namespaces:
                    - pci
                to:
                - operation:
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
    check_outputs::<Service>(
        &text,
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["istio-system/istio-ingressgateway", "pci/*"]
            effective_resiliency = null
            global_host = null
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// Two ports, each with its own gateway.
const TWO_INGRESSES: &str = r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number   = 9090
          protocol = "grpc"
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com"]
          port    = 80
        }
        ingress {
          name    = "grpc"
          gateway = "pci/internal"
          hosts   = ["grpc.example.com"]
          port    = 9090
        }
    "#;

/// Blocks with different hosts or gateways have names, so the objects of one don't depend on the others.
#[test]
fn named_ingresses() {
    check_keys::<Service>(
        TWO_INGRESSES,
        &expect![[r#"
            Service/pci/payments
            AuthorizationPolicy/pci/payments-pci
            VirtualService/pci/payments-pci-ingress
            VirtualService/pci/payments-pci-ingress-grpc
        "#]],
    );
    check_object::<Service>(
        "VirtualService/pci/payments-pci-ingress-grpc",
        TWO_INGRESSES,
        &expect![[r#"
            VirtualService/pci/payments-pci-ingress-grpc
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress-grpc
              namespace: pci
            spec:
              exportTo:
              - '.'
              gateways:
              - pci/internal
              hosts:
              - grpc.example.com
              http:
              - route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 9090
        "#]],
    );
}

/// A gateway may call only the port of its own block.
#[test]
fn each_gateway_may_call_its_port() {
    check_object::<Service>(
        "AuthorizationPolicy",
        TWO_INGRESSES,
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
                    - cluster.local/ns/istio-ingress/sa/public
                to:
                - operation:
                    hosts:
                    - api.example.com
                    - api.example.com:*
                    ports:
                    - "8080"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/pci/sa/internal
                to:
                - operation:
                    hosts:
                    - grpc.example.com
                    - grpc.example.com:*
                    ports:
                    - "9090"
              - from:
                - source:
                    namespaces:
                    - pci
                to:
                - operation:
                    ports:
                    - "8080"
                    - "9090"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn export_to_includes_the_gateway() {
    let text = payments(
        r#"
        export_to = ["shop"]
        allow {
          from = ["shop/checkout"]
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com"]
        }
    "#,
    );
    check_object::<Service>(
        "DestinationRule",
        &text,
        &expect![[r#"
            warning at export_to: export_to turns calls into clear text
              Proxies that don't see the service forward calls of it unchanged: as clear text, without identity, with the credentials in their headers, whatever mtls is. That is so unless the mesh's outbound traffic policy is REGISTRY_ONLY. Remove export_to (policies refuse who may not call, over mutual TLS), or make the mesh refuse calls of unknown hosts (outbound_traffic_policy = "registry_only" of mesh_global_defaults) and write in the provider block: installed { outbound_traffic_policy = "registry_only" }.
            --- # Service/pci/payments: these fields of it
            apiVersion: v1
            kind: Service
            metadata:
              annotations:
                networking.istio.io/exportTo: .,istio-ingress,shop
              name: payments
              namespace: pci
            --- # AuthorizationPolicy/pci/payments-pci
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
                    - cluster.local/ns/shop/sa/checkout
                to:
                - operation:
                    ports:
                    - "8080"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/istio-ingress/sa/public
                to:
                - operation:
                    hosts:
                    - api.example.com
                    - api.example.com:*
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
            --- # VirtualService/pci/payments-pci-ingress
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress
              namespace: pci
            spec:
              exportTo:
              - istio-ingress
              gateways:
              - istio-ingress/public
              hosts:
              - api.example.com
              http:
              - route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
        "#]],
    );
}

#[test]
fn authorization_off() {
    let text = payments(
        r#"
        authorization_mode = "off"
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com"]
        }
    "#,
    );
    check_object::<Service>(
        "VirtualService/pci/payments-pci-ingress",
        &text,
        &expect![[r#"
            VirtualService/pci/payments-pci-ingress
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress
              namespace: pci
            spec:
              exportTo:
              - istio-ingress
              gateways:
              - istio-ingress/public
              hosts:
              - api.example.com
              http:
              - route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
        "#]],
    );
}

const GATEWAY_AND_HOSTS: &str = "gateway = \"istio-ingress/public\"\nhosts = [\"api.example.com\"]";

#[test]
fn unknown_arguments() {
    let known = payments(
        "ingress {\nname = \"a\"\ngateway = \"i/g\"\nservice_account = \"i/a\"\nhosts = [\"a.example.com\"]\n\
         paths = [\"/a/*\"]\nport = 8080\nrewrite = \"/\"\n}",
    );
    let arguments = [
        ("name", "\"a\""),
        ("gateway", "\"i/g\""),
        ("service_account", "\"i/a\""),
        ("hosts", "[\"a.example.com\"]"),
        ("paths", "[\"/a/*\"]"),
        ("port", "8080"),
        ("rewrite", "\"/\""),
    ];
    let unknown = |(name, value): (&'static str, &str)| {
        let (before, block) = known.split_once("ingress {").unwrap();
        let block = block.replace(&format!("{name} = {value}"), &format!("{name} = unknown"));
        (name, format!("{before}ingress {{{block}"))
    };
    let mut texts: Vec<_> = arguments.map(unknown).into();
    texts.push(("ingress", payments("ingress = unknown")));
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
            name: which objects there are
            gateway: VirtualService ingress-a
            service_account: AuthorizationPolicy, VirtualService ingress-a, effective_callers
            hosts: AuthorizationPolicy, VirtualService ingress-a
            paths: AuthorizationPolicy, VirtualService ingress-a
            port: AuthorizationPolicy, VirtualService ingress-a
            rewrite: AuthorizationPolicy, VirtualService ingress-a
            ingress: which objects there are, effective_callers
        "#]],
    );
}

#[test]
fn invalid_values() {
    check::<Service>(
        &payments(
            r#"
        ingress {
          name            = "A"
          gateway         = "public"
          service_account = "istio-ingress/"
          hosts           = ["example", "api.*"]
          paths           = ["v1", "/a*/b", "/{x}"]
          port            = 0
          rewrite         = "v1"
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = []
          paths   = []
        }
    "#,
        ),
        &expect![[r#"
            error at ingress[0].name: Invalid ingress[0].name
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "A".
            error at ingress[0].gateway: Invalid ingress[0].gateway
              "public" isn't namespace/name, like "istio-ingress/public".
            error at ingress[0].service_account: Invalid ingress[0].service_account
              "istio-ingress/" isn't namespace/name, like "istio-ingress/public".
            error at ingress[0].hosts: Invalid ingress[0].hosts
              DNS names, with `*.` at the start or without, or `*`. Got ["api.*", "example"].
            error at ingress[0].paths: Invalid ingress[0].paths
              Paths that start with `/`, with `*` at the end alone. Got ["/a*/b", "/{x}", "v1"].
            error at ingress[0].port: Invalid ingress[0].port
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at ingress[0].rewrite: Invalid ingress[0].rewrite
              A path that starts with `/`. Got "v1".
            error at ingress[1].hosts: Invalid ingress[1].hosts
              At least one host. Got [].
            error at ingress[1].paths: Invalid ingress[1].paths
              At least one path; leave the argument out for all. Got [].
        "#]],
    );
}

#[test]
fn missing_or_ambiguous_port() {
    let tcp = "name = \"payments\"\nnamespace = \"pci\"\nport {\nnumber = 9000\nprotocol = \"tcp\"\n}";
    check::<Service>(
        &format!("{tcp}\ningress {{\n{GATEWAY_AND_HOSTS}\n}}"),
        &expect![[r#"
            error at ingress[0]: Ingress without an HTTP port
              With protocol = "http" a gateway sends requests to ports that speak http, http2 or grpc, and the service has port 9000 (tcp). Correct the protocol of the port or of the block, or remove the block.
        "#]],
    );
    let none = "name = \"payments\"\nnamespace = \"pci\"\nservice = \"none\"";
    check::<Service>(
        &format!("{none}\ningress {{\n{GATEWAY_AND_HOSTS}\n}}"),
        &expect![[r#"
        error at ingress[0]: Ingress without a Service
          With service = "none" there is nothing that a gateway could send requests to. Remove the block, or say what the Service is.
    "#]],
    );
    let two = payments("port {\nnumber = 9090\nprotocol = \"grpc\"\n}\nport {\nnumber = 9000\nprotocol = \"tcp\"\n}");
    check::<Service>(
        &format!("{two}\ningress {{\n{GATEWAY_AND_HOSTS}\n}}"),
        &expect![[r#"
            error at ingress[0]: Several ports match: set port
              The service has port 8080 (http), 9090 (grpc), 9000 (tcp), and the gateway needs to know which of the HTTP ports receives the traffic. Write port.
        "#]],
    );
    check::<Service>(
        &format!("{two}\ningress {{\n{GATEWAY_AND_HOSTS}\nport = 9000\n}}"),
        &expect![[r#"
        error at ingress[0].port: No HTTP port 9000
          The service has port 8080 (http), 9090 (grpc), 9000 (tcp). Write the number of a port block (not its target port) that speaks http, http2 or grpc.
    "#]],
    );
    check::<Service>(
        &format!("{two}\ningress {{\n{GATEWAY_AND_HOSTS}\nport = 81\n}}"),
        &expect![[r#"
        error at ingress[0].port: No HTTP port 81
          The service has port 8080 (http), 9090 (grpc), 9000 (tcp). Write the number of a port block (not its target port) that speaks http, http2 or grpc.
    "#]],
    );
}

#[test]
fn ingress_with_unmanaged_virtual_service() {
    check::<Service>(
        &payments(&format!("unmanaged = [\"VirtualService\"]\ningress {{\n{GATEWAY_AND_HOSTS}\n}}")),
        &expect![[r#"
            error at ingress: ingress without a VirtualService
              ingress is rendered as a VirtualService, and unmanaged leaves VirtualServices to another tool. Remove the ingress blocks, or take VirtualService out of unmanaged.
        "#]],
    );
}

#[test]
fn invalid_rewrites() {
    for arguments in [
        "rewrite = \"/x\"",
        "paths = [\"/v1/*\", \"/v2*\"]\nrewrite = \"/\"",
        "paths = [\"/v1/*\"]\nrewrite = \"/api\"",
    ] {
        let expected = match arguments {
            "rewrite = \"/x\"" => expect![[r#"
                error at ingress[0].rewrite: Rewrite without path
                  rewrite replaces the path that paths matches, and there are no paths. Write paths, like ["/v1/*"].
            "#]],
            "paths = [\"/v1/*\"]\nrewrite = \"/api\"" => expect![[r#"
                error at ingress[0].rewrite: Rewrite breaks longer paths
                  A request for /v1/charges would be sent as /apicharges, because /api replaces exactly /v1/. Write rewrite = "/api/".
            "#]],
            _ => expect![[r#"
                error at ingress[0].rewrite: Rewrite breaks longer paths
                  A request for /v2/charges would be sent as //charges, because / replaces exactly /v2. Write paths = ["/v2", "/v2/*"].
            "#]],
        };
        check::<Service>(&payments(&format!("ingress {{\n{GATEWAY_AND_HOSTS}\n{arguments}\n}}")), &expected);
    }
}

#[test]
fn conflicting_ingresses_of_one_name() {
    let second = |block: &str| {
        payments(&format!("ingress {{\n{GATEWAY_AND_HOSTS}\npaths = [\"/a\"]\n}}\ningress {{\n{block}\n}}"))
    };
    check::<Service>(
        &second("gateway = \"istio-ingress/other\"\nhosts = [\"api.example.com\"]"),
        &expect![[r#"
            error at ingress[1].gateway: Two ingresses of one name
              ingress[0] is without a name, too, and differs in gateway. Blocks of one name are one VirtualService, for the same hosts at the same gateway. Give this block a name of its own.
        "#]],
    );
    check::<Service>(
        &second(&format!("service_account = \"x/y\"\n{GATEWAY_AND_HOSTS}")),
        &expect![[r#"
            error at ingress[1].service_account: Two ingresses of one name
              ingress[0] is without a name, too, and differs in service_account. Blocks of one name are one VirtualService, for the same hosts at the same gateway. Give this block a name of its own.
        "#]],
    );
    check::<Service>(
        &second("gateway = \"istio-ingress/public\"\nhosts = [\"b.example.com\"]"),
        &expect![[r#"
            error at ingress[1].hosts: Two ingresses of one name
              ingress[0] is without a name, too, and differs in hosts. Blocks of one name are one VirtualService, for the same hosts at the same gateway. Give this block a name of its own.
        "#]],
    );
}

#[test]
fn overlapping_hosts() {
    check::<Service>(
        &payments(
            "ingress {\ngateway = \"istio-ingress/public\"\nhosts = [\"*.example.com\", \"a.example.com\", \"a.example.org\"]\n}",
        ),
        &expect![[r#"
            error at ingress[0].hosts: a.example.com twice
              *.example.com means a.example.com, too. Remove a.example.com, or write it in a block of its own, with a name.
        "#]],
    );
}

#[test]
fn one_host_in_two_ingresses() {
    check::<Service>(
        &payments(&format!(
            "ingress {{\n{GATEWAY_AND_HOSTS}\n}}\ningress {{\nname = \"b\"\n{GATEWAY_AND_HOSTS}\npaths = [\"/b\"]\n}}"
        )),
        &expect![[r#"
            error at ingress[1].hosts: api.example.com twice at one gateway
              ingress[0] has this host at istio-ingress/public, too, under another name, and the order of the two isn't defined. Give both blocks the same name and the same hosts: then their order here counts.
        "#]],
    );
}

#[test]
fn unreachable_ingress() {
    let second = |first: &str, second: &str| {
        payments(&format!(
            "ingress {{\n{GATEWAY_AND_HOSTS}\n{first}\n}}\ningress {{\n{GATEWAY_AND_HOSTS}\n{second}\n}}"
        ))
    };
    check::<Service>(
        &second("", "paths = [\"/b\"]"),
        &expect![[r#"
        error at ingress[1]: Ingress block is never reached
          ingress[0] is tried first, and matches all of its requests (IST0130). Put this block before it, or remove it.
    "#]],
    );
    check::<Service>(
        &second("paths = [\"/b/*\"]", "paths = [\"/b/c\", \"/b/d/*\"]"),
        &expect![[r#"
        error at ingress[1]: Ingress block is never reached
          ingress[0] is tried first, and matches all of its requests (IST0130). Put this block before it, or remove it.
    "#]],
    );
    check_keys::<Service>(
        &second("paths = [\"/b\"]", "paths = [\"/b\", \"/c\"]"),
        &expect![[r#"
            Service/pci/payments
            AuthorizationPolicy/pci/payments-pci
            VirtualService/pci/payments-pci-ingress
        "#]],
    );
}

/// Subsets and weights are those of the mesh's route.
#[test]
fn gateway_routes_have_the_version_weights() {
    let versions = "version {\nname = \"v1\"\nlabels = { version = \"v1\" }\nweight = 90\n}\n\
                    version {\nname = \"v2\"\nlabels = { version = \"v2\" }\nweight = 10\n}";
    check_object::<Service>(
        "VirtualService/pci/payments-pci-ingress",
        &payments(&format!("{versions}\ningress {{\n{GATEWAY_AND_HOSTS}\n}}")),
        &expect![[r#"
            VirtualService/pci/payments-pci-ingress
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress
              namespace: pci
            spec:
              exportTo:
              - istio-ingress
              gateways:
              - istio-ingress/public
              hosts:
              - api.example.com
              http:
              - route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 90
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 10
        "#]],
    );
}

/// A rule of the `ingress` beside such a block would let in requests without a token.
#[test]
fn allow_block_for_the_gateway_alone_says_what_comes_through() {
    let ingress = "ingress {\n gateway = \"istio-ingress/public\"\n hosts = [\"api.example.com\"]\n paths = [\"/v1/*\"]\n \
                   rewrite = \"/pay/\"\n}";
    let end_user = "end_user {\n issuer = \"https://idp.example.com\"\n}";
    for from in
        ["istio-ingress/public", "istio-ingress/*", "*", "anonymous", "cluster.local/ns/istio-ingress/sa/public"]
    {
        for (paths, is_covered) in [("/pay/*", true), ("/pay/charges/*", false)] {
            let allow = format!("allow {{\n from = [\"{from}\"]\n paths = [\"{paths}\"]\n {end_user}\n}}\n");
            let rendered = rendered_text::<Service>(&mesh(), &payments(&(allow + ingress)));
            let policy =
                rendered.split("--- # ").find(|object| object.starts_with("AuthorizationPolicy/pci/payments-pci"));
            let policy = policy.unwrap_or_default();
            assert_eq!(policy.matches("operation:").count(), 1, "{policy}");
            let is_reported = rendered.contains("allow refuses requests through the gateway");
            assert_eq!(is_reported, !is_covered, "{rendered}");
        }
    }
    let allow = "allow {\n from = [\"istio-ingress/*\"]\n paths = [\"/pay/charges/*\"]\n}\n";
    let rendered = rendered_text::<Service>(&mesh(), &payments(&(allow.to_owned() + ingress)));
    expect![[r#"
        warning at ingress[0]: allow refuses requests through the gateway
          allow names istio-ingress/public, so the allow blocks alone say what it may call, and none of them admits "/pay/*" on port 8080. Requests that arrive there through the gateway are refused (403). Add the paths, as they are after a rewrite, to an allow block, or take them out of ingress.
    "#]].assert_eq(rendered.split("--- # ").next().unwrap_or_default());
}

/// A block about another port, such as that of scrapers, isn't about the gateway.
#[test]
fn allow_block_for_scrapers_beside_an_ingress() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from         = ["anonymous"]
          target_ports = [9090]
        }
        ingress {
          gateway = "istio-ingress/public"
          hosts   = ["api.example.com", "*.pay.example.com"]
          paths   = ["/v1/*"]
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
              - to:
                - operation:
                    ports:
                    - "9090"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/istio-ingress/sa/public
                to:
                - operation:
                    hosts:
                    - "*.pay.example.com"
                    - "*.pay.example.com:443"
                    - "*.pay.example.com:80"
                    - api.example.com
                    - api.example.com:*
                    paths:
                    - /v1/*
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// The port of a service that ends TLS itself.
const TLS_PORT: &str = "port {\n number = 443\n protocol = \"https\"\n target_port = 8443\n}\n";

const CONNECTIONS: &str = r#"
        port {
          number      = 443
          protocol    = "https"
          target_port = 8443
        }
        port {
          number   = 5432
          protocol = "tcp"
        }
        access = "none"
        ingress {
          gateway  = "istio-ingress/public"
          protocol = "tls"
          hosts    = ["db.example.com", "*.db.example.com"]
          port     = 443
        }
        ingress {
          name         = "db"
          gateway      = "istio-ingress/public"
          protocol     = "tcp"
          gateway_port = 15432
          hosts        = ["*"]
          port         = 5432
        }
    "#;

/// The gateway may call the port, whatever the connections are about.
#[test]
fn connections_by_server_name_and_by_port() {
    let text = payments(CONNECTIONS);
    for object in [
        "VirtualService/pci/payments-pci-ingress\n",
        "VirtualService/pci/payments-pci-ingress-db",
        "AuthorizationPolicy",
    ] {
        let expect = match object {
            "AuthorizationPolicy" => expect![[r#"
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
                        - cluster.local/ns/istio-ingress/sa/public
                    to:
                    - operation:
                        ports:
                        - "8443"
                  - from:
                    - source:
                        principals:
                        - cluster.local/ns/istio-ingress/sa/public
                    to:
                    - operation:
                        ports:
                        - "5432"
                  selector:
                    matchLabels:
                      app: payments
            "#]],
            "VirtualService/pci/payments-pci-ingress-db" => expect![[r#"
                VirtualService/pci/payments-pci-ingress-db
                apiVersion: networking.istio.io/v1
                kind: VirtualService
                metadata:
                  name: payments-pci-ingress-db
                  namespace: pci
                spec:
                  exportTo:
                  - istio-ingress
                  gateways:
                  - istio-ingress/public
                  hosts:
                  - "*"
                  tcp:
                  - match:
                    - port: 15432
                    route:
                    - destination:
                        host: payments.pci.svc.cluster.local
                        port:
                          number: 5432
            "#]],
            _ => expect![[r#"
                VirtualService/pci/payments-pci-ingress
                apiVersion: networking.istio.io/v1
                kind: VirtualService
                metadata:
                  name: payments-pci-ingress
                  namespace: pci
                spec:
                  exportTo:
                  - istio-ingress
                  gateways:
                  - istio-ingress/public
                  hosts:
                  - "*.db.example.com"
                  - db.example.com
                  tls:
                  - match:
                    - sniHosts:
                      - "*.db.example.com"
                      - db.example.com
                    route:
                    - destination:
                        host: payments.pci.svc.cluster.local
                        port:
                          number: 443
            "#]],
        };
        check_object::<Service>(object, &text, &expect);
    }
}

/// Of a host of the gateway, and of every host. The policy then names none.
#[test]
fn every_host() {
    let rendered = rendered_text::<Service>(
        &mesh(),
        &payments("access = \"none\"\ningress {\n gateway = \"istio-ingress/public\"\n hosts = [\"*\"]\n}"),
    );
    expect![[r#"
        warning at ingress[0].hosts: Every host of the Gateway
          "*" receives the traffic of every host that the Gateway serves, except for hosts that other routes name, and including other teams' hosts that are added later. Write the hosts, if they are known.
        --- # Service/pci/payments: these fields of it
        apiVersion: v1
        kind: Service
        metadata:
          annotations:
            networking.istio.io/exportTo: "*"
          name: payments
          namespace: pci
        --- # AuthorizationPolicy/pci/payments-pci
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
                - cluster.local/ns/istio-ingress/sa/public
            to:
            - operation:
                ports:
                - "8080"
          selector:
            matchLabels:
              app: payments
        --- # VirtualService/pci/payments-pci-ingress
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci-ingress
          namespace: pci
        spec:
          exportTo:
          - istio-ingress
          gateways:
          - istio-ingress/public
          hosts:
          - "*"
          http:
          - route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
    "#]].assert_eq(&rendered);
}

#[test]
fn connections_that_cannot_be_distinguished() {
    let ingress = |arguments: &str| format!("ingress {{\n gateway = \"istio-ingress/public\"\n {arguments}\n}}\n");
    check::<Service>(
        &payments(
            &(TLS_PORT.to_owned()
                + &ingress("protocol = \"tcp\"\n hosts = [\"db.example.com\"]")
                + &ingress("name = \"a\"\n hosts = [\"a.example.com\"]\n gateway_port = 80\n port = 443")
                + &ingress(
                    "name = \"b\"\n protocol = \"tls\"\n hosts = [\"b.example.com\"]\n paths = [\"/a/*\"]\n rewrite = \"/\"\n port = 8080",
                )
                + &ingress("name = \"b\"\n protocol = \"tls\"\n hosts = [\"b.example.com\"]\n gateway_port = 443")
                + &ingress("name = \"c\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 1")
                + &ingress("name = \"c\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 2")
                + &ingress("name = \"c\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 1")),
        ),
        &expect![[r#"
            error at ingress[0].gateway_port: Missing gateway_port
              A gateway distinguishes TCP connections only by its port. Write the port of the Gateway's server.
            error at ingress[0].hosts: Hosts of a TCP ingress
              TCP connections name no host, so every connection to gateway_port would come here. Write hosts = ["*"], or protocol = "tls", where the server name of the handshake tells.
            error at ingress[1].port: No HTTP port 443
              The service has port 8080 (http), 443 (https). Write the number of a port block (not its target port) that speaks http, http2 or grpc.
            error at ingress[1].gateway_port: gateway_port of an HTTP ingress
              Requests are distinguished by host and path, on every port of the Gateway that serves the host. Remove gateway_port, or write protocol = "tls" or "tcp".
            error at ingress[2].port: No TCP port 8080
              The service has port 8080 (http), 443 (https). Write the number of a port block (not its target port) that speaks tls, https, tcp or the like.
            error at ingress[2].paths: paths of a tls ingress
              A gateway sees no paths in connections that it forwards. Remove paths, or protocol = "tls".
            error at ingress[2].rewrite: rewrite of a tls ingress
              A gateway sees no paths in connections that it forwards. Remove rewrite, or protocol = "tls".
            error at ingress[6]: Ingress block is never reached
              ingress[4] is tried first, and matches all of its requests (IST0130). Put this block before it, or remove it.
        "#]],
    );
    check::<Service>(
        &payments(&ingress("protocol = \"tls\"\n hosts = [\"b.example.com\"]")),
        &expect![[r#"
        error at ingress[0]: Ingress without a TCP port
          With protocol = "tls" a gateway sends connections to ports that speak tls, https, tcp or the like, and the service has port 8080 (http). Correct the protocol of the port or of the block, or remove the block.
    "#]],
    );
    let two = TLS_PORT.to_owned()
        + &TLS_PORT.replace("443", "444")
        + &ingress("protocol = \"tls\"\n hosts = [\"b.example.com\"]");
    check::<Service>(
        &payments(&two),
        &expect![[r#"
        error at ingress[0]: Several ports match: set port
          The service has port 8080 (http), 443 (https), 444 (https), and the gateway needs to know which of the TCP ports receives the traffic. Write port.
    "#]],
    );
}

/// Rules on requests govern no port that the gateway forwards connections to.
#[test]
fn allow_block_that_leaves_out_connections_of_the_gateway() {
    let allow = |rest: &str| {
        format!(
            "{TLS_PORT}allow {{\n from = [\"istio-ingress/public\"]\n {rest}\n}}\ningress {{\n gateway = \"istio-ingress/public\"\n protocol = \"tls\"\n hosts = [\"db.example.com\"]\n}}\n"
        )
    };
    let first = |rest: &str| {
        let rendered = rendered_text::<Service>(&mesh(), &payments(&allow(rest)));
        rendered.split("--- # ").next().unwrap_or_default().to_owned()
    };
    assert_eq!(first(""), "");
    assert_eq!(first("ports = [443]").matches("leaves out").count(), 0);
    expect![[r#"
        warning at ingress[0]: allow refuses connections through the gateway
          allow names istio-ingress/public, so the allow blocks alone say what it may call, and none of them governs port 443. Connections that come through the gateway are refused. Write an allow block for the gateway with ports = [443].
    "#]].assert_eq(&first("methods = [\"GET\"]"));
}

/// Requests, TLS connections and TCP connections of one host, or of several ports, don't meet at a gateway.
#[test]
fn connections_of_several_ports_at_one_gateway() {
    let ingress = |arguments: &str| format!("ingress {{\n gateway = \"istio-ingress/public\"\n {arguments}\n}}\n");
    let port = |number: u16| format!("port {{\n number = {number}\n protocol = \"tcp\"\n}}\n");
    let text = payments(
        &(port(5432)
            + &port(6432)
            + &ingress("hosts = [\"api.example.com\"]")
            + &ingress("name = \"a\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 5432\n port = 5432")
            + &ingress("name = \"b\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 6432\n port = 6432")
            + &ingress("name = \"c\"\n protocol = \"tls\"\n hosts = [\"api.example.com\"]\n port = 6432")),
    );
    check_keys::<Service>(
        &text,
        &expect![[r#"
        Service/pci/payments
        AuthorizationPolicy/pci/payments-pci
        VirtualService/pci/payments-pci-ingress
        VirtualService/pci/payments-pci-ingress-a
        VirtualService/pci/payments-pci-ingress-b
        VirtualService/pci/payments-pci-ingress-c
    "#]],
    );
    // Duplicate port does meet, and so do one port and every port.
    check::<Service>(
        &payments(
            &(port(5432)
                + &ingress("name = \"a\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 5432")
                + &ingress("name = \"b\"\n protocol = \"tcp\"\n hosts = [\"*\"]\n gateway_port = 5432")
                + &ingress("name = \"c\"\n protocol = \"tls\"\n hosts = [\"api.example.com\"]\n gateway_port = 8443")
                + &ingress("name = \"d\"\n protocol = \"tls\"\n hosts = [\"api.example.com\"]")),
        ),
        &expect![[r#"
            error at ingress[1].hosts: * twice at one gateway
              ingress[0] has this host at istio-ingress/public, too, under another name, and the order of the two isn't defined. Give both blocks the same name and the same hosts: then their order here counts.
            error at ingress[3].hosts: api.example.com twice at one gateway
              ingress[2] has this host at istio-ingress/public, too, under another name, and the order of the two isn't defined. Give both blocks the same name and the same hosts: then their order here counts.
        "#]],
    );
}
