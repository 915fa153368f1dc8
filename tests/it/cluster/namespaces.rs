//! `mesh_namespace` on a real API server, with only the documented rights.

use std::time::Duration;

use expect_test::expect_file;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    object::{Key, annotation, kind, label},
    resources::namespace::Namespace as Resource,
};

use crate::support::{
    api::Api,
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    namespace_finalizer::finalize_namespaces,
    polling::wait_until,
    terraform::{Tool, Workspace},
    users::{Grant, User, documented_manifests},
};

use super::{
    arguments::{Row, assert_covers_schema, check_arguments, row},
    provider,
};

/// A team's namespace, `NAMESPACE-team`, with objects of all kinds.
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

/// A workspace of the platform team, which may also list the contents of namespaces.
fn platform_workspace(tool: Tool, home: &Namespace, hcl: &str) -> Workspace {
    let user = home.user(Grant::Namespaces);
    home.grant(&user, Grant::NamespacesDestroy);
    workspace_of(tool, home, &user, hcl)
}

/// A workspace of the platform team that also applies the services of the namespaces that it creates.
fn workspace_for_services(tool: Tool, home: &Namespace, hcl: &str) -> Workspace {
    let user = home.user(Grant::Namespaces);
    home.grant(&user, Grant::NamespacesDestroy);
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "mesh-app-team" });
    let mut rights = documented_manifests("app-team-role");
    let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name });
    rights.push(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": home.name },
        "roleRef": role, "subjects": [subject],
    }));
    control_plane().api().grant(&rights, &user.name, &home.name);
    workspace_of(tool, home, &user, hcl)
}

fn workspace_of(tool: Tool, home: &Namespace, user: &User, hcl: &str) -> Workspace {
    let workspace = Workspace::new(tool);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(user));
    configure(&workspace, home, hcl);
    workspace
}

fn configure(workspace: &Workspace, home: &Namespace, hcl: &str) {
    workspace.configure(&provider(home, "istio-system", r#"config_path = "kubeconfig""#, hcl));
}

/// The name of the team's namespace.
fn team_namespace(home: &Namespace) -> String {
    format!("{}-team", home.name)
}

fn namespace_key(name: &str) -> Key {
    Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() }
}

/// Creates a Namespace as another tool.
fn create_namespace(api: &Api, name: &str, labels: &Json) {
    let metadata = json!({ "name": name, "labels": labels });
    api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }), "helm");
}

fn create_config_map(api: &Api, namespace: &str, name: &str) {
    let metadata = json!({ "name": name, "namespace": namespace });
    api.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }), "helm");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_is_created_corrected_imported_and_destroyed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let home = control_plane().namespace("life");
        let name = team_namespace(&home);
        let workspace = platform_workspace(tool, &home, TEAM);
        let output = workspace.apply().expect_success().stdout;
        // The objects in the Namespace wait for it without a warning.
        assert!(!output.contains("Some checks wait until apply"), "{output}");
        workspace.assert_empty_plan();
        let objects = [
            "AuthorizationPolicy/NS/deny-all",
            "PeerAuthentication/NS/default",
            "PeerAuthentication/NS/legacy-NS",
            "RoleBinding/NS/mesh-app-team",
            "Sidecar/NS/default",
        ];
        assert_eq!(api.objects(&name), objects.map(|key| key.replace("NS", &name)), "{tool}");
        assert_eq!(api.get_existing(&namespace_key(&name))["metadata"]["labels"]["team"], "storefront");

        // A plan shows a change of the team's RoleBinding by another client, and an apply reverts it.
        let binding: Key = format!("RoleBinding/{name}/mesh-app-team").parse().expect("a key");
        let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "storefront" });
        let added = json!({ "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve" }] });
        api.patch(&binding, &added);
        let plan = workspace.plan();
        assert!(plan.text.contains("RoleBinding was changed by kubectl-patch"), "{tool}: {}", plan.text);
        configure(&workspace, &home, &TEAM.replace("dry_run", "enforce"));
        workspace.converge();
        assert_eq!(api.get_existing(&binding)["subjects"], json!([subject]));

        // A plan after an import of the provider's own objects is empty.
        workspace.remove_from_state("mesh_namespace.team");
        workspace.import("mesh_namespace.team", &name).expect_success();
        workspace.assert_empty_plan();

        let _controller = finalize_namespaces(vec![name.clone()]);
        workspace.destroy().expect_success();
        assert_eq!(api.get(&namespace_key(&name)), None, "{tool}");
    }
}

/// The role of a RoleBinding can't be changed, so a binding of another role is recreated.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn adopted_role_binding_gets_the_role_of_the_team() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let home = control_plane().namespace("binding");
        let name = team_namespace(&home);
        create_namespace(&api, &name, &json!({}));
        let group = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "storefront" });
        let role = |name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "mesh-app-team", "namespace": name }, "roleRef": role("view"), "subjects": [group],
        });
        api.apply(&binding, "helm");
        let key: Key = format!("RoleBinding/{name}/mesh-app-team").parse().expect("a key");
        let hcl = TEAM.replace("name               =", "adopt_existing     = true\n  name               =");
        let workspace = platform_workspace(tool, &home, &hcl);
        let plan = workspace.plan();
        let warnings = ["RoleBinding will be taken over", "apply deletes it and creates it again"];
        assert_contains_all(tool, &plan.text, warnings);
        workspace.apply().expect_success();
        assert_eq!(api.get_existing(&key)["roleRef"], role("mesh-app-team"), "{tool}");
        workspace.assert_empty_plan();
        let _controller = finalize_namespaces(vec![name]);
        workspace.destroy().expect_success();
    }
}

/// Marks an object of a team as one of the platform's resource `mesh_namespace/<id>`.
fn with_forged_stamp(mut object: Json, id: &str, owner: &str, arguments: Option<&Json>) -> Json {
    object["metadata"]["labels"][label::MANAGED] = "true".into();
    let annotations = &mut object["metadata"]["annotations"];
    annotations[annotation::OWNER] = owner.into();
    annotations[annotation::RESOURCE] = format!("mesh_namespace/{id}").into();
    annotations[annotation::INSTANCE] = "forged".into();
    if let Some(arguments) = arguments {
        annotations[annotation::ARGUMENTS] = arguments.to_string().into();
    }
    object
}

/// Everyone who may write an object may write its annotations. An import believes them only as far as they are about the
/// imported resource.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_of_forged_stamps_changes_no_other_namespace() {
    let (plane, api) = (control_plane(), control_plane().api());
    let home = plane.namespace("forged");
    let (shop, pci) = (format!("{}-shop", home.name), format!("{}-pci", home.name));
    let owner = format!("tests/{}", home.name);
    let labelled = |name: &str, namespace: &str| {
        format!(
            "resource \"mesh_namespace\" \"{name}\" {{\n  name = \"{namespace}\"\n  create = false\n  injection = true\n}}\n"
        )
    };
    for namespace in [&shop, &pci] {
        create_namespace(&api, namespace, &json!({}));
    }
    let platform = platform_workspace(Tool::Terraform, &home, &labelled("pci", &pci));
    platform.apply().expect_success();
    let is_injected = |namespace: &str| {
        api.get_existing(&namespace_key(namespace))["metadata"]["labels"]["istio-injection"] == "enabled"
    };
    assert!(is_injected(&pci));

    // Objects that an application team may write.
    let object = |api_version: &str, kind: &str, spec: &Json| {
        json!({
            "apiVersion": api_version, "kind": kind, "metadata": { "name": "forged", "namespace": shop }, "spec": spec,
        })
    };
    let arguments = json!({ "name": pci, "create": false, "injection": true });
    let service = object("v1", "Service", &json!({ "ports": [{ "port": 80 }] }));
    api.apply(&with_forged_stamp(service, &shop, &owner, Some(&arguments)), "kubectl");

    // A mesh_namespace makes no Services, so the stamp of one isn't read.
    let hcl = labelled("pci", &pci) + &labelled("shop", &shop);
    configure(&platform, &home, &hcl);
    platform.import("mesh_namespace.shop", &shop).expect_success();
    platform.apply().expect_success();
    assert!(is_injected(&pci) && is_injected(&shop));
    assert!(api.objects(&shop).contains(&format!("Service/{shop}/forged")));
    platform.assert_empty_plan();
    platform.remove_from_state("mesh_namespace.shop");

    // It does make AuthorizationPolicies, but the recorded arguments are about another namespace.
    let policy = object("security.istio.io/v1", "AuthorizationPolicy", &json!({}));
    api.apply(&with_forged_stamp(policy.clone(), &shop, &owner, Some(&arguments)), "kubectl");
    let errors = platform.import("mesh_namespace.shop", &shop).errors();
    assert_contains_all(
        &shop,
        &errors,
        [
            format!("AuthorizationPolicy/{shop}/forged"),
            format!("mesh_namespace/{pci}"),
            format!("mesh_namespace/{shop}"),
        ],
    );

    // They are about the right one, but wouldn't make this policy.
    let arguments = json!({ "name": shop, "create": false });
    api.apply(&with_forged_stamp(policy.clone(), &shop, &owner, Some(&arguments)), "kubectl");
    let errors = platform.import("mesh_namespace.shop", &shop).errors();
    assert_contains_all(&shop, &errors, [format!("AuthorizationPolicy/{shop}/forged")]);

    // Two owners can't have the same resource.
    api.apply(&with_forged_stamp(policy.clone(), &shop, &owner, None), "kubectl");
    let mut sidecar = object("networking.istio.io/v1", "Sidecar", &json!({}));
    sidecar = with_forged_stamp(sidecar, &shop, "shop/prod", None);
    api.apply(&sidecar, "kubectl");
    let errors = platform.import("mesh_namespace.shop", &shop).errors();
    assert_contains_all(
        &shop,
        &errors,
        [
            format!("AuthorizationPolicy/{shop}/forged"),
            format!("Sidecar/{shop}/forged"),
            format!("{owner:?}"),
            "\"shop/prod\"".to_owned(),
        ],
    );
    sidecar["metadata"]["annotations"][annotation::OWNER] = owner.clone().into();
    sidecar["metadata"]["annotations"][annotation::INSTANCE] = "another".into();
    api.apply(&sidecar, "kubectl");
    let errors = platform.import("mesh_namespace.shop", &shop).errors();
    assert_contains_all(&shop, &errors, ["instance \"another\"", "instance \"forged\""]);
    assert!(is_injected(&pci) && is_injected(&shop));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_with_other_objects_is_not_deleted() {
    let api = control_plane().api();
    let home = control_plane().namespace("full");
    let name = team_namespace(&home);
    let workspace = platform_workspace(Tool::Terraform, &home, TEAM);
    workspace.apply().expect_success();
    // Objects that every namespace has don't count.
    create_config_map(&api, &name, "kube-root-ca.crt");
    create_config_map(&api, &name, "istio-ca-root-cert");
    workspace.run(&["plan", "-input=false", "-destroy", "-out=destroy"]).expect_success();
    let before = api.objects(&name);

    // An object that is created between plan and apply stops the destroy before any deletion.
    create_config_map(&api, &name, "theirs");
    let errors = workspace.run(&["apply", "-input=false", "-no-color", "destroy"]).errors();
    assert!(errors.contains("The Namespace isn't empty") && errors.contains("ConfigMap/theirs"), "{errors}");
    assert_eq!(api.objects(&name), before);
    let errors = workspace.run(&["plan", "-input=false", "-no-color", "-destroy"]).errors();
    assert!(errors.contains("there is ConfigMap/theirs. Delete that first"), "{errors}");

    // A changed name would delete the namespace, too.
    configure(&workspace, &home, &TEAM.replace("-team\"", "-other\""));
    let errors = workspace.try_plan().errors();
    assert!(errors.contains("ConfigMap/theirs"), "{errors}");

    configure(&workspace, &home, &TEAM.replace("injection ", "force_destroy = true\ninjection "));
    workspace.apply().expect_success();
    let _controller = finalize_namespaces(vec![name.clone()]);
    workspace.destroy().expect_success();
    assert_eq!(api.get(&namespace_key(&name)), None);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_is_not_deleted_without_the_right_to_list() {
    let home = control_plane().namespace("blind");
    let workspace = workspace_of(Tool::Terraform, &home, &home.user(Grant::Namespaces), TEAM);
    workspace.apply().expect_success();
    let errors = workspace.destroy().errors();
    assert!(
        errors.contains("Contents of the Namespace can't be listed") && errors.contains("no right to list configmaps"),
        "{errors}"
    );
    assert!(control_plane().api().get(&namespace_key(&team_namespace(&home))).is_some());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_and_its_services_are_destroyed_in_one_run() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let home = control_plane().namespace("together");
        let name = team_namespace(&home);
        let workspace = workspace_for_services(tool, &home, &format!("{TEAM}\n{SERVICE}"));
        workspace.converge();
        let _controller = finalize_namespaces(vec![name.clone()]);
        workspace.destroy().expect_success();
        assert_eq!(api.get(&namespace_key(&name)), None, "{tool}");
    }
}

/// At plan, a service of the same owner could be destroyed in the same run. Only an apply finds that it isn't.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_with_a_remaining_service_is_not_deleted() {
    let api = control_plane().api();
    let home = control_plane().namespace("stays");
    let workspace = workspace_for_services(Tool::Terraform, &home, &format!("{TEAM}\n{SERVICE}"));
    workspace.apply().expect_success();
    workspace.remove_from_state("mesh_service.cart");
    workspace.run(&["plan", "-input=false", "-destroy"]).expect_success();
    let before = api.objects(&team_namespace(&home));
    let errors = workspace.destroy().errors();
    assert!(errors.contains(&format!("(of mesh_service/{}/cart)", team_namespace(&home))), "{errors}");
    assert_eq!(api.objects(&team_namespace(&home)), before);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn adopted_namespace_is_released_not_deleted() {
    let api = control_plane().api();
    let home = control_plane().namespace("theirs");
    let name = team_namespace(&home);
    create_namespace(&api, &name, &json!({ "team": "others", "mine": "yes" }));
    let workspace = platform_workspace(Tool::Terraform, &home, TEAM);
    let errors = workspace.try_plan().errors();
    assert!(errors.contains("Namespace exists already") && errors.contains("helm"), "{errors}");

    // The Namespace is adopted with its contents, and released.
    create_config_map(&api, &name, "theirs");
    configure(&workspace, &home, &TEAM.replace("injection ", "adopt_existing = true\ninjection "));
    workspace.converge();
    workspace.destroy().expect_success();
    let left = api.get_existing(&namespace_key(&name));
    assert_eq!(left["metadata"]["annotations"], Json::Null);
    assert_eq!(left["metadata"]["labels"]["mine"], "yes");
    assert_eq!(api.objects(&name), Vec::<String>::new());

    // With create = false, the resource manages single labels, and a destroy removes only these.
    let labels_only = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  create = false\n  revision = \"stable\"\n  labels = { ours = \"yes\" }\n}";
    configure(&workspace, &home, labels_only);
    workspace.converge();
    let labels = |live: Json| live["metadata"]["labels"].clone();
    let live = labels(api.get_existing(&namespace_key(&name)));
    assert_eq!((&live["istio.io/rev"], &live["ours"], &live["mine"]), (&json!("stable"), &json!("yes"), &json!("yes")));
    workspace.destroy().expect_success();
    let live = labels(api.get_existing(&namespace_key(&name)));
    assert_eq!((&live["istio.io/rev"], &live["ours"], &live["mine"]), (&Json::Null, &Json::Null, &json!("yes")));
}

/// After create = false, the Namespace is no longer the resource's, and a destroy keeps it, even after create = true.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespace_no_longer_created_is_kept() {
    let api = control_plane().api();
    let home = control_plane().namespace("given");
    let name = team_namespace(&home);
    let workspace = platform_workspace(Tool::Terraform, &home, TEAM);
    workspace.apply().expect_success();
    for create in ["create = false", "create = true"] {
        configure(&workspace, &home, &TEAM.replace("injection ", &format!("{create}\ninjection ")));
        workspace.apply().expect_success();
        let plan = workspace.plan();
        assert!(plan.is_empty, "{create}: {}", plan.text);
    }
    workspace.destroy().expect_success();
    assert!(api.get(&namespace_key(&name)).is_some());
    assert_eq!(api.objects(&name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn pending_finalizers_are_named() {
    let home = control_plane().namespace("kept");
    let name = team_namespace(&home);
    let hcl = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  timeouts {\n    delete = \"4s\"\n  }\n}";
    let workspace = platform_workspace(Tool::Terraform, &home, hcl);
    workspace.apply().expect_success();
    let errors = workspace.destroy().errors();
    assert!(errors.contains("its finalizers aren't done: kubernetes"), "{errors}");
    // The Namespace is terminating: its contents no longer matter, and the next destroy only waits.
    let _controller = finalize_namespaces(vec![name.clone()]);
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().get(&namespace_key(&name)), None);
}

/// The team may write traffic settings and authorization in its namespace, but no mTLS settings, and nothing in other
/// namespaces.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn team_has_exactly_the_rights_of_its_role() {
    let plane = control_plane();
    let home = plane.namespace("rights");
    let name = team_namespace(&home);
    let user = plane.certificate_user(&format!("{name}-member"), &[&format!("{name}-developers")]);
    let hcl = TEAM.replace("\"storefront\"]", "\"NAMESPACE-team-developers\"]");
    platform_workspace(Tool::Terraform, &home, &hcl).apply().expect_success();

    let api = Api::new(&plane.kubeconfig(&user));
    let is_allowed =
        |verb: &str, group: &str, resource: &str, namespace: &str| api.is_allowed(verb, group, resource, namespace, "");
    wait_until(Duration::from_secs(30), "the authorizer has heard of the team's RoleBinding", || {
        is_allowed("get", "", "services", &name)
    });
    for (group, kinds) in [
        ("networking.istio.io", &["virtualservices", "destinationrules", "serviceentries", "sidecars"][..]),
        ("security.istio.io", &["authorizationpolicies"]),
        ("", &["services", "serviceaccounts", "pods", "configmaps"]),
        ("apps", &["deployments", "statefulsets"]),
    ] {
        for (kind, verb) in kinds.iter().flat_map(|kind| ["create", "patch", "delete", "get"].map(|verb| (kind, verb)))
        {
            assert!(is_allowed(verb, group, kind, &name), "{verb} {kind} in its namespace");
            assert!(!is_allowed(verb, group, kind, &home.name), "{verb} {kind} in another namespace");
            assert!(!is_allowed(verb, group, kind, "istio-system"), "{verb} {kind} in the root namespace");
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
            assert!(!is_allowed(verb, group, kind, &name), "{verb} {kind}");
        }
    }
    assert!(!is_allowed("get", "", "secrets", &name) && !is_allowed("list", "", "secrets", &name));

    let service = SERVICE.replace("mesh_namespace.team.id", "\"NAMESPACE-team\"");
    let workspace = workspace_of(Tool::Terraform, &home, &user, &service);
    workspace.converge();
    configure(
        &workspace,
        &home,
        &service.replace("service   =", "resiliency = \"high\"\naccess = \"mesh\"\nservice   ="),
    );
    workspace.apply().expect_success();
    workspace.destroy().expect_success();

    let elsewhere = workspace_of(Tool::Terraform, &home, &user, &service.replace("NAMESPACE-team", "NAMESPACE"));
    let errors = elsewhere.apply().errors();
    assert!(errors.contains("cannot") && errors.contains(&format!("namespace \"{}\"", home.name)), "{errors}");
    let plain_text = "resource \"mesh_namespace\" \"team\" {\n  name = \"NAMESPACE-team\"\n  create = false\n  adopt_existing = true\n  mtls {\n    mode = \"disable\"\n  }\n}";
    let errors = workspace_of(Tool::Terraform, &home, &user, plain_text).apply().errors();
    assert!(errors.contains("cannot patch resource \"peerauthentications\""), "{errors}");
    let live = plane.api().get(&format!("PeerAuthentication/{name}/default").parse().expect("a key"));
    assert_eq!(live.expect("the object exists")["spec"]["mtls"]["mode"], "STRICT");
}

/// The rows in the order of the schema.
const ROWS: &[Row] = &[
    row("team", "", "team = \"a\"", "team = \"b\""),
    row("injection", "", "injection = true", "injection = false"),
    row("revision", "", "revision = \"stable\"", "revision = \"canary\""),
    row("calls", "", "calls = []", "calls = [\"pci/payments\", \"api.example.com\"]"),
    row(
        "outbound_traffic_policy",
        "calls = []",
        "outbound_traffic_policy = \"allow_any\"",
        "outbound_traffic_policy = \"inherit\"",
    ),
    row("authorization_mode", "", "authorization_mode = \"dry_run\"", "authorization_mode = \"enforce\""),
    row("authorization_mode", "", "authorization_mode = \"audit\"", "authorization_mode = \"off\""),
    row("labels", "calls = []", "labels = { a = \"b\" }", "labels = { a = \"c\", d = \"e\" }"),
    row("annotations", "calls = []", "annotations = { a = \"b\" }", "annotations = { a = \"c\" }"),
    row(
        "pod_security",
        "",
        "pod_security {\n enforce = \"baseline\"\n}",
        "pod_security {\n enforce = \"restricted\"\n enforce_version = \"v1.30\"\n audit = \"restricted\"\n audit_version = \"latest\"\n warn = \
         \"restricted\"\n warn_version = \"latest\"\n}",
    ),
    row(
        "allow",
        "authorization_mode = \"enforce\"",
        "allow {\n from = [\"monitoring/prometheus\"]\n ports = [9090]\n}",
        "allow {\n from = [\"probes/*\"]\n paths = [\"/healthz\"]\n methods = [\"GET\"]\n ip_blocks = [\"10.0.0.0/8\"]\n}",
    ),
    row(
        "rate_limit",
        "",
        "rate_limit {\n port = 8080\n requests = 100\n}",
        "rate_limit {\n port = 8080\n requests = 50\n interval = \"1500ms\"\n burst = 80\n}\nrate_limit {\n selector = { app = \"cart\" }\n port = \
         8081\n requests = 1\n}",
    ),
    row(
        "telemetry",
        "",
        "telemetry {\n access_logging {}\n}",
        "telemetry {\n access_logging {\n disabled = true\n }\n}\ntelemetry {\n selector = { app = \"cart\" }\n tracing {\n provider = \"otel\"\n \
         disabled = true\n environment_tags = { a = \"B\" }\n }\n metrics {\n tags = { host = \"request.host\" }\n }\n}",
    ),
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
        "rbac {\n users = [\"u\"]\n service_accounts = [\"ci/x\", \"y\"]\n cluster_role = \"mesh-app-team\"\n}",
    ),
    row(
        "override",
        "calls = []",
        "override {\n kind = \"Sidecar\"\n patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })\n}",
        "override {\n kind = \"Sidecar\"\n patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 100 } } } })\n}",
    ),
];

/// Arguments without an own field in any object, each with its test.
const TESTED_ELSEWHERE: &[(&str, &str)] = &[
    ("name", "namespace_with_other_objects_is_not_deleted"),
    ("create", "namespace_no_longer_created_is_kept"),
    ("force_destroy", "namespace_with_other_objects_is_not_deleted"),
    ("adopt_existing", "adopted_namespace_is_released_not_deleted"),
    ("adopt_from_owner", "adoption.rs, by the same arguments of mesh_service"),
    ("timeouts", "pending_finalizers_are_named"),
];

#[test]
fn every_argument_has_a_row() {
    assert_covers_schema::<Resource>(ROWS, TESTED_ELSEWHERE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    let home = control_plane().namespace("rows");
    let workspace = platform_workspace(Tool::Terraform, &home, "");
    home.grant(&home.user(Grant::Namespaces), Grant::NamespacesRateLimits);
    let resource = |n: usize, row: &Row, argument: &str| {
        let context = row.context;
        format!("resource \"mesh_namespace\" \"s{n}\" {{\nname = \"NAMESPACE-s{n}\"\n{context}\n{argument}\n}}")
    };
    let configure = |hcl: &str| configure(&workspace, &home, hcl);
    check_arguments(ROWS, resource, &workspace, &configure, &home.name, &expect_file!["namespaces.txt"]);
    let _controller = finalize_namespaces((0..ROWS.len()).map(|n| format!("{}-s{n}", home.name)).collect());
    workspace.destroy().expect_success();
}
