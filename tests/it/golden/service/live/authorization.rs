//! What the mesh does before and around the policies: paths, mutual TLS, external authorizers.

use expect_test::expect;

use super::{check, findings, with_objects};

const MESH_CONFIG: &str = r#"
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    pathNormalization: {normalization: MERGE_SLASHES}
    extensionProviders:
    - {name: opa, envoyExtAuthzGrpc: {service: opa.authz.svc.cluster.local, port: 9000}}
"#;

const PATHS: &str = r#"
access = "mesh"
deny {
  from  = ["*"]
  paths = ["/internal/*"]
}
require_end_user {
  except_paths = ["/public/*"]
}"#;

#[test]
fn rules_on_paths_without_normalization() {
    let issuer =
        "kind: RequestAuthentication\nmetadata: {name: a, namespace: istio-system}\nspec: {jwtRules: [{issuer: a}]}";
    let live = |mesh: &str| with_objects(&format!("{issuer}\n---{mesh}"));
    check(
        PATHS,
        &live(MESH_CONFIG),
        &expect![[r#"
        warn: Rules on paths can be passed by other forms of a path
          Rules name /internal/*, /public/*, and pathNormalization in ConfigMap istio isn't DECODE_AND_MERGE_SLASHES: requests for //a, /%2fa, /b/..%2fa or /%5ca aren't seen as /a, though many applications answer them so. Set meshConfig.pathNormalization.normalization to DECODE_AND_MERGE_SLASHES, which also changes the paths that applications receive, or refuse such paths in the application. Upper and lower case and ;parameters stay different in any case. (path-normalization)
    "#]],
    );
    let normalized = MESH_CONFIG.replace("MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES");
    assert_eq!(findings(PATHS, &live(&normalized), &[]), "");
    let exact = "access = \"none\"\nallow {\n from = [\"*\"]\n paths = [\"/v1\"]\n}";
    assert_eq!(findings(exact, &live(MESH_CONFIG), &[]), "");
}

#[test]
fn anonymous_callers_under_strict_mutual_tls() {
    let strict = with_objects(
        "kind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}",
    );
    let anonymous = "allow {\n from = [\"anonymous\"]\n}";
    check(
        anonymous,
        &strict,
        &expect![[r#"
        warn at allow: Strict mutual TLS refuses clients without identity
          Rules admit anonymous callers on port 8080 of the workload, but mutual TLS is strict for these connections, so one in clear text is reset before any rule applies. Write an exception for the port (mtls { exception {} } of mesh_namespace), or name callers with an identity in from. (strict-anonymous)
    "#]],
    );
    let exception = "kind: PeerAuthentication\nmetadata: {name: e, namespace: pci}\nspec: {selector: {matchLabels: {app: payments}}, \
                     portLevelMtls: {\"8080\": {mode: PERMISSIVE}}}";
    assert_eq!(findings(anonymous, &format!("{strict}\n---\n{exception}"), &[]), "");
    assert_eq!(findings("access = \"mesh\"", &strict, &[]), "");
}

const AUTHORIZER: &str = "access = \"mesh\"\nexternal_authorization {\n provider = \"opa\"\n}\n";

/// With `calls`, the proxy knows only what its Sidecar lists.
#[test]
fn authorizer_that_calls_leave_out() {
    check(
        &format!("{AUTHORIZER}calls = []"),
        &with_objects(MESH_CONFIG),
        &expect![[r#"
        error at external_authorization: The Sidecar doesn't list the external authorizer
          Proxies know only what their Sidecar lists, and opa.authz.svc.cluster.local of the authorizer opa isn't there: every request that it would be asked about is refused (403), and it is never asked. Write platform_hosts = ["authz/opa.authz.svc.cluster.local"] in the provider block, or list it here. (unlisted-authorizer)
    "#]],
    );
    assert_eq!(findings(AUTHORIZER, &with_objects(MESH_CONFIG), &[]), "");
    let found = findings(&format!("{AUTHORIZER}calls = [\"authz/*\"]"), &with_objects(MESH_CONFIG), &[]);
    assert!(!found.contains("unlisted-authorizer"), "{found}");
}

/// A policy of the whole mesh asks about the requests to this service, too.
#[test]
fn authorizer_of_the_mesh_that_calls_leave_out() {
    let live = with_objects(&format!(
        "{MESH_CONFIG}---\nkind: AuthorizationPolicy\nmetadata: {{name: ask, namespace: istio-system}}\nspec: {{action: CUSTOM, \
         provider: {{name: opa}}, rules: [{{}}]}}"
    ));
    check(
        "access = \"mesh\"\ncalls = []",
        &live,
        &expect![[r#"
        warn at allow: Another policy asks an authorizer
          AuthorizationPolicy istio-system/ask is for pods of pci/payments as well, and asks opa about every request that it matches, also of callers that allow names. If that isn't meant, remove it and write what it should say as allow or deny blocks. A policy in the service's namespace is removed in the same apply if replaces names it. (other-policy)
        error at calls: The Sidecar doesn't list the external authorizer
          Proxies know only what their Sidecar lists, and opa.authz.svc.cluster.local of the authorizer opa isn't there: every request that it would be asked about is refused (403), and it is never asked. Write platform_hosts = ["authz/opa.authz.svc.cluster.local"] in the provider block, or list it here. (unlisted-authorizer)
    "#]],
    );
    let without_sidecar = findings("access = \"mesh\"", &live, &[]);
    assert!(!without_sidecar.contains("unlisted-authorizer"), "{without_sidecar}");
}

#[test]
fn second_authorizer_for_the_same_pods() {
    let other = |provider: &str| {
        with_objects(&format!(
            "{MESH_CONFIG}---\nkind: AuthorizationPolicy\nmetadata: {{name: ask, namespace: istio-system, annotations: \
             {{terraform-provider-mesh/resource: mesh_global_defaults/default}}}}\nspec: {{action: CUSTOM, provider: {{name: \
             {provider}}}, rules: [{{}}]}}"
        ))
    };
    check(
        AUTHORIZER,
        &other("other"),
        &expect![[r#"
        error at external_authorization: Two external authorizers for the same pods
          AuthorizationPolicy istio-system/ask (other) asks another authorizer than opa about requests to these pods. Istio can't ask two, and refuses every request that one of them would be asked about. Leave one of them out. (second-authorizer)
    "#]],
    );
    assert_eq!(findings(AUTHORIZER, &other("opa"), &[]), "");
}
