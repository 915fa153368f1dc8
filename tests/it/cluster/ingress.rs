//! A way in from outside comes, changes and goes, with what the gateway needs to see and may do; and so does one beside it.

use serde_json::json;

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{CART, applied, difference, workspace};

fn open(blocks: &str) -> String {
    CART.replace("  allow {", &format!("{blocks}\n  allow {{"))
}

const PUBLIC: &str = "  ingress {\n    gateway = \"istio-ingress/public\"\n    hosts   = [\"cart.example.com\"]\n  }";
const PARTNERS: &str = "  ingress {\n    name    = \"partners\"\n    gateway = \"istio-partners/door\"\n    \
                        hosts   = [\"cart.partners.example.com\"]\n    paths   = [\"/v1/*\"]\n    rewrite = \"/\"\n  }";

#[test]
#[ignore = "needs the servers of `make tools`"]
fn it_comes_changes_and_goes() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("ingress");
        let own = |kind: &str| format!("{kind}/cart-{}", namespace.name);
        let (route, policy) = (own("VirtualService"), own("AuthorizationPolicy"));
        let (way, partners) = (format!("{route}-ingress"), format!("{route}-ingress-partners"));
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let closed = applied(&workspace, &namespace, "", CART);

        // All that the gateway needs is exported to it, and nothing else is touched.
        let opened = applied(&workspace, &namespace, "", &open(PUBLIC));
        let changes = [
            format!("~ {policy}"),
            format!("~ {}", own("DestinationRule")),
            "~ Service/cart".to_owned(),
            format!("~ {route}"),
            format!("+ {way}"),
        ];
        assert_eq!(difference(&closed, &opened), changes, "{tool}");
        for kind in ["DestinationRule", "VirtualService"] {
            assert_eq!(opened[&own(kind)]["spec"]["exportTo"], json!([".", "istio-ingress"]), "{tool}");
        }
        assert_eq!(opened[&way]["spec"]["exportTo"], json!(["istio-ingress"]), "{tool}");
        let gateway = &opened[&policy]["spec"]["rules"][1]["from"][0]["source"]["principals"];
        assert_eq!(*gateway, json!(["cluster.local/ns/istio-ingress/sa/public"]), "{tool}");

        // The gateway is still the same: only its route and its rule change.
        let narrowed = PUBLIC.replace("  }", "    paths   = [\"/v1/*\"]\n    rewrite = \"/api/\"\n  }");
        let narrowed = applied(&workspace, &namespace, "", &open(&narrowed));
        assert_eq!(difference(&opened, &narrowed), [format!("~ {policy}"), format!("~ {way}")], "{tool}");
        let paths = &narrowed[&policy]["spec"]["rules"][1]["to"][0]["operation"]["paths"];
        assert_eq!(*paths, json!(["/api/*"]), "{tool}");

        // Another one beside it, first in the list: the one that was there stays as it is.
        let both = applied(&workspace, &namespace, "", &open(&format!("{PARTNERS}\n{PUBLIC}")));
        let came = difference(&opened, &both);
        assert!(came.contains(&format!("+ {partners}")) && !came.iter().any(|line| line.ends_with(&way)), "{came:?}");
        let left = applied(&workspace, &namespace, "", &open(PARTNERS));
        assert!(difference(&both, &left).contains(&format!("- {way}")), "{tool}");

        let gone = applied(&workspace, &namespace, "", CART);
        assert_eq!(difference(&closed, &gone), Vec::<String>::new(), "{tool}");
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}
