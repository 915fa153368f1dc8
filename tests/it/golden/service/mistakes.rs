//! Diagnostics of faulty configurations. One validation reports all of them.

use expect_test::expect;
use terraform_provider_mesh::{
    mesh::{Defaults, Mesh, service::AuthorizationMode},
    resources::service::Service,
};

use super::payments;
use crate::golden::{check, check_in, mesh, rendered_text};

#[test]
fn no_arguments() {
    check::<Service>(
        "",
        &expect![[r#"
            error at name: Missing required argument
              The argument name is required, but no value was set.
            error at namespace: Missing required argument
              The argument namespace is required, but no value was set.
            error at port: Missing required block
              Istio must know what is spoken on which port. Write a port block for each port of the Service, or service = "none" for a workload without one.
        "#]],
    );
}

#[test]
fn all_mistakes_are_reported() {
    check::<Service>(
        &payments(
            r#"
        resiliency = "hihg"
        calls      = ["shop/"]
        allow {
          from    = ["*/checkout"]
          methods = ["get"]
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].from: Invalid allow[0].from
              "*/checkout" isn't a caller. Write "checkout" (this namespace), "shop/checkout", "shop/*", "*" (any workload of the mesh), "anonymous", or "cluster.local/ns/shop/sa/checkout".
            error at allow[0].methods: Invalid allow[0].methods
              Methods in capitals, like `GET`; for any, leave the argument out instead of `*`. Got ["get"].
            error at calls: Invalid calls
              "shop/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at resiliency: Invalid resiliency
              "hihg" isn't one of "low", "medium", "high", "none".
        "#]],
    );
}

#[test]
fn invalid_values() {
    check::<Service>(
        r#"
        name            = "Payments"
        namespace       = "pci.prod"
        selector        = { "a b" = "-x" }
        service         = "exists"
        service_account = "Default"
        access          = "all"
        authorization_mode = "on"
        calls           = ["ledger", "https://api.stripe.com", "*"]
        resiliency      = "max"
        request_timeout = "5"
        labels          = { "istio.io/rev" = "canary", "ok" = "not ok" }
        annotations     = { "terraform-provider-mesh/owner" = "me", "/" = "" }
        port {
          number      = 0
          protocol    = "HTTP"
          target_port = 65536
        }
        port {
          number   = 1.5
          protocol = null
        }
        allow {
          from    = []
          methods = []
          paths   = ["charges", "/a*b"]
          ports   = [0]
        }
        allow {
          from = ["spiffe://cluster.local/ns/shop/sa/checkout", null]
        }
        timeouts {
          create = "0s"
          read   = "soon"
        }
    "#,
        &expect![[r#"
            error at name: Invalid name
              Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most. Got "Payments".
            error at namespace: Invalid namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "pci.prod".
            error at service: Invalid service
              "exists" isn't one of "existing", "managed", "none".
            error at service_account: Invalid service_account
              Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "Default".
            error at access: Invalid access
              "all" isn't one of "namespace", "none", "mesh".
            error at authorization_mode: Invalid authorization_mode
              "on" isn't one of "enforce", "dry_run", "off".
            error at allow[0].from: Invalid allow[0].from
              At least one caller. Got [].
            error at allow[0].methods: Invalid allow[0].methods
              At least one method; leave the argument out for any. Got [].
            error at allow[0].paths: Invalid allow[0].paths
              Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes. Got ["/a*b", "charges"].
            error at allow[0].ports: Invalid allow[0].ports
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at allow[1].from: Null element in allow[1].from
              An element must have a value. Leave it out, for example with compact().
            error at allow[1].from: Invalid allow[1].from
              "spiffe://cluster.local/ns/shop/sa/checkout" isn't a caller: leave out the scheme, as in "cluster.local/ns/shop/sa/checkout".
            error at calls: Invalid calls
              "*" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at calls: Invalid calls
              "https://api.stripe.com" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at resiliency: Invalid resiliency
              "max" isn't one of "low", "medium", "high", "none".
            error at request_timeout: Invalid request_timeout
              "5" isn't a duration. Write a number and a unit, like "5s", "1500ms" or "1m30s".
            error at port[0].number: Invalid port[0].number
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[0].protocol: Invalid port[0].protocol
              "HTTP" isn't a value; write it in lower case: "http".
            error at port[0].target_port: Invalid port[0].target_port
              65536 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[1].number: Invalid port[1].number
              1.5 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[1].protocol: Missing required argument
              The argument port[1].protocol is required, but no value was set.
            error at timeouts.create: Invalid timeouts.create
              More than `0s`. Got "0s".
            error at timeouts.read: Invalid timeouts.read
              "soon" isn't a duration. Write a number and a unit, like "5s", "1500ms" or "1m30s".
            error at selector["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
            error at selector["a b"]: Invalid label value
              "-x": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
            error at labels["istio.io/rev"]: Reserved key
              istio.io/rev is reserved: Istio or this provider uses it. Remove it, and use the argument that sets it.
            error at labels["ok"]: Invalid label value
              "not ok": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
            error at annotations["terraform-provider-mesh/owner"]: Reserved key
              terraform-provider-mesh/owner is reserved: Istio or this provider uses it. Remove it, and use the argument that sets it.
            error at annotations["/"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
        "#]],
    );
}

#[test]
fn default_service_account() {
    check::<Service>(
        &payments(r#"service_account = "default""#),
        &expect![[r#"
            error at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so rules about it would be about all of them. Give the service an account of its own, and its workload's pods the same serviceAccountName. To declare the service before that, write authorization_mode = "off".
        "#]],
    );
}

/// A workload may be declared before it has an account of its own, as long as no rule is about it.
#[test]
fn default_service_account_without_rules() {
    for (mode, provider_mode) in
        [("authorization_mode = \"off\"", AuthorizationMode::Enforce), ("", AuthorizationMode::Off)]
    {
        let mesh = Mesh { defaults: Defaults { authorization_mode: provider_mode, ..Defaults::default() }, ..mesh() };
        let text = payments(&format!("service_account = \"default\"\nresiliency = \"low\"\n{mode}"));
        let rendered = rendered_text::<Service>(&mesh, &text);
        let warning =
            "Every workload of the namespace without an account of its own runs as \"default\", so services that allow";
        assert!(rendered.starts_with("warning at service_account: Service account \"default\""), "{rendered}");
        assert!(rendered.contains(warning) && !rendered.contains("error"), "{rendered}");
    }
    check::<Service>(
        &payments("service_account = \"default\"\nservice = \"managed\"\nauthorization_mode = \"off\""),
        &expect![[r#"
            error at service_account: Service account "default" can't be created
              Kubernetes makes it in every namespace. Write create_service_account = false, or the name of another account.
            warning at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so services that allow this one allow all of them. Give the workload an account of its own before authorization_mode becomes "dry_run" or "enforce".
        "#]],
    );
}

#[test]
fn no_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
    "#,
        &expect![[r#"
            error at port: Missing required block
              Istio must know what is spoken on which port. Write a port block for each port of the Service, or service = "none" for a workload without one.
        "#]],
    );
}

#[test]
fn duplicate_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 80
          protocol = "http"
        }
        port {
          number   = 80
          protocol = "grpc"
        }
    "#,
        &expect![[r#"
            error at port[1].number: Port 80 declared twice
              A Service has each port once. Remove one of the blocks, or give it another number.
        "#]],
    );
}

#[test]
fn conflicting_protocols_on_one_target_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number   = 8080
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at port[1].protocol: Two protocols on target port 8080
              The workload's proxy sees only where it listens, and http and tcp are distinguished by the port. Use one protocol, or two target ports.
        "#]],
    );
}

#[test]
fn http_rule_on_a_tcp_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number      = 9000
          protocol    = "tcp"
          target_port = 19000
        }
        allow {
          from    = ["shop/checkout"]
          methods = ["POST"]
          ports   = [80, 9000]
        }
    "#,
        &expect![[r#"
            error at allow[0].ports: HTTP rule on tcp port 9000
              A proxy sees no requests on a port that speaks tcp, and methods is about requests, so the rule would never match there. Remove 9000 from ports, and give it a block of its own: allow with from and ports alone.
        "#]],
    );
}

#[test]
fn http_rule_without_an_http_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 5432
          protocol = "tcp"
        }
        allow {
          from  = ["shop/checkout"]
          paths = ["/v1/*"]
        }
    "#,
        &expect![[r#"
            error at allow[0].paths: HTTP rule without an HTTP port
              A proxy sees requests, which paths is about, only on ports that speak http, http2 or grpc, and the service has port 5432 (tcp), so the rule would never match. Remove paths, or write the port block that is meant.
        "#]],
    );
}

#[test]
fn undeclared_port() {
    check::<Service>(
        &payments(
            r#"
        allow {
          from  = ["shop/checkout"]
          ports = [8081]
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].ports: No port 8081
              The service has port 8080 (http). Write numbers of port blocks (not target ports), or add a port block.
        "#]],
    );
}

#[test]
fn request_timeout_without_an_http_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        request_timeout = "5s"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at request_timeout: No HTTP port
              request_timeout applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port.
        "#]],
    );
}

#[test]
fn no_objects() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        service            = "none"
        authorization_mode = "off"
    "#,
        &expect![[r#"
            error: No objects to create: set at least one argument
              With authorization_mode = "off" and none of the arguments below, the resource has no Istio object of its own. Write authorization_mode = "dry_run", which refuses no request, or calls, or, for a service that is called by name, resiliency, request_timeout, streaming, retries, circuit_breaker, connections, outlier_detection, version, route, ingress, global_name or service = "managed"; or remove the resource.
        "#]],
    );
}

#[test]
fn cluster_hosts_in_calls() {
    check::<Service>(
        &payments(r#"calls = ["catalog.shop.svc.cluster.local", "*.shop.svc.cluster.local", "api.cluster.local"]"#),
        &expect![[r#"
            error at calls: *.shop.svc.cluster.local is a host of the cluster
              In calls, *.shop.svc.cluster.local would be looked for among external services. Write "shop/*" for a service of the cluster.
            error at calls: api.cluster.local is a host of the cluster
              In calls, api.cluster.local would be looked for among external services. Write "namespace/name" for a service of the cluster.
            error at calls: catalog.shop.svc.cluster.local is a host of the cluster
              In calls, catalog.shop.svc.cluster.local would be looked for among external services. Write "shop/catalog" for a service of the cluster.
        "#]],
    );
}

#[test]
fn root_namespace_warning() {
    let text = payments("").replace("pci", "istio-system");
    let rendered = rendered_text::<Service>(&mesh(), &text);
    expect![[r#"
        warning at namespace: Service in the root namespace
          Policies in istio-system apply to the workloads of every namespace that carry the labels of selector. Make sure that no others do, or give the service a namespace of its own.
    "#]].assert_eq(rendered.split("---").next().unwrap_or_default());
}

#[test]
fn no_objects_by_provider_defaults() {
    let mut mesh = mesh();
    mesh.defaults.authorization_mode = AuthorizationMode::Off;
    let text = "name = \"payments\"\nnamespace = \"pci\"\nservice = \"none\"";
    check_in::<Service>(
        &mesh,
        text,
        &expect![[r#"
            error: No objects to create: set at least one argument
              With authorization_mode = "off" and none of the arguments below, the resource has no Istio object of its own. Write authorization_mode = "dry_run", which refuses no request, or calls, or, for a service that is called by name, resiliency, request_timeout, streaming, retries, circuit_breaker, connections, outlier_detection, version, route, ingress, global_name or service = "managed"; or remove the resource.
        "#]],
    );
}
