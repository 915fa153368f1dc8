//! Others' objects for the same host or the same pods.

use expect_test::expect;

use super::{and, check, told};

const OPEN: &str = "access = \"mesh\"";
const OURS: &str = "annotations: {terraform-provider-mesh/resource: mesh_service/pci/payments}";

#[test]
fn a_second_virtual_service() {
    for host in ["payments", "payments.pci.svc.cluster.local"] {
        let route =
            format!("kind: VirtualService\nmetadata: {{name: theirs, namespace: pci}}\nspec: {{hosts: [{host}]}}");
        assert!(told(OPEN, &and(&route), &[]).contains("IST0109"), "{host}");
        assert_eq!(told(OPEN, &and(&route.replace("pci}", &format!("pci, {OURS}}}"))), &[]), "", "ours");
        assert_eq!(
            told(OPEN, &and(&route.replace("{hosts", "{gateways: [istio-system/door], hosts")), &[]),
            "",
            "a gateway's"
        );
        assert_eq!(
            told(OPEN, &and(&route.replace("theirs", "payments-pci")), &[]),
            "",
            "the engine judges whose that is"
        );
        let replaces = format!("{OPEN}\nreplaces = [\"VirtualService/theirs\"]");
        assert_eq!(told(&replaces, &and(&route), &[]), "", "it goes");
        let unmanaged = format!("{OPEN}\nunmanaged = [\"VirtualService\"]");
        assert_eq!(told(&unmanaged, &and(&route), &[]), "", "left to others");
    }
    check(
        OPEN,
        &and("kind: VirtualService\nmetadata: {name: theirs, namespace: pci}\nspec: {hosts: [payments]}"),
        &expect![[r#"
            warn: Another VirtualService is for the same host
              VirtualService pci/theirs routes payments.pci.svc.cluster.local as well. Istio doesn't merge the two: the older one works, the other does nothing. Remove theirs, or name it in replaces, or leave the routes to them with unmanaged = ["VirtualService"]. (IST0109)
        "#]],
    );
}

#[test]
fn a_second_destination_rule() {
    let rule = "kind: DestinationRule\nmetadata: {name: theirs, namespace: pci}\nspec: {host: payments}";
    check(
        OPEN,
        &and(rule),
        &expect![[r#"
        warn: Another DestinationRule is for the same host
          DestinationRule pci/theirs is for payments.pci.svc.cluster.local as well: of two traffic policies the older one holds. Remove theirs, or name it in replaces, or leave it to them with unmanaged = ["DestinationRule"]. (second-destination-rule)
    "#]],
    );
    assert_eq!(told(OPEN, &and(&rule.replace("host: payments", "host: ledger")), &[]), "");
    assert_eq!(told(&format!("{OPEN}\nunmanaged = [\"DestinationRule\"]"), &and(rule), &[]), "", "left to others");
}

#[test]
fn a_second_sidecar() {
    let sidecar =
        "kind: Sidecar\nmetadata: {name: theirs, namespace: pci}\nspec: {workloadSelector: {labels: {version: v1}}}";
    check(
        &format!("{OPEN}\ncalls = []"),
        &and(sidecar),
        &expect![[r#"
        warn at calls: Another Sidecar selects the same pods
          Sidecar pci/theirs selects pods of this service as well, and which of the two holds there is by chance. Remove theirs, or name it in replaces, or leave out calls here. (IST0110)
    "#]],
    );
    assert_eq!(told(OPEN, &and(sidecar), &[]), "", "none is written here");
    let others = [
        sidecar.replace("version: v1", "version: v2"),
        sidecar.replace("{workloadSelector: {labels: {version: v1}}}", "{}"),
    ];
    for other in others {
        assert_eq!(told(&format!("{OPEN}\ncalls = []"), &and(&other), &[]), "", "{other}");
    }
}

/// Another Service of the same pods with this port.
fn second_service(port: &str) -> String {
    and(&format!(
        "kind: Service\nmetadata: {{name: legacy, namespace: pci}}\nspec: {{selector: {{app: payments}}, ports: [{port}]}}"
    ))
}

#[test]
fn another_service_of_the_same_pods() {
    check(
        OPEN,
        &second_service("{name: tcp, port: 8080}"),
        &expect![[r#"
        warn at port: Another Service speaks another protocol there
          On the same port of the same pods, two Services say different protocols: pci/legacy (tcp on 8080, http here). The sidecar there takes one of them for all. Let them agree, or give each a port of its own. (IST0116)
    "#]],
    );
    check(
        OPEN,
        &second_service("{name: http, port: 80, targetPort: web}"),
        &expect![[r#"
        warn at port: Another Service has another port for the pods
          The same port of the same pods has two numbers in two Services: pci/legacy (80 for 8080, 8080 here). The sidecar there knows it by one of them, so metrics and routes of the other are off. Let them agree. (IST0137)
    "#]],
    );
    for fine in ["{name: http, port: 8080}", "{name: metrics, port: 9090}", "{name: web, port: 8080}"] {
        assert_eq!(told(OPEN, &second_service(fine), &[]), "", "{fine}");
    }
}

/// Another `mesh_service`, by what it recorded.
fn second_resource(arguments: &str) -> String {
    and(&format!(
        "kind: DestinationRule\nmetadata: {{name: legacy-pci, namespace: pci, annotations: {{\
         terraform-provider-mesh/resource: mesh_service/pci/legacy, terraform-provider-mesh/arguments: '{arguments}'}}}}\n\
         spec: {{host: legacy.pci.svc.cluster.local}}"
    ))
}

#[test]
fn another_resource_of_the_same_pods_or_identity() {
    check(
        OPEN,
        &second_resource(r#"{"name": "legacy", "selector": {"app": "payments"}}"#),
        &expect![[r#"
        warn at selector: Another mesh_service selects the same pods
          mesh_service pci/legacy selects pods that app=payments selects here, so each lets in whom the other allows. Select by labels that only one of the workloads carries. (shared-workload)
    "#]],
    );
    check(
        OPEN,
        &second_resource(r#"{"name": "legacy", "service_account": "payments"}"#),
        &expect![[r#"
        warn at service_account: Another mesh_service has the same identity
          mesh_service pci/legacy runs as payments as well, so whoever allows one of them allows both. Give each workload a service account of its own. (shared-account)
    "#]],
    );
    assert!(
        told(OPEN, &second_resource(r#"{"name": "legacy", "selector": {"version": "v1"}}"#), &[])
            .contains("shared-workload")
    );
    for fine in [r#"{"name": "legacy"}"#, r#"{"name": "legacy", "selector": {"app": "legacy"}}"#, "odd"] {
        assert_eq!(told(OPEN, &second_resource(fine), &[]), "", "{fine}");
    }
}
