//! Live checks of a namespace.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::namespace::Namespace;

use crate::golden::live::findings;

fn check(arguments: &str, live_objects: &str, expect: &Expect) {
    expect.assert_eq(&findings::<Namespace>(&format!("name = \"shop\"\n{arguments}"), live_objects, &[]));
}

#[test]
fn consistent_namespace_has_no_findings() {
    let own_label = "
kind: Namespace
metadata:
  name: shop
  labels: {istio.io/rev: stable, istio-injection: enabled}
  managedFields: [{manager: terraform-provider-mesh, fieldsV1: {f:metadata: {f:labels: {f:istio.io/rev: {}}}}}]
";
    check("injection = true", "", &expect![[""]]);
    check("injection = true", "kind: Namespace\nmetadata: {name: shop, labels: {a: b}}", &expect![[""]]);
    // The apply removes a label of this provider that isn't configured any more.
    check("injection = true", own_label, &expect![[""]]);
    assert_eq!(findings::<Namespace>("name = \"shop\"\nrevision = \"a\"", "", &["Namespace"]), "");
}

#[test]
fn ambient_mode() {
    check(
        "",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}",
        &expect![[r#"
        error at name: Ambient mode isn't supported
          Namespace shop is labelled istio.io/dataplane-mode=ambient. This configuration applies to sidecars: without them, authorization doesn't work as configured. Remove the label and inject sidecars. (IST0167)
    "#]],
    );
}

#[test]
fn two_injection_labels() {
    check(
        "injection = true",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio.io/rev: stable}}",
        &expect![[r#"
            warn at injection: The namespace has two labels for injection
              Namespace shop has the label istio.io/rev of another tool in addition to the one that injection writes. Istio goes by istio-injection and ignores istio.io/rev. Remove one of them. (IST0123)
        "#]],
    );
    check(
        "revision = \"stable\"",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}",
        &expect![[r#"
            warn at revision: The namespace has two labels for injection
              Namespace shop has the label istio-injection of another tool in addition to the one that revision writes. Istio goes by istio-injection and ignores istio.io/rev. Remove one of them. (IST0123)
        "#]],
    );
}

/// A port in a PeerAuthentication is that of the pods, which the Service maps its ports to.
#[test]
fn mtls_exception_for_another_target_port() {
    let exception = "mtls {\n exception {\n service = \"cart\"\n port = 80\n }\n}";
    let service = |target: &str| {
        format!(
            "kind: Service\nmetadata: {{name: cart, namespace: shop}}\nspec: {{ports: [{{port: 80, targetPort: {target}}}, {{port: 81}}]}}"
        )
    };
    check(
        exception,
        &service("8080"),
        &expect![[r#"
        warn at mtls.exception[0].target_port: Service has another target port
          Service cart sends port 80 to port 8080 of its workloads, and the exception is for port 80 there, on which no workload listens. Write target_port = 8080. (other-target-port)
    "#]],
    );
    check(exception, &service("80"), &expect![[""]]);
    // Only the pods have the number of a named port.
    check(exception, &service("http"), &expect![[""]]);
    check(&exception.replace("80", "81"), &service("8080"), &expect![[""]]);
    check(&exception.replace("80", "82"), &service("8080"), &expect![[""]]);
    check(&exception.replace("cart", "other"), &service("8080"), &expect![[""]]);
}

const ANONYMOUS: &str = r#"
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: legacy, namespace: shop}
spec:
  selector: {matchLabels: {app: legacy}}
  rules:
  - {from: [{source: {ipBlocks: [10.0.0.0/8]}}], to: [{operation: {ports: ["8080"]}}]}
"#;

/// A connection in clear text is reset before any rule is asked.
#[test]
fn strict_mutual_tls_beside_rules_for_anonymous_callers() {
    let strict = "name = \"shop\"\nmtls {}";
    expect![[r#"
        error at mtls: Strict mutual TLS refuses clients without identity
          AuthorizationPolicy shop/legacy admits callers without an identity, and with mode = "strict" a connection in clear text is reset before any rule is asked. Write an exception block for each such port, or let these callers have sidecars. (strict-anonymous)
    "#]].assert_eq(&findings::<Namespace>(strict, ANONYMOUS, &[]));
    let exception =
        "name = \"shop\"\nmtls {\n exception {\n service = \"legacy\"\n port = 80\n target_port = 8080\n }\n}";
    let gateway = "\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: shop}\nspec: {selector: {a: \
                   b}}";
    let permissive = "name = \"shop\"\nmtls {\n mode = \"permissive\"\n}";
    for (text, live) in [
        (exception, ANONYMOUS.to_owned()),
        (permissive, ANONYMOUS.to_owned()),
        (strict, format!("{ANONYMOUS}{gateway}")),
    ] {
        assert_eq!(findings::<Namespace>(text, &live, &[]), "", "{text}");
    }
}

/// deny-all holds at gateways, too.
#[test]
fn gateways_without_a_way_in() {
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: shop}\nspec: {selector: {app: \
                   legacy}}";
    let text = "name = \"shop\"\nauthorization_mode = \"enforce\"";
    expect![[r#"
        error at authorization_mode: No policy admits clients to a gateway
          Requests that no policy allows are refused at gateways as well, and none allows clients of Gateway shop/g: all of them would get 403. Admit them first: authorization_mode = "enforce" of a mesh_gateway, or gateway_access of mesh_global_defaults. If its policy comes in the same run, apply that first. (closed-gateway)
    "#]].assert_eq(&findings::<Namespace>(text, gateway, &[]));
    assert_eq!(findings::<Namespace>(text, &format!("{gateway}\n---{ANONYMOUS}"), &[]), "");
    let elsewhere = gateway.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {terraform-provider-mesh/resource: mesh_gateway/shop/g, terraform-provider-mesh/arguments: \
         '{\"workload_namespace\":\"edge\"}'}}",
    );
    assert_eq!(findings::<Namespace>(text, &elsewhere, &[]), "");
}

/// Only what a Sidecar lists can be asked.
#[test]
fn authorizer_that_calls_leave_out() {
    let live = |namespace: &str, selector: &str| {
        format!(
            "kind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    extensionProviders:\n    - \
             {{name: opa, envoyExtAuthzGrpc: {{service: opa.authz.svc.cluster.local, port: 9000}}}}\n---\nkind: \
             AuthorizationPolicy\nmetadata: {{name: ask, namespace: {namespace}}}\nspec: {{{selector}action: CUSTOM, provider: {{name: opa}}, \
             rules: [{{}}]}}"
        )
    };
    check(
        "calls = [\"pci/payments\"]",
        &live("istio-system", ""),
        &expect![[r#"
        error at calls: The Sidecar doesn't list the external authorizer
          Proxies know only what their Sidecar lists, and opa.authz.svc.cluster.local of the authorizer opa isn't there: every request that it would be asked about is refused (403), and it is never asked. Write platform_hosts = ["authz/opa.authz.svc.cluster.local"] in the provider block, or list it here. (unlisted-authorizer)
    "#]],
    );
    check("calls = [\"authz/opa\"]", &live("shop", ""), &expect![[""]]);
    check("", &live("shop", ""), &expect![[""]]);
    check("calls = []", &live("shop", "selector: {matchLabels: {app: cart}}, "), &expect![[""]]);
}

const LIMIT: &str = "rate_limit {\n selector = { app = \"cart\" }\n port = 8080\n requests = 1\n}";

fn service(selector: &str, ports: &str) -> String {
    format!(
        "kind: Service\nmetadata: {{name: cart, namespace: shop}}\nspec: {{selector: {selector}, ports: [{ports}]}}"
    )
}

/// Proxies limit only what a Service sends to the port.
#[test]
fn rate_limit_of_a_port_without_service() {
    check(
        LIMIT,
        &service("{app: cart}", "{port: 8080, targetPort: 80}"),
        &expect![[r#"
        warn at rate_limit[0].port: No Service leads to the port
          No Service of these workloads sends requests to their port 8080, so the limit has no effect. Write the port on which the workloads listen (targetPort of the Service), not that of the Service. (missing-port)
    "#]],
    );
    for live in [
        String::new(),
        service("{app: other}", "{port: 80, targetPort: 81}"),
        service("{app: cart}", "{port: 80, targetPort: 8080}"),
        service("{app: cart}", "{port: 8080}"),
        service("{app: cart, tier: a}", "{port: 80, targetPort: web}"),
    ] {
        check(LIMIT, &live, &expect![[""]]);
    }
}

/// The installed mesh defines the providers of telemetry.
#[test]
fn unknown_provider_of_telemetry() {
    let telemetry = "telemetry {\n access_logging {}\n}\ntelemetry {\n selector = { app = \"cart\" }\n tracing {\n provider = \"otel\"\n }\n}";
    let mesh = |providers: &str| {
        format!(
            "kind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    extensionProviders: \
             [{providers}]"
        )
    };
    check(
        telemetry,
        &mesh(""),
        &expect![[r#"
        warn at telemetry[1].tracing.provider: Unknown extension provider
          ConfigMap istio defines envoy, prometheus, stackdriver, not otel: nothing is reported. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
    "#]],
    );
    assert_eq!(findings::<Namespace>(&format!("name = \"shop\"\n{telemetry}"), &mesh("{name: otel}"), &[]), "");
}
