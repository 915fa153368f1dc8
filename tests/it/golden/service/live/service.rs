//! The live Service, and the namespaces that see it.

use expect_test::expect;

use super::{HEALTHY, check, check_registry_only, findings, registry_only_findings, replacing};

const MESH_ACCESS: &str = "access = \"mesh\"";
const PORT: &str = "{name: http, port: 8080}";

#[test]
fn missing_port() {
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: http, port: 80, targetPort: 8080}, {name: dns, port: 8080, protocol: UDP}"),
        &expect![[r#"
            warn at port[0].number: Service doesn't have this port
              Service pci/payments has port 80 alone: port 8080 can't be called, and rules about it have no effect. Write a port of the Service, or add it there. (missing-port)
            warn at port: The Service has ports without a port block
              Service pci/payments has port 80, too, and rules name only declared ports: every call of another port is refused. Write a port block for each port that callers use. (undeclared-port)
        "#]],
    );
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: dns, port: 53, protocol: UDP}"),
        &expect![[r#"
            warn at port[0].number: Service doesn't have this port
              Service pci/payments has no TCP port: port 8080 can't be called, and rules about it have no effect. Write a port of the Service, or add it there. (missing-port)
        "#]],
    );
}

#[test]
fn other_target_port() {
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: http, port: 8080, targetPort: 9090}"),
        &expect![[r#"
            error at port[0].target_port: Service has another target port
              Service pci/payments sends port 8080 to 9090, and rules here are written for 8080: they govern the wrong port. Set target_port to where the workload listens. (other-target-port)
        "#]],
    );
}

#[test]
fn named_target_port() {
    let named = replacing(PORT, "{name: http, port: 8080, targetPort: web}");
    assert_eq!(findings(MESH_ACCESS, &named, &[]), "");
    check(
        MESH_ACCESS,
        &named.replace("containerPort: 8080", "containerPort: 9090"),
        &expect![[r#"
            error at port[0].target_port: Service has another target port
              Service pci/payments sends port 8080 to 9090, the container port named "web", and rules here are written for 8080: they govern the wrong port. Set target_port to where the workload listens. (other-target-port)
        "#]],
    );
    check(
        MESH_ACCESS,
        &named.replace("name: web,", "name: other,"),
        &expect![[r#"
        warn at port[0].target_port: Target port can't be compared
          Service pci/payments sends port 8080 to the container port named "web", and no pod has a port of that name, so its number isn't known. Rules are written for port 8080: make sure that the workload listens there, or correct target_port. (other-target-port)
    "#]],
    );
    assert_eq!(findings(MESH_ACCESS, &named, &["Pod"]), "", "only the pods have the number");
}

#[test]
fn other_protocol() {
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: tcp-web, port: 8080}"),
        &expect![[r#"
        warn at port[0].protocol: Service declares another protocol
          Port 8080 ("tcp-web") of Service pci/payments says that it speaks tcp, and protocol here is http. Proxies go by the Service. Set appProtocol = http there, or name the port http-8080, or correct protocol. (IST0118)
    "#]],
    );
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: web, port: 8080}"),
        &expect![[r#"
        warn at port[0].protocol: Service declares another protocol
          Port 8080 ("web") of Service pci/payments doesn't say what it speaks, so proxies guess by the first bytes, and protocol here is http. Proxies go by the Service. Set appProtocol = http there, or name the port http-8080, or correct protocol. (IST0118)
    "#]],
    );
    check(
        MESH_ACCESS,
        &replacing(PORT, "{name: http, port: 8080, appProtocol: kubernetes.io/h2c}"),
        &expect![[r#"
        warn at port[0].protocol: Service declares another protocol
          Port 8080 ("http") of Service pci/payments says that it speaks http2, and protocol here is http. Proxies go by the Service. Set appProtocol = http there, or name the port http-8080, or correct protocol. (IST0118)
    "#]],
    );
    assert_eq!(
        findings(MESH_ACCESS, &replacing(PORT, "{name: grpc, port: 8080, appProtocol: http}"), &[]),
        "",
        "appProtocol takes precedence over the name"
    );
}

#[test]
fn other_selector() {
    check(
        MESH_ACCESS,
        &replacing("selector: {app: payments}", "selector: {app: payments, release: stable}"),
        &expect![[r#"
        warn at selector: The Service selects other pods
          Service pci/payments selects app=payments, release=stable, and selector here is app=payments. Calls go to the former, and rules hold on the latter. Write the Service's labels as selector. (other-selector)
    "#]],
    );
    check(
        MESH_ACCESS,
        &replacing("selector: {app: payments}, ", ""),
        &expect![[r#"
        warn at selector: The Service selects other pods
          Service pci/payments selects nothing, and selector here is app=payments. Calls go to the former, and rules hold on the latter. Write the Service's labels as selector. (other-selector)
    "#]],
    );
}

#[test]
fn headless_or_external_name_service() {
    check(
        MESH_ACCESS,
        &replacing("spec: {selector", "spec: {clusterIP: None, selector"),
        &expect![[r#"
        warn at service: Some settings don't work with this Service
          Service pci/payments is headless: callers choose a pod by its address, and proxies send there. Versions, ejection and failover don't choose among its pods. Give callers a Service with a cluster IP. (service-type)
    "#]],
    );
    check(
        MESH_ACCESS,
        &replacing("spec: {selector: {app: payments}", "spec: {type: ExternalName, externalName: old.example.com"),
        &expect![[r#"
            warn at service: Some settings don't work with this Service
              Service pci/payments is an ExternalName: it has no pods of its own and is an alias of old.example.com. Configure the mesh_service of that Service instead, or a mesh_external_service if the name is outside the mesh. (service-type)
        "#]],
    );
}

#[test]
fn narrowed_visibility() {
    let with_root_sidecar = |live_objects: &str| {
        format!(
            "{live_objects}---\nkind: Sidecar\nmetadata: {{name: default, namespace: istio-system}}\nspec: {{outboundTrafficPolicy: {{mode: REGISTRY_ONLY}}}}\n"
        )
    };
    let healthy = with_root_sidecar(HEALTHY);
    let exported_to = |namespaces: &str| {
        with_root_sidecar(&replacing(
            "{name: payments, namespace: pci}\nspec: {selector",
            &format!(
                "{{name: payments, namespace: pci, annotations: {{networking.istio.io/exportTo: \"{namespaces}\"}}}}\nspec: {{selector"
            ),
        ))
    };
    check_registry_only(
        "",
        &healthy,
        &expect![[r#"
            warn at allow: Fewer namespaces see the live service
              Service pci/payments is visible to every namespace today, and to pci after this apply. Calls from all others fail from then on. If workloads there should still call, add them to allow, or apply with authorization_mode = "dry_run" first: the service stays visible, the proxies count the calls that would be refused, and you enforce when there are none. (narrowed-visibility)
        "#]],
    );
    check_registry_only(
        "allow {\n  from = [\"shop/checkout\"]\n}",
        &exported_to("., shop, audit"),
        &expect![[r#"
            warn at allow: Fewer namespaces see the live service
              Service pci/payments is visible to audit, pci, shop today, and to pci, shop after this apply. Calls from audit fail from then on. If workloads there should still call, add them to allow, or apply with authorization_mode = "dry_run" first: the service stays visible, the proxies count the calls that would be refused, and you enforce when there are none. (narrowed-visibility)
        "#]],
    );
    assert_eq!(registry_only_findings("allow {\n  from = [\"shop/checkout\"]\n}", &exported_to(".,shop"), &[]), "");
    assert_eq!(
        registry_only_findings("allow {\n  from = [\"shop/checkout\"]\n}", &exported_to("."), &[]),
        "",
        "more namespaces see it"
    );
    assert_eq!(
        registry_only_findings("authorization_mode = \"dry_run\"", &healthy, &[]),
        "",
        "a dry run leaves the visibility as it is"
    );
}

/// Rules name the declared ports, so an enforced policy leaves the others closed.
#[test]
fn undeclared_port() {
    let second = replacing(PORT, "{name: http, port: 8080}, {name: http-admin, port: 9090}");
    check(
        MESH_ACCESS,
        &second,
        &expect![[r#"
        warn at port: The Service has ports without a port block
          Service pci/payments has port 9090, too, and rules name only declared ports: every call of another port is refused. Write a port block for each port that callers use. (undeclared-port)
    "#]],
    );
    let dry_run = findings("access = \"mesh\"\nauthorization_mode = \"dry_run\"", &second, &[]);
    assert!(dry_run.contains("with authorization_mode = \"enforce\" every call"), "{dry_run}");
}
