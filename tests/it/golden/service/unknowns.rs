//! Unknown arguments: only the objects and outputs that need an argument are unknown, and all others are validated.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check, check_unknown};

#[test]
fn one_argument_at_a_time() {
    let arguments = [
        "selector",
        "service",
        "service_account",
        "create_service_account",
        "access",
        "authorization_mode",
        "calls",
        "resiliency",
        "request_timeout",
        "streaming",
        "retries",
        "circuit_breaker",
        "outlier_detection",
        "version",
        "route",
        "failover",
        "failover_priority",
        "settle_seconds",
        "labels",
        "annotations",
        "allow",
        "deny",
        "require_end_user",
        "external_authorization",
        "export_to",
        "timeouts",
    ];
    let managed = |name| if name == "service" { "" } else { "service = \"managed\"" };
    let texts = arguments.map(|name| (name, payments(&format!("{name} = unknown\n{}", managed(name)))));
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
            selector: Service, AuthorizationPolicy
            service: which objects there are, global_host, host
            service_account: which objects there are, principal
            create_service_account: which objects there are
            access: AuthorizationPolicy, effective_callers
            authorization_mode: which objects there are, effective_callers
            calls: which objects there are
            resiliency: which objects there are, effective_resiliency
            request_timeout: which objects there are
            streaming: which objects there are
            retries: which objects there are
            circuit_breaker: which objects there are
            outlier_detection: which objects there are
            version: which objects there are
            route: which objects there are
            failover: which objects there are
            failover_priority: which objects there are
            settle_seconds: nothing
            labels: Service, ServiceAccount, AuthorizationPolicy
            annotations: Service, ServiceAccount, AuthorizationPolicy
            allow: AuthorizationPolicy, effective_callers
            deny: which objects there are
            require_end_user: which objects there are
            external_authorization: which objects there are
            export_to: Service
            timeouts: nothing
        "#]],
    );
}

#[test]
fn one_element_at_a_time() {
    let texts = [
        ("a label", "labels = { team = unknown }"),
        ("a label to select by", "selector = { app = unknown }"),
        ("a destination", r#"calls = ["ledger", unknown]"#),
        ("a caller", r#"allow { from = ["shop/checkout", unknown] }"#),
        ("all callers", "allow { from = unknown }"),
    ];
    check_unknown::<Service>(
        &texts.map(|(what, text)| (what, payments(text))),
        &expect![[r#"
            a label: AuthorizationPolicy
            a label to select by: AuthorizationPolicy
            a destination: Sidecar
            a caller: AuthorizationPolicy, effective_callers
            all callers: AuthorizationPolicy, effective_callers
        "#]],
    );
}

#[test]
fn traffic_arguments() {
    let versions = r#"
        version {
          name   = "v1"
          labels = { version = "v1" }
          weight = 90
        }
        version {
          name   = "v2"
          labels = { version = "v2" }
          weight = 10
        }
        route {
          match {
            path = "/a"
          }
          to {
            version = "v2"
          }
        }
    "#;
    let changed = |from: &str, to: &str| payments(&versions.replacen(from, to, 1));
    let texts = [
        ("the name of a version", changed("\"v1\"", "unknown")),
        ("a label of a version", changed("version = \"v1\"", "version = unknown")),
        ("the labels of a version", changed("{ version = \"v1\" }", "unknown")),
        ("a weight", changed("90", "unknown")),
        ("a condition", changed("\"/a\"", "unknown")),
        ("where a route goes", changed("version = \"v2\"\n          }\n        }", "version = unknown\n}\n}")),
        ("attempts", payments("retries {\n  attempts = unknown\n}")),
        ("idempotent, of retries that never happen", payments("retries {\n  attempts = 0\n  idempotent = unknown\n}")),
        ("a limit", payments("circuit_breaker {\n  max_requests = unknown\n}")),
        ("a failure", payments("outlier_detection {\n  consecutive_5xx = 5\n  interval = unknown\n}")),
        ("a region", payments("resiliency = \"low\"\nfailover {\n  from = \"eu\"\n  to = unknown\n}")),
        ("a label of failover", payments("resiliency = \"low\"\nfailover_priority = [unknown]")),
        ("versions of a tcp service", payments("version = unknown").replace("http", "tcp")),
    ];
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
            the name of a version: DestinationRule, VirtualService
            a label of a version: DestinationRule
            the labels of a version: DestinationRule
            a weight: VirtualService
            a condition: VirtualService
            where a route goes: VirtualService
            attempts: VirtualService
            idempotent, of retries that never happen: VirtualService
            a limit: DestinationRule
            a failure: DestinationRule
            a region: DestinationRule
            a label of failover: DestinationRule
            versions of a tcp service: which objects there are
        "#]],
    );
}

/// The export depends only on the callers.
#[test]
fn allow_attributes() {
    let texts = ["methods", "paths", "hosts", "ports", "ip_blocks", "end_user"];
    let allow = |name| format!("allow {{\n  from = [\"shop/checkout\"]\n  {name} = unknown\n}}");
    check_unknown::<Service>(
        &texts.map(|name| (name, payments(&allow(name)))),
        &expect![[r#"
            methods: AuthorizationPolicy
            paths: AuthorizationPolicy
            hosts: AuthorizationPolicy
            ports: AuthorizationPolicy
            ip_blocks: AuthorizationPolicy
            end_user: AuthorizationPolicy
        "#]],
    );
}

/// Only the policy of the argument is unknown.
#[test]
fn authorization_arguments() {
    let texts = [
        ("a refused caller", "deny {\n  from = [\"pci/*\", unknown]\n}"),
        ("its paths", "deny {\n  from = [\"pci/*\"]\n  paths = unknown\n}"),
        ("an end user", "deny {\n  from = [\"pci/*\"]\n  end_user {\n    issuer = unknown\n  }\n}"),
        ("whether one", "deny {\n  from = [\"pci/*\"]\n  end_user = unknown\n}"),
        (
            "a claim",
            "deny {\n  from = [\"pci/*\"]\n  end_user {\n    issuer = \"x\"\n    claims = { groups = unknown }\n  }\n}",
        ),
        ("a path without end user", "require_end_user {\n  except_paths = [\"/a\", unknown]\n}"),
        ("the authorizer", "external_authorization {\n  provider = unknown\n}"),
        ("a namespace that sees the service", "export_to = [\"shop\", unknown]"),
    ];
    check_unknown::<Service>(
        &texts.map(|(what, text)| (what, payments(text))),
        &expect![[r#"
            a refused caller: AuthorizationPolicy deny
            its paths: AuthorizationPolicy deny
            an end user: AuthorizationPolicy deny
            whether one: AuthorizationPolicy deny
            a claim: AuthorizationPolicy deny
            a path without end user: AuthorizationPolicy end-user
            the authorizer: AuthorizationPolicy ext-authz
            a namespace that sees the service: Service
        "#]],
    );
}

/// The export is known if `export_to` is set.
#[test]
fn unknown_callers_with_export_to() {
    let texts = [("callers", payments("export_to = [\"shop\"]\nallow {\n  from = unknown\n}"))];
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
        callers: AuthorizationPolicy, effective_callers
    "#]],
    );
}

/// Whether there is a VirtualService is known as soon as one port is known to be an HTTP port.
#[test]
fn ports() {
    let payments = |port: &str| format!("name = \"payments\"\nnamespace = \"pci\"\nservice = \"managed\"\n{port}");
    let port = |number, protocol| format!("port {{\n  number = {number}\n  protocol = {protocol}\n}}\n");
    let http = port("8080", "\"http\"");
    let texts = [
        ("all", payments("port = unknown")),
        ("a protocol", payments(&port("80", "unknown"))),
        ("a protocol beside http", payments(&(port("80", "unknown") + &http))),
        ("the number of an http port", payments(&port("unknown", "\"http\""))),
        ("the number of a tcp port beside http", payments(&(port("unknown", "\"tcp\"") + &http))),
    ];
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
            all: Service, AuthorizationPolicy
            a protocol: Service
            a protocol beside http: Service
            the number of an http port: Service, AuthorizationPolicy
            the number of a tcp port beside http: Service, AuthorizationPolicy
        "#]],
    );
}

#[test]
fn name_and_namespace() {
    let texts = ["name", "namespace"].map(|name| {
        let other = if name == "name" { "namespace" } else { "name" };
        let port = "port {\n  number = 80\n  protocol = \"http\"\n}";
        (name, format!("{name} = unknown\n{other} = \"pci\"\n{port}"))
    });
    check_unknown::<Service>(
        &texts,
        &expect![[r#"
            name: which objects there are, id, effective_callers, global_host, host, principal
            namespace: which objects there are, id, effective_callers, global_host, host, principal
        "#]],
    );
}

#[test]
fn known_arguments_are_validated() {
    let text = r#"
        service_account = "default"
        calls           = [unknown, "/"]
        allow {
          from  = unknown
          ports = [8081]
        }
    "#;
    check::<Service>(
        &payments(text),
        &expect![[r#"
            error at calls: Invalid calls
              "/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at allow[0].ports: No port 8081
              The service has port 8080 (http). Write numbers of port blocks (not target ports), or add a port block.
            error at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so rules about it would be about all of them. Give the service an account of its own, and its workload's pods the same serviceAccountName. To declare the service before that, write authorization_mode = "off".
        "#]],
    );
}
