//! Defaults of the mesh that the objects of the service hide, and locality load balancing that they switch off.

use expect_test::expect;

use super::{check, findings, with_objects};
use crate::golden::service::traffic::versions;

/// The objects of `mesh_global_defaults` with a preset and a timeout.
const DEFAULTS: &str = "
kind: DestinationRule
metadata: {name: default, namespace: istio-system}
spec: {host: '*.svc.cluster.local', exportTo: ['*'], trafficPolicy: {connectionPool: {}, outlierDetection: {}}}
---
kind: EnvoyFilter
metadata: {name: default-route, namespace: istio-system}
spec: {configPatches: [{patch: {value: {route: {timeout: 30s, retry_policy: {num_retries: 1}}}}}]}
";

#[test]
fn objects_that_hide_the_defaults_of_the_mesh() {
    check(
        "access = \"mesh\"\ncircuit_breaker {\n  max_connections = 9\n}",
        &with_objects(DEFAULTS),
        &expect![[r#"
            warn: The mesh's default DestinationRule no longer applies
              Callers of this service use its own DestinationRule instead of the mesh's default in istio-system, and Istio doesn't merge the two. The default sets connectionPool, outlierDetection: each of these applies to this service only if it is set here. Write resiliency, or the settings that the service needs in circuit_breaker, connections, outlier_detection and load_balancing. (hidden-defaults)
        "#]],
    );
    let connection = "access = \"mesh\"\nconnections {\n  idle_timeout = \"5m\"\n}";
    assert!(findings(connection, &with_objects(DEFAULTS), &[]).contains("default DestinationRule no longer"));
    assert!(findings(&versions(50, 50), &with_objects(DEFAULTS), &[]).contains("default DestinationRule no longer"));
    let with_retries = "access = \"mesh\"\nretries {\n  attempts = 1\n}";
    check(
        with_retries,
        &with_objects(DEFAULTS),
        &expect![[r#"
        warn: Routes lose the mesh's default timeout or retries
          EnvoyFilter istio-system/default-route changes routes that have no name and set neither timeout nor retries. Routes of this service set one of the two, or have a name, and so lose the mesh's timeout. Write request_timeout ("0s" for none) here. (hidden-defaults)
    "#]],
    );
    check(
        "access = \"mesh\"\nrequest_timeout = \"5s\"",
        &with_objects(DEFAULTS),
        &expect![[r#"
        warn: Routes lose the mesh's default timeout or retries
          EnvoyFilter istio-system/default-route changes routes that have no name and set neither timeout nor retries. Routes of this service set one of the two, or have a name, and so lose the mesh's retries. Write retries here. (hidden-defaults)
    "#]],
    );
    check(
        "access = \"mesh\"\nroute {\n  name = \"first\"\n  match {\n    path = \"/a\"\n  }\n}",
        &with_objects(DEFAULTS),
        &expect![[r#"
            warn: Routes lose the mesh's default timeout or retries
              EnvoyFilter istio-system/default-route changes routes that have no name and set neither timeout nor retries. Routes of this service set one of the two, or have a name, and so lose the mesh's timeout and retries. Write request_timeout ("0s" for none) and retries here. (hidden-defaults)
        "#]],
    );
    let one_default = DEFAULTS.replace("retry_policy: {num_retries: 1}", "");
    for (arguments, objects) in [
        ("", DEFAULTS),
        ("global_name = \"payments.example.internal\"", DEFAULTS),
        ("resiliency = \"none\"", &one_default),
        ("request_timeout = \"5s\"", &one_default),
        ("streaming = true", &one_default),
        ("retries {\n  attempts = 1\n}\nrequest_timeout = \"5s\"", DEFAULTS),
        ("retries {\n  attempts = 1\n}\nrequest_timeout = \"0s\"", DEFAULTS),
        ("circuit_breaker {\n  max_connections = 9\n}", &DEFAULTS.replace("cluster.local'", "cluster.other'")),
        ("circuit_breaker {\n  max_connections = 9\n}", &DEFAULTS.replace("exportTo: ['*']", "exportTo: [.]")),
    ] {
        let found = findings(&format!("access = \"mesh\"\n{arguments}"), &with_objects(objects), &[]);
        assert!(!found.contains("hidden-defaults"), "{arguments}: {found}");
    }
}

#[test]
fn locality_settings_of_the_service_and_the_mesh() {
    let mesh = "kind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: 'localityLbSetting: {failoverPriority: [a]}'}";
    let cluster = with_objects(mesh).replace(
        "spec: {selector: {app: payments}",
        "spec: {trafficDistribution: PreferClose, selector: {app: payments}",
    );
    let detection = "access = \"mesh\"\nresiliency = \"low\"";
    check(
        detection,
        &cluster,
        &expect![[r#"
        warn: Locality load balancing is switched off here
          Outlier detection alone would switch locality load balancing on, so it is written as off, and trafficDistribution PreferClose of Service pci/payments has no effect on callers. Write load_balancing { locality = "inherit" } to keep it, or "off" to say that this is meant. (hidden-locality)
        warn: Locality load balancing is switched off here
          Outlier detection alone would switch locality load balancing on, so it is written as off, and localityLbSetting.failoverPriority in ConfigMap istio has no effect on callers. Write load_balancing { locality = "inherit" } to keep it, or "off" to say that this is meant. (hidden-locality)
    "#]],
    );
    let enabled = with_objects(&mesh.replace("failoverPriority: [a]", "enabled: true"));
    assert_eq!(findings(detection, &enabled, &[]), "", "the default of Istio");
    for arguments in ["", "resiliency = \"none\"", "circuit_breaker {\n  max_connections = 9\n}"] {
        let found = findings(&format!("access = \"mesh\"\n{arguments}"), &cluster, &[]);
        assert_eq!(found, "", "{arguments}");
    }
    for locality in ["off", "inherit"] {
        let arguments = format!("{detection}\nload_balancing {{\n  locality = {locality:?}\n}}");
        assert_eq!(findings(&arguments, &cluster, &[]), "", "{locality}");
    }
}

/// Istio takes a DestinationRule from the namespace of the caller before that of the service.
#[test]
fn destination_rule_in_the_namespace_of_a_caller() {
    let allow =
        "resiliency = \"low\"\naccess = \"none\"\nallow {\n  from = [\"shop/*\", \"pci/web\"]\n}\nexport_to = [\"*\"]";
    let rule = |namespace: &str, host: &str| {
        with_objects(&format!(
            "kind: DestinationRule\nmetadata: {{name: theirs, namespace: {namespace}}}\nspec: {{host: '{host}'}}"
        ))
    };
    check(
        allow,
        &rule("shop", "payments.pci.svc.cluster.local"),
        &expect![[r#"
        warn: A caller's namespace has a DestinationRule for the host
          DestinationRule shop/theirs is for payments.pci.svc.cluster.local as well: callers in its namespace use it in place of the rule of this service, with its subsets, limits and TLS settings. Have it removed, or agree on what it sets. (second-destination-rule)
    "#]],
    );
    assert!(findings(allow, &rule("shop", "*.pci.svc.cluster.local"), &[]).contains("second-destination-rule"));
    for (namespace, host) in [("shop", "payments"), ("shop", "*.shop.svc.cluster.local"), ("far", "*")] {
        assert_eq!(findings(allow, &rule(namespace, host), &[]), "", "{namespace} {host}");
    }
}
