//! Objects that have another name already keep it; a change of the name leaves no moment without them.

use crate::support::{control_plane::control_plane, proxy::Proxy, terraform::Tool, users::Grant};

use super::{CART, applied, configure, difference, live, workspace};

fn called(name: &str) -> String {
    CART.replace("service   =", &format!("object_name = {name:?}\n  service   ="))
}

const KINDS: [&str; 4] = ["AuthorizationPolicy", "DestinationRule", "Sidecar", "VirtualService"];

fn all(sign: &str, name: &str) -> Vec<String> {
    KINDS.iter().map(|kind| format!("{sign} {kind}/{name}")).collect()
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn it_comes_changes_and_goes() {
    for tool in Tool::ALL {
        let (namespace, proxy) = (control_plane().namespace("called"), Proxy::start(control_plane()));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
        let usual = format!("cart-{}", namespace.name);
        let mut before = applied(&workspace, &namespace, "", CART);
        let unnamed = before.clone();
        let mut old = usual.clone();
        for (hcl, name) in [(called("cart-old"), "cart-old"), (called("cart"), "cart"), (CART.to_owned(), &usual)] {
            proxy.reset();
            let after = applied(&workspace, &namespace, "", &hcl);
            let mut moved = difference(&before, &after);
            let mut expected = [all("-", &old), all("+", name)].concat();
            moved.sort();
            expected.sort();
            assert_eq!(moved, expected, "{tool}");
            // All that is new is there before anything old goes.
            let writes: Vec<_> = proxy.writes();
            let first = writes.iter().position(|request| request.method == "DELETE").expect("a delete");
            assert!(writes[first..].iter().all(|request| request.method == "DELETE"), "{writes:?}");
            assert!(writes[..first].iter().filter(|request| request.path.ends_with(&format!("/{name}"))).count() >= 4);
            (before, old) = (after, name.to_owned());
        }
        assert_eq!(before.keys().collect::<Vec<_>>(), unnamed.keys().collect::<Vec<_>>());
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}

/// Import finds objects by their stamps, whatever they are called.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn it_is_imported() {
    let namespace = control_plane().namespace("called-import");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    let before = applied(&workspace, &namespace, "", &called("cart-old"));
    workspace.run(&["state", "rm", "mesh_service.cart"]).expect_success();
    let id = format!("{}/cart", namespace.name);
    workspace.run(&["import", "-input=false", "-no-color", "mesh_service.cart", &id]).expect_success();
    workspace.assert_empty_plan();
    assert_eq!(difference(&before, &applied(&workspace, &namespace, "", &called("cart-old"))), Vec::<String>::new());
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn two_services_cannot_have_one_name() {
    let namespace = control_plane().namespace("called-twice");
    let other = called("shared").replace("\"cart\"", "\"basket\"");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &format!("{}\n{other}", called("shared")));
    let errors = workspace.try_plan().errors();
    for kind in KINDS {
        assert!(errors.contains(&format!("{kind} is made twice")), "{errors}");
    }
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    // And one after the other.
    let first = applied(&workspace, &namespace, "", &called("shared"));
    configure(&workspace, Grant::AppTeam, &namespace, &format!("{}\n{other}", called("shared")));
    let errors = workspace.try_plan().errors();
    assert!(errors.contains(&format!("it belongs to mesh_service/{}/cart", namespace.name)), "{errors}");
    assert_eq!(difference(&first, &live(&namespace)), Vec::<String>::new());
    configure(&workspace, Grant::AppTeam, &namespace, &called("shared"));
    workspace.destroy().expect_success();
}
