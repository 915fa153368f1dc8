//! The scenario `three-states`: a platform and two teams in states that know nothing of each other, each applied with
//! its own rights alone; the teams' are those that the platform's state gives them.

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

/// The workspace of one of the three, acting for `user`.
fn state(plane: &ControlPlane, tool: Tool, name: &str, user: &User) -> Workspace {
    let workspace = Workspace::new(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.write_file("kubeconfig", &plane.kubeconfig(user));
    workspace.write_file("main.tf", &text(&format!("examples/scenarios/three-states/{name}/main.tf")));
    workspace
}

fn is_empty(workspace: &Workspace) {
    workspace.assert_empty_plan();
}

/// What a team's pipeline may do is in its own namespace, and is no PeerAuthentication.
fn stays_at_home(api: &Api, home: &str, elsewhere: &str) {
    let object = |kind: &str, group: &str, namespace: &str, spec| {
        let metadata = json!({ "name": "probe", "namespace": namespace });
        json!({ "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "spec": spec })
    };
    let hosts = json!({ "host": "probe" });
    let (networking, security) = ("networking.istio.io", "security.istio.io");
    let open = |namespace: &str| object("AuthorizationPolicy", security, namespace, json!({}));
    let rule = |namespace: &str| object("DestinationRule", networking, namespace, hosts.clone());
    let clear = object("PeerAuthentication", security, home, json!({ "mtls": { "mode": "DISABLE" } }));
    for admitted in [open(home), rule(home)] {
        api.dry_run(&admitted, "tests").expect("it is the team's");
    }
    for refused in [clear, open(elsewhere), rule(elsewhere), open("istio-system"), rule("istio-ingress")] {
        let refusal = api.dry_run(&refused, "tests").expect_err("it isn't the team's");
        assert_eq!(refusal.code, 403, "{refused}: {}", refusal.message);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_is_applied_with_its_own_rights() {
    // One of its own: the names are those of the files.
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

    // The teams come in one order, and in the other.
    for (tool, order) in [(Tool::Terraform, [0, 1]), (Tool::Tofu, [1, 0])] {
        let platform = state(&plane, tool, "platform", &platforms);
        platform.apply().expect_success();
        is_empty(&platform);
        let apps = [0, 1].map(|n| state(&plane, tool, TEAMS[n], &teams[n]));
        for n in order {
            apps[n].apply().expect_success();
            is_empty(&apps[n]);
        }
        is_empty(&apps[order[0]]);
        is_empty(&platform);

        // Who may call whom: the arrows of the picture, and no other.
        let calls = callers(&api, &["shop", "pci", "istio-system"]);
        let calls: Vec<_> = calls.iter().map(|(to, from)| (to.as_str(), from.join(" "))).collect();
        let by = |who: &str| format!("cluster.local/ns/{who}");
        let picture = [
            ("everybody", String::new()),
            ("payments", by("shop/sa/storefront")),
            ("receipts", by("pci/sa/payments")),
            ("storefront", by("istio-ingress/sa/public")),
        ];
        assert_eq!(calls, picture, "{tool}");
        let spec = |kind, namespace: &str, name: &str| {
            api.get(&Key::new(kind, namespace, name)).expect("it is there")["spec"].clone()
        };
        let hosts = &spec(&kind::SIDECAR, "pci", "payments-pci")["egress"][0]["hosts"];
        assert!(hosts.to_string().contains("/clearing.bank.example\""), "{tool}: {hosts}");
        let route = spec(&kind::VIRTUAL_SERVICE, "shop", "storefront-shop-ingress");
        assert_eq!(route["gateways"], json!(["istio-ingress/public"]), "{tool}");

        // A team changes its traffic settings, with nobody else's help and for nobody else.
        apps[0].write_file("terraform.tfvars", "resiliency = \"high\"\n");
        apps[0].apply().expect_success();
        for workspace in [&apps[0], &apps[1], &platform] {
            is_empty(workspace);
        }
        for (user, (home, elsewhere)) in teams.iter().zip([("shop", "pci"), ("pci", "shop")]) {
            stays_at_home(&Api::new(&plane.kubeconfig(user)), home, elsewhere);
        }
        let told = state(&plane, tool, "pci", &teams[0]).apply().errors();
        assert!(told.contains("shop-pipeline") && told.contains("namespace \"pci\""), "{tool}: {told}");
        let told = state(&plane, tool, "platform", &teams[0]).apply().errors();
        assert!(told.contains("shop-pipeline"), "{tool}: {told}");

        // The platform can't go while somebody is in its namespaces.
        let told = platform.destroy().errors();
        assert!(told.contains("storefront") && told.contains("payments"), "{tool}: {told}");
        is_empty(&platform);
        for n in order.into_iter().rev() {
            apps[n].destroy().expect_success();
        }
        platform.destroy().expect_success();
        for name in PLATFORMS.iter().chain(&TEAMS) {
            assert_eq!(api.objects(name), Vec::<String>::new(), "{tool}: {name}");
        }
        for name in TEAMS {
            let own = Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() };
            assert_eq!(api.get(&own), None, "{tool}");
        }
    }
}
