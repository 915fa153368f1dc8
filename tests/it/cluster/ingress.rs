//! An `ingress` block is added, changed and removed, together with what its gateway must see and may call, and so is a
//! second one.

use serde_json::json;

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{CART, apply_and_read, destroy_all, difference, workspace};

fn cart_with_ingress(blocks: &str) -> String {
    CART.replace("  allow {", &format!("{blocks}\n  allow {{"))
}

const PUBLIC: &str = "  ingress {\n    gateway = \"istio-ingress/public\"\n    hosts   = [\"cart.example.com\"]\n  }";
const PARTNERS: &str = "  ingress {\n    name    = \"partners\"\n    gateway = \"istio-partners/gateway\"\n    \
                        hosts   = [\"cart.partners.example.com\"]\n    paths   = [\"/v1/*\"]\n    rewrite = \"/\"\n  }";

/// Services are hidden from those who may not call them, so that a gateway must be added to those who see a service.
const HIDDEN: &str = "installed {\n    outbound_traffic_policy = \"registry_only\"\n  }";

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ingress_is_added_changed_and_removed() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("ingress");
        let name_of = |kind: &str| format!("{kind}/cart-{}", namespace.name);
        let (route, policy) = (name_of("VirtualService"), name_of("AuthorizationPolicy"));
        let (ingress, partners) = (format!("{route}-ingress"), format!("{route}-ingress-partners"));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let without = apply_and_read(&workspace, &namespace, HIDDEN, CART);

        // Everything that the gateway needs is exported to it, and no other object changes.
        let with = apply_and_read(&workspace, &namespace, HIDDEN, &cart_with_ingress(PUBLIC));
        let changes = [
            format!("~ {policy}"),
            format!("~ {}", name_of("DestinationRule")),
            "~ Service/cart".to_owned(),
            format!("~ {route}"),
            format!("+ {ingress}"),
        ];
        assert_eq!(difference(&without, &with), changes, "{tool}");
        for kind in ["DestinationRule", "VirtualService"] {
            assert_eq!(with[&name_of(kind)]["spec"]["exportTo"], json!([".", "istio-ingress"]), "{tool}");
        }
        assert_eq!(with[&ingress]["spec"]["exportTo"], json!(["istio-ingress"]), "{tool}");
        let gateway = &with[&policy]["spec"]["rules"][1]["from"][0]["source"]["principals"];
        assert_eq!(*gateway, json!(["cluster.local/ns/istio-ingress/sa/public"]), "{tool}");

        // The gateway stays the same, so only its route and its rule change.
        let narrowed = PUBLIC.replace("  }", "    paths   = [\"/v1/*\"]\n    rewrite = \"/api/\"\n  }");
        let narrowed = apply_and_read(&workspace, &namespace, HIDDEN, &cart_with_ingress(&narrowed));
        assert_eq!(difference(&with, &narrowed), [format!("~ {policy}"), format!("~ {ingress}")], "{tool}");
        let paths = &narrowed[&policy]["spec"]["rules"][1]["to"][0]["operation"]["paths"];
        assert_eq!(*paths, json!(["/api/*"]), "{tool}");

        // A second block before the first one doesn't change the objects of the first one.
        let both = apply_and_read(&workspace, &namespace, HIDDEN, &cart_with_ingress(&format!("{PARTNERS}\n{PUBLIC}")));
        let changes_of_both = difference(&with, &both);
        assert!(
            changes_of_both.contains(&format!("+ {partners}"))
                && !changes_of_both.iter().any(|line| line.ends_with(&ingress)),
            "{changes_of_both:?}"
        );
        let partners_only = apply_and_read(&workspace, &namespace, HIDDEN, &cart_with_ingress(PARTNERS));
        assert!(difference(&both, &partners_only).contains(&format!("- {ingress}")), "{tool}");

        let removed = apply_and_read(&workspace, &namespace, HIDDEN, CART);
        assert_eq!(difference(&without, &removed), Vec::<String>::new(), "{tool}");
        destroy_all(&workspace, &namespace);
    }
}
