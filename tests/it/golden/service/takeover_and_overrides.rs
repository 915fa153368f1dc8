//! The arguments `unmanaged`, `replaces`, `adopt_existing` and `override`.

use std::fmt::Write as _;

use expect_test::expect;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    resources::service::Service,
    schema::model::Model,
};

use super::payments;
use crate::golden::{check, check_keys, check_object, check_unknown, hcl, mesh, rendered_text};

#[test]
fn unmanaged_kinds() {
    check_keys::<Service>(
        &payments("unmanaged = [\"VirtualService\"]"),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
    check_keys::<Service>(
        &payments("unmanaged = [\"DestinationRule\", \"VirtualService\"]"),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
}

/// The engine receives the kinds to release and the stage in which each replaced object is deleted.
#[test]
fn takeover_of_existing_objects() {
    let mut lines = String::new();
    for arguments in [
        "",
        "adopt_existing = true",
        "adopt_from_owner = \"shop/prod\"",
        "unmanaged = [\"VirtualService\"]",
        "replaces = [\"VirtualService/payments-vs\", \"DestinationRule/payments-dr\", \"AuthorizationPolicy/payments\"]",
        "replaces = unknown\nunmanaged = unknown\nadopt_from_owner = unknown",
    ] {
        let value = hcl::resource(&payments(arguments), Service::schema());
        let config = Service::decode(&value, &Path::root(), &mut Diagnostics::default());
        let takeover = Service::takeover(&config);
        let unmanaged: Vec<_> = takeover.unmanaged_kinds.iter().map(|kind| kind.kind).collect();
        let replaced: Vec<_> =
            takeover.replaced_objects.iter().map(|(key, stage)| format!("{key} {}", stage(&Json::Null).0)).collect();
        writeln!(
            lines,
            "{arguments:?}\n  adopts {} from {:?}, leaves {unmanaged:?}, displaces {replaced:?}",
            takeover.adopt_existing, takeover.adopt_from_owner
        )
        .unwrap();
    }
    expect![[r#"
        ""
          adopts false from None, leaves [], displaces []
        "adopt_existing = true"
          adopts true from None, leaves [], displaces []
        "adopt_from_owner = \"shop/prod\""
          adopts false from Some("shop/prod"), leaves [], displaces []
        "unmanaged = [\"VirtualService\"]"
          adopts false from None, leaves ["VirtualService"], displaces []
        "replaces = [\"VirtualService/payments-vs\", \"DestinationRule/payments-dr\", \"AuthorizationPolicy/payments\"]"
          adopts false from None, leaves [], displaces ["AuthorizationPolicy/pci/payments 30", "DestinationRule/pci/payments-dr 20", "VirtualService/pci/payments-vs 40"]
        "replaces = unknown\nunmanaged = unknown\nadopt_from_owner = unknown"
          adopts false from None, leaves [], displaces []
    "#]].assert_eq(&lines);
}

#[test]
fn override_patches_the_object() {
    let text = payments(
        r#"
        resiliency = "low"
        override {
          kind  = "DestinationRule"
          patch = "{\"spec\":{\"trafficPolicy\":{\"tls\":null,\"loadBalancer\":{\"simple\":\"LEAST_REQUEST\",\"warmup\":{\"duration\":\"30s\"}}}}}"
        }
        "#,
    );
    check_object::<Service>(
        "DestinationRule",
        &text,
        &expect![[r#"
            DestinationRule/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - "*"
              host: payments.pci.svc.cluster.local
              trafficPolicy:
                connectionPool:
                  tcp:
                    connectTimeout: 10s
                loadBalancer:
                  localityLbSetting:
                    enabled: false
                  simple: LEAST_REQUEST
                  warmup:
                    duration: 30s
                outlierDetection:
                  baseEjectionTime: 30s
                  consecutive5xxErrors: 0
                  consecutiveGatewayErrors: 10
                  interval: 30s
                  maxEjectionPercent: 50
                retryBudget:
                  minRetryConcurrency: 3
                  percent: 10
        "#]],
    );
}

#[test]
fn invalid_arguments() {
    check::<Service>(
        &payments(
            r#"
        unmanaged = ["Service"]
        replaces  = ["payments-vs", "Secret/payments", "VirtualService/"]
        override {
          kind  = "VirtualService"
          patch = "{"
        }
        override {
          kind  = "VirtualService"
          patch = "{\"metadata\":{\"name\":\"other\"}}"
        }
        override {
          kind  = "VirtualService"
          patch = "[]"
        }
        "#,
        ),
        &expect![[r#"
            error at replaces: Invalid replaces
              "Secret/payments" names no object. Write kind and name, like "VirtualService/payments-vs"; the kind is one of ServiceEntry, DestinationRule, AuthorizationPolicy, VirtualService, Sidecar.
            error at replaces: Invalid replaces
              "VirtualService/" names no object. Write kind and name, like "VirtualService/payments-vs"; the kind is one of ServiceEntry, DestinationRule, AuthorizationPolicy, VirtualService, Sidecar.
            error at replaces: Invalid replaces
              "payments-vs" names no object. Write kind and name, like "VirtualService/payments-vs"; the kind is one of ServiceEntry, DestinationRule, AuthorizationPolicy, VirtualService, Sidecar.
            error at unmanaged: Invalid unmanaged
              "Service" isn't one of "VirtualService", "DestinationRule".
            error at override[0].patch: Invalid override[0].patch
              It isn't JSON: EOF while parsing an object at line 1 column 1. Use jsonencode().
            error at override[1].patch: Invalid override[1].patch
              "metadata" can't be patched: names, labels and annotations are arguments.
            error at override[2].patch: Invalid override[2].patch
              It must be an object. The JSON of an object with the one member `spec`, as `jsonencode({ spec = { ... } })` makes it.
        "#]],
    );
    check::<Service>(
        &payments(
            r#"
        replaces        = ["VirtualService/payments-vs"]
        unmanaged       = ["VirtualService"]
        request_timeout = "5s"
        override {
          kind  = "VirtualService"
          patch = "{\"spec\":{\"gateways\":[\"mesh\"]}}"
        }
        override {
          kind   = "DestinationRule"
          suffix = "ingress"
          patch  = "{\"spec\":{\"host\":\"x\"}}"
        }
        "#,
        ),
        &expect![[r#"
            error at request_timeout: request_timeout without a VirtualService
              request_timeout is written into the VirtualService, which unmanaged leaves to another tool. Remove request_timeout, or take VirtualService out of unmanaged.
            error at replaces: VirtualService replaced and unmanaged
              unmanaged leaves VirtualService to another tool, so no VirtualService of this resource would replace VirtualService/payments-vs. Take it out of replaces, or VirtualService out of unmanaged.
            error at override[0]: override matches no object
              This configuration renders no such object. To patch one that it renders, write kind = "AuthorizationPolicy".
            error at override[1]: override matches no object
              This configuration renders no such object. To patch one that it renders, write kind = "AuthorizationPolicy".
        "#]],
    );
    check::<Service>(
        &payments(
            r#"
        unmanaged = ["VirtualService"]
        version {
          name   = "v1"
          labels = { version = "v1" }
        }
        version {
          name   = "v2"
          labels = { version = "v2" }
          weight = 10
        }
        route {
          match {
            path = "/"
          }
        }
        "#,
        ),
        &expect![[r#"
            error at version[1].weight: weight without a VirtualService
              Weights are written into the VirtualService, which unmanaged leaves to another tool. Remove weight, or take VirtualService out of unmanaged.
            error at route: route without a VirtualService
              route is written into the VirtualService, which unmanaged leaves to another tool. Remove route, or take VirtualService out of unmanaged.
        "#]],
    );
    check::<Service>(
        &payments("replaces = [\"AuthorizationPolicy/payments-pci\"]"),
        &expect![[r#"
        error at replaces: Own object in replaces: AuthorizationPolicy/payments-pci
          This resource writes AuthorizationPolicy/payments-pci itself, so replaces would delete it right after it is created. Remove it from replaces; to take over the existing object of this name, write adopt_existing = true.
    "#]],
    );
}

/// A merge patch replaces lists, so routes, timeouts and retries that the resource renders would be gone.
#[test]
fn override_of_a_list() {
    let text = |spec: &str| {
        payments(&format!(
            "resiliency = \"low\"\nrequest_timeout = \"3s\"\noverride {{\n kind = \"VirtualService\"\n patch = jsonencode({{ spec = {spec} }})\n}}"
        ))
    };
    check::<Service>(
        &text("{ http = [{ corsPolicy = { allowOrigins = [{ exact = \"https://shop.example.com\" }] } }] }"),
        &expect![[r#"
            warning at override[0].patch: The patch replaces a list, and values are lost
              A merge patch doesn't merge lists: a list in the patch replaces the whole list that this resource renders. VirtualService/pci/payments-pci loses spec.http[0].match, spec.http[0].retries, spec.http[0].route, spec.http[0].timeout. Repeat in the patch the values to keep (`objects` shows them), or use arguments instead of the patch.
            error at override[0].patch: HTTP rule without a route
              After the patch, spec.http[0] of VirtualService/pci/payments-pci has neither route nor redirect nor directResponse, so requests that it matches would go nowhere, and Istio refuses it. Write the whole rule in the patch, its route too.
        "#]],
    );
    let route = "{ http = [{ route = [{ destination = { host = \"payments.pci.svc.cluster.local\", port = { number = 8080 } } }] }] }";
    let warning = expect![[r#"
        warning at override[0].patch: The patch replaces a list, and values are lost
          A merge patch doesn't merge lists: a list in the patch replaces the whole list that this resource renders. VirtualService/pci/payments-pci loses spec.http[0].match, spec.http[0].retries, spec.http[0].timeout. Repeat in the patch the values to keep (`objects` shows them), or use arguments instead of the patch.
    "#]];
    warning.assert_eq(rendered_text::<Service>(&mesh(), &text(route)).split("---").next().unwrap_or_default());
    check::<Service>(
        &text(
            "{ http = [{ redirect = { uri = \"/\" } }, { directResponse = { status = 503 } }, { delegate = { name = \"other\" } }, { match = [] }] }",
        ),
        &expect![[r#"
            warning at override[0].patch: The patch replaces a list, and values are lost
              A merge patch doesn't merge lists: a list in the patch replaces the whole list that this resource renders. VirtualService/pci/payments-pci loses spec.http[0].match, spec.http[0].retries, spec.http[0].route, spec.http[0].timeout. Repeat in the patch the values to keep (`objects` shows them), or use arguments instead of the patch.
            error at override[0].patch: HTTP rule without a route
              After the patch, spec.http[3] of VirtualService/pci/payments-pci has neither route nor redirect nor directResponse, so requests that it matches would go nowhere, and Istio refuses it. Write the whole rule in the patch, its route too.
        "#]],
    );
    let harmless = rendered_text::<Service>(&mesh(), &text("{ gateways = [\"mesh\"] }"));
    assert!(harmless.starts_with("---"), "no list is replaced: {harmless}");
}

#[test]
fn unknown_arguments() {
    let patch = |arguments: &str| payments(&format!("resiliency = \"low\"\noverride {{\n{arguments}\n}}"));
    check_unknown::<Service>(
        &[
            ("unmanaged", payments("unmanaged = unknown")),
            ("replaces", payments("replaces = unknown")),
            ("a kind", patch("kind = unknown\npatch = \"{\\\"spec\\\":{\\\"x\\\":1}}\"")),
            ("a patch", patch("kind = \"VirtualService\"\npatch = unknown")),
            ("patches", payments("override = unknown")),
        ],
        &expect![[r#"
            unmanaged: which objects there are, global_host
            replaces: nothing
            a kind: Service, DestinationRule, VirtualService, AuthorizationPolicy, effective_callers
            a patch: VirtualService
            patches: which objects there are, effective_callers
        "#]],
    );
}
