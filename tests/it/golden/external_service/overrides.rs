//! `override` blocks of `mesh_external_service`.

use expect_test::expect;
use terraform_provider_mesh::resources::external_service::ExternalService;

use super::check;
use crate::golden::{check_object, check_unknown, mesh, rendered_text};

const API: &str = "host = \"api.example.com\"\nexport_to = [\"*\"]\ntls = \"originate\"\nrequest_timeout = \"5s\"\n";

fn patched(arguments: &str, spec: &str) -> String {
    format!("{API}override {{\n{arguments}\npatch = jsonencode({{ spec = {spec} }})\n}}")
}

#[test]
fn patch_is_merged_into_the_object() {
    check_object::<ExternalService>(
        "ServiceEntry",
        &patched("kind = \"ServiceEntry\"", "{ subjectAltNames = [\"api.example.com\"] }"),
        &expect![[r#"
            ServiceEntry/istio-system/api-example-com
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata:
              name: api-example-com
              namespace: istio-system
            spec:
              exportTo:
              - "*"
              hosts:
              - api.example.com
              location: MESH_EXTERNAL
              ports:
              - name: http-80
                number: 80
                protocol: HTTP
                targetPort: 443
              - name: tls-443
                number: 443
                protocol: TLS
              resolution: DNS
              subjectAltNames:
              - api.example.com
        "#]],
    );
}

/// Each of `hosts` has objects of its own, whose names end with the host.
#[test]
fn suffix_chooses_one_of_many_hosts() {
    let text = r#"
        hosts     = ["a.example.com", "b.example.com"]
        name      = "partners"
        export_to = ["*"]
        tls       = "originate"
        override {
          kind   = "DestinationRule"
          suffix = "b-example-com"
          patch  = jsonencode({ spec = { trafficPolicy = { tunnel = { targetHost = "proxy.example.com", targetPort = 3128 } } } })
        }
        override {
          kind  = "DestinationRule"
          patch = jsonencode({ spec = { host = "x.example.com" } })
        }
    "#;
    check::<ExternalService>(
        text,
        &expect![[r#"
        error at override[1]: override matches no object
          This configuration renders no such object. To patch one that it renders, write kind = "ServiceEntry"; kind = "DestinationRule", suffix = "a-example-com"; kind = "DestinationRule", suffix = "b-example-com".
    "#]],
    );
}

#[test]
fn lists_that_are_replaced_are_lost() {
    let text = patched("kind = \"ServiceEntry\"", "{ ports = [] }");
    let warning = expect![[r#"
        warning at override[0].patch: The patch replaces a list, and values are lost
          A merge patch doesn't merge lists: a list in the patch replaces the whole list that this resource renders. ServiceEntry/istio-system/api-example-com loses spec.ports[0], spec.ports[1]. Repeat in the patch the values to keep (`objects` shows them), or use arguments instead of the patch.
    "#]];
    warning.assert_eq(rendered_text::<ExternalService>(&mesh(), &text).split("---").next().unwrap_or_default());
}

#[test]
fn unknown_patches() {
    check_unknown::<ExternalService>(
        &[
            ("a kind", format!("{API}override {{\n kind = unknown\n patch = \"{{\\\"spec\\\":{{\\\"x\\\":1}}}}\"\n}}")),
            ("a patch", format!("{API}override {{\n kind = \"DestinationRule\"\n patch = unknown\n}}")),
            ("patches", format!("{API}override = unknown")),
        ],
        &expect![[r#"
            a kind: ServiceEntry, DestinationRule, VirtualService
            a patch: DestinationRule
            patches: which objects there are
        "#]],
    );
}
