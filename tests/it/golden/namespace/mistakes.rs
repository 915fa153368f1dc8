//! Diagnostics of faulty configurations. One validation reports all of them.

use expect_test::expect;
use terraform_provider_mesh::{mesh::Mesh, resources::namespace::Namespace};

use crate::golden::{check, check_in, mesh};

#[test]
fn all_mistakes_are_reported() {
    check::<Namespace>(
        r#"
        name               = "Shop"
        team               = "a b"
        authorization_mode = "deny"
        calls              = ["shop/"]
        mtls {
          mode = "STRICT"
          exception {
            service = "a_b"
          }
        }
        rbac {
          groups           = [""]
          service_accounts = ["a/b/c"]
        }
    "#,
        &expect![[r#"
            error at name: Invalid name
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "Shop".
            error at team: Invalid team
              A label's value: letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most. Got "a b".
            error at calls: Invalid calls
              "shop/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at authorization_mode: Invalid authorization_mode
              "deny" isn't one of "off", "audit", "dry_run", "enforce".
            error at mtls.mode: Invalid mtls.mode
              "STRICT" isn't a value; write it in lower case: "strict".
            error at mtls.exception[0].service: Invalid mtls.exception[0].service
              Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most. Got "a_b".
            error at mtls.exception[0].port: Missing required argument
              The argument mtls.exception[0].port is required, but no value was set.
            error at rbac.groups: Invalid rbac.groups
              Names that aren't empty. Got [""].
            error at rbac.service_accounts: Invalid rbac.service_accounts
              "a/b/c" isn't a ServiceAccount. Write "ci/shop-pipeline" (namespace and name), or "pipeline" (of this namespace).
        "#]],
    );
}

#[test]
fn injection_and_revision() {
    check::<Namespace>(
        r#"
        name      = "shop"
        injection = false
        revision  = "stable"
    "#,
        &expect![[r#"
            error at revision: injection combined with revision
              injection and revision conflict: with both labels Istio goes by istio-injection and ignores the revision. Remove one of them. (IST0123)
        "#]],
    );
}

#[test]
fn labels_of_other_arguments() {
    check::<Namespace>(
        r#"
        name   = "shop"
        team   = "storefront"
        labels = { team = "x", istio-injection = "enabled", "istio.io/dataplane-mode" = "ambient" }
    "#,
        &expect![[r#"
            error at labels["istio.io/dataplane-mode"]: Reserved key
              istio.io/dataplane-mode is reserved: Istio or this provider uses it. Remove it, and use the argument that sets it.
            error at labels["istio-injection"]: Reserved key
              istio-injection decides whether pods get a sidecar. Remove it, and write injection or revision.
            error at labels["team"]: team combined with a label team
              The argument team writes the label of the same name. Remove one of them.
        "#]],
    );
}

#[test]
fn existing_namespace_without_arguments() {
    check::<Namespace>(
        r#"
        name   = "shop"
        create = false
    "#,
        &expect![[r#"
            error at create: No objects to create: set at least one argument
              With create = false only what is set here is managed: write team, injection, revision, labels, annotations, pod_security, calls, authorization_mode, rate_limit, telemetry, mtls or rbac, or remove the resource.
        "#]],
    );
}

#[test]
fn rbac_without_subjects() {
    check::<Namespace>(
        r#"
        name = "shop"
        rbac {
          groups = []
        }
    "#,
        &expect![[r#"
            error at rbac: rbac without groups, users or service_accounts
              Write groups, users or service_accounts: who works in the namespace. Without them, remove the block.
        "#]],
    );
}

#[test]
fn contradictory_mtls_exceptions() {
    check::<Namespace>(
        r#"
        name = "shop"
        mtls {
          exception {
            service = "catalog"
            port    = 80
          }
          exception {
            service     = "catalog"
            port        = 8080
            target_port = 80
          }
          exception {
            service  = "catalog"
            selector = { tier = "api" }
            port     = 9090
          }
          exception {
            service  = "other"
            selector = { "a b" = "c d" }
            port     = 80
          }
          exception {
            service  = "catalog-admin"
            selector = { app = "catalog" }
            port     = 9091
          }
        }
    "#,
        &expect![[r#"
            error at mtls.exception[3].selector["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
            error at mtls.exception[3].selector["a b"]: Invalid label value
              "c d": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
            error at mtls.exception[1].port: Duplicate port
              Another exception of catalog is for target port 80, too. Set its mode in one of them.
            error at mtls.exception[2].selector: Two selectors of one service
              The exceptions of catalog share one PeerAuthentication, since Istio merges no two for one workload. Write the same selector in each.
            error at mtls.exception[4].service: Two services of the same pods
              Exceptions of catalog are for the same pods, and Istio applies only one PeerAuthentication to a pod, the oldest. Write service = "catalog" here, too, and the port by its target_port.
        "#]],
    );
}

#[test]
fn cluster_host_in_calls() {
    check::<Namespace>(
        r#"
        name  = "shop"
        calls = ["payments.pci.svc.cluster.local"]
    "#,
        &expect![[r#"
            error at calls: payments.pci.svc.cluster.local is a host of the cluster
              In calls, payments.pci.svc.cluster.local would be looked for among external services. Write "pci/payments" for a service of the cluster.
        "#]],
    );
}

/// Policies and Sidecars of the root namespace apply to the whole mesh, so their arguments are refused. Labels and
/// RoleBindings apply to the namespace alone.
#[test]
fn root_namespace() {
    check::<Namespace>(
        r#"
        name               = "istio-system"
        create             = false
        team               = "platform"
        calls              = []
        authorization_mode = "enforce"
        mtls {}
        rbac {
          groups = ["platform"]
        }
    "#,
        &expect![[r#"
            error at calls: Namespace objects would apply to the whole mesh
              Configuration in the root namespace istio-system applies to every namespace. Configure it in mesh_global_defaults, and remove calls here.
            error at authorization_mode: Namespace objects would apply to the whole mesh
              Configuration in the root namespace istio-system applies to every namespace. Configure it in mesh_global_defaults, and remove authorization_mode here.
            error at mtls: Namespace objects would apply to the whole mesh
              Configuration in the root namespace istio-system applies to every namespace. Configure it in mesh_global_defaults, and remove mtls here.
        "#]],
    );
    let other_mesh = Mesh { root_namespace: "mesh".to_owned(), ..mesh() };
    check_in::<Namespace>(
        &other_mesh,
        r#"
        name   = "istio-system"
        create = false
        calls  = []
    "#,
        &expect![[r#"
            --- # Sidecar/istio-system/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: istio-system
            spec:
              egress:
              - hosts:
                - ./*
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
        "#]],
    );
}

/// Rules of a deny-all that isn't there, or that would admit everyone.
#[test]
fn allow_blocks() {
    let allow = "allow {\n from = [\"monitoring/prometheus\"]\n ports = [9090]\n}";
    let without_deny_all = expect![[r#"
        error at allow: allow without deny-all
          allow adds rules to the deny-all policy of the namespace, which isn't written with this authorization_mode. Without that policy the rules alone would refuse all other requests. Write authorization_mode = "dry_run" or "enforce", or remove the allow blocks.
    "#]];
    for mode in ["", "authorization_mode = \"off\"", "authorization_mode = \"audit\""] {
        check::<Namespace>(&format!("name = \"shop\"\n{mode}\n{allow}"), &without_deny_all);
    }
    check::<Namespace>(
        "name = \"shop\"\nauthorization_mode = \"enforce\"\nallow {\n from = [\"*\"]\n}\nallow {\n from = [\"anonymous\"]\n ports = [9090]\n}",
        &expect![[r#"
            error at allow[0]: Rule of deny-all admits every request
              The block admits every request of every workload, so that deny-all refuses no workload. Write ports, paths, methods or ip_blocks: scrapers and health checks need a port or a path.
            error at allow[1].from: anonymous in allow of a namespace
              The block is for callers with an identity: an account, a namespace or "*". Clients without one are let in service by service: write allow { from = ["anonymous"] } in the mesh_service, and an exception block of mtls for its port where mutual TLS is strict.
        "#]],
    );
}

#[test]
fn rate_limits() {
    check::<Namespace>(
        r#"
        name = "shop"
        rate_limit {
          port     = 8080
          requests = 100
          interval = "20ms"
        }
        rate_limit {
          port     = 8080
          requests = 100
          burst    = 50
        }
        rate_limit {
          selector = { app = "*" }
          requests = 0
        }
    "#,
        &expect![[r#"
            error at rate_limit[0].interval: Invalid rate_limit[0].interval
              At least `50ms`. Got "20ms".
            error at rate_limit[2].port: Missing required argument
              The argument rate_limit[2].port is required, but no value was set.
            error at rate_limit[2].requests: Invalid rate_limit[2].requests
              1 or more. Got 0.
            error at rate_limit[1]: Two rate limits of the same port
              Another rate_limit block has the same selector and port 8080. Write one block for each.
            error at rate_limit[1].burst: burst is less than requests
              A proxy never admits more than 50 requests at once, so it can't admit 100 in an interval. Write a burst of at least 100, or remove it.
            error at rate_limit[2].selector["app"]: Invalid label value
              "*": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
        "#]],
    );
}

#[test]
fn pod_security() {
    check::<Namespace>(
        "name = \"shop\"\npod_security {}",
        &expect![[r#"
        error at pod_security: pod_security without a level
          Write enforce, audit or warn, such as enforce = "baseline", or remove the block.
    "#]],
    );
    check::<Namespace>(
        r#"
        name   = "shop"
        labels = { "pod-security.kubernetes.io/warn" = "baseline" }
        pod_security {
          enforce         = "strict"
          enforce_version = "1.34"
        }
    "#,
        &expect![[r#"
            error at pod_security.enforce: Invalid pod_security.enforce
              "strict" isn't one of "privileged", "baseline", "restricted".
            error at pod_security.enforce_version: Invalid pod_security.enforce_version
              `latest`, or a minor version of Kubernetes like `v1.34`. Got "1.34".
            error at labels["pod-security.kubernetes.io/warn"]: Pod Security label set twice
              The block pod_security writes labels of this kind. Remove the label, and write its value there.
        "#]],
    );
    check::<Namespace>(
        "name = \"shop\"\npod_security {\n warn_version = \"latest\"\n}",
        &expect![[r#"
        error at pod_security.warn_version: Version without a level
          A version says which definition of a level holds, and warn has none. Write warn, or remove it.
    "#]],
    );
}

#[test]
fn telemetry() {
    check::<Namespace>(
        r#"
        name = "shop"
        telemetry {}
        telemetry {
          tracing {
            provider         = "otel"
            tags             = { a = "b" }
            environment_tags = { a = "B" }
          }
          metrics {
            tags         = { "a b" = "", c = "request.host" }
            removed_tags = ["c"]
          }
        }
    "#,
        &expect![[r#"
            error at telemetry[1].metrics.tags: Invalid telemetry[1].metrics.tags
              Expressions that aren't empty. Got {a b, c}.
            error at telemetry[1].metrics.tags: Invalid telemetry[1].metrics.tags
              Names of tags, like `request_host`. Got {a b, c}.
            error at telemetry[0]: Empty telemetry block
              Write tracing, access_logging or metrics in it, or remove the block.
            error at telemetry[1]: Two telemetry blocks for the same workloads
              Another block has the same selector, and Istio takes one Telemetry for a workload. Write both into one block, or give this one another selector. (IST0159)
            error at telemetry[1].tracing.environment_tags["a"]: Duplicate tag
              "a" is in tags, too. A tag has one value: keep one of them.
        "#]],
    );
}

/// Overrides choose an object by its kind and name.
#[test]
fn override_of_an_object_that_is_not_there() {
    check::<Namespace>(
        "name = \"shop\"\ncalls = []\nrate_limit {\n port = 8080\n requests = 1\n}\noverride {\n kind = \"EnvoyFilter\"\n patch = \
         jsonencode({ spec = { priority = 1 } })\n}\noverride {\n kind = \"Namespace\"\n patch = jsonencode({ spec = { a = 1 } })\n}",
        &expect![[r#"
            error at override[0]: override matches no object
              This configuration renders no such object. To patch one that it renders, write kind = "Sidecar"; kind = "EnvoyFilter", suffix = "rate-limit-8080".
            error at override[1]: override matches no object
              This configuration renders no such object. To patch one that it renders, write kind = "Sidecar"; kind = "EnvoyFilter", suffix = "rate-limit-8080".
        "#]],
    );
}

#[test]
fn regular_expression_in_allow() {
    check::<Namespace>(
        "name = \"shop\"\nauthorization_mode = \"enforce\"\nallow {\nfrom = [\"*\"]\npaths = [\"/health/.*\"]\n}",
        &expect![[r#"
            error at allow[0].paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/health/.*" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
        "#]],
    );
}
