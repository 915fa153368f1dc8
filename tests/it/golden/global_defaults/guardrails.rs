//! The block `guardrails`.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{
    mesh::{Mesh, global_name::Template, text::Text},
    resources::global_defaults::GlobalDefaults,
};

use crate::golden::{check, check_in, check_keys, check_object, mesh};

const ALL: &str = r#"
    guardrails {
      root_only     = ["PeerAuthentication", "RequestAuthentication", "Telemetry", "EnvoyFilter"]
      team_rules    = true
      exempt_groups = ["mesh-admins", "platform-pipelines"]
      global_names  = { pci = ["payments.example.internal"], shop = ["cart.example.internal", "catalog.example.internal"] }
      ingress_hosts = { shop = ["shop.example.com", "*.shop.example.com"] }
      contact       = "help-mesh, or \"the\" platform team"

      workload_rules           = true
      pod_annotations          = { "traffic.sidecar.istio.io/excludeOutboundPorts" = ["3306"] }
      protect_platform_objects = true
      require_namespace_labels = true
      namespace_selector       = { mesh = "on" }
    }
"#;

fn mesh_with_template(template: &str) -> Mesh {
    Mesh { global_name_template: Some(Template::parse(template).unwrap()), ..mesh() }
}

#[test]
fn every_argument() {
    let mesh = Mesh {
        gateway_namespaces: ["istio-ingress".to_owned()].into(),
        ..mesh_with_template("{name}.{namespace}.example.internal")
    };
    check_in::<GlobalDefaults>(&mesh, ALL, &expect_file!["guardrails.yaml"]);
}

/// Without a template and without granted names, no namespace has global names.
#[test]
fn team_rules_without_global_names() {
    check::<GlobalDefaults>("guardrails {\n team_rules = true\n}", &expect_file!["guardrails_least.yaml"]);
}

#[test]
fn root_only_without_team_rules() {
    let text = "guardrails {\n root_only = [\"Telemetry\", \"WasmPlugin\"]\n action = \"warn\"\n}";
    check::<GlobalDefaults>(
        text,
        &expect![[r#"
            --- # ValidatingAdmissionPolicy/mesh-root-only-istio-system
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingAdmissionPolicy
            metadata:
              name: mesh-root-only-istio-system
            spec:
              failurePolicy: Fail
              matchConditions:
              - expression: request.namespace != "istio-system"
                name: outside-the-root-namespace
              - expression: request.operation == "CREATE" || object.?spec != oldObject.?spec
                name: says-something-new
              matchConstraints:
                matchPolicy: Equivalent
                namespaceSelector: {}
                objectSelector: {}
                resourceRules:
                - apiGroups:
                  - extensions.istio.io
                  apiVersions:
                  - "*"
                  operations:
                  - CREATE
                  - UPDATE
                  resources:
                  - wasmplugins
                  scope: Namespaced
                - apiGroups:
                  - telemetry.istio.io
                  apiVersions:
                  - "*"
                  operations:
                  - CREATE
                  - UPDATE
                  resources:
                  - telemetries
                  scope: Namespaced
              validations:
              - expression: "false"
                message: "Rule root_only of the mesh: this kind is written in namespace istio-system alone. Ask the platform team."
                reason: Forbidden
            --- # ValidatingAdmissionPolicyBinding/mesh-root-only-istio-system
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingAdmissionPolicyBinding
            metadata:
              name: mesh-root-only-istio-system
            spec:
              matchResources:
                matchPolicy: Equivalent
                namespaceSelector: {}
                objectSelector: {}
              policyName: mesh-root-only-istio-system
              validationActions:
              - Warn
        "#]],
    );
}

#[test]
fn namespace_selector_is_in_the_bindings() {
    check_object::<GlobalDefaults>(
        "ValidatingAdmissionPolicyBinding",
        "guardrails {\n team_rules = true\n action = \"audit\"\n namespace_selector = { guarded = \"true\" }\n}",
        &expect![[r#"
            ValidatingAdmissionPolicyBinding/mesh-team-rules-istio-system
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingAdmissionPolicyBinding
            metadata:
              name: mesh-team-rules-istio-system
            spec:
              matchResources:
                matchPolicy: Equivalent
                namespaceSelector:
                  matchLabels:
                    guarded: "true"
                objectSelector: {}
              policyName: mesh-team-rules-istio-system
              validationActions:
              - Audit
        "#]],
    );
}

/// Each mesh of a cluster has its own guardrails.
#[test]
fn guardrails_of_another_mesh() {
    let mesh = Mesh { root_namespace: "mesh-two".to_owned(), ..mesh() };
    let text = "guardrails {\n root_only = [\"Telemetry\"]\n}";
    check_in::<GlobalDefaults>(
        &mesh,
        text,
        &expect![[r#"
            --- # ValidatingAdmissionPolicy/mesh-root-only-mesh-two
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingAdmissionPolicy
            metadata:
              name: mesh-root-only-mesh-two
            spec:
              failurePolicy: Fail
              matchConditions:
              - expression: request.namespace != "mesh-two"
                name: outside-the-root-namespace
              - expression: request.operation == "CREATE" || object.?spec != oldObject.?spec
                name: says-something-new
              matchConstraints:
                matchPolicy: Equivalent
                namespaceSelector: {}
                objectSelector: {}
                resourceRules:
                - apiGroups:
                  - telemetry.istio.io
                  apiVersions:
                  - "*"
                  operations:
                  - CREATE
                  - UPDATE
                  resources:
                  - telemetries
                  scope: Namespaced
              validations:
              - expression: "false"
                message: "Rule root_only of the mesh: this kind is written in namespace mesh-two alone. Ask the platform team."
                reason: Forbidden
            --- # ValidatingAdmissionPolicyBinding/mesh-root-only-mesh-two
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingAdmissionPolicyBinding
            metadata:
              name: mesh-root-only-mesh-two
            spec:
              matchResources:
                matchPolicy: Equivalent
                namespaceSelector: {}
                objectSelector: {}
              policyName: mesh-root-only-mesh-two
              validationActions:
              - Deny
        "#]],
    );
    check_keys::<GlobalDefaults>(
        text,
        &expect![[r#"
        ValidatingAdmissionPolicy/mesh-root-only-istio-system
        ValidatingAdmissionPolicyBinding/mesh-root-only-istio-system
    "#]],
    );
}

/// By `{name}.example.internal` or `{name}-{namespace}.x.io`, two services may have the same name.
#[test]
fn template_that_does_not_distinguish_namespaces() {
    let text = "guardrails {\n team_rules = true\n action = \"warn\"\n}";
    for template in ["{name}.example.internal", "{name}-{namespace}.x.io"] {
        let rendered = crate::golden::rendered_text::<GlobalDefaults>(&mesh_with_template(template), text);
        assert!(
            rendered.starts_with("warning at guardrails.team_rules: Global names don't distinguish namespaces"),
            "{rendered}"
        );
        assert!(rendered.contains(template), "{rendered}");
    }
}
