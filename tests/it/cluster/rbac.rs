//! The manifests of examples/rbac grant exactly the rights that docs/guides/rbac.md describes.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object;

use crate::support::{
    api::Api,
    control_plane::control_plane,
    polling::wait_until,
    users::{
        Grant::{
            self, AppTeam, GatewayAccess, Guardrails, LiveChecks, LiveChecksCalled, LiveChecksGateways,
            LiveChecksIngress, LiveChecksRoot, LiveChecksSidecars, Plan, Platform,
        },
        documented_manifests,
    },
};

const READ: &[&str] = &["get", "list"];
const WRITE: &[&str] = &["create", "patch", "delete"];

/// How long the API server may take to enforce an admission policy, or to see the labels of a namespace in one.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The kinds of the provider that `grant` may write.
fn writable_kinds(grant: Grant) -> &'static [&'static str] {
    match grant {
        AppTeam => &[
            "Service",
            "ServiceAccount",
            "ServiceEntry",
            "DestinationRule",
            "VirtualService",
            "Sidecar",
            "AuthorizationPolicy",
        ],
        Platform => &[
            "ServiceEntry",
            "DestinationRule",
            "VirtualService",
            "Sidecar",
            "EnvoyFilter",
            "Gateway",
            "AuthorizationPolicy",
            "PeerAuthentication",
            "RequestAuthentication",
            "Telemetry",
        ],
        GatewayAccess => &["AuthorizationPolicy"],
        Grant::JwtNamespaces => &["RequestAuthentication"],
        Guardrails
        | Plan
        | LiveChecks
        | LiveChecksCalled
        | LiveChecksRoot
        | LiveChecksSidecars
        | LiveChecksIngress
        | LiveChecksGateways
        | Grant::MeshCluster
        | Grant::MeshClusterRoot
        | Grant::MeshAccess
        | Grant::Namespaces
        | Grant::NamespacesDestroy
        | Grant::NamespacesRateLimits => &[],
    }
}

/// The kinds of the provider that `grant` may read.
fn readable_kinds(grant: Grant) -> Vec<&'static str> {
    match grant {
        Plan => object::kind::MANAGED.iter().filter(|kind| kind.namespaced).map(|kind| kind.kind).collect(),
        _ => writable_kinds(grant).to_vec(),
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn grants_are_limited_to_their_namespace() {
    let plane = control_plane();
    let elsewhere = plane.namespace("elsewhere");
    for grant in [AppTeam, Platform, GatewayAccess, Grant::JwtNamespaces, Plan] {
        let home = plane.namespace("rbac");
        let api = Api::new(&plane.kubeconfig(&home.user(grant)));
        for kind in object::kind::MANAGED.iter().filter(|kind| kind.namespaced) {
            let is_allowed = |verb: &str, namespace: &str| api.is_allowed(verb, kind.group, kind.plural, namespace, "");
            for verb in READ.iter().chain(WRITE) {
                let granted = if READ.contains(verb) {
                    readable_kinds(grant).contains(&kind.kind)
                } else {
                    writable_kinds(grant).contains(&kind.kind)
                };
                assert_eq!(is_allowed(verb, &home.name), granted, "{grant}: {verb} {} in its namespace", kind.kind);
                assert!(!is_allowed(verb, &elsewhere.name), "{grant}: {verb} {} in another namespace", kind.kind);
                assert!(!is_allowed(verb, ""), "{grant}: {verb} {} in all namespaces", kind.kind);
            }
            assert!(
                !is_allowed("update", &home.name) && !is_allowed("deletecollection", &home.name),
                "{grant}: {} with verbs that the provider doesn't use",
                kind.kind
            );
        }
        for (group, resource) in [("", "namespaces"), ("", "secrets"), ("rbac.authorization.k8s.io", "roles")] {
            assert!(!api.is_allowed("create", group, resource, &home.name, ""), "{grant}: {resource}");
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn cluster_identity_grant_reads_only_kube_system() {
    let plane = control_plane();
    let home = plane.namespace("identity");
    let api = Api::new(&plane.kubeconfig(&home.user(Plan)));
    assert!(api.is_allowed("get", "", "namespaces", "kube-system", "kube-system"));
    assert!(!api.is_allowed("list", "", "namespaces", "", ""));
    assert!(!api.is_allowed("get", "", "namespaces", &home.name, &home.name));
    assert!(!api.is_allowed("patch", "", "namespaces", "kube-system", "kube-system"));
}

/// The rights of each grant for live checks, as verb and resource.
fn live_check_rights(grant: Grant) -> &'static [&'static str] {
    match grant {
        LiveChecks => &["get namespaces", "list pods", "list peerauthentications", "list requestauthentications"],
        LiveChecksCalled => &[
            "get services",
            "list services",
            "list serviceentries",
            "list gateways",
            "list destinationrules",
            "list authorizationpolicies",
        ],
        LiveChecksRoot => &[
            "list serviceentries",
            "list authorizationpolicies",
            "list requestauthentications",
            "list destinationrules",
            "list envoyfilters",
            "list peerauthentications",
            "list telemetries",
        ],
        LiveChecksSidecars => &["list sidecars"],
        LiveChecksIngress => &["list virtualservices"],
        LiveChecksGateways => &["list gateways", "list authorizationpolicies"],
        Grant::MeshCluster => &[
            "list authorizationpolicies",
            "list destinationrules",
            "list gateways",
            "list mutatingwebhookconfigurations",
            "list namespaces",
            "list peerauthentications",
            "list pods",
            "list requestauthentications",
            "list serviceentries",
            "list sidecars",
            "list virtualservices",
        ],
        Grant::MeshClusterRoot => &["list deployments"],
        Grant::MeshAccess => &[
            "get services",
            "list authorizationpolicies",
            "list peerauthentications",
            "list pods",
            "list requestauthentications",
            "list services",
        ],
        _ => &[],
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn live_check_grants_only_read() {
    let plane = control_plane();
    let elsewhere = plane.namespace("unseen");
    let for_all_namespaces = [LiveChecksSidecars, LiveChecksIngress, LiveChecksGateways, Grant::MeshCluster];
    for grant in [LiveChecks, LiveChecksCalled, LiveChecksRoot, Grant::MeshClusterRoot, Grant::MeshAccess]
        .into_iter()
        .chain(for_all_namespaces)
    {
        let is_for_all_namespaces = for_all_namespaces.contains(&grant);
        let home = plane.namespace("seen");
        let api = Api::new(&plane.kubeconfig(&home.user(grant)));
        let kinds = object::kind::MANAGED.iter().chain(object::kind::READ_ONLY);
        for (group, plural) in kinds.map(|kind| (kind.group, kind.plural)).chain([("", "secrets")]) {
            for verb in READ.iter().chain(WRITE).chain(&["watch", "update"]) {
                let is_allowed = |namespace: &str| {
                    let name = if plural == "namespaces" { namespace } else { "" };
                    api.is_allowed(verb, group, plural, namespace, name)
                };
                let granted = live_check_rights(grant).contains(&format!("{verb} {plural}").as_str());
                assert_eq!(is_allowed(&home.name), granted, "{grant}: {verb} {plural} in its namespace");
                let granted = granted && is_for_all_namespaces;
                assert_eq!(is_allowed(&elsewhere.name), granted, "{grant}: {verb} {plural} in another namespace");
                assert_eq!(is_allowed(""), granted, "{grant}: {verb} {plural} in all namespaces");
            }
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespaces_grant_allows_no_privilege_escalation() {
    let plane = control_plane();
    let home = plane.namespace("maker");
    let api = Api::new(&plane.kubeconfig(&home.user(Grant::Namespaces)));
    for (verb, group, resource) in [
        ("create", "", "namespaces"),
        ("delete", "", "namespaces"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("patch", "security.istio.io", "peerauthentications"),
    ] {
        assert!(api.is_allowed(verb, group, resource, "", ""), "{verb} {resource}");
    }
    for (verb, group, resource) in [
        ("escalate", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "rbac.authorization.k8s.io", "roles"),
        ("create", "", "pods"),
        ("create", "apps", "deployments"),
        ("list", "", "configmaps"),
        ("create", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
        ("impersonate", "", "users"),
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("create", "", "pods/exec"),
        ("create", "networking.istio.io", "envoyfilters"),
    ] {
        assert!(!api.is_allowed(verb, group, resource, "", ""), "{verb} {resource}");
    }
}

/// The right to read the configuration of Istio is no right to read other ConfigMaps.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn live_check_grant_reads_one_config_map() {
    let plane = control_plane();
    let home = plane.namespace("config");
    let api = Api::new(&plane.kubeconfig(&home.user(LiveChecksRoot)));
    let may_get = |name: &str| api.is_allowed("get", "", "configmaps", &home.name, name);
    assert!(may_get("istio"));
    assert!(!may_get("istio-ca-root-cert") && !may_get(""));
}

/// A RoleBinding of the fixed role is all that the pipeline may hand out.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespaces_grant_binds_one_cluster_role() {
    let plane = control_plane();
    let home = plane.namespace("binder");
    let api = Api::new(&plane.kubeconfig(&home.user(Grant::Namespaces)));
    let binding = |kind: &str, role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "probe", "namespace": home.name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "team" }],
        })
    };
    api.dry_run(&binding("ClusterRole", "mesh-app-team"), "tests").expect("the role of app-team-role.yaml");
    for role in ["cluster-admin", "system:kube-controller-manager"] {
        let error = api.dry_run(&binding("ClusterRole", role), "tests").expect_err(role);
        assert_eq!(error.code, 403, "{role}: {}", error.message);
    }
}

/// What namespaces.yaml leaves open, since RBAC knows no exceptions: namespaces of the cluster, and pods that take over nodes.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespaces_limits_keep_the_pipeline_out_of_the_cluster() {
    let plane = control_plane();
    let admin = plane.api();
    let apply = |name: &str| documented_manifests(name).iter().for_each(|manifest| admin.apply(manifest, "tests"));
    apply("namespaces");
    apply("namespaces-rate-limits");
    let api = Api::new(&plane.kubeconfig(&plane.certificate_user("pipeline", &["platform-pipelines"])));
    let namespace = |name: &str, level: &str| {
        let labels = json!({ "pod-security.kubernetes.io/enforce": level });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
    };
    let binding = |namespace: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "probe", "namespace": namespace },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "mesh-app-team" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform-pipelines" }],
        })
    };
    let envoy_filter = |namespace: &str| {
        json!({
            "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": { "name": "probe", "namespace": namespace }, "spec": {},
        })
    };
    let refusal = |object: &Json| api.dry_run(object, "tests").err().map(|error| error.message).unwrap_or_default();
    let is_refused = |object: &Json, part: &str| refusal(object).contains(part);
    wait_until(TIMEOUT, "without limits, the pipeline gives itself rights in kube-system", || {
        refusal(&binding("kube-system")).is_empty()
    });
    apply("namespaces-limits");
    // The API server takes some time to enforce a new policy.
    wait_until(TIMEOUT, "a binding in kube-system is refused", || {
        is_refused(&binding("kube-system"), "may not write in namespace kube-system")
    });
    let in_the_cluster =
        [binding("default"), binding("kube-public"), envoy_filter("default"), namespace("kube-system", "baseline")];
    for object in in_the_cluster {
        assert!(is_refused(&object, "may not write in namespace"), "{object}: {}", refusal(&object));
    }
    let open = plane.namespace("without-level");
    for object in [binding(&open.name), namespace(&open.name, "privileged"), namespace("limits-probe", "privileged")] {
        assert!(is_refused(&object, "pod-security.kubernetes.io/enforce"), "{object}: {}", refusal(&object));
    }
    assert_eq!(refusal(&envoy_filter(&open.name)), "");
    assert_eq!(refusal(&namespace(&open.name, "baseline")), "");
    admin.apply(&namespace(&open.name, "baseline"), "platform");
    wait_until(TIMEOUT, "a binding in a labelled namespace is allowed", || refusal(&binding(&open.name)).is_empty());
    // Others aren't limited.
    admin.dry_run(&binding("kube-system"), "tests").expect("an administrator may");
}

/// The rights are limited by the names of the policies, which contain the root namespace of the mesh.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn guardrails_grant_is_limited_to_one_mesh() {
    let plane = control_plane();
    let (home, elsewhere) = (plane.namespace("root"), plane.namespace("other-root"));
    let api = Api::new(&plane.kubeconfig(&home.user(Guardrails)));
    for kind in
        object::kind::MANAGED.iter().filter(|kind| !kind.namespaced && kind.group == "admissionregistration.k8s.io")
    {
        for policy in [
            "mesh-root-only",
            "mesh-team-rules",
            "mesh-workload-rules",
            "mesh-platform-objects",
            "mesh-namespace-labels",
        ] {
            let is_allowed =
                |verb: &str, root: &str| api.is_allowed(verb, kind.group, kind.plural, "", &format!("{policy}-{root}"));
            for verb in ["get", "create", "patch", "delete"] {
                assert!(is_allowed(verb, &home.name), "{verb} {}", kind.kind);
                assert!(!is_allowed(verb, &elsewhere.name), "{verb} {} of another mesh", kind.kind);
            }
            assert!(
                !is_allowed("update", &home.name) && !is_allowed("list", &home.name),
                "{} with verbs that the provider doesn't use",
                kind.kind
            );
        }
        assert!(!api.is_allowed("get", kind.group, kind.plural, "", ""), "every {}", kind.kind);
    }
    for kind in object::kind::MANAGED.iter().filter(|kind| kind.namespaced) {
        assert!(!api.is_allowed("patch", kind.group, kind.plural, &home.name, ""), "{}", kind.kind);
    }
}
