//! Who may call, on a real server: a service comes under rules step by step, and no step leaves a gap.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{configure, workspace};

/// A service with an HTTP port and another one, and every argument about who may call.
const CART: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  service   = "managed"

  authorization_mode = "MODE"

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  port {
    number      = 9000
    protocol    = "tcp"
    target_port = 19000
  }
  allow {
    from    = ["shop/web"]
    methods = ["GET", "POST"]
  }
  allow {
    from  = ["shop/web"]
    ports = [9000]
  }
  deny {
    from  = ["shop/*"]
    paths = ["/internal/*"]
  }
  require_end_user {
    except_paths = ["/healthz"]
  }
  external_authorization {
    provider = "opa"
  }
}"#;

fn cart(mode: &str) -> String {
    CART.replace("MODE", mode)
}

/// The policies: the end of the name, and what is enforced of it.
fn policies(namespace: &Namespace) -> BTreeMap<String, String> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name);
    let keys = keys.iter().map(|key| key.parse::<Key>().expect("a key"));
    let policies = keys.filter(|key| key.kind == &kind::AUTHORIZATION_POLICY).map(|key| {
        let live = api.get(&key).expect("it is there");
        let trial = match live["metadata"]["annotations"]["istio.io/dry-run"].as_str() {
            Some("true") => " in a trial",
            _ => "",
        };
        let name = key.name.replace(&namespace.name, "NAMESPACE");
        (name, format!("{}{trial}", live["spec"]["action"].as_str().expect("a text")))
    });
    policies.collect()
}

/// Which namespaces see the Service, the DestinationRule and the VirtualService.
fn seen_by(namespace: &Namespace) -> [String; 3] {
    let get =
        |kind, name: &str| control_plane().api().get(&Key::new(kind, &namespace.name, name)).expect("it is there");
    let name = format!("cart-{}", namespace.name);
    let list = |live: &Json| {
        let namespaces = live["spec"]["exportTo"].as_array().expect("a list").iter();
        namespaces.map(|name| name.as_str().expect("a text")).collect::<Vec<_>>().join(",")
    };
    let service = get(&kind::SERVICE, "cart")["metadata"]["annotations"]["networking.istio.io/exportTo"].clone();
    [
        service.as_str().expect("a text").to_owned(),
        list(&get(&kind::DESTINATION_RULE, &name)),
        list(&get(&kind::VIRTUAL_SERVICE, &name)),
    ]
}

/// The policies that were written, in order: the end of the name, and whether it came or went.
fn written(request: &[RecordedRequest], namespace: &Namespace) -> Vec<String> {
    let prefix = format!("cart-{}", namespace.name);
    let policies =
        request.iter().filter(|request| request.is_write() && request.path.contains("/authorizationpolicies/"));
    let policies = policies.map(|request| {
        let (_, name) = request.path.rsplit_once('/').expect("a path");
        let sign = if request.method == "DELETE" { '-' } else { '+' };
        format!("{sign}{}", name.strip_prefix(&prefix).expect("ours"))
    });
    policies.collect()
}

fn position(written: &[String], which: &str) -> usize {
    written.iter().position(|one| one == which).unwrap_or_else(|| panic!("{which} is not in {written:?}"))
}

fn apply(workspace: &Workspace, namespace: &Namespace, hcl: &str) {
    configure(workspace, Grant::AppTeam, namespace, hcl);
    workspace.converge();
}

/// off → dry_run → enforce → dry_run → off: what is exported and what is enforced at each stop.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_comes_under_rules_and_leaves_them() {
    const TRIAL: &[(&str, &str)] = &[
        ("cart-NAMESPACE", "ALLOW in a trial"),
        ("cart-NAMESPACE-deny", "DENY in a trial"),
        ("cart-NAMESPACE-end-user", "DENY in a trial"),
    ];
    const ENFORCED: &[(&str, &str)] = &[
        ("cart-NAMESPACE", "ALLOW"),
        ("cart-NAMESPACE-deny", "DENY"),
        ("cart-NAMESPACE-end-user", "DENY"),
        ("cart-NAMESPACE-ext-authz", "CUSTOM"),
    ];
    let stops = [("off", &[][..], "*"), ("dry_run", TRIAL, "*"), ("enforce", ENFORCED, ".,shop")];
    let [off, trial, enforced] = stops;
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("tour");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        for (mode, expected, visible) in [off, trial, enforced, trial, off, enforced, off] {
            apply(&workspace, &namespace, &cart(mode));
            let expected = expected.iter().map(|(name, does)| ((*name).to_owned(), (*does).to_owned())).collect();
            assert_eq!(policies(&namespace), expected, "{tool}, {mode}");
            assert_eq!(seen_by(&namespace), [visible; 3], "{tool}, {mode}");
        }
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new(), "{tool}");
    }
}

/// Who may call is let in before others are refused, and refused until the last who may not.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_opens_comes_before_what_closes_and_goes_after_it() {
    let namespace = control_plane().namespace("order");
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &cart("enforce"));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    let closing = ["-deny", "-end-user", "-ext-authz"];

    workspace.apply().expect_success();
    let come = written(&proxy.requests(), &namespace);
    assert_eq!(come.len(), 4, "{come:?}");
    for suffix in closing {
        assert!(position(&come, "+") < position(&come, &format!("+{suffix}")), "{come:?}");
    }

    proxy.reset();
    configure(&workspace, Grant::AppTeam, &namespace, &cart("off"));
    workspace.apply().expect_success();
    let gone = written(&proxy.requests(), &namespace);
    assert_eq!(gone.len(), 4, "{gone:?}");
    for suffix in closing {
        assert!(position(&gone, &format!("-{suffix}")) < position(&gone, "-"), "{gone:?}");
    }
    workspace.destroy().expect_success();
}

/// Ports of rules follow the ports of the service: by its number in the block, by its target in the policy.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn rules_follow_the_ports_of_the_service() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ports"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let ports = |suffix: &str| {
        let key = Key::new(&kind::AUTHORIZATION_POLICY, &namespace.name, &format!("cart-{}{suffix}", namespace.name));
        let rules = api.get(&key).expect("it is there")["spec"]["rules"].clone();
        let rules = rules.as_array().expect("a list").iter();
        rules.map(|rule| rule["to"][0]["operation"]["ports"].to_string()).collect::<Vec<_>>()
    };
    let http = r#"["8080"]"#;
    apply(&workspace, &namespace, &cart("enforce"));
    assert_eq!(ports(""), [http, r#"["19000"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);

    // The workload listens elsewhere.
    let moved = cart("enforce").replace("8080", "8081").replace("19000", "19001");
    apply(&workspace, &namespace, &moved);
    let http = r#"["8081"]"#;
    assert_eq!(ports(""), [http, r#"["19001"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);

    // A second port that speaks HTTP is governed by what is said of requests.
    let second = "port {\n    number   = 9090\n    protocol = \"grpc\"\n  }\n  allow {";
    apply(&workspace, &namespace, &moved.replacen("allow {", second, 1));
    let http = r#"["8081","9090"]"#;
    assert_eq!(ports(""), [http, r#"["19001"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);
    workspace.destroy().expect_success();
}

/// Without requests there is nothing to say of them, and a plan says so before anything is written.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_service_that_speaks_bytes() {
    const LEDGER: &str = r#"
resource "mesh_service" "ledger" {
  name      = "ledger"
  namespace = "NAMESPACE"
  service   = "managed"

  port {
    number      = 5432
    protocol    = "tcp"
    target_port = 15432
  }
  allow {
    from      = ["shop/checkout"]
    ip_blocks = ["10.0.0.0/8"]
  }
  deny {
    from  = ["shop/*"]
    ports = [5432]
  }
}"#;
    let namespace = control_plane().namespace("bytes");
    let workspace = workspace(Tool::Tofu, Grant::AppTeam, &namespace, "");
    apply(&workspace, &namespace, LEDGER);
    let expected = [("ledger-NAMESPACE", "ALLOW"), ("ledger-NAMESPACE-deny", "DENY")];
    let expected = expected.map(|(name, does)| (name.to_owned(), does.to_owned())).into();
    assert_eq!(policies(&namespace), expected);

    let requests = LEDGER
        .replacen("  allow {", "  require_end_user {}\n  allow {", 1)
        .replace("ports =", "paths = [\"/x\"]\n    ports =");
    configure(&workspace, Grant::AppTeam, &namespace, &requests);
    let told = workspace.try_plan().errors();
    for word in ["HTTP rule on tcp port 5432", "(IST0133)", "Rule on requests without an HTTP port"] {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    assert_eq!(policies(&namespace), expected);
    apply(&workspace, &namespace, LEDGER);
    workspace.destroy().expect_success();
}
