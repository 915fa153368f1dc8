//! `service = "existing"`: of a Service that a chart creates, the provider manages only the annotation
//! `networking.istio.io/exportTo`. It never creates the Service, and the chart may delete and recreate it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, Key, is_ownership_key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    proxy::Fault,
    terraform::{Tool, Workspace, wait_for_exit},
    users::Grant,
};

use super::{APPLY, REGISTRY_ONLY, destroy_all, provider, uid_and_generation, with_arguments, workspace_with_proxy};

const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// A service whose Service a chart manages.
const CART: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from = ["shop/web"]
  }
}"#;

/// A workspace whose provider block states `registry_only`.
fn workspace(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str) -> Workspace {
    let workspace = super::workspace(tool, grant, namespace, hcl);
    configure(&workspace, namespace, hcl);
    workspace
}

fn configure(workspace: &Workspace, namespace: &Namespace, hcl: &str) {
    workspace.configure(&provider(namespace, "istio-system", REGISTRY_ONLY, hcl));
}

fn service_key(namespace: &Namespace) -> Key {
    Key::new(&kind::SERVICE, &namespace.name, "cart")
}

fn live_service(namespace: &Namespace) -> Json {
    control_plane().api().get_existing(&service_key(namespace))
}

/// The Service of the chart.
fn chart_service(namespace: &Namespace, annotations: &Json) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "cart", "namespace": namespace.name, "annotations": annotations, "labels": { "app": "cart" } },
        "spec": { "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }], "selector": { "app": "cart" } },
    })
}

/// Installs or upgrades the chart.
fn install_chart(namespace: &Namespace) {
    control_plane().api().apply(&chart_service(namespace, &json!({ "chart": "cart-1.0" })), "helm");
}

/// The value of the annotation.
fn export_to(namespace: &Namespace) -> Option<String> {
    live_service(namespace)["metadata"]["annotations"][EXPORT_TO].as_str().map(str::to_owned)
}

/// The fields that the provider owns.
fn owned_fields(live: &Json) -> Vec<Json> {
    let entries = live["metadata"]["managedFields"].as_array().expect("a list").iter();
    entries.filter(|entry| entry["manager"] == FIELD_MANAGER).map(|entry| entry["fieldsV1"].clone()).collect()
}

/// The content, without versions and managedFields.
fn content(live: &Json) -> (Json, Json, Json) {
    (live["spec"].clone(), live["metadata"]["labels"].clone(), live["metadata"]["annotations"].clone())
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn only_the_annotation_is_written_and_removed() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("existing");
        install_chart(&namespace);
        let before = live_service(&namespace);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"), "{tool}");
        let annotation = json!({ "f:metadata": { "f:annotations": { format!("f:{EXPORT_TO}"): {} } } });
        assert_eq!(owned_fields(&live_service(&namespace)), [annotation], "{tool}");
        workspace.assert_empty_plan();

        configure(&workspace, &namespace, &CART.replace("shop/web", "reporting/web"));
        workspace.apply().expect_success();
        assert_eq!(export_to(&namespace).as_deref(), Some(".,reporting"), "{tool}");
        workspace.assert_empty_plan();

        // An upgrade of the chart changes its own fields only.
        control_plane().api().apply(&chart_service(&namespace, &json!({ "chart": "cart-1.1" })), "helm");
        assert_eq!(export_to(&namespace).as_deref(), Some(".,reporting"), "{tool}");
        workspace.assert_empty_plan();
        install_chart(&namespace);

        workspace.destroy().expect_success();
        let after = live_service(&namespace);
        assert_eq!(content(&after), content(&before), "{tool}");
        assert_eq!(uid_and_generation(&after), uid_and_generation(&before), "{tool}");
        assert_eq!(owned_fields(&after), Vec::<Json>::new(), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn missing_service_is_not_created() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("missing");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let exists = || control_plane().api().get(&service_key(&namespace)).is_some();
        for time in ["first", "second"] {
            let plan = workspace.plan();
            assert!(!plan.is_empty && plan.text.contains("Service isn't there yet"), "{tool}, {time}: {}", plan.text);
            assert!(
                plan.text.contains("+ \"networking.istio.io/exportTo\" = \".,shop\""),
                "{tool}, {time}: {}",
                plan.text
            );
            let run = workspace.apply().expect_success();
            assert!(run.stdout.contains("Service isn't there yet"), "{tool}, {time}: {run}");
            assert!(!exists(), "{tool}, {time}");
        }
        install_chart(&namespace);
        let plan = workspace.plan();
        assert!(!plan.is_empty && !plan.text.contains("isn't there yet"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"), "{tool}");
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
        assert_eq!(export_to(&namespace), None, "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn recreated_service_gets_the_annotation_again() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("again"));
    install_chart(&namespace);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();

    api.delete(&service_key(&namespace));
    let plan = workspace.plan();
    assert!(!plan.is_empty && plan.text.contains("Service isn't there yet"), "{}", plan.text);
    install_chart(&namespace);
    let plan = workspace.plan();
    assert!(plan.text.contains("+ \"networking.istio.io/exportTo\" = \".,shop\""), "{}", plan.text);
    assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{}", plan.text);
    workspace.apply().expect_success();
    assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"));
    workspace.assert_empty_plan();

    // The Service is deleted for good, so a destroy has nothing to release.
    api.delete(&service_key(&namespace));
    destroy_all(&workspace, &namespace);
}

/// The Service is deleted at the last possible moment: after its read, while its write is delayed.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn service_deleted_during_apply_is_not_recreated() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("going"));
    install_chart(&namespace);
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    proxy.inject_fault(0, 1, Fault::Delay(Duration::from_secs(3)), |request| {
        request.is_write() && request.path.contains("/services/")
    });
    let apply = workspace.spawn(&APPLY);
    wait_until(Duration::from_mins(1), "the write of the Service", || {
        proxy.writes().iter().any(|request| request.path.contains("/services/"))
    });
    api.delete(&service_key(&namespace));
    let run = wait_for_exit(apply).expect_success();
    assert!(run.stdout.contains("Service isn't there yet"), "{run}");
    assert_eq!(api.get(&service_key(&namespace)), None);
    assert!(!workspace.plan().is_empty);
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn annotation_value_of_the_chart_is_a_conflict() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("chart");
        control_plane().api().apply(&chart_service(&namespace, &json!({ EXPORT_TO: "*" })), "helm");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        for errors in [workspace.try_plan().errors(), workspace.apply().errors()] {
            let service = format!("Service {}/cart", namespace.name);
            assert_contains_all(tool, &errors, [&service, EXPORT_TO, "helm", "force_conflicts = true"]);
        }
        assert_eq!(export_to(&namespace).as_deref(), Some("*"), "{tool}");

        // The same value isn't a conflict: both managers own the field.
        configure(&workspace, &namespace, &with_arguments(CART, "export_to = [\"*\"]"));
        workspace.apply().expect_success();
        workspace.assert_empty_plan();

        let force = format!("{REGISTRY_ONLY}\n  force_conflicts = true");
        workspace.configure(&provider(&namespace, "istio-system", &force, CART));
        workspace.apply().expect_success();
        assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"), "{tool}");
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
        assert_eq!(live_service(&namespace)["spec"]["ports"][0]["port"], 8080, "{tool}");
    }
}

/// Both resources would write with one field manager, so an apply of one would remove the fields of the other.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn service_of_another_resource_is_an_error() {
    let namespace = control_plane().namespace("two");
    let workspace =
        workspace(Tool::Terraform, Grant::AppTeam, &namespace, &with_arguments(CART, "service = \"managed\""));
    workspace.apply().expect_success();
    let before = live_service(&namespace);
    let other = Workspace::new(Tool::Terraform);
    other.write_file("kubeconfig", &control_plane().kubeconfig(&namespace.user(Grant::AppTeam)));
    let hcl = provider(
        &namespace,
        "istio-system",
        "config_path = \"kubeconfig\"",
        &with_arguments(CART, "object_name = \"view\""),
    );
    other.configure(&hcl.replace("owner = \"tests/", "owner = \"others/"));
    for errors in [other.try_plan().errors(), other.apply().errors()] {
        let owner = format!("it belongs to mesh_service/{0}/cart of owner \"tests/{0}\"", namespace.name);
        assert!(errors.contains("Service is another resource's") && errors.contains(&owner), "{errors}");
    }
    assert_eq!(live_service(&namespace), before);
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}

/// A Service of a chart is never deleted, and a Service that the resource releases keeps its fields.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn service_argument_changes_between_existing_managed_and_none() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ways"));
    install_chart(&namespace);
    let before = live_service(&namespace);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    let apply = |arguments: &str| {
        configure(&workspace, &namespace, &with_arguments(CART, arguments));
        workspace.apply().expect_success();
        let plan = workspace.plan();
        assert!(plan.is_empty, "{arguments}: {}", plan.text);
    };
    workspace.apply().expect_success();

    // A Service of the chart isn't adopted without adopt_existing.
    configure(&workspace, &namespace, &with_arguments(CART, "service = \"managed\""));
    let errors = workspace.try_plan().errors();
    assert!(errors.contains("Service exists already") && errors.contains("adopt_existing = true"), "{errors}");
    apply("service = \"managed\"\n  create_service_account = false\n  adopt_existing = true");
    assert_eq!(live_service(&namespace)["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"));

    apply("service = \"existing\"");
    let released = live_service(&namespace);
    assert_eq!(released["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(released["spec"]["selector"], json!({ "app": "cart" }));
    assert_eq!(released["spec"]["ports"][0]["port"], 8080);
    for part in ["labels", "annotations"] {
        let names = released["metadata"][part].as_object().expect("some");
        assert!(names.keys().all(|name| !is_ownership_key(name)), "{released}");
    }
    assert_eq!(owned_fields(&released).len(), 1);

    apply("service = \"none\"");
    assert_eq!(export_to(&namespace), None);
    assert_eq!(live_service(&namespace)["metadata"]["uid"], before["metadata"]["uid"]);
    apply("service = \"existing\"");
    assert_eq!(export_to(&namespace).as_deref(), Some(".,shop"));
    workspace.destroy().expect_success();
    assert_eq!(export_to(&namespace), None);

    // A Service that the resource created is deleted with "none", and is kept with "existing".
    api.delete(&service_key(&namespace));
    apply("service = \"managed\"");
    apply("service = \"none\"");
    assert_eq!(api.get(&service_key(&namespace)), None);
    apply("service = \"managed\"");
    let created = live_service(&namespace);
    apply("service = \"existing\"");
    assert_eq!(live_service(&namespace)["spec"], created["spec"]);
    assert_eq!(live_service(&namespace)["metadata"]["uid"], created["metadata"]["uid"]);
    workspace.destroy().expect_success();
    assert_eq!(live_service(&namespace)["spec"], created["spec"]);
}
