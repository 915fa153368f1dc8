//! What is wrong, where, why, and what to do: all of it at once.

use expect_test::expect;
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::check;

#[test]
fn nothing_written() {
    check::<GlobalDefaults>(
        "",
        &expect![[r#"
            error: The resource says nothing
              Nothing holds for the mesh that isn't written. Write mtls, authorization (with a mode other than "off"), sidecar, outbound_traffic_policy or resiliency, or remove the resource.
        "#]],
    );
}

#[test]
fn authorization_off_alone() {
    check::<GlobalDefaults>(
        r#"
        authorization {
          mode = "off"
        }
        timeouts {}
    "#,
        &expect![[r#"
            error: The resource says nothing
              Nothing holds for the mesh that isn't written. Write mtls, authorization (with a mode other than "off"), sidecar, outbound_traffic_policy or resiliency, or remove the resource.
        "#]],
    );
}

/// Five, to be exact.
#[test]
fn three_mistakes_at_once() {
    check::<GlobalDefaults>(
        r#"
        outbound_traffic_policy = "REGISTRY_ONLY"
        resiliency              = "best"
        mtls {
          mode = "STRICT"
        }
        authorization {}
        sidecar {
          egress_hosts = ["payments", "pci/payments", "Shop/*"]
        }
    "#,
        &expect![[r#"
            error at outbound_traffic_policy: Invalid outbound_traffic_policy
              "REGISTRY_ONLY" isn't one of "registry_only", "allow_any".
            error at resiliency: Invalid resiliency
              "best" isn't one of "low", "medium", "high", "none".
            error at mtls.mode: Invalid mtls.mode
              "STRICT" isn't one of "strict", "permissive", "disable".
            error at authorization.mode: Missing required argument
              The argument authorization.mode is required, but no value was set.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "Shop/*" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "payments" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              "pci/payments" isn't a host of the mesh. Write "namespace/host", like "./*" (the workload's own namespace), "istio-system/*" or "shop/catalog.shop.svc.cluster.local"; hosts are whole names.
        "#]],
    );
}

#[test]
fn no_egress_hosts() {
    check::<GlobalDefaults>(
        r#"
        sidecar {
          egress_hosts = []
        }
    "#,
        &expect![[r#"
            error at sidecar.egress_hosts: Invalid sidecar.egress_hosts
              At least one host. Got [].
        "#]],
    );
}
