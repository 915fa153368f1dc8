//! The arguments about callers on a real API server: each change of `authorization_mode` is without a gap.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    proxy::RecordedRequest,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{REGISTRY_ONLY, configure, destroy_all, provider, workspace, workspace_with_proxy};

/// A service with an HTTP port and a TCP port, and with every argument about callers.
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

/// The AuthorizationPolicies: each name with the action, and whether it is a dry run.
fn policies(namespace: &Namespace) -> BTreeMap<String, String> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name);
    let keys = keys.iter().map(|key| key.parse::<Key>().expect("a key"));
    let policies = keys.filter(|key| key.kind == &kind::AUTHORIZATION_POLICY).map(|key| {
        let live = api.get_existing(&key);
        let dry_run = match live["metadata"]["annotations"]["istio.io/dry-run"].as_str() {
            Some("true") => " (dry run)",
            _ => "",
        };
        let name = key.name.replace(&namespace.name, "NAMESPACE");
        (name, format!("{}{dry_run}", live["spec"]["action"].as_str().expect("a text")))
    });
    policies.collect()
}

/// The `exportTo` of the Service, the DestinationRule and the VirtualService.
fn export_to(namespace: &Namespace) -> [String; 3] {
    let get = |kind, name: &str| control_plane().api().get_existing(&Key::new(kind, &namespace.name, name));
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

/// The writes of policies in order: `+` or `-` for an apply or a delete, and the suffix of the name.
fn policy_writes(request: &[RecordedRequest], namespace: &Namespace) -> Vec<String> {
    let prefix = format!("cart-{}", namespace.name);
    let policies =
        request.iter().filter(|request| request.is_write() && request.path.contains("/authorizationpolicies/"));
    let policies = policies.map(|request| {
        let (_, name) = request.path.rsplit_once('/').expect("a path");
        let sign = if request.method == "DELETE" { '-' } else { '+' };
        format!("{sign}{}", name.strip_prefix(&prefix).expect("the prefix"))
    });
    policies.collect()
}

fn position(writes: &[String], write: &str) -> usize {
    writes.iter().position(|other| other == write).unwrap_or_else(|| panic!("{write} is not in {writes:?}"))
}

fn apply(workspace: &Workspace, namespace: &Namespace, hcl: &str) {
    workspace.configure(&provider(namespace, "istio-system", REGISTRY_ONLY, hcl));
    workspace.converge();
}

/// off → dry_run → enforce → dry_run → off: the policies and `exportTo` in each mode.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn authorization_mode_changes_policies_and_visibility() {
    const DRY_RUN: &[(&str, &str)] = &[
        ("cart-NAMESPACE", "ALLOW (dry run)"),
        ("cart-NAMESPACE-deny", "DENY (dry run)"),
        ("cart-NAMESPACE-end-user", "DENY (dry run)"),
    ];
    const ENFORCED: &[(&str, &str)] = &[
        ("cart-NAMESPACE", "ALLOW"),
        ("cart-NAMESPACE-deny", "DENY"),
        ("cart-NAMESPACE-end-user", "DENY"),
        ("cart-NAMESPACE-ext-authz", "CUSTOM"),
    ];
    let modes = [("off", &[][..], "*"), ("dry_run", DRY_RUN, "*"), ("enforce", ENFORCED, ".,shop")];
    let [off, dry_run, enforced] = modes;
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("modes");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        for (mode, expected, visible) in [off, dry_run, enforced, dry_run, off, enforced, off] {
            apply(&workspace, &namespace, &cart(mode));
            let expected = expected.iter().map(|(name, action)| ((*name).to_owned(), (*action).to_owned())).collect();
            assert_eq!(policies(&namespace), expected, "{tool}, {mode}");
            assert_eq!(export_to(&namespace), [visible; 3], "{tool}, {mode}");
        }
        destroy_all(&workspace, &namespace);
    }
}

/// The ALLOW policy is created after those that deny, and deleted before them, so that a caller is never admitted that is
/// denied before and after. The golden tests of policy changes hold that allowed callers aren't denied in between.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn allow_policy_is_created_last_and_deleted_first() {
    let namespace = control_plane().namespace("order");
    let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, &cart("enforce"));
    let denying = ["-deny", "-end-user", "-ext-authz"];

    workspace.apply().expect_success();
    let created = policy_writes(&proxy.requests(), &namespace);
    assert_eq!(created.len(), 4, "{created:?}");
    for suffix in denying {
        assert!(position(&created, &format!("+{suffix}")) < position(&created, "+"), "{created:?}");
    }

    proxy.reset();
    configure(&workspace, Grant::AppTeam, &namespace, &cart("off"));
    workspace.apply().expect_success();
    let deleted = policy_writes(&proxy.requests(), &namespace);
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    for suffix in denying {
        assert!(position(&deleted, "-") < position(&deleted, &format!("-{suffix}")), "{deleted:?}");
    }
    workspace.destroy().expect_success();
}

/// Rules name ports by the Service's port in the configuration, and by the target port in the policy.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn rules_name_the_target_ports_of_the_service() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ports"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let ports = |suffix: &str| {
        let key = Key::new(&kind::AUTHORIZATION_POLICY, &namespace.name, &format!("cart-{}{suffix}", namespace.name));
        let rules = api.get_existing(&key)["spec"]["rules"].clone();
        let rules = rules.as_array().expect("a list").iter();
        rules.map(|rule| rule["to"][0]["operation"]["ports"].to_string()).collect::<Vec<_>>()
    };
    let http = r#"["8080"]"#;
    apply(&workspace, &namespace, &cart("enforce"));
    assert_eq!(ports(""), [http, r#"["19000"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);

    // The workload listens on other ports.
    let moved = cart("enforce").replace("8080", "8081").replace("19000", "19001");
    apply(&workspace, &namespace, &moved);
    let http = r#"["8081"]"#;
    assert_eq!(ports(""), [http, r#"["19001"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);

    // A second HTTP port is governed by the rules on requests, too.
    let second = "port {\n    number   = 9090\n    protocol = \"grpc\"\n  }\n  allow {";
    apply(&workspace, &namespace, &moved.replacen("allow {", second, 1));
    let http = r#"["8081","9090"]"#;
    assert_eq!(ports(""), [http, r#"["19001"]"#]);
    assert_eq!([ports("-deny"), ports("-end-user"), ports("-ext-authz")], [[http]; 3]);
    workspace.destroy().expect_success();
}

/// A service without HTTP ports can't have rules on requests: they are plan errors, before anything is written.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn tcp_service_has_tcp_rules_only() {
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
    let namespace = control_plane().namespace("tcp");
    let workspace = workspace(Tool::Tofu, Grant::AppTeam, &namespace, "");
    apply(&workspace, &namespace, LEDGER);
    let expected = [("ledger-NAMESPACE", "ALLOW"), ("ledger-NAMESPACE-deny", "DENY")];
    let expected = expected.map(|(name, action)| (name.to_owned(), action.to_owned())).into();
    assert_eq!(policies(&namespace), expected);

    let requests = LEDGER
        .replacen("  allow {", "  require_end_user {}\n  allow {", 1)
        .replace("ports =", "paths = [\"/x\"]\n    ports =");
    configure(&workspace, Grant::AppTeam, &namespace, &requests);
    let errors = workspace.try_plan().errors();
    assert_contains_all(
        "plan",
        &errors,
        ["HTTP rule on tcp port 5432", "(IST0133)", "Rule on requests without an HTTP port"],
    );
    assert_eq!(policies(&namespace), expected);
    apply(&workspace, &namespace, LEDGER);
    workspace.destroy().expect_success();
}

/// A list of callers that gets empty opens the service to its namespace, by the default of `access`.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn last_allow_block_is_reported_before_the_namespace_gets_in() {
    const DYNAMIC: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  service   = "managed"
  ACCESS
  port {
    number   = 80
    protocol = "http"
  }
  dynamic "allow" {
    for_each = toset(CALLERS)
    content {
      from = [allow.value]
    }
  }
}"#;
    let namespace = control_plane().namespace("opened");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let configure = |checks: &str, access: &str, callers: &str| {
        let arguments = format!("config_path = \"kubeconfig\"\n  checks = {{ {checks} }}");
        let hcl = DYNAMIC.replace("ACCESS", access).replace("CALLERS", callers);
        workspace.configure(&provider(&namespace, "istio-system", &arguments, &hcl));
    };
    let key = Key::new(&kind::AUTHORIZATION_POLICY, &namespace.name, &format!("cart-{}", namespace.name));
    let rules = || control_plane().api().get_existing(&key)["spec"]["rules"].clone();
    configure("", "", "[\"shop/web\"]");
    workspace.apply().expect_success();

    configure("", "", "[]");
    let plan = workspace.plan();
    assert_contains_all(
        "plan",
        &plan.text,
        [
            "Without allow blocks the whole namespace may call".to_owned(),
            format!("every workload of {} may call after this apply", namespace.name),
        ],
    );
    configure("\"opened-access\" = \"error\"", "", "[]");
    assert!(workspace.try_plan().errors().contains("(opened-access)"));
    configure("\"opened-access\" = \"error\"", "access = \"none\"", "[]");
    assert!(!workspace.plan().text.contains("opened-access"));
    workspace.apply().expect_success();
    assert_eq!(rules(), Json::Array(Vec::new()), "a policy without rules admits no request");
    workspace.assert_empty_plan();

    configure("", "", "[]");
    assert!(workspace.plan().text.contains("(opened-access)"), "access = none that goes opens as well");
    workspace.apply().expect_success();
    assert_eq!(rules()[0]["from"][0]["source"]["namespaces"], serde_json::json!([namespace.name]));

    // A patch of the policy is no less silent.
    let patch = "override {\n kind = \"AuthorizationPolicy\"\n patch = jsonencode({ spec = { rules = [{}] } })\n}";
    configure("", patch, "[]");
    let plan = workspace.plan();
    assert_contains_all("override", &plan.text, ["(policy-override)", "- effective_callers"]);
    workspace.apply().expect_success();
    workspace.assert_empty_plan();
    destroy_all(&workspace, &namespace);
}
