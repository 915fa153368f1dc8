//! Objects of other tools and other resources for the same host, the same pods or the same global name.

use expect_test::{Expect, expect};

use super::{check, findings, with_objects};

/// A service with each of the objects that may be in conflict with others, which every namespace sees.
const MESH_ACCESS: &str = "access = \"mesh\"\nresiliency = \"medium\"";
const OWN_ANNOTATION: &str = "annotations: {terraform-provider-mesh/resource: mesh_service/pci/payments}";

#[test]
fn second_virtual_service() {
    for host in ["payments", "payments.pci.svc.cluster.local"] {
        let route =
            format!("kind: VirtualService\nmetadata: {{name: theirs, namespace: pci}}\nspec: {{hosts: [{host}]}}");
        assert!(findings(MESH_ACCESS, &with_objects(&route), &[]).contains("IST0109"), "{host}");
        assert_eq!(
            findings(MESH_ACCESS, &with_objects(&route.replace("pci}", &format!("pci, {OWN_ANNOTATION}}}"))), &[]),
            "",
            "an object of this resource"
        );
        assert_eq!(
            findings(
                MESH_ACCESS,
                &with_objects(&route.replace("{hosts", "{gateways: [istio-system/front], hosts")),
                &[]
            ),
            "",
            "the VirtualService of a gateway"
        );
        assert_eq!(
            findings(MESH_ACCESS, &with_objects(&route.replace("theirs", "payments-pci")), &[]),
            "",
            "the engine reports the owner of an object with the same key"
        );
        let replaces = format!("{MESH_ACCESS}\nreplaces = [\"VirtualService/theirs\"]");
        assert_eq!(findings(&replaces, &with_objects(&route), &[]), "", "the apply deletes it");
        let unmanaged = "access = \"mesh\"\nunmanaged = [\"VirtualService\"]";
        assert_eq!(findings(unmanaged, &with_objects(&route), &[]), "", "the kind is unmanaged");
    }
    check(
        MESH_ACCESS,
        &with_objects("kind: VirtualService\nmetadata: {name: theirs, namespace: pci}\nspec: {hosts: [payments]}"),
        &expect![[r#"
            warn: Another VirtualService is for the same host
              VirtualService pci/theirs routes payments.pci.svc.cluster.local as well. Istio doesn't merge the two: the older one applies, the other has no effect. Remove the other one, or name it in replaces, or leave the routes to them with unmanaged = ["VirtualService"]. (IST0109)
        "#]],
    );
}

#[test]
fn second_destination_rule() {
    let rule = "kind: DestinationRule\nmetadata: {name: theirs, namespace: pci}\nspec: {host: payments}";
    check(
        MESH_ACCESS,
        &with_objects(rule),
        &expect![[r#"
        warn: Another DestinationRule is for the same host
          DestinationRule pci/theirs is for payments.pci.svc.cluster.local as well: of two traffic policies the older one applies. Remove the other one, or name it in replaces, or leave it to them with unmanaged = ["DestinationRule"]. (second-destination-rule)
    "#]],
    );
    assert_eq!(findings(MESH_ACCESS, &with_objects(&rule.replace("host: payments", "host: ledger")), &[]), "");
    assert_eq!(
        findings(&format!("{MESH_ACCESS}\nunmanaged = [\"DestinationRule\"]"), &with_objects(rule), &[]),
        "",
        "the kind is unmanaged"
    );
}

#[test]
fn second_sidecar() {
    let sidecar =
        "kind: Sidecar\nmetadata: {name: theirs, namespace: pci}\nspec: {workloadSelector: {labels: {version: v1}}}";
    check(
        &format!("{MESH_ACCESS}\ncalls = []"),
        &with_objects(sidecar),
        &expect![[r#"
        warn at calls: Another Sidecar selects the same pods
          Sidecar pci/theirs selects pods of this service as well, and it isn't defined which of the two applies. Remove the other one, or name it in replaces, or leave out calls here. (IST0110)
    "#]],
    );
    assert_eq!(findings(MESH_ACCESS, &with_objects(sidecar), &[]), "", "no Sidecar is rendered");
    let other_pods = [
        sidecar.replace("version: v1", "version: v2"),
        sidecar.replace("{workloadSelector: {labels: {version: v1}}}", "{}"),
    ];
    for other in other_pods {
        assert_eq!(findings(&format!("{MESH_ACCESS}\ncalls = []"), &with_objects(&other), &[]), "", "{other}");
    }
}

const WEB: &str = "allow {\n from = [\"shop/web\"]\n}";

/// The cluster in which the Service is seen as the arguments [`WEB`] say, with another policy.
fn other_policy(namespace: &str, metadata: &str, spec: &str) -> String {
    let exported = with_objects("").replace(
        "metadata: {name: payments, namespace: pci}\nspec: {selector",
        "metadata: {name: payments, namespace: pci, annotations: {networking.istio.io/exportTo: '.,shop'}}\nspec: {selector",
    );
    format!(
        "{exported}\nkind: AuthorizationPolicy\nmetadata: {{name: theirs, namespace: {namespace}{metadata}}}\nspec: {spec}"
    )
}

fn other_policy_findings(namespace: &str, metadata: &str, spec: &str) -> String {
    findings(WEB, &other_policy(namespace, metadata, spec), &[])
}

#[test]
fn other_policy_for_the_same_pods() {
    let check = |spec: &str, expect: &Expect| check(WEB, &other_policy("pci", "", spec), expect);
    check(
        "{rules: [{}]}",
        &expect![[r#"
            warn at allow: Another policy lets callers in
              AuthorizationPolicy pci/theirs is for pods of pci/payments as well, and lets in every client, also without an identity, whatever allow and access leave out. effective_callers doesn't name them. If that isn't meant, remove it and write what it should say as allow or deny blocks. A policy in the service's namespace is removed in the same apply if replaces names it. (other-policy)
        "#]],
    );
    check(
        "{action: DENY, selector: {matchLabels: {version: v1}}, rules: [{to: [{operation: {methods: [POST]}}]}]}",
        &expect![[r#"
            warn at allow: Another policy refuses callers
              AuthorizationPolicy pci/theirs is for pods of pci/payments as well, and refuses every request that it matches, also of callers that allow names. If that isn't meant, remove it and write what it should say as allow or deny blocks. A policy in the service's namespace is removed in the same apply if replaces names it. (other-policy)
        "#]],
    );
    check(
        "{action: CUSTOM, provider: {name: opa}, rules: [{}]}",
        &expect![[r#"
            warn at allow: Another policy asks an authorizer
              AuthorizationPolicy pci/theirs is for pods of pci/payments as well, and asks opa about every request that it matches, also of callers that allow names. If that isn't meant, remove it and write what it should say as allow or deny blocks. A policy in the service's namespace is removed in the same apply if replaces names it. (other-policy)
        "#]],
    );
}

/// An ALLOW policy that admits callers it can't identify admits every client, all workloads, or all of the namespace.
#[test]
fn callers_of_another_policy_are_described() {
    for (rule, callers) in [
        ("{}", "every client, also without an identity"),
        ("{to: [{operation: {ports: ['8080']}}]}", "every client, also without an identity"),
        ("{from: [{source: {principals: ['*']}}]}", "every workload of the mesh"),
        ("{from: [{source: {notNamespaces: [no-such-namespace]}}]}", "every client, also without an identity"),
        ("{from: [{source: {namespaces: [pci]}}]}", "every workload of pci"),
        ("{from: [{source: {namespaces: [shop]}}]}", "every request that it matches"),
        ("{to: [{operation: {paths: [/metrics]}}]}", "every request that it matches"),
        ("{when: [{key: no.such.key, values: [a]}]}", "every request that it matches"),
    ] {
        let found = other_policy_findings(
            "pci",
            "",
            &format!("{{selector: {{matchLabels: {{app: payments}}}}, rules: [{rule}]}}"),
        );
        assert!(found.contains(&format!("and lets in {callers}, whatever")), "{rule}: {found}");
    }
}

#[test]
fn other_policy_without_effect_or_of_this_provider() {
    let stamp = |resource: &str| format!(", annotations: {{terraform-provider-mesh/resource: {resource}}}");
    let all = "{rules: [{}]}";
    for (namespace, metadata, spec) in [
        ("pci", "", "{}"),
        ("pci", "", "{rules: []}"),
        ("pci", "", "{action: DENY}"),
        ("pci", "", "{action: AUDIT, rules: [{}]}"),
        ("pci", "", "{selector: {matchLabels: {app: ledger}}, rules: [{}]}"),
        ("pci", "", "{targetRefs: [{kind: Gateway, name: waypoint}], rules: [{}]}"),
        ("pci", "", "{rules: [{to: [{operation: {ports: ['15020']}}]}]}"),
        ("pci", ", annotations: {istio.io/dry-run: 'true'}", all),
        ("pci", &stamp("mesh_namespace/pci"), all),
        ("pci", &stamp("mesh_service/pci/ledger"), all),
        ("pci", &stamp("mesh_service/pci/payments"), all),
        ("istio-system", &stamp("mesh_global_defaults/default"), all),
        ("shop", "", all),
    ] {
        let found = other_policy_findings(namespace, metadata, spec);
        assert!(!found.contains("other-policy"), "{namespace}{metadata} {spec}: {found}");
    }
    for metadata in ["", &stamp("mesh_service/istio-system/payments"), &stamp("mesh_namespace/istio-system")] {
        let found = other_policy_findings("istio-system", metadata, all);
        assert!(found.contains("AuthorizationPolicy istio-system/theirs"), "{metadata}: {found}");
    }
    let cluster = other_policy("pci", "", all);
    for arguments in [
        "authorization_mode = \"off\"\nresiliency = \"low\"",
        "authorization_mode = \"dry_run\"",
        "replaces = [\"AuthorizationPolicy/theirs\"]",
    ] {
        let found = findings(&format!("{WEB}\n{arguments}"), &cluster, &[]);
        assert!(!found.contains("other-policy"), "{arguments}: {found}");
    }
}

/// The cluster with another Service of the same pods, which has this port.
fn second_service(port: &str) -> String {
    with_objects(&format!(
        "kind: Service\nmetadata: {{name: legacy, namespace: pci}}\nspec: {{selector: {{app: payments}}, ports: [{port}]}}"
    ))
}

#[test]
fn second_service_of_the_same_pods() {
    check(
        MESH_ACCESS,
        &second_service("{name: tcp, port: 8080}"),
        &expect![[r#"
        warn at port: Services disagree on the protocol of a target port
          Another Service declares another protocol for the same target port of these pods: pci/legacy (tcp on 8080, http here). The sidecar applies one protocol to the whole port. Declare the same protocol in both Services, or use separate target ports. (IST0116)
    "#]],
    );
    check(
        MESH_ACCESS,
        &second_service("{name: http, port: 80, targetPort: web}"),
        &expect![[r#"
        warn at port: Services disagree on the port of a target port
          Another Service maps another port number to the same target port of these pods: pci/legacy (80 for 8080, 8080 here). The sidecar uses only one of the numbers for inbound requests, so metrics and routes of the other are wrong. Use the same number in both Services, or separate target ports. (IST0137)
    "#]],
    );
    for port in ["{name: http, port: 8080}", "{name: metrics, port: 9090}", "{name: web, port: 8080}"] {
        assert_eq!(findings(MESH_ACCESS, &second_service(port), &[]), "", "{port}");
    }
}

/// The cluster with an object of another `mesh_service` that records these arguments.
fn second_resource(arguments: &str) -> String {
    with_objects(&format!(
        "kind: DestinationRule\nmetadata: {{name: legacy-pci, namespace: pci, annotations: {{\
         terraform-provider-mesh/resource: mesh_service/pci/legacy, terraform-provider-mesh/arguments: '{arguments}'}}}}\n\
         spec: {{host: legacy.pci.svc.cluster.local}}"
    ))
}

#[test]
fn resource_with_the_same_pods_or_service_account() {
    check(
        MESH_ACCESS,
        &second_resource(r#"{"name": "legacy", "selector": {"app": "payments"}}"#),
        &expect![[r#"
        warn at selector: Another mesh_service selects the same pods
          mesh_service pci/legacy selects pods that app=payments selects here, so each admits the callers of the other. Select by labels that only one of the workloads carries. (shared-workload)
    "#]],
    );
    check(
        MESH_ACCESS,
        &second_resource(r#"{"name": "legacy", "service_account": "payments"}"#),
        &expect![[r#"
        warn at service_account: Another mesh_service has the same identity
          mesh_service pci/legacy runs as payments as well, so a rule that admits one of them admits both. Give each workload a service account of its own. (shared-account)
    "#]],
    );
    assert!(
        findings(MESH_ACCESS, &second_resource(r#"{"name": "legacy", "selector": {"version": "v1"}}"#), &[])
            .contains("shared-workload")
    );
    for arguments in [r#"{"name": "legacy"}"#, r#"{"name": "legacy", "selector": {"app": "legacy"}}"#] {
        assert_eq!(findings(MESH_ACCESS, &second_resource(arguments), &[]), "", "{arguments}");
    }
}

/// Recorded arguments that are read in part must not be completed with defaults: these have the name `payments`, so that the
/// default selector and the default service account would be those of `payments` in `pci`.
#[test]
fn recorded_arguments_that_cannot_be_decoded_are_skipped() {
    let readable = findings(MESH_ACCESS, &second_resource(r#"{"name": "payments"}"#), &[]);
    assert!(readable.contains("shared-workload") && readable.contains("shared-account"), "{readable}");
    for (arguments, reason) in [
        (r#"{"name": "payments", "selector": {"app": "#, "cut"),
        (r#"{"name": "payments", "selector": "app=legacy", "service_account": "legacy"}"#, "a value of another type"),
        (r#"{"name": "payments", "workload": {"app": "legacy"}}"#, "an argument of another version"),
        (r#"{"name": "payments", "port": [{"number": 80, "listener": "http"}]}"#, "a block of another version"),
        ("payments", "no JSON"),
        ("null", "no arguments"),
        ("", "empty"),
    ] {
        assert_eq!(findings(MESH_ACCESS, &second_resource(arguments), &[]), "", "{reason}: {arguments}");
    }
}

/// An apply that ended early may leave arguments on two objects.
#[test]
fn one_of_several_records_is_enough() {
    let record = r#"{"name": "legacy", "selector": {"app": "payments"}}"#;
    for other in ["", r#"{"name": "legacy", "other_version": 1}"#, r#"{"name": "legacy"}"#] {
        let sidecar = |text: &str| {
            second_resource(text)
                .replace("DestinationRule", "Sidecar")
                .replace("{host: legacy.pci.svc.cluster.local}", "{}")
        };
        for (first, second) in [(record, other), (other, record)] {
            let live = format!("{}\n---\n{}", second_resource(first), sidecar(second));
            let findings = findings(MESH_ACCESS, &live, &[]);
            assert!(findings.contains("shared-workload"), "{first} and {second}: {findings}");
        }
    }
}

#[test]
fn resource_that_records_no_arguments() {
    let unrecorded = second_resource("").replace(", terraform-provider-mesh/arguments: ''", "");
    check(
        MESH_ACCESS,
        &unrecorded,
        &expect![[r#"
            warn at selector: Other services don't record their arguments
              The mesh_service pci/legacy was written with record_arguments = false, so whether it selects the same pods or has the same service account isn't known. (shared-workload)
        "#]],
    );
}

/// The arguments may stand on an object of the kind that isn't visible.
#[test]
fn unrecorded_arguments_are_reported_only_if_all_objects_are_visible() {
    let unrecorded = second_resource("").replace(", terraform-provider-mesh/arguments: ''", "");
    for kind in ["ServiceEntry", "ServiceAccount"] {
        assert_eq!(findings(MESH_ACCESS, &unrecorded, &[kind]), "", "{kind}");
    }
}

#[test]
fn arguments_on_each_kind_of_object_are_found() {
    let record = r#"{"name": "legacy", "selector": {"app": "payments"}}"#;
    for kind in [
        "ServiceEntry",
        "DestinationRule",
        "VirtualService",
        "AuthorizationPolicy",
        "Sidecar",
        "Service",
        "ServiceAccount",
    ] {
        let live = second_resource(record)
            .replace("kind: DestinationRule", &format!("kind: {kind}"))
            .replace("{host: legacy.pci.svc.cluster.local}", "{}");
        let findings = findings(MESH_ACCESS, &live, &[]);
        assert!(findings.contains("shared-workload"), "{kind}: {findings}");
    }
}

/// A check reads only the arguments that it needs, so that a value that this version refuses skips that check alone.
#[test]
fn recorded_argument_with_a_refused_value_skips_only_its_check() {
    for (arguments, skipped, found) in [
        (r#"{"name": "payments", "selector": {}}"#, "shared-workload", "shared-account"),
        (r#"{"name": "payments", "selector": {"app": null}}"#, "shared-workload", "shared-account"),
        (r#"{"name": "payments", "service_account": "Not A Name"}"#, "shared-account", "shared-workload"),
    ] {
        let findings = findings(MESH_ACCESS, &second_resource(arguments), &[]);
        assert!(findings.contains(found) && !findings.contains(skipped), "{arguments}: {findings}");
    }
}

#[test]
fn second_object_for_the_global_name() {
    let named = "access = \"mesh\"\nglobal_name = \"payments.example.internal\"";
    let entry = |kind: &str| {
        format!(
            "kind: {kind}\nmetadata: {{name: theirs, namespace: shop}}\nspec: {{hosts: [payments.example.internal]}}"
        )
    };
    check(
        named,
        &with_objects(&entry("ServiceEntry")),
        &expect![[r#"
        warn at global_name: Global name is defined by two objects
          ServiceEntry shop/theirs defines payments.example.internal as well: callers of that name reach one of the two, usually the older one. Remove the other one, or choose another global_name. (IST0177)
    "#]],
    );
    check(
        named,
        &with_objects(&entry("VirtualService")),
        &expect![[r#"
        warn at global_name: The global name is routed elsewhere
          VirtualService shop/theirs routes payments.example.internal as well. Istio doesn't merge the two: one applies, the other has no effect. Remove the other one, or choose another global_name. (IST0109)
    "#]],
    );
    assert_eq!(findings(MESH_ACCESS, &with_objects(&entry("ServiceEntry")), &[]), "", "the service has no global name");
    let own = entry("ServiceEntry")
        .replace("shop}", "pci, annotations: {terraform-provider-mesh/resource: mesh_service/pci/payments}}");
    assert_eq!(findings(named, &with_objects(&own), &[]), "", "an object of this resource");
}

/// Istio tries the older of two VirtualServices first, independently of their owner.
#[test]
fn overlapping_paths_at_a_gateway() {
    let ingress = "access = \"mesh\"\ningress {\n gateway = \"ingress/front\"\n hosts = [\"pay.example.com\"]\n paths = [\"/api/v2*\"]\n}";
    let with = |arguments: &str, route: &str| {
        let gateway = "kind: Gateway\nmetadata: {name: front, namespace: ingress}\nspec: {servers: [{hosts: ['*']}]}";
        let route = format!("kind: VirtualService\nmetadata: {{name: theirs, namespace: shop}}\nspec: {route}");
        findings(arguments, &with_objects(&format!("{gateway}\n---\n{route}")), &[])
    };
    let theirs = |uri: &str| {
        format!("{{gateways: [ingress/front], hosts: [pay.example.com], http: [{{match: [{{uri: {uri}}}]}}]}}")
    };
    let found = with(ingress, &theirs("{prefix: /api}"));
    expect![[r#"
        warn at ingress: Another VirtualService overlaps at a gateway
          VirtualService shop/theirs routes /api* of pay.example.com at ingress/front, and this service routes /api/v2* of pay.example.com at ingress/front. Which of the two gets requests that match both depends on their exportTo and their ages. Write hosts or paths that don't overlap. If this run changes the other VirtualService, ignore this. (overlapping-ingress)
    "#]].assert_eq(&found);
    for (route, description) in [
        (theirs("{prefix: /web}"), "another path"),
        (theirs("{prefix: /}"), "a rule for all paths comes last"),
        (theirs("{prefix: /api}").replace("ingress/front", "ingress/back"), "another gateway"),
        (theirs("{prefix: /api}").replace("pay.example.com", "shop.example.com"), "another host"),
    ] {
        assert_eq!(with(ingress, &route), "", "{description}");
    }
    let tls = "port {\n number = 8443\n protocol = \"tls\"\n}\ningress {\n gateway = \"ingress/front\"\n protocol = \"tls\"\n hosts = [\"pay.example.com\"]\n}\n";
    let passthrough =
        "{gateways: [ingress/front], hosts: [pay.example.com], tls: [{match: [{sniHosts: [pay.example.com]}]}]}";
    assert!(with(&format!("access = \"mesh\"\n{tls}"), passthrough).contains("(overlapping-ingress)"));
}
