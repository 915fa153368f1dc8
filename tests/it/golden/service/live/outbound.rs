//! The policy for calls of unknown hosts that is in effect, where the provider block states `registry_only`.

use expect_test::expect;

use super::{HEALTHY, findings, registry_only_findings};

const NAMESPACE_ONLY: &str = "export_to = [\".\"]";

/// A cluster whose `meshConfig` has this outbound traffic policy, with `objects`.
fn cluster(mesh_policy: &str, objects: &str) -> String {
    let annotated = HEALTHY.replace(
        "{name: payments, namespace: pci}\nspec: {selector",
        "{name: payments, namespace: pci, annotations: {networking.istio.io/exportTo: .}}\nspec: {selector",
    );
    format!(
        "{annotated}---\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    outboundTrafficPolicy: {mesh_policy}\n{objects}"
    )
}

/// A Sidecar with this policy, for workloads with `selector` or for all.
fn sidecar(namespace: &str, selector: &str, policy: &str) -> String {
    let selector =
        if selector.is_empty() { String::new() } else { format!("workloadSelector: {{labels: {selector}}}, ") };
    let policy = if policy.is_empty() { String::new() } else { format!("outboundTrafficPolicy: {policy}, ") };
    format!(
        "---\nkind: Sidecar\nmetadata: {{name: default, namespace: {namespace}}}\nspec: {{{selector}{policy}egress: [{{hosts: ['*/*']}}]}}\n"
    )
}

const DEFAULTS: &str = "---\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system, annotations: {terraform-provider-mesh/resource: mesh_global_defaults/default}}\n";

/// The level and the exceptions of the finding; nothing if there is none.
fn exceptions(live_objects: &str) -> String {
    let findings = registry_only_findings(NAMESPACE_ONLY, live_objects, &[]);
    if findings.is_empty() {
        return findings;
    }
    let (level, _) = findings.split_once(':').unwrap();
    let (_, rest) = findings.split_once("let calls of unknown hosts out: ").unwrap();
    let (exceptions, _) = rest.split_once(". pci/payments is hidden").unwrap();
    format!("{level}: {exceptions}")
}

#[test]
fn statement_is_false() {
    let open = cluster("{mode: ALLOW_ANY}", DEFAULTS);
    expect![[r#"
        error: The mesh lets calls of unknown hosts out
          The provider's installed block says outbound_traffic_policy = "registry_only", but these proxies let calls of unknown hosts out: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio). pci/payments is hidden from namespaces: a call from a proxy there leaves as clear text, without identity, with the credentials in its headers, whatever mtls is. Set the policy there to REGISTRY_ONLY (outbound_traffic_policy of mesh_global_defaults, mesh_namespace or mesh_service), or write installed { outbound_traffic_policy = "allow_any" }. (outbound-policy)
    "#]].assert_eq(&registry_only_findings(NAMESPACE_ONLY, &open, &[]));
    assert_eq!(registry_only_findings("access = \"mesh\"", &open, &[]), "", "it isn't hidden");
    assert_eq!(findings(NAMESPACE_ONLY, &open, &[]), "", "nothing is stated");
    assert_eq!(registry_only_findings(NAMESPACE_ONLY, &open, &["Sidecar"]), "", "the missing right is reported");
}

/// The Sidecar that selects a proxy decides, then that of its namespace, then that of the mesh; `meshConfig` only where that one
/// sets no policy.
#[test]
fn effective_policy() {
    let root = |policy: &str| sidecar("istio-system", "", policy);
    let (only, any) = ("{mode: REGISTRY_ONLY}", "{mode: ALLOW_ANY}");
    let table = [
        (only, String::new(), ""),
        ("{}", String::new(), ""),
        (
            "",
            String::new(),
            "error: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio)",
        ),
        (
            "{mode: ALLOW_ANY_DYNAMIC_DNS}",
            String::new(),
            "error: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio)",
        ),
        (any, root(only), ""),
        (any, root("{}"), ""),
        (
            only,
            root(any),
            "error: all proxies without a Sidecar of their own (allowed by the mesh's Sidecar istio-system/default)",
        ),
        (any, root(""), "error: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio)"),
        (only, root(""), ""),
        (any, root(only) + &sidecar("shop", "", any), "error: those of Sidecar shop/default"),
        (any, root(only) + &sidecar("shop", "{app: cart}", any), "error: those of Sidecar shop/default"),
        (
            any,
            root(only) + &sidecar("shop", "", ""),
            "error: those of Sidecar shop/default, which sets no policy of its own (allowed by meshConfig of ConfigMap istio)",
        ),
        (only, root(only) + &sidecar("shop", "", ""), ""),
        (only, sidecar("shop", "", "{mode: ALLOW_ANY_DYNAMIC_DNS}"), "error: those of Sidecar shop/default"),
    ];
    for (mesh_policy, objects, expected) in table {
        let live = cluster(mesh_policy, &format!("{objects}{DEFAULTS}"));
        assert_eq!(exceptions(&live), expected, "{mesh_policy}, {objects}");
    }
}

/// The first plan of a mesh, before its defaults are applied.
#[test]
fn warning_before_the_defaults_of_the_mesh() {
    let first = exceptions(&cluster("{mode: ALLOW_ANY}", ""));
    assert_eq!(first, "warn: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio)");
}

/// A mesh configuration that isn't there can't be compared.
#[test]
fn missing_mesh_configuration() {
    expect![[r#"
        warn: The mesh's outbound traffic policy can't be seen
          The provider's installed block says outbound_traffic_policy = "registry_only". meshConfig decides for some proxies, and ConfigMap istio isn't there. Write the provider's revisions, or set the policy with mesh_global_defaults. (outbound-policy)
    "#]].assert_eq(&registry_only_findings(
        NAMESPACE_ONLY,
        &cluster("{mode: ALLOW_ANY}", DEFAULTS).replace("{name: istio, ", "{name: other, "),
        &[],
    ));
    let with_root = cluster("{mode: ALLOW_ANY}", &sidecar("istio-system", "", "{mode: REGISTRY_ONLY}"));
    assert_eq!(registry_only_findings(NAMESPACE_ONLY, &with_root.replace("{name: istio, ", "{name: other, "), &[]), "");
}

#[test]
fn inherited_policy() {
    let open = cluster("{mode: ALLOW_ANY}", DEFAULTS);
    let inherit = "access = \"mesh\"\ncalls = []\noutbound_traffic_policy = \"inherit\"";
    expect![[r#"
        error: The mesh lets calls of unknown hosts out
          The provider's installed block says outbound_traffic_policy = "registry_only", but these proxies let calls of unknown hosts out: all proxies without a Sidecar of their own (allowed by meshConfig of ConfigMap istio). Calls of pci/payments to services of the mesh that calls doesn't list leave as clear text. Set the policy there to REGISTRY_ONLY (outbound_traffic_policy of mesh_global_defaults, mesh_namespace or mesh_service), or write installed { outbound_traffic_policy = "allow_any" }. (outbound-policy)
    "#]].assert_eq(&registry_only_findings(inherit, &open, &[]));
}
