//! Each form of replacement in Terraform: no live object that is still needed is ever deleted, and no object is left
//! over. An object that is kept has the same uid as before.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::Proxy,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, CREATE_BEFORE_DESTROY, cart_with, configure, destroy_all, workspace, workspace_with_proxy};

/// An applied service, with the uids of its objects, and a proxy that records requests.
struct Applied {
    namespace: Namespace,
    workspace: Workspace,
    proxy: Proxy,
    uids: BTreeMap<String, String>,
}

fn applied(tool: Tool, hcl: &str) -> Applied {
    let namespace = control_plane().namespace("replaced");
    let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, hcl);
    workspace.apply().expect_success();
    proxy.reset();
    let uids = uids(&namespace);
    Applied { namespace, workspace, proxy, uids }
}

fn uids(namespace: &Namespace) -> BTreeMap<String, String> {
    let api = control_plane().api();
    let uid = |key: &String| api.get(&key.parse().unwrap()).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    api.objects(&namespace.name).iter().map(|key| (key.clone(), uid(key))).collect()
}

impl Applied {
    fn deletes(&self) -> Vec<String> {
        self.proxy.requests().iter().filter(|request| request.method == "DELETE").map(ToString::to_string).collect()
    }

    /// Checks that no object was deleted, that a plan is empty, and that a destroy leaves nothing.
    fn assert_kept(self) {
        assert_eq!(self.deletes(), Vec::<String>::new());
        assert_eq!(uids(&self.namespace), self.uids);
        self.workspace.assert_empty_plan();
        destroy_all(&self.workspace, &self.namespace);
    }
}

/// The arguments of an apply that replaces the service.
pub(super) const REPLACE: [&str; 5] =
    ["apply", "-input=false", "-no-color", "-auto-approve", "-replace=mesh_service.cart"];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replace_option_keeps_objects() {
    for tool in Tool::ALL {
        let applied = applied(tool, CART);
        let run = applied.workspace.run(&REPLACE).expect_success();
        assert!(run.stdout.contains("1 added, 0 changed, 1 destroyed"), "{run}");
        applied.assert_kept();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn tainted_resource_keeps_objects() {
    for tool in Tool::ALL {
        let applied = applied(tool, CART);
        applied.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        applied.workspace.apply().expect_success();
        applied.assert_kept();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn partly_failed_create_keeps_objects() {
    let namespace = control_plane().namespace("half");
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    proxy.forbid_writes_after(4);
    assert_ne!(workspace.apply().code, Some(0));
    proxy.reset();
    let before = uids(&namespace);
    assert_eq!(before.len(), 4);
    workspace.apply().expect_success();
    let after = uids(&namespace);
    assert!(before.iter().all(|(key, uid)| after.get(key) == Some(uid)), "{before:?} became {after:?}");
    assert!(proxy.requests().iter().all(|request| request.method != "DELETE"));
    workspace.assert_empty_plan();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replace_triggered_by_keeps_objects() {
    for tool in Tool::ALL {
        let with = |input: &str| {
            let trigger = format!("\nresource \"terraform_data\" \"trigger\" {{\n  input = \"{input}\"\n}}");
            cart_with("  lifecycle {\n    replace_triggered_by = [terraform_data.trigger]\n  }") + &trigger
        };
        let applied = applied(tool, &with("1"));
        configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &with("2"));
        let run = applied.workspace.apply().expect_success();
        assert!(run.stdout.contains("1 destroyed"), "{run}");
        applied.assert_kept();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn create_before_destroy_keeps_objects() {
    for tool in Tool::ALL {
        let applied = applied(tool, &cart_with(CREATE_BEFORE_DESTROY));
        applied.workspace.run(&REPLACE).expect_success();
        applied.assert_kept();
    }
}

/// How a service is replaced.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// By the option of an apply.
    Option,
    /// By a taint.
    Taint,
    /// By `replace_triggered_by`.
    Trigger,
}

/// Terraform creates what this resource depends on before it destroys the former one, too.
const DEPENDENT: &str = r#"
resource "terraform_data" "dependent" {
  input = mesh_service.cart.id
  lifecycle {
    create_before_destroy = true
  }
}"#;

/// The forms of replacement, each with arguments of the service and another resource.
const FORMS: [(Form, &str, &str); 6] = [
    (Form::Option, "", ""),
    (Form::Taint, "", ""),
    (Form::Option, CREATE_BEFORE_DESTROY, ""),
    (Form::Taint, CREATE_BEFORE_DESTROY, ""),
    (Form::Option, "", DEPENDENT),
    (
        Form::Trigger,
        "  lifecycle {\n    replace_triggered_by = [terraform_data.trigger]\n  }",
        "\nresource \"terraform_data\" \"trigger\" {\n  input = \"first\"\n}\n",
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn fields_in_a_service_of_another_tool_are_handed_over() {
    for tool in Tool::ALL {
        for (form, arguments, other_resource) in FORMS {
            let namespace = control_plane().namespace("exported");
            let key = Key::new(&kind::SERVICE, &namespace.name, "cart");
            let service = json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "cart", "namespace": namespace.name },
                "spec": { "ports": [{ "name": "http", "port": 8080 }], "selector": { "app": "cart" } },
            });
            control_plane().api().apply(&service, "helm");
            let hcl = cart_with(arguments).replace("  service   = \"managed\"\n", "") + other_resource;
            let workspace = workspace(tool, Grant::AppTeam, &namespace, &hcl);
            workspace.apply().expect_success();
            let live = || control_plane().api().get_existing(&key)["metadata"].clone();
            let export_to = |metadata: &Json| metadata["annotations"]["networking.istio.io/exportTo"].clone();
            let applied = live();
            assert!(export_to(&applied).is_string(), "{applied}");
            let replacement = match form {
                Form::Option => workspace.run(&REPLACE),
                Form::Taint => {
                    workspace.run(&["taint", "mesh_service.cart"]).expect_success();
                    workspace.apply()
                }
                Form::Trigger => {
                    configure(&workspace, Grant::AppTeam, &namespace, &hcl.replace("\"first\"", "\"second\""));
                    workspace.apply()
                }
            };
            let output = replacement.expect_success().stdout;
            assert!(output.contains("1 destroyed"), "{tool} {form:?}: {output}");
            let replaced = live();
            assert_eq!(export_to(&replaced), export_to(&applied), "{tool} {form:?} {arguments} {other_resource}");
            assert_eq!(replaced["resourceVersion"], applied["resourceVersion"], "nothing was written to the Service");
            workspace.assert_empty_plan();
            workspace.destroy().expect_success();
            assert!(export_to(&live()).is_null());
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replacement_deletes_unneeded_objects() {
    let applied = applied(Tool::Terraform, CART);
    applied.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
    let without_calls = CART.replace("  calls     = [\"catalog\"]\n", "");
    assert_ne!(without_calls, CART);
    configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &without_calls);
    applied.workspace.apply().expect_success();
    let live = uids(&applied.namespace);
    assert!(!live.keys().any(|key| key.starts_with("Sidecar/")), "{live:?}");
    assert_eq!(live.len(), applied.uids.len() - 1);
    assert!(live.iter().all(|(key, uid)| applied.uids.get(key) == Some(uid)));
    applied.workspace.assert_empty_plan();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn renamed_service_replaces_all_objects() {
    for tool in Tool::ALL {
        let applied = applied(tool, CART);
        let renamed = CART.replace("name      = \"cart\"", "name      = \"basket\"");
        configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &renamed);
        applied.workspace.apply().expect_success();
        let live = uids(&applied.namespace);
        assert!(live.keys().all(|key| key.contains("basket")), "{live:?}");
        assert_eq!(live.len(), applied.uids.len());
        applied.workspace.assert_empty_plan();
        destroy_all(&applied.workspace, &applied.namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn objects_of_a_lost_state_are_adopted() {
    let applied = applied(Tool::Terraform, CART);
    std::fs::remove_file(applied.workspace.path().join("terraform.tfstate")).unwrap();
    let without_calls = CART.replace("  calls     = [\"catalog\"]\n", "");
    configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &without_calls);
    applied.workspace.apply().expect_success();
    let live = uids(&applied.namespace);
    assert!(!live.keys().any(|key| key.starts_with("Sidecar/")), "left over: {live:?}");
    assert!(live.iter().all(|(key, uid)| applied.uids.get(key) == Some(uid)));
    applied.workspace.assert_empty_plan();
    destroy_all(&applied.workspace, &applied.namespace);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn changed_address_requires_a_moved_block() {
    for tool in Tool::ALL {
        let applied = applied(tool, CART);
        let renamed = CART.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"basket\"");
        configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &renamed);
        let errors = applied.workspace.try_plan().errors();
        assert!(errors.contains("changes its address") && errors.contains("moved {"), "{errors}");
        let moved = "\nmoved {\n  from = mesh_service.cart\n  to   = mesh_service.basket\n}";
        configure(&applied.workspace, Grant::AppTeam, &applied.namespace, &format!("{renamed}{moved}"));
        applied.workspace.apply().expect_success();
        applied.assert_kept();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn duplicate_service_is_a_plan_error() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("twice");
        let again = CART.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"again\"");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &format!("{CART}{again}"));
        let errors = workspace.try_plan().errors();
        assert!(errors.contains("is declared twice"), "{errors}");
        namespace.assert_empty();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replacement_that_fails_before_or_after_some_writes_loses_nothing() {
    for (tool, writes) in [(Tool::Terraform, 0), (Tool::Tofu, 0), (Tool::Terraform, 3)] {
        let applied = applied(tool, CART);
        applied.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        applied.proxy.forbid_writes_after(writes);
        assert_ne!(applied.workspace.apply().code, Some(0));
        let recorded = applied.workspace.resources();
        let objects = recorded[0].1["objects"].as_object().unwrap().len();
        assert_eq!(objects, applied.uids.len(), "{recorded:?}");
        applied.proxy.reset();
        applied.workspace.apply().expect_success();
        applied.assert_kept();
    }
}

/// A service after a replacement with `create_before_destroy` that failed after two writes: two objects belong to the
/// new instance, and the others still to the deposed one.
fn after_failed_create_before_destroy(tool: Tool) -> Applied {
    let applied = applied(tool, &cart_with(CREATE_BEFORE_DESTROY));
    applied.proxy.forbid_writes_after(2);
    assert_ne!(applied.workspace.run(&REPLACE).code, Some(0));
    applied.proxy.reset();
    applied
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failed_create_before_destroy_is_completed_by_the_next_apply() {
    for tool in Tool::ALL {
        let applied = after_failed_create_before_destroy(tool);
        applied.workspace.apply().expect_success();
        applied.assert_kept();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn objects_of_a_failed_replacement_are_destroyed() {
    for tool in Tool::ALL {
        let applied = applied(tool, CART);
        applied.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        applied.proxy.forbid_writes_after(0);
        assert_ne!(applied.workspace.apply().code, Some(0));
        applied.proxy.reset();
        destroy_all(&applied.workspace, &applied.namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failed_create_before_destroy_can_be_destroyed() {
    for tool in Tool::ALL {
        let applied = after_failed_create_before_destroy(tool);
        destroy_all(&applied.workspace, &applied.namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn labels_of_a_namespace_of_another_tool_are_handed_over() {
    for tool in Tool::ALL {
        let home = control_plane().namespace("labelled");
        let hcl = r#"
resource "mesh_namespace" "shop" {
  name      = "NAMESPACE"
  create    = false
  injection = true

  lifecycle {
    create_before_destroy = true
  }
}"#;
        let workspace = workspace(tool, Grant::Namespaces, &home, hcl);
        workspace.apply().expect_success();
        let key = Key::cluster_scoped(&kind::NAMESPACE, &home.name);
        let live = || control_plane().api().get_existing(&key)["metadata"].clone();
        let applied = live();
        assert_eq!(applied["labels"]["istio-injection"], "enabled");
        let run =
            workspace.run(&["apply", "-input=false", "-no-color", "-auto-approve", "-replace=mesh_namespace.shop"]);
        let run = run.expect_success();
        assert!(!run.to_string().contains("changes its address"), "{run}");
        assert_eq!(live()["labels"]["istio-injection"], "enabled", "{run}");
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
        assert!(live()["labels"]["istio-injection"].is_null());
    }
}
