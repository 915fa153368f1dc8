//! examples/rbac grants what docs/guides/rbac.md says, and no more.

use terraform_provider_mesh::object;

use crate::support::{
    api::Api,
    control_plane::control_plane,
    users::Grant::{
        self, AppTeam, GatewayAccess, Guardrails, LiveChecks, LiveChecksCalled, LiveChecksRoot, Plan, Platform,
    },
};

const READ: &[&str] = &["get", "list"];
const WRITE: &[&str] = &["create", "patch", "delete"];

/// The kinds that `grant` may write, out of those that the provider writes.
fn written(grant: Grant) -> &'static [&'static str] {
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
        Guardrails
        | Plan
        | LiveChecks
        | LiveChecksCalled
        | LiveChecksRoot
        | Grant::Namespaces
        | Grant::NamespacesDestroy => &[],
    }
}

/// The kinds that `grant` may read.
fn read(grant: Grant) -> Vec<&'static str> {
    match grant {
        Plan => object::kind::ALL.iter().filter(|kind| kind.namespaced).map(|kind| kind.kind).collect(),
        _ => written(grant).to_vec(),
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_grant_holds_in_its_namespace_and_nowhere_else() {
    let plane = control_plane();
    let elsewhere = plane.namespace("elsewhere");
    for grant in [AppTeam, Platform, GatewayAccess, Plan] {
        let home = plane.namespace("rbac");
        let api = Api::new(&plane.kubeconfig(&home.user(grant)));
        for kind in object::kind::ALL.iter().filter(|kind| kind.namespaced) {
            let can = |verb: &str, namespace: &str| api.is_allowed(verb, kind.group, kind.plural, namespace, "");
            for verb in READ.iter().chain(WRITE) {
                let granted = if READ.contains(verb) {
                    read(grant).contains(&kind.kind)
                } else {
                    written(grant).contains(&kind.kind)
                };
                assert_eq!(can(verb, &home.name), granted, "{grant}: {verb} {} at home", kind.kind);
                assert!(!can(verb, &elsewhere.name), "{grant}: {verb} {} elsewhere", kind.kind);
                assert!(!can(verb, ""), "{grant}: {verb} {} everywhere", kind.kind);
            }
            assert!(
                !can("update", &home.name) && !can("deletecollection", &home.name),
                "{grant}: {} in ways nobody needs",
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
fn the_cluster_is_told_by_one_namespace_alone() {
    let plane = control_plane();
    let home = plane.namespace("identity");
    let api = Api::new(&plane.kubeconfig(&home.user(Plan)));
    assert!(api.is_allowed("get", "", "namespaces", "kube-system", "kube-system"));
    assert!(!api.is_allowed("list", "", "namespaces", "", ""));
    assert!(!api.is_allowed("get", "", "namespaces", &home.name, &home.name));
    assert!(!api.is_allowed("patch", "", "namespaces", "kube-system", "kube-system"));
}

/// What each of the optional grants may see, as verb and resource.
fn seen(grant: Grant) -> &'static [&'static str] {
    match grant {
        LiveChecks => &["get namespaces", "list pods", "list requestauthentications"],
        LiveChecksCalled => {
            &["get services", "list services", "list serviceentries", "list gateways", "list authorizationpolicies"]
        }
        LiveChecksRoot => {
            &["list serviceentries", "list authorizationpolicies", "list requestauthentications", "list configmaps"]
        }
        _ => &[],
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn live_checks_take_rights_of_their_own_which_only_look() {
    let plane = control_plane();
    let elsewhere = plane.namespace("unseen");
    for grant in [LiveChecks, LiveChecksCalled, LiveChecksRoot] {
        let home = plane.namespace("seen");
        let api = Api::new(&plane.kubeconfig(&home.user(grant)));
        let kinds = object::kind::ALL.iter().chain(object::kind::LOOKED_AT);
        for (group, plural) in kinds.map(|kind| (kind.group, kind.plural)).chain([("", "secrets")]) {
            for verb in READ.iter().chain(WRITE).chain(&["watch", "update"]) {
                let may = |namespace: &str| {
                    let name = if plural == "namespaces" { namespace } else { "" };
                    api.is_allowed(verb, group, plural, namespace, name)
                };
                let granted = seen(grant).contains(&format!("{verb} {plural}").as_str());
                assert_eq!(may(&home.name), granted, "{grant}: {verb} {plural} at home");
                assert!(!may(&elsewhere.name), "{grant}: {verb} {plural} elsewhere");
                assert!(!may(""), "{grant}: {verb} {plural} everywhere");
            }
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn who_makes_namespaces_gives_nobody_more_than_he_has() {
    let plane = control_plane();
    let home = plane.namespace("maker");
    let api = Api::new(&plane.kubeconfig(&home.user(Grant::Namespaces)));
    for (verb, group, resource) in [
        ("create", "", "namespaces"),
        ("delete", "", "namespaces"),
        ("create", "rbac.authorization.k8s.io", "roles"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("patch", "security.istio.io", "peerauthentications"),
    ] {
        assert!(api.is_allowed(verb, group, resource, "", ""), "{verb} {resource}");
    }
    for (verb, group, resource) in [
        ("escalate", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "roles"),
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

/// By their names: the policies of another mesh, or of somebody else, are none of its business.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn guardrails_are_those_of_one_mesh() {
    let plane = control_plane();
    let (home, elsewhere) = (plane.namespace("root"), plane.namespace("other-root"));
    let api = Api::new(&plane.kubeconfig(&home.user(Guardrails)));
    for kind in object::kind::ALL.iter().filter(|kind| !kind.namespaced && kind.group == "admissionregistration.k8s.io")
    {
        for policy in ["mesh-root-only", "mesh-team-rules"] {
            let can =
                |verb: &str, root: &str| api.is_allowed(verb, kind.group, kind.plural, "", &format!("{policy}-{root}"));
            for verb in ["get", "create", "patch", "delete"] {
                assert!(can(verb, &home.name), "{verb} {}", kind.kind);
                assert!(!can(verb, &elsewhere.name), "{verb} {} of another mesh", kind.kind);
            }
            assert!(!can("update", &home.name) && !can("list", &home.name), "{} in ways nobody needs", kind.kind);
        }
        assert!(!api.is_allowed("get", kind.group, kind.plural, "", ""), "every {}", kind.kind);
    }
    for kind in object::kind::ALL.iter().filter(|kind| kind.namespaced) {
        assert!(!api.is_allowed("patch", kind.group, kind.plural, &home.name, ""), "{}", kind.kind);
    }
}
