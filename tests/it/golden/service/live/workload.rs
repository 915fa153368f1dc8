//! The namespace, its pods and their identity.

use expect_test::expect;

use super::{HEALTHY, check, findings, replacing, with_objects};

/// Every namespace sees the service, as its live Service says.
const MESH_ACCESS: &str = "access = \"mesh\"";

#[test]
fn namespace_without_injection() {
    let not_injected = replacing(", labels: {istio-injection: enabled}", "")
        .replace(", {name: istio-proxy, securityContext: {runAsUser: 1337}}", "");
    check(
        MESH_ACCESS,
        &not_injected,
        &expect![[r#"
        warn at namespace: The namespace gets no sidecars
          pci is labelled with neither istio-injection nor istio.io/rev, so its pods start without a sidecar, and no rule of this service holds there. Label it istio-injection=enabled, or istio.io/rev with the revision, and restart the workload. (IST0102)
    "#]],
    );
    let disabled =
        not_injected.replace("{name: pci}", "{name: pci, labels: {istio-injection: disabled, istio.io/rev: prod}}");
    check(
        MESH_ACCESS,
        &disabled,
        &expect![[r#"
        warn at namespace: The namespace gets no sidecars
          pci is labelled istio-injection=disabled and istio.io/rev=prod, so its pods start without a sidecar, and no rule of this service holds there. Label it istio-injection=enabled, or istio.io/rev with the revision, and restart the workload. (IST0102)
        warn at namespace: The namespace has two labels for injection
          pci is labelled istio-injection=disabled and istio.io/rev=prod. Istio goes by istio-injection and ignores the other, so an upgrade by revision passes it by. Remove one of them. (IST0123)
    "#]],
    );
}

#[test]
fn injection_by_revision_or_by_pod() {
    assert_eq!(findings(MESH_ACCESS, &replacing("istio-injection: enabled", "istio.io/rev: prod"), &[]), "");
    assert_eq!(
        findings(MESH_ACCESS, &replacing(", labels: {istio-injection: enabled}", ""), &[]),
        "",
        "the pods have sidecars by labels of their own"
    );
}

#[test]
fn two_injection_labels() {
    check(
        MESH_ACCESS,
        &replacing("istio-injection: enabled", "istio-injection: enabled, istio.io/rev: prod"),
        &expect![[r#"
        warn at namespace: The namespace has two labels for injection
          pci is labelled istio-injection=enabled and istio.io/rev=prod. Istio goes by istio-injection and ignores the other, so an upgrade by revision passes it by. Remove one of them. (IST0123)
    "#]],
    );
}

#[test]
fn ambient_mode() {
    check(
        MESH_ACCESS,
        &replacing("istio-injection: enabled", "istio-injection: enabled, istio.io/dataplane-mode: ambient"),
        &expect![[r#"
            error at namespace: Ambient mode isn't supported
              Namespace pci is labelled istio.io/dataplane-mode=ambient. This configuration applies to sidecars: without them, authorization doesn't work as configured. Remove the label and inject sidecars, or leave the service out. (IST0167)
        "#]],
    );
    check(
        MESH_ACCESS,
        &replacing("version: v1", "istio.io/dataplane-mode: ambient"),
        &expect![[r#"
        error at namespace: Ambient mode isn't supported
          In pci, payments-1 is labelled istio.io/dataplane-mode=ambient. This configuration applies to sidecars: without them, authorization doesn't work as configured. Remove the label and inject sidecars, or leave the service out. (IST0167)
    "#]],
    );
}

#[test]
fn selector_without_pods() {
    check(
        &format!("{MESH_ACCESS}\nselector = {{ app = \"payments\", tier = \"web\" }}\nservice = \"managed\""),
        HEALTHY,
        &expect![[r#"
            warn at selector: selector matches no pod
              No pod in pci is labelled app=payments, tier=web, so no rule of this service holds anywhere. If its workload is deployed later, ignore this; otherwise correct selector. (IST0127)
        "#]],
    );
    let finished = replacing("spec:\n  serviceAccountName", "status: {phase: Succeeded}\nspec:\n  serviceAccountName");
    check(
        MESH_ACCESS,
        &finished,
        &expect![[r#"
        warn at selector: selector matches no pod
          No pod in pci is labelled app=payments, so no rule of this service holds anywhere. If its workload is deployed later, ignore this; otherwise correct selector. (IST0127)
    "#]],
    );
}

#[test]
fn service_that_is_not_deployed_yet_has_no_findings() {
    let namespace = "kind: Namespace\nmetadata: {name: pci, labels: {istio-injection: enabled}}";
    assert_eq!(findings(&format!("{MESH_ACCESS}\nresiliency = \"low\""), namespace, &[]), "");
}

#[test]
fn pods_without_a_sidecar() {
    let second = "kind: Pod
metadata: {name: payments-2, namespace: pci, labels: {app: payments}}
spec: {serviceAccountName: payments, containers: [{name: app}]}";
    check(
        MESH_ACCESS,
        &with_objects(second),
        &expect![[r#"
        warn at selector: Pods without a sidecar
          1 of 2 pods in pci have no container istio-proxy: payments-2. No request is refused there, and under strict mutual TLS their own calls fail. Restart the workload, and see that no pod is annotated or labelled sidecar.istio.io/inject=false. (IST0103)
    "#]],
    );
    let native =
        second.replace("containers:", "initContainers: [{name: istio-proxy, restartPolicy: Always}], containers:");
    assert_eq!(findings(MESH_ACCESS, &with_objects(&native), &[]), "", "a native sidecar is an init container");
}

#[test]
fn container_with_the_user_of_the_sidecar() {
    check(
        MESH_ACCESS,
        &replacing("{name: app,", "{name: app, securityContext: {runAsUser: 1337},"),
        &expect![[r#"
        warn at selector: Container runs as user 1337, the sidecar's
          Containers of payments-1 in pci run as user 1337, whose traffic bypasses the sidecar, unencrypted and without authorization. Give them another runAsUser. (IST0144)
    "#]],
    );
    let by_pod = replacing(
        "spec:\n  serviceAccountName: payments",
        "spec:\n  securityContext: {runAsUser: 1337}\n  serviceAccountName: payments",
    );
    assert!(findings(MESH_ACCESS, &by_pod, &[]).contains("IST0144"));
    let by_container = by_pod.replace("{name: app,", "{name: app, securityContext: {runAsUser: 1000},");
    assert_eq!(findings(MESH_ACCESS, &by_container, &[]), "");
}

#[test]
fn pods_with_another_service_account() {
    check(
        MESH_ACCESS,
        &replacing("  serviceAccountName: payments\n", ""),
        &expect![[r#"
        warn at service_account: Pods run as another service account
          In pci, payments-1 run as service account default, not as payments. Services that they call see that identity, so rules that admit cluster.local/ns/pci/sa/payments don't admit them. Correct serviceAccountName in the workload, or service_account here. (other-account)
    "#]],
    );
}

#[test]
fn missing_service_account() {
    check(
        MESH_ACCESS,
        &replacing("kind: ServiceAccount\nmetadata: {name: payments,", "kind: ServiceAccount\nmetadata: {name: other,"),
        &expect![[r#"
            warn at service_account: ServiceAccount doesn't exist
              pci has no ServiceAccount payments, and pods that name it don't start. Let the workload's chart make it, or set create_service_account = true. (missing-account)
        "#]],
    );
}
