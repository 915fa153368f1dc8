//! `mesh_namespace` on a real server, with the documented rights alone.

use expect_test::expect_file;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    object::{Key, kind},
    resources::namespace::Namespace as Resource,
};

use crate::support::{
    api::Api,
    control_plane::{Namespace, control_plane},
    namespace_finalizer::finalize_namespaces,
    terraform::{Tool, Workspace},
    users::{Grant, User},
};

use super::{
    arguments::{Row, comes_and_goes, covers, row},
    provider,
};

/// A team's namespace, `NAMESPACE-team`, with an object of every kind.
const TEAM: &str = r#"
resource "mesh_namespace" "team" {
  name               = "NAMESPACE-team"
  team               = "storefront"
  injection          = true
  calls              = ["pci/payments"]
  authorization_mode = "dry_run"
  mtls {
    exception {
      service = "legacy"
      port    = 8080
    }
  }
  rbac {
    groups = ["storefront"]
  }
}"#;

const SERVICE: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = mesh_namespace.team.id
  service   = "managed"
  port {
    number   = 8080
    protocol = "http"
  }
}"#;

/// A workspace of the platform team, which may see what is in a namespace.
fn platform(tool: Tool, home: &Namespace, hcl: &str) -> Workspace {
    let user = home.user(Grant::Namespaces);
    home.grant(&user, Grant::NamespacesDestroy);
    of_user(tool, home, &user, hcl)
}

fn of_user(tool: Tool, home: &Namespace, user: &User, hcl: &str) -> Workspace {
    let workspace = Workspace::new(tool);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(user));
    configure(&workspace, home, hcl);
    workspace
}

fn configure(workspace: &Workspace, home: &Namespace, hcl: &str) {
    workspace.configure(&provider(home, "istio-system", r#"config_path = "kubeconfig""#, hcl));
}

fn team(home: &Namespace) -> String {
    format!("{}-team", home.name)
}

fn place(name: &str) -> Key {
    Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() }
}

fn make(api: &Api, name: &str, labels: &Json) {
    let metadata = json!({ "name": name, "labels": labels });
    api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }), "helm");
}

fn config_map(api: &Api, namespace: &str, name: &str) {
    let metadata = json!({ "name": name, "namespace": namespace });
    api.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }), "helm");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_lives() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let home = control_plane().namespace("life");
        let name = team(&home);
        let workspace = platform(tool, &home, TEAM);
        let told = workspace.apply().expect_success().stdout;
        // Its own objects wait for the Namespace without a word.
        assert!(!told.contains("Some checks wait until apply"), "{told}");
        workspace.assert_empty_plan();
        let objects = [
            "AuthorizationPolicy/NS/deny-all",
            "PeerAuthentication/NS/default",
            "PeerAuthentication/NS/legacy-NS",
            "Role/NS/mesh-app-team",
            "RoleBinding/NS/mesh-app-team",
            "Sidecar/NS/default",
        ];
        assert_eq!(api.objects(&name), objects.map(|key| key.replace("NS", &name)), "{tool}");
        assert_eq!(api.get(&place(&name)).expect("it is there")["metadata"]["labels"]["team"], "storefront");

        // What somebody adds to the team's rights is shown, and goes.
        let role: Key = format!("Role/{name}/mesh-app-team").parse().expect("a key");
        let more = json!({ "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] });
        api.patch(&role, &more);
        let plan = workspace.plan();
        assert!(plan.text.contains("Role was changed by kubectl-patch"), "{tool}: {}", plan.text);
        configure(&workspace, &home, &TEAM.replace("dry_run", "enforce"));
        workspace.converge();
        assert_ne!(api.get(&role).expect("it is there")["rules"], more["rules"]);

        // Import of what we made is an empty plan.
        workspace.run(&["state", "rm", "mesh_namespace.team"]).expect_success();
        workspace.run(&["import", "-input=false", "mesh_namespace.team", &name]).expect_success();
        workspace.assert_empty_plan();

        let _controller = finalize_namespaces(vec![name.clone()]);
        workspace.destroy().expect_success();
        assert_eq!(api.get(&place(&name)), None, "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_holds_anything_of_others_is_not_deleted() {
    let api = control_plane().api();
    let home = control_plane().namespace("full");
    let name = team(&home);
    let workspace = platform(Tool::Terraform, &home, TEAM);
    workspace.apply().expect_success();
    // What every namespace has is nobody's.
    config_map(&api, &name, "kube-root-ca.crt");
    config_map(&api, &name, "istio-ca-root-cert");
    workspace.run(&["plan", "-input=false", "-destroy", "-out=destroy"]).expect_success();
    let before = api.objects(&name);

    // It comes between plan and apply: nothing is touched.
    config_map(&api, &name, "theirs");
    let told = workspace.run(&["apply", "-input=false", "-no-color", "destroy"]).errors();
    assert!(told.contains("The Namespace isn't empty") && told.contains("ConfigMap/theirs"), "{told}");
    assert_eq!(api.objects(&name), before);
    let told = workspace.run(&["plan", "-input=false", "-no-color", "-destroy"]).errors();
    assert!(told.contains("there is ConfigMap/theirs. Delete that first"), "{told}");

    // A new name would delete the old one.
    configure(&workspace, &home, &TEAM.replace("-team\"", "-other\""));
    let told = workspace.try_plan().errors();
    assert!(told.contains("ConfigMap/theirs"), "{told}");

    configure(&workspace, &home, &TEAM.replace("injection ", "force_destroy = true\ninjection "));
    workspace.apply().expect_success();
    let _controller = finalize_namespaces(vec![name.clone()]);
    workspace.destroy().expect_success();
    assert_eq!(api.get(&place(&name)), None);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn who_cannot_look_does_not_delete() {
    let home = control_plane().namespace("blind");
    let workspace = of_user(Tool::Terraform, &home, &home.user(Grant::Namespaces), TEAM);
    workspace.apply().expect_success();
    let told = workspace.destroy().errors();
    assert!(
        told.contains("Can't see what is in the Namespace") && told.contains("no right to list limitranges"),
        "{told}"
    );
    assert!(control_plane().api().get(&place(&team(&home))).is_some());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_goes_with_the_services_in_it_in_one_run() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let home = control_plane().namespace("together");
        let name = team(&home);
        let workspace = platform(tool, &home, &format!("{TEAM}\n{SERVICE}"));
        workspace.converge();
        let _controller = finalize_namespaces(vec![name.clone()]);
        workspace.destroy().expect_success();
        assert_eq!(api.get(&place(&name)), None, "{tool}");
    }
}

/// What this owner has there may go in the same run, as far as a plan knows; apply insists.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_stays_keeps_its_namespace() {
    let api = control_plane().api();
    let home = control_plane().namespace("stays");
    let workspace = platform(Tool::Terraform, &home, &format!("{TEAM}\n{SERVICE}"));
    workspace.apply().expect_success();
    workspace.run(&["state", "rm", "mesh_service.cart"]).expect_success();
    workspace.run(&["plan", "-input=false", "-destroy"]).expect_success();
    let before = api.objects(&team(&home));
    let told = workspace.destroy().errors();
    assert!(told.contains(&format!("(of mesh_service/{}/cart)", team(&home))), "{told}");
    assert_eq!(api.objects(&team(&home)), before);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_of_somebody_else_is_left_in_place() {
    let api = control_plane().api();
    let home = control_plane().namespace("theirs");
    let name = team(&home);
    make(&api, &name, &json!({ "team": "others", "mine": "yes" }));
    let workspace = platform(Tool::Terraform, &home, TEAM);
    let told = workspace.try_plan().errors();
    assert!(told.contains("Namespace exists already") && told.contains("helm"), "{told}");

    // Taken over, with whatever is in it; and released.
    config_map(&api, &name, "theirs");
    configure(&workspace, &home, &TEAM.replace("injection ", "adopt_existing = true\ninjection "));
    workspace.converge();
    workspace.destroy().expect_success();
    let left = api.get(&place(&name)).expect("it is there");
    assert_eq!(left["metadata"]["annotations"], Json::Null);
    assert_eq!(left["metadata"]["labels"]["mine"], "yes");
    assert_eq!(api.objects(&name), Vec::<String>::new());

    // Field by field: what is written is ours, and goes.
    let some = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  create = false\n  revision = \"stable\"\n  labels = { ours = \"yes\" }\n}";
    configure(&workspace, &home, some);
    workspace.converge();
    let labels = |live: Json| live["metadata"]["labels"].clone();
    let live = labels(api.get(&place(&name)).expect("it is there"));
    assert_eq!((&live["istio.io/rev"], &live["ours"], &live["mine"]), (&json!("stable"), &json!("yes"), &json!("yes")));
    workspace.destroy().expect_success();
    let live = labels(api.get(&place(&name)).expect("it is there"));
    assert_eq!((&live["istio.io/rev"], &live["ours"], &live["mine"]), (&Json::Null, &Json::Null, &json!("yes")));
}

/// From ours to somebody else's and back: what was given away is left in place from then on.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_is_given_away() {
    let api = control_plane().api();
    let home = control_plane().namespace("given");
    let name = team(&home);
    let workspace = platform(Tool::Terraform, &home, TEAM);
    workspace.apply().expect_success();
    for create in ["create = false", "create = true"] {
        configure(&workspace, &home, &TEAM.replace("injection ", &format!("{create}\ninjection ")));
        workspace.apply().expect_success();
        let plan = workspace.plan();
        assert!(plan.is_empty, "{create}: {}", plan.text);
    }
    workspace.destroy().expect_success();
    assert!(api.get(&place(&name)).is_some());
    assert_eq!(api.objects(&name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_keeps_a_namespace_is_named() {
    let home = control_plane().namespace("kept");
    let name = team(&home);
    let hcl = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  timeouts {\n    delete = \"4s\"\n  }\n}";
    let workspace = platform(Tool::Terraform, &home, hcl);
    workspace.apply().expect_success();
    let told = workspace.destroy().errors();
    assert!(told.contains("its finalizers aren't done: kubernetes"), "{told}");
    // It is on its way: what is in it doesn't matter any more, and the next destroy only waits.
    let _controller = finalize_namespaces(vec![name.clone()]);
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().get(&place(&name)), None);
}

/// Traffic settings and authorization are the team's, in its namespace; what is encrypted isn't, nor what is elsewhere.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_team_has_its_rights_and_no_more() {
    let plane = control_plane();
    let home = plane.namespace("rights");
    let name = team(&home);
    let user = plane.certificate_user(&format!("{name}-member"), &[&format!("{name}-developers")]);
    let hcl = TEAM.replace("\"storefront\"]", "\"NAMESPACE-team-developers\"]");
    platform(Tool::Terraform, &home, &hcl).apply().expect_success();

    let api = Api::new(&plane.kubeconfig(&user));
    let can =
        |verb: &str, group: &str, resource: &str, namespace: &str| api.is_allowed(verb, group, resource, namespace, "");
    for (group, kinds) in [
        ("networking.istio.io", &["virtualservices", "destinationrules", "serviceentries", "sidecars"][..]),
        ("security.istio.io", &["authorizationpolicies"]),
        ("", &["services", "serviceaccounts", "pods", "configmaps"]),
        ("apps", &["deployments", "statefulsets"]),
    ] {
        for (kind, verb) in kinds.iter().flat_map(|kind| ["create", "patch", "delete", "get"].map(|verb| (kind, verb)))
        {
            assert!(can(verb, group, kind, &name), "{verb} {kind} at home");
            assert!(!can(verb, group, kind, &home.name), "{verb} {kind} elsewhere");
            assert!(!can(verb, group, kind, "istio-system"), "{verb} {kind} in the root namespace");
        }
    }
    for (group, kind) in [
        ("security.istio.io", "peerauthentications"),
        ("security.istio.io", "requestauthentications"),
        ("telemetry.istio.io", "telemetries"),
        ("networking.istio.io", "envoyfilters"),
        ("networking.istio.io", "gateways"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("", "namespaces"),
    ] {
        for verb in ["create", "patch", "update", "delete"] {
            assert!(!can(verb, group, kind, &name), "{verb} {kind}");
        }
    }
    assert!(!can("get", "", "secrets", &name) && !can("list", "", "secrets", &name));

    let service = SERVICE.replace("mesh_namespace.team.id", "\"NAMESPACE-team\"");
    let workspace = of_user(Tool::Terraform, &home, &user, &service);
    workspace.converge();
    configure(
        &workspace,
        &home,
        &service.replace("service   =", "resiliency = \"high\"\naccess = \"mesh\"\nservice   ="),
    );
    workspace.apply().expect_success();
    workspace.destroy().expect_success();

    let elsewhere = of_user(Tool::Terraform, &home, &user, &service.replace("NAMESPACE-team", "NAMESPACE"));
    let told = elsewhere.apply().errors();
    assert!(told.contains("cannot") && told.contains(&format!("namespace \"{}\"", home.name)), "{told}");
    let clear = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  create = false\n  adopt_existing = true\n  mtls {\n    mode = \"disable\"\n  }\n}";
    let told = of_user(Tool::Terraform, &home, &user, clear).apply().errors();
    assert!(told.contains("cannot patch resource \"peerauthentications\""), "{told}");
    let live = plane.api().get(&format!("PeerAuthentication/{name}/default").parse().expect("a key"));
    assert_eq!(live.expect("it is there")["spec"]["mtls"]["mode"], "STRICT");
}

/// In the order of the schema.
const ROWS: &[Row] = &[
    row("team", "", "team = \"a\"", "team = \"b\""),
    row("injection", "", "injection = true", "injection = false"),
    row("revision", "", "revision = \"stable\"", "revision = \"canary\""),
    row("calls", "", "calls = []", "calls = [\"pci/payments\", \"api.example.com\"]"),
    row("authorization_mode", "", "authorization_mode = \"dry_run\"", "authorization_mode = \"enforce\""),
    row("authorization_mode", "", "authorization_mode = \"audit\"", "authorization_mode = \"off\""),
    row("labels", "calls = []", "labels = { a = \"b\" }", "labels = { a = \"c\", d = \"e\" }"),
    row("annotations", "calls = []", "annotations = { a = \"b\" }", "annotations = { a = \"c\" }"),
    row(
        "mtls",
        "",
        "mtls {\n mode = \"permissive\"\n}",
        "mtls {\n exception {\n service = \"cart\"\n port = 80\n target_port = 8080\n }\n exception {\n service = \"cart\"\n port = 81\n mode = \"disable\"\n }\n}",
    ),
    row(
        "mtls",
        "",
        "mtls {\n exception {\n service = \"cart\"\n port = 80\n }\n}",
        "mtls {\n exception {\n service = \"cart\"\n selector = { app = \"c\" }\n port = 80\n }\n}",
    ),
    row(
        "rbac",
        "",
        "rbac {\n groups = [\"a\"]\n}",
        "rbac {\n users = [\"u\"]\n service_accounts = [\"ci/x\", \"y\"]\n}",
    ),
];

/// Arguments that leave no trace of their own in any object, and the tests that show what they do.
const ELSEWHERE: &[(&str, &str)] = &[
    ("name", "what_holds_anything_of_others_is_not_deleted"),
    ("create", "a_namespace_is_given_away"),
    ("force_destroy", "what_holds_anything_of_others_is_not_deleted"),
    ("adopt_existing", "a_namespace_of_somebody_else_is_left_in_place"),
    ("timeouts", "what_keeps_a_namespace_is_named"),
];

#[test]
fn every_argument_has_a_row() {
    covers::<Resource>(ROWS, ELSEWHERE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_each_writes_comes_changes_and_goes() {
    let home = control_plane().namespace("rows");
    let workspace = platform(Tool::Terraform, &home, "");
    let resource = |n: usize, row: &Row, written: &str| {
        let beside = row.beside;
        format!("resource \"mesh_namespace\" \"s{n}\" {{\nname = \"NAMESPACE-s{n}\"\n{beside}\n{written}\n}}")
    };
    let write = |hcl: &str| configure(&workspace, &home, hcl);
    comes_and_goes(ROWS, resource, &workspace, &write, &home.name, &expect_file!["namespaces.txt"]);
    let _controller = finalize_namespaces((0..ROWS.len()).map(|n| format!("{}-s{n}", home.name)).collect());
    workspace.destroy().expect_success();
}
