//! `service = "existing"`: of a Service that a chart makes, the annotation that says who sees it is ours, and nothing else. It
//! is never created, and the chart may delete it and make it again.

use std::{thread, time::Duration};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, Key, is_ownership_key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy},
    terraform::{Tool, Workspace, finish},
    users::Grant,
};

use super::{APPLY, configure, life, provider, workspace};

const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// A service whose Service is a chart's.
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

/// [`CART`] with more arguments.
fn with(arguments: &str) -> String {
    CART.replacen("  port {", &format!("  {arguments}\n  port {{"), 1)
}

fn key(namespace: &Namespace) -> Key {
    Key::new(&kind::SERVICE, &namespace.name, "cart")
}

fn live(namespace: &Namespace) -> Json {
    control_plane().api().get(&key(namespace)).expect("it is there")
}

/// What the chart wants.
fn chart(namespace: &Namespace, annotations: &Json) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "cart", "namespace": namespace.name, "annotations": annotations, "labels": { "app": "cart" } },
        "spec": { "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }], "selector": { "app": "cart" } },
    })
}

/// The chart is installed, or upgraded.
fn install(namespace: &Namespace) {
    control_plane().api().apply(&chart(namespace, &json!({ "chart": "cart-1.0" })), "helm");
}

/// Who sees the Service.
fn seen_by(namespace: &Namespace) -> Option<String> {
    live(namespace)["metadata"]["annotations"][EXPORT_TO].as_str().map(str::to_owned)
}

/// The fields of which we are a manager.
fn ours(live: &Json) -> Vec<Json> {
    let entries = live["metadata"]["managedFields"].as_array().expect("a list").iter();
    entries.filter(|entry| entry["manager"] == FIELD_MANAGER).map(|entry| entry["fieldsV1"].clone()).collect()
}

/// The content, without what says when and by whom.
fn content(live: &Json) -> (Json, Json, Json) {
    (live["spec"].clone(), live["metadata"]["labels"].clone(), live["metadata"]["annotations"].clone())
}

#[track_caller]
fn unchanged(workspace: &Workspace, when: &str) {
    let plan = workspace.plan();
    assert!(plan.is_empty, "{when}: {}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_annotation_alone_is_written_and_given_back() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("existing");
        install(&namespace);
        let before = live(&namespace);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().succeeded();
        assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"), "{tool}");
        let annotation = json!({ "f:metadata": { "f:annotations": { format!("f:{EXPORT_TO}"): {} } } });
        assert_eq!(ours(&live(&namespace)), [annotation], "{tool}");
        unchanged(&workspace, "made");

        configure(&workspace, Grant::AppTeam, &namespace, &CART.replace("shop/web", "reporting/web"));
        workspace.apply().succeeded();
        assert_eq!(seen_by(&namespace).as_deref(), Some(".,reporting"), "{tool}");
        unchanged(&workspace, "changed");

        // What the chart changes is the chart's.
        control_plane().api().apply(&chart(&namespace, &json!({ "chart": "cart-1.1" })), "helm");
        assert_eq!(seen_by(&namespace).as_deref(), Some(".,reporting"), "{tool}");
        unchanged(&workspace, "upgraded");
        install(&namespace);

        workspace.destroy().succeeded();
        let after = live(&namespace);
        assert_eq!(content(&after), content(&before), "{tool}");
        assert_eq!(life(&after), life(&before), "{tool}");
        assert_eq!(ours(&after), Vec::<Json>::new(), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_is_not_there_yet_is_never_created() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("missing");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let there = || control_plane().api().get(&key(&namespace)).is_some();
        for time in ["first", "second"] {
            let plan = workspace.plan();
            assert!(!plan.is_empty && plan.text.contains("Service isn't there yet"), "{tool}, {time}: {}", plan.text);
            assert!(
                plan.text.contains("+ \"networking.istio.io/exportTo\" = \".,shop\""),
                "{tool}, {time}: {}",
                plan.text
            );
            let run = workspace.apply().succeeded();
            assert!(run.stdout.contains("Service isn't there yet"), "{tool}, {time}: {run}");
            assert!(!there(), "{tool}, {time}");
        }
        install(&namespace);
        let plan = workspace.plan();
        assert!(!plan.is_empty && !plan.text.contains("isn't there yet"), "{tool}: {}", plan.text);
        workspace.apply().succeeded();
        assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"), "{tool}");
        unchanged(&workspace, "installed");
        workspace.destroy().succeeded();
        assert_eq!(seen_by(&namespace), None, "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_its_chart_made_again_gets_the_annotation_again() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("again"));
    install(&namespace);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().succeeded();

    api.delete(&key(&namespace));
    let plan = workspace.plan();
    assert!(!plan.is_empty && plan.text.contains("Service isn't there yet"), "{}", plan.text);
    install(&namespace);
    let plan = workspace.plan();
    assert!(plan.text.contains("+ \"networking.istio.io/exportTo\" = \".,shop\""), "{}", plan.text);
    assert!(plan.text.contains("0 to add, 1 to change, 0 to destroy"), "{}", plan.text);
    workspace.apply().succeeded();
    assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"));
    unchanged(&workspace, "made again");

    // Gone for good: nothing is left to give back.
    api.delete(&key(&namespace));
    workspace.destroy().succeeded();
    assert_eq!(api.objects(&namespace.name), Vec::<String>::new());
}

/// The last moment at which it can go: it was read, and the write is on its way.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_goes_while_it_is_written_is_not_made_again() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("going"));
    install(&namespace);
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    proxy.rule(0, 1, Fault::Delay(Duration::from_secs(3)), |asked| asked.writes() && asked.path.contains("/services/"));
    let apply = workspace.spawn(&APPLY);
    while !proxy.asked().iter().any(|asked| asked.writes() && asked.path.contains("/services/")) {
        thread::sleep(Duration::from_millis(20));
    }
    api.delete(&key(&namespace));
    let run = finish(apply).succeeded();
    assert!(run.stdout.contains("Service isn't there yet"), "{run}");
    assert_eq!(api.get(&key(&namespace)), None);
    assert!(!workspace.plan().is_empty);
    workspace.destroy().succeeded();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_value_of_the_chart_is_a_conflict() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("chart");
        control_plane().api().apply(&chart(&namespace, &json!({ EXPORT_TO: "*" })), "helm");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        for told in [workspace.plan_run().errors(), workspace.apply().errors()] {
            let service = format!("Service {}/cart", namespace.name);
            for word in [&service, EXPORT_TO, "helm", "force_conflicts = true"] {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
        }
        assert_eq!(seen_by(&namespace).as_deref(), Some("*"), "{tool}");

        // Who says the same shares it, and keeps it.
        configure(&workspace, Grant::AppTeam, &namespace, &with("export_to = [\"*\"]"));
        workspace.apply().succeeded();
        unchanged(&workspace, "shared");

        let force = "config_path = \"kubeconfig\"\n  force_conflicts = true";
        workspace.configure(&provider(&namespace, "istio-system", force, CART));
        workspace.apply().succeeded();
        assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"), "{tool}");
        unchanged(&workspace, "taken");
        workspace.destroy().succeeded();
        assert_eq!(live(&namespace)["spec"]["ports"][0]["port"], 8080, "{tool}");
    }
}

/// Both write by one field manager: what one says of some fields would take the others from the other.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_of_another_resource_is_left_alone() {
    let namespace = control_plane().namespace("two");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &with("service = \"managed\""));
    workspace.apply().succeeded();
    let before = live(&namespace);
    let other = Workspace::new(Tool::Terraform);
    other.file("kubeconfig", &control_plane().kubeconfig(&namespace.user(Grant::AppTeam)));
    let hcl = provider(&namespace, "istio-system", "config_path = \"kubeconfig\"", &with("object_name = \"view\""));
    other.configure(&hcl.replace("owner = \"tests/", "owner = \"others/"));
    for told in [other.plan_run().errors(), other.apply().errors()] {
        let who = format!("it belongs to mesh_service/{0}/cart of owner \"tests/{0}\"", namespace.name);
        assert!(told.contains("Service is another resource's") && told.contains(&who), "{told}");
    }
    assert_eq!(live(&namespace), before);
    unchanged(&workspace, "left alone");
    workspace.destroy().succeeded();
}

/// From one to the other and back: what is somebody else's is never deleted, and what is left to somebody never emptied.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn existing_managed_none_and_back() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ways"));
    install(&namespace);
    let before = live(&namespace);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    let apply = |arguments: &str| {
        configure(&workspace, Grant::AppTeam, &namespace, &with(arguments));
        workspace.apply().succeeded();
        unchanged(&workspace, arguments);
    };
    workspace.apply().succeeded();

    // A Service of somebody else's isn't taken unasked.
    configure(&workspace, Grant::AppTeam, &namespace, &with("service = \"managed\""));
    let told = workspace.plan_run().errors();
    assert!(told.contains("Service exists already") && told.contains("adopt_existing = true"), "{told}");
    apply("service = \"managed\"\n  create_service_account = false\n  adopt_existing = true");
    assert_eq!(live(&namespace)["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"));

    apply("service = \"existing\"");
    let released = live(&namespace);
    assert_eq!(released["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(released["spec"]["selector"], json!({ "app": "cart" }));
    assert_eq!(released["spec"]["ports"][0]["port"], 8080);
    for part in ["labels", "annotations"] {
        let names = released["metadata"][part].as_object().expect("some");
        assert!(names.keys().all(|name| !is_ownership_key(name)), "{released}");
    }
    assert_eq!(ours(&released).len(), 1);

    apply("service = \"none\"");
    assert_eq!(seen_by(&namespace), None);
    assert_eq!(live(&namespace)["metadata"]["uid"], before["metadata"]["uid"]);
    apply("service = \"existing\"");
    assert_eq!(seen_by(&namespace).as_deref(), Some(".,shop"));
    workspace.destroy().succeeded();
    assert_eq!(seen_by(&namespace), None);

    // One that is made here goes when there is to be none, and stays when it is left to somebody else.
    api.delete(&key(&namespace));
    apply("service = \"managed\"");
    apply("service = \"none\"");
    assert_eq!(api.get(&key(&namespace)), None);
    apply("service = \"managed\"");
    let made = live(&namespace);
    apply("service = \"existing\"");
    assert_eq!(live(&namespace)["spec"], made["spec"]);
    assert_eq!(live(&namespace)["metadata"]["uid"], made["metadata"]["uid"]);
    workspace.destroy().succeeded();
    assert_eq!(live(&namespace)["spec"], made["spec"]);
}
