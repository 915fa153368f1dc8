//! Values that come at apply: each leaves only those objects unknown that need it, and everything else is known and judged.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{knowledge, payments};
use crate::golden::check;

#[test]
fn unknown_name() {
    knowledge(
        r#"
        name      = unknown
        namespace = "pci"
        port {
          number   = 8080
          protocol = "http"
        }
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = (known after apply)
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = (known after apply)
            principal = (known after apply)
        "#]],
    );
}

#[test]
fn unknown_selector() {
    knowledge(
        &payments(r#"selector = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_service() {
    knowledge(
        &payments(r#"service = unknown"#),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = (known after apply)
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_service_account() {
    knowledge(
        &payments(r#"service_account = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = (known after apply)
        "#]],
    );
}

#[test]
fn unknown_create_service_account() {
    knowledge(
        &payments(r#"create_service_account = unknown"#),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_access() {
    knowledge(
        &payments(r#"access = unknown"#),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_authorization_mode() {
    knowledge(
        &payments(r#"authorization_mode = unknown"#),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_calls() {
    knowledge(
        &payments(r#"calls = unknown"#),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_resiliency() {
    knowledge(
        &payments(r#"resiliency = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = (known after apply)
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_request_timeout() {
    knowledge(
        &payments(r#"request_timeout = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_labels() {
    knowledge(
        &payments(r#"labels = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_annotations() {
    knowledge(
        &payments(r#"annotations = unknown"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_label() {
    knowledge(
        &payments(r#"labels = { team = unknown }"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_destination() {
    knowledge(
        &payments(r#"calls = ["ledger", unknown]"#),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            Sidecar/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_caller() {
    knowledge(
        &payments(
            r#"
        allow {
          from = ["shop/checkout", unknown]
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// Who sees the service depends on callers alone.
#[test]
fn unknown_paths() {
    knowledge(
        &payments(
            r#"
        allow {
          from  = ["shop/checkout"]
          paths = unknown
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["shop/checkout"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_rules() {
    knowledge(
        &payments(r#"allow = unknown"#),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// Whether there is a VirtualService is known when some port is known to speak HTTP.
#[test]
fn an_unknown_protocol() {
    knowledge(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 80
          protocol = unknown
        }
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_protocol_beside_http() {
    knowledge(
        &payments(
            r#"
        port {
          number   = 9000
          protocol = unknown
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_number() {
    knowledge(
        &payments(
            r#"
        service = "managed"
        port {
          number   = unknown
          protocol = "tcp"
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            ServiceAccount/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_ports() {
    knowledge(
        r#"
        name      = "payments"
        namespace = "pci"
        port = unknown
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_timeout_of_the_operation() {
    knowledge(
        &payments(
            r#"
        timeouts {
          create = unknown
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// What is known is judged all the same.
#[test]
fn mistakes_beside_unknowns() {
    check::<Service>(
        &payments(
            "service_account = \"default\"\nallow {\n  from = unknown\n  ports = [8081]\n}\ncalls = [unknown, \"/\"]",
        ),
        &expect![[r#"
            error at calls: Invalid calls
              "/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so rules about it would be about all of them. Give the service an account of its own, and its workload's pods the same serviceAccountName.
            error at allow[0].ports: No port 8081
              The service has port 8080 (http). Write numbers of port blocks (not target ports), or add a port block.
        "#]],
    );
}
