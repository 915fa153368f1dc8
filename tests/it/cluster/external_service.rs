//! `mesh_external_service` on a real server: what happens in what order when it changes, and what protects it.

use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{configure, provider, workspace};

const API: &str = r#"
resource "mesh_external_service" "api" {
  host      = "api.example.com"
  export_to = ["shop"]
  tls       = "originate"
}"#;

/// A workspace of the platform team, and the proxy in front of its server.
fn watched(tool: Tool, namespace: &Namespace) -> (Workspace, Proxy) {
    let (workspace, proxy) = (Workspace::new(tool), Proxy::start(control_plane()));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::Platform)));
    (workspace, proxy)
}

fn write(workspace: &Workspace, namespace: &Namespace, hcl: &str) {
    configure(workspace, Grant::Platform, namespace, hcl);
}

/// The writes that came through a proxy, `METHOD kind/name`, in order.
fn written(proxy: &Proxy) -> Vec<String> {
    let short = |request: &RecordedRequest| {
        let parts: Vec<&str> = request.path.rsplit('/').take(2).collect();
        format!("{} {}/{}", request.method, parts[1], parts[0])
    };
    proxy.writes().iter().map(short).collect()
}

/// That every write that makes something comes before every one that deletes something, and that there are so many of
/// these.
fn new_before_old(writes: &[String], deleted: usize) {
    let first = writes.iter().position(|write| write.starts_with("DELETE")).expect("something is deleted");
    let (made, gone) = writes.split_at(first);
    assert!(!made.is_empty(), "{writes:?}");
    assert!(gone.iter().all(|write| write.starts_with("DELETE")), "{writes:?}");
    assert_eq!(gone.len(), deleted, "{writes:?}");
}

/// Applies, and plans again: nothing is left to do. The objects of the namespace then.
fn applied(workspace: &Workspace, namespace: &Namespace) -> Vec<String> {
    workspace.converge();
    let objects = control_plane().api().objects(&namespace.name);
    objects.into_iter().map(|object| object.replace(&namespace.name, "NAMESPACE")).collect()
}

fn kinds(name: &str) -> Vec<String> {
    ["DestinationRule", "ServiceEntry", "VirtualService"].map(|kind| format!("{kind}/NAMESPACE/{name}")).into()
}

fn sorted(mut objects: Vec<String>) -> Vec<String> {
    objects.sort();
    objects
}

/// In place, in one apply: callers have the new host before the old one goes.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn another_host_or_name_comes_before_the_old_one_goes() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("external");
        let (workspace, proxy) = watched(tool, &namespace);
        write(&workspace, &namespace, API);
        assert_eq!(sorted(applied(&workspace, &namespace)), kinds("api-example-com"), "{tool}");

        for (changed, name) in [
            (API.replace("api.example.com", "api.example.net"), "api-example-net"),
            (API.replace("host ", "name = \"partner\"\n  host "), "partner"),
        ] {
            write(&workspace, &namespace, &changed);
            let plan = workspace.plan();
            assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}: {}", plan.text);
            assert!(!plan.text.contains("is defined twice"), "{tool}: {}", plan.text);
            proxy.reset();
            assert_eq!(sorted(applied(&workspace, &namespace)), kinds(name), "{tool}");
            new_before_old(&written(&proxy), 3);
        }
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new(), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn another_namespace_has_it_before_the_old_one_loses_it() {
    let (namespace, other) = (control_plane().namespace("external"), control_plane().namespace("elsewhere"));
    let user = namespace.user(Grant::Platform);
    other.grant(&user, Grant::Platform);
    let (workspace, proxy) = (Workspace::new(Tool::Terraform), Proxy::start(control_plane()));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
    write(&workspace, &namespace, API);
    applied(&workspace, &namespace);

    let moved = API.replace("tls ", &format!("namespace = {:?}\n  tls ", other.name));
    write(&workspace, &namespace, &moved);
    proxy.reset();
    assert_eq!(applied(&workspace, &namespace), Vec::<String>::new());
    assert_eq!(sorted(applied(&workspace, &other)), kinds("api-example-com"));
    new_before_old(&written(&proxy), 3);
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&other.name), Vec::<String>::new());
}

/// When a host comes or goes, the objects of the others aren't touched but for the entry that lists them all.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn hosts_come_and_go() {
    let namespace = control_plane().namespace("external");
    let (workspace, proxy) = watched(Tool::Tofu, &namespace);
    let hosts = |hosts: &str| {
        API.replace("host      = \"api.example.com\"", &format!("name = \"partner\"\n  hosts = [{hosts}]"))
    };
    write(&workspace, &namespace, &hosts("\"a.example.com\""));
    applied(&workspace, &namespace);

    write(&workspace, &namespace, &hosts("\"a.example.com\", \"b.example.com\""));
    proxy.reset();
    applied(&workspace, &namespace);
    let expected = [
        "PATCH destinationrules/partner-b-example-com",
        "PATCH serviceentries/partner",
        "PATCH virtualservices/partner-b-example-com",
    ];
    assert_eq!(sorted(written(&proxy)), expected);

    write(&workspace, &namespace, &hosts("\"b.example.com\""));
    proxy.reset();
    let left = applied(&workspace, &namespace);
    let expected = [
        "DELETE destinationrules/partner-a-example-com",
        "DELETE virtualservices/partner-a-example-com",
        "PATCH serviceentries/partner",
    ];
    assert_eq!(sorted(written(&proxy)), expected);
    assert_eq!(left.len(), 3, "{left:?}");
    workspace.destroy().expect_success();
}

/// Entries don't leave `resolution = "none"` in place: istiod would never give them an address again.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_wildcard_becomes_exact_and_a_caller_is_added() {
    let namespace = control_plane().namespace("external");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, "");
    let named = API.replace("host ", "name = \"api\"\n  host ");
    write(&workspace, &namespace, &named.replace("api.example.com", "*.example.com"));
    applied(&workspace, &namespace);
    let key: Key = format!("ServiceEntry/{}/api", namespace.name).parse().expect("a key");
    let look = || control_plane().api().get(&key).expect("it is there");
    let before = look();
    assert_eq!(before["spec"]["resolution"], "NONE");

    write(&workspace, &namespace, &named);
    applied(&workspace, &namespace);
    let after = look();
    assert_eq!(after["spec"]["resolution"], "DNS");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);

    write(&workspace, &namespace, &named.replace("[\"shop\"]", "[\"shop\", \"media\"]"));
    applied(&workspace, &namespace);
    let seen = look();
    assert_eq!(seen["spec"]["exportTo"], serde_json::json!(["media", "shop"]));
    assert_eq!(seen["metadata"]["uid"], after["metadata"]["uid"]);
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_protected_goes_only_after_an_apply_without_it() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("protected");
        let workspace = workspace(tool, Grant::Platform, &namespace, "");
        let protected = API.replace("tls ", "deletion_protection = true\n  tls ");
        write(&workspace, &namespace, &protected);
        let objects = applied(&workspace, &namespace);

        let still_there = || {
            let live = control_plane().api().objects(&namespace.name);
            live.into_iter().map(|object| object.replace(&namespace.name, "NAMESPACE")).collect::<Vec<_>>()
        };
        let refused = |arguments: &[&str]| {
            let errors = workspace.run(arguments).errors();
            assert!(errors.contains("Protected from deletion"), "{tool} {arguments:?}: {errors}");
            assert!(errors.contains("deletion_protection = false first"), "{tool} {arguments:?}: {errors}");
            assert_eq!(still_there(), objects, "{tool}");
        };
        refused(&["plan", "-destroy", "-input=false", "-no-color"]);
        refused(&["destroy", "-auto-approve", "-input=false", "-no-color"]);
        refused(&["plan", "-replace=mesh_external_service.api", "-input=false", "-no-color"]);
        write(&workspace, &namespace, "");
        refused(&["apply", "-auto-approve", "-input=false", "-no-color"]);

        // Without it in the configuration alone nothing has been said yet.
        write(&workspace, &namespace, API);
        refused(&["plan", "-destroy", "-input=false", "-no-color"]);
        assert_eq!(applied(&workspace, &namespace), objects, "{tool}");
        workspace.destroy().expect_success();
        assert_eq!(still_there(), Vec::<String>::new(), "{tool}");
    }
}

/// A create that failed half-way is finished by the next apply, protected as it would be.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn protection_does_not_keep_a_failed_create_from_being_finished() {
    let namespace = control_plane().namespace("protected");
    let (workspace, proxy) = watched(Tool::Terraform, &namespace);
    write(&workspace, &namespace, &API.replace("tls ", "deletion_protection = true\n  tls "));
    proxy.inject_fault(0, usize::MAX, Fault::Status(403), |request| {
        request.is_write() && request.path.contains("virtualservices")
    });
    workspace.apply().errors();
    let left = control_plane().api().objects(&namespace.name);
    assert_eq!(left.len(), 2, "{left:?}");

    proxy.reset();
    assert_eq!(sorted(applied(&workspace, &namespace)), kinds("api-example-com"));
    let errors = workspace.run(&["plan", "-destroy", "-input=false", "-no-color"]).errors();
    assert!(errors.contains("Protected from deletion"), "{errors}");
}

/// Whoever may see it is told of a second entry, and of a rule that would let clear text out.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn others_for_the_same_host_are_told() {
    let (namespace, callers) = (control_plane().namespace("external"), control_plane().namespace("callers"));
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    let host = format!("api.{}.example.com", namespace.name);
    let hcl = API.replace("api.example.com", &host).replace("\"shop\"", &format!("{:?}", callers.name));
    workspace.configure(&provider(&namespace, &namespace.name, r#"config_path = "kubeconfig""#, &hcl));
    let plan = workspace.plan();
    assert!(!plan.text.contains("IST0177"), "{}", plan.text);

    for (kind, spec) in [
        (
            "ServiceEntry",
            serde_json::json!({ "hosts": [host], "ports": [{ "number": 443, "name": "tls", "protocol": "TLS" }] }),
        ),
        ("DestinationRule", serde_json::json!({ "host": host })),
    ] {
        let metadata = serde_json::json!({ "name": "theirs", "namespace": callers.name });
        let object = serde_json::json!({
            "apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec,
        });
        control_plane().api().apply(&object, "kubectl");
    }
    let plan = workspace.plan();
    for told in ["(IST0177)", "(second-destination-rule)", &format!("{}/theirs", callers.name)] {
        assert!(plan.text.contains(told), "{told}: {}", plan.text);
    }
}
