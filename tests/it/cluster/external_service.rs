//! `mesh_external_service` on a real API server: the order of writes when it changes, and `deletion_protection`.

use terraform_provider_mesh::object::Key;

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{configure, destroy_all, provider, workspace, workspace_with_proxy};

const API: &str = r#"
resource "mesh_external_service" "api" {
  host       = "api.example.com"
  export_to  = ["shop"]
  tls        = "originate"
  resiliency = "medium"
}"#;

fn configure_platform(workspace: &Workspace, namespace: &Namespace, hcl: &str) {
    configure(workspace, Grant::Platform, namespace, hcl);
}

/// The writes of a proxy in order, as `METHOD plural/name`.
fn write_lines(proxy: &Proxy) -> Vec<String> {
    let line = |request: &RecordedRequest| {
        let parts: Vec<&str> = request.path.rsplit('/').take(2).collect();
        format!("{} {}/{}", request.method, parts[1], parts[0])
    };
    proxy.writes().iter().map(line).collect()
}

/// Checks that all writes that create objects come before all deletions, and the number of deletions.
fn assert_created_before_deleted(writes: &[String], deleted: usize) {
    let first = writes.iter().position(|write| write.starts_with("DELETE")).expect("something is deleted");
    let (created, deletions) = writes.split_at(first);
    assert!(!created.is_empty(), "{writes:?}");
    assert!(deletions.iter().all(|write| write.starts_with("DELETE")), "{writes:?}");
    assert_eq!(deletions.len(), deleted, "{writes:?}");
}

/// Applies, checks that the next plan is empty, and returns the objects of the namespace.
fn apply_and_list(workspace: &Workspace, namespace: &Namespace) -> Vec<String> {
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

/// The host changes in place, in one apply: its new objects are created before the old ones are deleted.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn changed_host_or_name_creates_before_deleting() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("external");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::Platform, &namespace, "");
        configure_platform(&workspace, &namespace, API);
        assert_eq!(sorted(apply_and_list(&workspace, &namespace)), kinds("api-example-com"), "{tool}");

        for (changed, name) in [
            (API.replace("api.example.com", "api.example.net"), "api-example-net"),
            (API.replace("host ", "name = \"partner\"\n  host "), "partner"),
        ] {
            configure_platform(&workspace, &namespace, &changed);
            let plan = workspace.plan();
            assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{tool}: {}", plan.text);
            assert!(!plan.text.contains("is defined by two"), "{tool}: {}", plan.text);
            proxy.reset();
            assert_eq!(sorted(apply_and_list(&workspace, &namespace)), kinds(name), "{tool}");
            assert_created_before_deleted(&write_lines(&proxy), 3);
        }
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn changed_namespace_creates_before_deleting() {
    let (namespace, other) = (control_plane().namespace("external"), control_plane().namespace("elsewhere"));
    let user = namespace.user(Grant::Platform);
    other.grant(&user, Grant::Platform);
    let (workspace, proxy) = (Workspace::new(Tool::Terraform), Proxy::start(control_plane()));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
    configure_platform(&workspace, &namespace, API);
    apply_and_list(&workspace, &namespace);

    let moved = API.replace("tls ", &format!("namespace = {:?}\n  tls ", other.name));
    configure_platform(&workspace, &namespace, &moved);
    proxy.reset();
    assert_eq!(apply_and_list(&workspace, &namespace), Vec::<String>::new());
    assert_eq!(sorted(apply_and_list(&workspace, &other)), kinds("api-example-com"));
    assert_created_before_deleted(&write_lines(&proxy), 3);
    destroy_all(&workspace, &other);
}

/// Callers' proxies know the gateway before the first request goes there, and after the last one. In between nothing changes but the
/// weights: with weight 0 a destination is known and gets no traffic.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn routes_move_to_an_egress_gateway_and_back_in_steps() {
    let namespace = control_plane().namespace("external");
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::Platform, &namespace, "");
    let service = API.replace("  resiliency = \"medium\"\n", "");
    let block =
        format!("  egress_gateway {{\n    namespace = {:?}\n    service = \"egress\"\n  }}\n}}", namespace.name);
    let with_gateway = service.replace('}', &block);
    configure_platform(&workspace, &namespace, &service);
    apply_and_list(&workspace, &namespace);

    let gateway = format!("egress.{}.svc.cluster.local", namespace.name);
    for (configuration, expected) in [
        (&with_gateway, ["api.example.com=100 GATEWAY=0", "GATEWAY"]),
        (&service, ["api.example.com=100 GATEWAY=0", "deleted"]),
    ] {
        configure_platform(&workspace, &namespace, configuration);
        proxy.reset();
        apply_and_list(&workspace, &namespace);
        let steps: Vec<String> = proxy
            .written()
            .iter()
            .filter(|write| write.request.path.ends_with("/virtualservices/api-example-com"))
            .map(|write| match write.request.method.as_str() {
                "DELETE" => "deleted".to_owned(),
                _ => destinations(&write.answer["spec"]["http"][0]["route"]).replace(&gateway, "GATEWAY"),
            })
            .collect();
        assert_eq!(steps, expected);
    }
    destroy_all(&workspace, &namespace);
}

/// The destinations of a rule, as `host=weight`.
fn destinations(route: &serde_json::Value) -> String {
    let destination = |share: &serde_json::Value| {
        let host = share["destination"]["host"].as_str().expect("a host");
        share["weight"].as_u64().map_or_else(|| host.to_owned(), |weight| format!("{host}={weight}"))
    };
    route.as_array().expect("destinations").iter().map(destination).collect::<Vec<_>>().join(" ")
}

/// Adding or removing a host changes no object of another host, except for the ServiceEntry that lists all hosts.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn hosts_are_added_and_removed_one_by_one() {
    let namespace = control_plane().namespace("external");
    let (workspace, proxy) = workspace_with_proxy(Tool::Tofu, Grant::Platform, &namespace, "");
    let hosts = |hosts: &str| {
        API.replace("host       = \"api.example.com\"", &format!("name = \"partner\"\n  hosts = [{hosts}]"))
    };
    configure_platform(&workspace, &namespace, &hosts("\"a.example.com\""));
    apply_and_list(&workspace, &namespace);

    configure_platform(&workspace, &namespace, &hosts("\"a.example.com\", \"b.example.com\""));
    proxy.reset();
    apply_and_list(&workspace, &namespace);
    let expected = [
        "PATCH destinationrules/partner-b-example-com",
        "PATCH serviceentries/partner",
        "PATCH virtualservices/partner-b-example-com",
    ];
    assert_eq!(sorted(write_lines(&proxy)), expected);

    configure_platform(&workspace, &namespace, &hosts("\"b.example.com\""));
    proxy.reset();
    let left = apply_and_list(&workspace, &namespace);
    let expected = [
        "DELETE destinationrules/partner-a-example-com",
        "DELETE virtualservices/partner-a-example-com",
        "PATCH serviceentries/partner",
    ];
    assert_eq!(sorted(write_lines(&proxy)), expected);
    assert_eq!(left.len(), 3, "{left:?}");
    workspace.destroy().expect_success();
}

/// A ServiceEntry is recreated when its resolution changes from NONE: istiod would never allocate an address for it
/// otherwise.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn service_entry_is_recreated_when_a_wildcard_becomes_exact() {
    let namespace = control_plane().namespace("external");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, "");
    let named = API.replace("host ", "name = \"api\"\n  host ");
    configure_platform(&workspace, &namespace, &named.replace("api.example.com", "*.example.com"));
    apply_and_list(&workspace, &namespace);
    let key: Key = format!("ServiceEntry/{}/api", namespace.name).parse().expect("a key");
    let live_entry = || control_plane().api().get_existing(&key);
    let before = live_entry();
    assert_eq!(before["spec"]["resolution"], "NONE");

    configure_platform(&workspace, &namespace, &named);
    apply_and_list(&workspace, &namespace);
    let after = live_entry();
    assert_eq!(after["spec"]["resolution"], "DNS");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);

    configure_platform(&workspace, &namespace, &named.replace("[\"shop\"]", "[\"shop\", \"media\"]"));
    apply_and_list(&workspace, &namespace);
    let exported = live_entry();
    assert_eq!(exported["spec"]["exportTo"], serde_json::json!(["media", "shop"]));
    assert_eq!(exported["metadata"]["uid"], after["metadata"]["uid"]);
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn protected_resource_is_destroyed_only_after_protection_is_removed() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("protected");
        let workspace = workspace(tool, Grant::Platform, &namespace, "");
        let protected = API.replace("tls ", "deletion_protection = true\n  tls ");
        configure_platform(&workspace, &namespace, &protected);
        let objects = apply_and_list(&workspace, &namespace);

        let live_objects = || {
            let live = control_plane().api().objects(&namespace.name);
            live.into_iter().map(|object| object.replace(&namespace.name, "NAMESPACE")).collect::<Vec<_>>()
        };
        let assert_protected = |arguments: &[&str]| {
            let errors = workspace.run(arguments).errors();
            assert!(errors.contains("Protected from deletion"), "{tool} {arguments:?}: {errors}");
            assert!(errors.contains("deletion_protection = false first"), "{tool} {arguments:?}: {errors}");
            assert_eq!(live_objects(), objects, "{tool}");
        };
        assert_protected(&["plan", "-destroy", "-input=false", "-no-color"]);
        assert_protected(&["destroy", "-auto-approve", "-input=false", "-no-color"]);
        assert_protected(&["plan", "-replace=mesh_external_service.api", "-input=false", "-no-color"]);
        configure_platform(&workspace, &namespace, "");
        assert_protected(&["apply", "-auto-approve", "-input=false", "-no-color"]);

        // Removing the argument from the configuration has no effect before the next apply.
        configure_platform(&workspace, &namespace, API);
        assert_protected(&["plan", "-destroy", "-input=false", "-no-color"]);
        assert_eq!(apply_and_list(&workspace, &namespace), objects, "{tool}");
        workspace.destroy().expect_success();
        assert_eq!(live_objects(), Vec::<String>::new(), "{tool}");
    }
}

/// A create that failed halfway is completed by the next apply, although the resource is protected.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn failed_create_of_a_protected_resource_is_completed() {
    let namespace = control_plane().namespace("protected");
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::Platform, &namespace, "");
    configure_platform(&workspace, &namespace, &API.replace("tls ", "deletion_protection = true\n  tls "));
    proxy.inject_fault(0, usize::MAX, Fault::Status(403), |request| {
        request.is_write() && request.path.contains("virtualservices")
    });
    workspace.apply().errors();
    let left = control_plane().api().objects(&namespace.name);
    assert_eq!(left.len(), 2, "{left:?}");

    proxy.reset();
    assert_eq!(sorted(apply_and_list(&workspace, &namespace)), kinds("api-example-com"));
    let errors = workspace.run(&["plan", "-destroy", "-input=false", "-no-color"]).errors();
    assert!(errors.contains("Protected from deletion"), "{errors}");
}

/// A second ServiceEntry and a second DestinationRule in the namespace of a caller are warnings.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn other_objects_for_the_same_host_are_warnings() {
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
    assert_contains_all(
        "plan",
        &plan.text,
        ["(IST0177)", "(second-destination-rule)", &format!("{}/theirs", callers.name)],
    );
}
