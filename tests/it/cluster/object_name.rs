//! `object_name`: objects can keep an existing name, and a change of the name creates all new objects before it deletes old
//! ones.

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{CART, apply_and_read, configure, destroy_all, difference, live_objects, workspace, workspace_with_proxy};

fn with_object_name(name: &str) -> String {
    CART.replace("service   =", &format!("object_name = {name:?}\n  service   ="))
}

const KINDS: [&str; 4] = ["AuthorizationPolicy", "DestinationRule", "Sidecar", "VirtualService"];

/// A line of [`difference`] for each kind.
fn lines(sign: &str, name: &str) -> Vec<String> {
    KINDS.iter().map(|kind| format!("{sign} {kind}/{name}")).collect()
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_name_is_added_changed_and_removed() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("object-name");
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        let default_name = format!("cart-{}", namespace.name);
        let mut before = apply_and_read(&workspace, &namespace, "", CART);
        let initial = before.clone();
        let mut old_name = default_name.clone();
        for (hcl, name) in [
            (with_object_name("cart-old"), "cart-old"),
            (with_object_name("cart"), "cart"),
            (CART.to_owned(), &default_name),
        ] {
            proxy.reset();
            let after = apply_and_read(&workspace, &namespace, "", &hcl);
            let mut changes = difference(&before, &after);
            let mut expected = [lines("-", &old_name), lines("+", name)].concat();
            changes.sort();
            expected.sort();
            assert_eq!(changes, expected, "{tool}");
            // All new objects are created before any old one is deleted.
            let writes = proxy.writes();
            let first = writes.iter().position(|request| request.method == "DELETE").expect("a delete");
            assert!(writes[first..].iter().all(|request| request.method == "DELETE"), "{writes:?}");
            assert!(writes[..first].iter().filter(|request| request.path.ends_with(&format!("/{name}"))).count() >= 4);
            (before, old_name) = (after, name.to_owned());
        }
        assert_eq!(before.keys().collect::<Vec<_>>(), initial.keys().collect::<Vec<_>>());
        destroy_all(&workspace, &namespace);
    }
}

/// An import finds objects by the provider's labels, whatever their names are.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_finds_objects_of_any_name() {
    let namespace = control_plane().namespace("object-name-import");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    let before = apply_and_read(&workspace, &namespace, "", &with_object_name("cart-old"));
    workspace.remove_from_state("mesh_service.cart");
    let id = format!("{}/cart", namespace.name);
    workspace.import("mesh_service.cart", &id).expect_success();
    workspace.assert_empty_plan();
    assert_eq!(
        difference(&before, &apply_and_read(&workspace, &namespace, "", &with_object_name("cart-old"))),
        Vec::<String>::new()
    );
    destroy_all(&workspace, &namespace);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_name_used_twice_is_an_error() {
    let namespace = control_plane().namespace("object-name-twice");
    let other = with_object_name("shared").replace("\"cart\"", "\"basket\"");
    let workspace =
        workspace(Tool::Terraform, Grant::AppTeam, &namespace, &format!("{}\n{other}", with_object_name("shared")));
    let errors = workspace.try_plan().errors();
    for kind in KINDS {
        assert!(errors.contains(&format!("{kind} is made twice")), "{errors}");
    }
    namespace.assert_empty();
    // The same is an error when the other service exists already.
    let first = apply_and_read(&workspace, &namespace, "", &with_object_name("shared"));
    configure(&workspace, Grant::AppTeam, &namespace, &format!("{}\n{other}", with_object_name("shared")));
    let errors = workspace.try_plan().errors();
    assert!(errors.contains(&format!("it belongs to mesh_service/{}/cart", namespace.name)), "{errors}");
    assert_eq!(difference(&first, &live_objects(&namespace)), Vec::<String>::new());
    configure(&workspace, Grant::AppTeam, &namespace, &with_object_name("shared"));
    workspace.destroy().expect_success();
}
