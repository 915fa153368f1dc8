//! Global names: the ServiceEntry of the host, its routes to the Service, and the Sidecars of callers.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{
    mesh::{Mesh, global_name::Template, text::Text as _},
    resources::service::Service,
};

use super::payments;
use crate::golden::{check, check_in, check_keys, check_outputs, check_unknown, dns_capture_mesh, mesh, rendered_text};

/// The mesh of a provider block with this `global_name_template`.
fn mesh_with_template(template: &str) -> Mesh {
    Mesh { global_name_template: Some(Template::parse(template).unwrap()), ..mesh() }
}

const TEMPLATE: &str = "{name}.{namespace}.example.internal";

/// The object with this key as YAML, or all of the output if there is none.
fn object(mesh: &Mesh, key: &str, text: &str) -> String {
    let rendered = rendered_text::<Service>(mesh, text);
    let object = rendered.split("--- # ").find(|object| object.starts_with(&format!("{key}\n")));
    object.unwrap_or(&rendered).to_owned()
}

/// Port 80 is the first HTTP port, for `http://payments.example.internal/`.
#[test]
fn global_name_argument() {
    let text = payments("global_name = \"payments.example.internal\"\ncalls = []");
    check::<Service>(&text, &expect_file!["global_name.yaml"]);
    check_outputs::<Service>(
        &text,
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = null
            global_host = "payments.example.internal"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn template_sets_the_name() {
    let text = object(&mesh_with_template(TEMPLATE), "ServiceEntry/pci/payments-pci", &payments(""));
    expect![[r#"
        ServiceEntry/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          hosts:
          - payments.pci.example.internal
          location: MESH_INTERNAL
          ports:
          - name: http-80
            number: 80
            protocol: HTTP
          - name: http-8080
            number: 8080
            protocol: HTTP
          resolution: STATIC
    "#]]
    .assert_eq(&text);
}

#[test]
fn argument_overrides_the_template() {
    let text = payments("global_name = \"charges.example.internal\"");
    let text = object(&mesh_with_template(TEMPLATE), "VirtualService/pci/payments-pci", &text);
    expect![[r#"
        VirtualService/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - "*"
          hosts:
          - payments.pci.svc.cluster.local
          - charges.example.internal
          http:
          - match:
            - port: 80
            name: default
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
          - match:
            - port: 8080
            name: default
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
    "#]]
    .assert_eq(&text);
}

/// HTTP and gRPC are routed by request, TCP by port and TLS by server name. The global name has its own VirtualService
/// here, because on a TLS port a VirtualService blocks every server name that it doesn't list.
#[test]
fn every_protocol() {
    check_in::<Service>(&dns_capture_mesh(), EVERY_PROTOCOL, &expect_file!["global_name_every_protocol.yaml"]);
}

const EVERY_PROTOCOL: &str = r#"
    name        = "payments"
    namespace   = "pci"
    global_name = "payments.example.internal"
    resiliency  = "none"
    port {
      number   = 9000
      protocol = "tcp"
    }
    port {
      number      = 9090
      protocol    = "grpc"
      target_port = 19090
    }
    port {
      number   = 8080
      protocol = "http"
    }
    port {
      number   = 8443
      protocol = "https"
    }
"#;

#[test]
fn port_80_of_the_service_takes_precedence() {
    let text = r#"
        name        = "payments"
        namespace   = "pci"
        global_name = "payments.example.internal"
        port {
          number   = 8080
          protocol = "http"
        }
        port {
          number   = 80
          protocol = "tcp"
        }
    "#;
    let entry = object(&dns_capture_mesh(), "ServiceEntry/pci/payments-pci", text);
    expect![[r#"
        ServiceEntry/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          exportTo:
          - '.'
          hosts:
          - payments.example.internal
          location: MESH_INTERNAL
          ports:
          - name: http-8080
            number: 8080
            protocol: HTTP
          - name: tcp-80
            number: 80
            protocol: TCP
          resolution: STATIC
    "#]]
    .assert_eq(&entry);
}

/// Without an address of its own, a TCP port takes the connections of all destinations.
#[test]
fn tcp_port_without_dns_capture() {
    let text =
        payments("global_name = \"payments.example.internal\"\nport {\n  number = 5432\n  protocol = \"tcp\"\n}");
    check::<Service>(
        &text,
        &expect![[r#"
        error at global_name: Global name of a TCP port without DNS capture
          Port 5432 speaks tcp, which carries no host name: proxies tell the global name from other destinations by its address alone, and it has one only where they answer DNS queries. Without that, the port takes the connections to port 5432 of every destination. Switch DNS capture on (ISTIO_META_DNS_CAPTURE = "true" of proxyMetadata) and write in the provider block: installed { dns_capture = true }; or remove global_name.
    "#]],
    );
    let text = payments("port {\n  number = 5432\n  protocol = \"tcp\"\n}");
    check_in::<Service>(
        &mesh_with_template(TEMPLATE),
        &text,
        &expect![[r#"
        error at port[1]: Global name of a TCP port without DNS capture
          Port 5432 speaks tcp, which carries no host name: proxies tell the global name from other destinations by its address alone, and it has one only where they answer DNS queries. Without that, the port takes the connections to port 5432 of every destination. Switch DNS capture on (ISTIO_META_DNS_CAPTURE = "true" of proxyMetadata) and write in the provider block: installed { dns_capture = true }; or write global_names = false there, which leaves the names of the template to others.
    "#]],
    );
    check_keys::<Service>(
        &text,
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
}

/// A TCP service needs a VirtualService only for its global name.
#[test]
fn tcp_only() {
    let text = r#"
        name        = "ledger"
        namespace   = "pci"
        global_name = "ledger.example.internal"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#;
    check_in::<Service>(&dns_capture_mesh(), text, &expect_file!["global_name_tcp.yaml"]);
    check_keys::<Service>(
        &text.replace("global_name", "# "),
        &expect![[r#"
            AuthorizationPolicy/pci/ledger-pci
        "#]],
    );
}

#[test]
fn tls_only() {
    let text = r#"
        name        = "ledger"
        namespace   = "pci"
        global_name = "ledger.example.internal"
        port {
          number   = 443
          protocol = "tls"
        }
    "#;
    check_keys::<Service>(
        text,
        &expect![[r#"
            Service/pci/ledger
            ServiceEntry/pci/ledger-pci
            VirtualService/pci/ledger-pci-global
            AuthorizationPolicy/pci/ledger-pci
        "#]],
    );
}

/// The Sidecar contains the cluster host and the global host of a called service. A global name that doesn't follow the
/// template is listed with its namespace.
#[test]
fn callers_list_both_hosts() {
    let text = payments(
        r#"calls = ["ledger", "shop/catalog", "reports/*", "shop/prices.example.internal", "api.stripe.com"]"#,
    );
    expect![[r#"
        Sidecar/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          egress:
          - hosts:
            - istio-system/api.stripe.com
            - pci/ledger.pci.example.internal
            - pci/ledger.pci.svc.cluster.local
            - pci/payments.pci.example.internal
            - pci/payments.pci.svc.cluster.local
            - reports/*
            - shop/catalog.shop.example.internal
            - shop/catalog.shop.svc.cluster.local
            - shop/prices.example.internal
          outboundTrafficPolicy:
            mode: REGISTRY_ONLY
          workloadSelector:
            labels:
              app: payments
    "#]]
    .assert_eq(&object(&mesh_with_template(TEMPLATE), "Sidecar/pci/payments-pci", &text));
}

/// With `global_names = false` services have no global name of their own, but call others by the template's names.
#[test]
fn global_names_off() {
    let mesh = Mesh { global_names: false, ..mesh_with_template(TEMPLATE) };
    let text = payments(r#"calls = ["ledger"]"#);
    check_in::<Service>(&mesh, &text, &expect_file!["global_names_off.yaml"]);
    let named = payments("global_name = \"payments.example.internal\"");
    expect!["ServiceEntry/pci/payments-pci"]
        .assert_eq(object(&mesh, "ServiceEntry/pci/payments-pci", &named).lines().next().unwrap());
}

#[test]
fn workload_without_a_service() {
    let text = "name = \"payments\"\nnamespace = \"pci\"\nservice = \"none\"\ncalls = []";
    check_in::<Service>(
        &mesh_with_template(TEMPLATE),
        text,
        &expect![[r#"
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
                namespaces:
                - pci
          selector:
            matchLabels:
              app: payments
        --- # Sidecar/pci/payments-pci
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata:
          name: payments-pci
          namespace: pci
        spec:
          egress:
          - hosts:
            - ~/*
          outboundTrafficPolicy:
            mode: REGISTRY_ONLY
          workloadSelector:
            labels:
              app: payments
    "#]],
    );
    check::<Service>(
        &format!("{text}\nglobal_name = \"payments.example.internal\""),
        &expect![[r#"
        error at global_name: global_name without a Service
          With service = "none" the workload can't be called by any name. Remove global_name, or write service = "existing" or "managed".
    "#]],
    );
}

#[test]
fn invalid_global_names() {
    for name in ["payments", "*.example.internal", "payments.pci.svc.cluster.local", "10.0.0.1"] {
        let text = rendered_text::<Service>(&mesh(), &payments(&format!("global_name = {name:?}")));
        let expected = match name {
            "payments" => expect![[r#"
                error at global_name: Invalid global_name
                  A DNS name with a dot, like `payments.example.internal`. Got "payments".
            "#]],
            "*.example.internal" => expect![[r#"
                error at global_name: Invalid global_name
                  A DNS name with a dot, like `payments.example.internal`. Got "*.example.internal".
            "#]],
            "10.0.0.1" => expect![[r#"
                error at global_name: Invalid global_name
                  A DNS name with a dot, like `payments.example.internal`. Got "10.0.0.1".
            "#]],
            _ => expect![[r#"
                error at global_name: Global name in the cluster's domain
                  cluster.local is the cluster's own, where Kubernetes says which hosts there are. Write a name in a domain that nothing else answers for, like "payments.example.internal".
            "#]],
        };
        expected.assert_eq(&text);
    }
}

#[test]
fn own_global_name_in_calls() {
    let name = "global_name = \"payments.example.internal\"";
    check::<Service>(
        &payments(&format!("{name}\ncalls = [\"payments.example.internal\", \"shop/payments.example.internal\"]")),
        &expect![[r#"
            error at calls: Service calls its own global name
              payments.example.internal is this service, and calls looks for it in another namespace. Remove payments.example.internal from calls: a service always reaches itself, by each of its names.
            error at calls: Service calls its own global name
              payments.example.internal is this service, and calls looks for it in another namespace. Remove shop/payments.example.internal from calls: a service always reaches itself, by each of its names.
        "#]],
    );
    let with_own_name =
        rendered_text::<Service>(&mesh(), &payments(&format!("{name}\ncalls = [\"pci/payments.example.internal\"]")));
    assert_eq!(with_own_name, rendered_text::<Service>(&mesh(), &payments(&format!("{name}\ncalls = []"))));
}

#[test]
fn template_result_too_long() {
    let long = "p".repeat(60);
    let text =
        payments(&format!("calls = [\"ledger\", \"shop/{long}\"]")).replace("\"payments\"", &format!("{long:?}"));
    check_in::<Service>(
        &mesh_with_template("{name}-{namespace}.x.io"),
        &text,
        &expect![[r#"
        error at global_name: Template doesn't give a DNS name
          By the provider's global_name_template {name}-{namespace}.x.io, it is "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp-pci.x.io": Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Write global_name.
        error at calls: Template doesn't give a DNS name
          By the provider's global_name_template {name}-{namespace}.x.io, it is "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp-shop.x.io": Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Write another template.
    "#]],
    );
    let named = text.replace("calls = [\"ledger\", ", "global_name = \"p.x.io\"\ncalls = [\"ledger\"] # ");
    assert!(rendered_text::<Service>(&mesh_with_template("{name}-{namespace}.x.io"), &named).contains("- p.x.io"));
}

#[test]
fn unknown_global_name() {
    let name = payments("calls = []\nglobal_name = unknown");
    check_unknown::<Service>(
        &[("global_name", name.clone())],
        &expect![[r#"
        global_name: which objects there are, global_host
    "#]],
    );
    // With a template every service has a name, so the set of objects is known.
    let keys = rendered_text::<Service>(&mesh_with_template(TEMPLATE), &name);
    let keys: Vec<_> = keys.lines().filter(|line| line.starts_with("---")).collect();
    expect![[r#"
        --- # Service/pci/payments: these fields of it
        --- # ServiceEntry/pci/payments-pci: known at apply
        --- # VirtualService/pci/payments-pci: known at apply
        --- # AuthorizationPolicy/pci/payments-pci
        --- # Sidecar/pci/payments-pci: known at apply"#]]
    .assert_eq(&keys.join("\n"));
}

/// An unmanaged VirtualService can route a name that is set by `global_name`. A name of the template would have no route.
#[test]
fn unmanaged_virtual_service() {
    let unmanaged = payments("unmanaged = [\"VirtualService\"]");
    assert!(!rendered_text::<Service>(&mesh_with_template(TEMPLATE), &unmanaged).contains("ServiceEntry"));
    let named = payments("unmanaged = [\"VirtualService\"]\nglobal_name = \"payments.example.internal\"");
    check_keys::<Service>(
        &named,
        &expect![[r#"
            ServiceEntry/pci/payments-pci
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
}

#[test]
fn object_name() {
    let text = payments("object_name = \"pay\"\ncalls = []\ncreate_service_account = true")
        + "\ndeny {\n  from = [\"shop/*\"]\n}";
    check_keys::<Service>(
        &text,
        &expect![[r#"
            ServiceAccount/pci/payments
            AuthorizationPolicy/pci/pay
            AuthorizationPolicy/pci/pay-deny
            Sidecar/pci/pay
        "#]],
    );
    check_unknown::<Service>(
        &[("object_name", text.replace("\"pay\"", "unknown"))],
        &expect![[r#"
        object_name: which objects there are
    "#]],
    );
    check::<Service>(
        &payments("object_name = \"Pay\""),
        &expect![[r#"
        error at object_name: Invalid object_name
          Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "Pay".
    "#]],
    );
    let long = ["p"; 31].map(|p| p.repeat(5)).join(".");
    check::<Service>(
        &payments(&format!("object_name = {long:?}")),
        &expect![[r#"
        error at object_name: Invalid object_name
          180 characters at most: names of further objects are longer. Got "ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp.ppppp".
    "#]],
    );
}
