//! The scenario `three-states`: a platform and two teams in independent states, each applied with only its own rights.
//! The platform's state grants the teams theirs.

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::{
    generated::text,
    support::{
        api::Api,
        control_plane::ControlPlane,
        namespace_finalizer::finalize_namespaces_on,
        terraform::{Tool, Workspace},
        users::{Grant, User},
    },
};

use super::examples::callers;

const PLATFORMS: [&str; 2] = ["istio-system", "istio-ingress"];
const TEAMS: [&str; 2] = ["shop", "pci"];

/// A workspace for one of the states, with the rights of `user`.
fn state_workspace(plane: &ControlPlane, tool: Tool, name: &str, user: &User) -> Workspace {
    let workspace = Workspace::new(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.write_file("kubeconfig", &plane.kubeconfig(user));
    workspace.write_file("main.tf", &text(&format!("examples/scenarios/three-states/{name}/main.tf")));
    workspace.write_file("mesh.auto.tfvars", &text("examples/scenarios/three-states/mesh.tfvars"));
    workspace
}

/// Checks that a team's user may write in its own namespace, but no PeerAuthentication, and not in others.
fn assert_limited_to_namespace(api: &Api, own: &str, other: &str) {
    let object = |kind: &str, group: &str, namespace: &str, spec| {
        let metadata = json!({ "name": "probe", "namespace": namespace });
        json!({ "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "spec": spec })
    };
    let hosts = json!({ "host": "probe" });
    let (networking, security) = ("networking.istio.io", "security.istio.io");
    let policy = |namespace: &str| object("AuthorizationPolicy", security, namespace, json!({}));
    let rule = |namespace: &str| object("DestinationRule", networking, namespace, hosts.clone());
    let plain_text = object("PeerAuthentication", security, own, json!({ "mtls": { "mode": "DISABLE" } }));
    for allowed in [policy(own), rule(own)] {
        api.dry_run(&allowed, "tests").expect("the team may write it");
    }
    for forbidden in [plain_text, policy(other), rule(other), policy("istio-system"), rule("istio-ingress")] {
        let error = api.dry_run(&forbidden, "tests").expect_err("the team may not write it");
        assert_eq!(error.code, 403, "{forbidden}: {}", error.message);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_state_is_applied_with_its_own_rights() {
    // On its own control plane, because the names of the namespaces are those of the files.
    let plane = ControlPlane::start();
    let api = plane.api();
    for name in PLATFORMS.iter().chain(&["ci"]) {
        plane.create_namespace(name);
    }
    let grants = [
        (Grant::Platform, "istio-system"),
        (Grant::Platform, "istio-ingress"),
        (Grant::Namespaces, "istio-system"),
        (Grant::NamespacesDestroy, "istio-system"),
    ];
    let platforms = plane.user_with_grants("platform", &grants);
    let teams = TEAMS.map(|name| plane.service_account("ci", &format!("{name}-pipeline")));
    let _controller = finalize_namespaces_on(plane.api(), TEAMS.map(str::to_owned).into());

    // The teams apply in both orders.
    for (tool, order) in [(Tool::Terraform, [0, 1]), (Tool::Tofu, [1, 0])] {
        let platform = state_workspace(&plane, tool, "platform", &platforms);
        platform.converge();
        let apps = [0, 1].map(|n| state_workspace(&plane, tool, TEAMS[n], &teams[n]));
        for n in order {
            apps[n].converge();
        }
        apps[order[0]].assert_empty_plan();
        platform.assert_empty_plan();

        // The allowed calls are exactly those of the picture.
        let calls = callers(&api, &["shop", "pci", "istio-system"]);
        let calls: Vec<_> = calls.iter().map(|(to, from)| (to.as_str(), from.join(" "))).collect();
        let principal = |name: &str| format!("cluster.local/ns/{name}");
        let picture = [
            ("every workload", String::new()),
            ("payments", principal("shop/sa/storefront")),
            ("receipts", principal("pci/sa/payments")),
            ("storefront", principal("istio-ingress/sa/public")),
        ];
        assert_eq!(calls, picture, "{tool}");
        let spec =
            |kind, namespace: &str, name: &str| api.get_existing(&Key::new(kind, namespace, name))["spec"].clone();
        let hosts = &spec(&kind::SIDECAR, "pci", "payments-pci")["egress"][0]["hosts"];
        assert!(hosts.to_string().contains("/clearing.bank.example\""), "{tool}: {hosts}");
        let route = spec(&kind::VIRTUAL_SERVICE, "shop", "storefront-shop-ingress");
        assert_eq!(route["gateways"], json!(["istio-ingress/public"]), "{tool}");

        // A team changes its traffic settings, which changes no plan of the others.
        apps[0].write_file("terraform.tfvars", "resiliency = \"high\"\n");
        apps[0].apply().expect_success();
        for workspace in [&apps[0], &apps[1], &platform] {
            workspace.assert_empty_plan();
        }
        for (user, (own, other)) in teams.iter().zip([("shop", "pci"), ("pci", "shop")]) {
            assert_limited_to_namespace(&Api::new(&plane.kubeconfig(user)), own, other);
        }
        let errors = state_workspace(&plane, tool, "pci", &teams[0]).apply().errors();
        assert!(errors.contains("shop-pipeline") && errors.contains("namespace \"pci\""), "{tool}: {errors}");
        let errors = state_workspace(&plane, tool, "platform", &teams[0]).apply().errors();
        assert!(errors.contains("shop-pipeline"), "{tool}: {errors}");

        // The platform can't be destroyed while its namespaces contain services.
        let errors = platform.destroy().errors();
        assert!(errors.contains("storefront") && errors.contains("payments"), "{tool}: {errors}");
        platform.assert_empty_plan();
        for n in order.into_iter().rev() {
            apps[n].destroy().expect_success();
        }
        platform.destroy().expect_success();
        for name in PLATFORMS.iter().chain(&TEAMS) {
            assert_eq!(api.objects(name), Vec::<String>::new(), "{tool}: {name}");
        }
        for name in TEAMS {
            let key = Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() };
            assert_eq!(api.get(&key), None, "{tool}");
        }
    }
}
