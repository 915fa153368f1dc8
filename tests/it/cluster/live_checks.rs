//! Live checks in plans: their findings are warnings, can be off or errors, are skipped with one warning, and don't
//! change what is planned.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::annotation::RESOURCE;

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant::{AppTeam, LiveChecks, LiveChecksCalled, LiveChecksRoot},
};

use super::{created_part, many_carts, provider, reads_of_a_list, with_arguments};

const SKIPPED: &str = "Some live checks were skipped";

/// A service whose Service a chart creates.
const SHOP: &str = r#"
resource "mesh_service" "shop" {
  name      = "shop"
  namespace = "NAMESPACE"
  calls     = ["ledger"]

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
}"#;

/// A team with its own namespace and root namespace.
struct Team {
    namespace: Namespace,
    root: Namespace,
    proxy: Proxy,
    workspace: Workspace,
}

impl Team {
    /// A team with all rights for live checks in its namespace and in the root namespace.
    fn new(tool: Tool, prefix: &str) -> Self {
        let team = Self::without_rights(tool, prefix);
        let user = team.namespace.user(AppTeam);
        team.namespace.grant(&user, LiveChecks);
        team.root.grant(&user, LiveChecksRoot);
        team
    }

    /// A team with the rights of an application team, and no rights for live checks.
    fn without_rights(tool: Tool, prefix: &str) -> Self {
        let plane = control_plane();
        let (namespace, root) = (plane.namespace(prefix), plane.namespace("root"));
        let (proxy, workspace) = (Proxy::start(plane), Workspace::new(tool));
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(AppTeam)));
        Self { namespace, root, proxy, workspace }
    }

    fn configure(&self, checks: &str, hcl: &str) {
        self.configure_provider("", checks, hcl);
    }

    fn configure_provider(&self, arguments: &str, checks: &str, hcl: &str) {
        let arguments = format!("config_path = \"kubeconfig\"\n  {arguments}\n  checks = {{\n{checks}\n}}");
        self.workspace.configure(&provider(&self.namespace, &self.root.name, &arguments, hcl));
    }

    /// Creates an object of another tool in the namespace.
    fn create_object(&self, mut object: Json) {
        object["metadata"]["namespace"] = self.namespace.name.clone().into();
        control_plane().api().apply(&object, "chart");
    }

    /// Writes the configuration of the mesh.
    fn configure_mesh(&self, mesh_config: &str) {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "istio", "namespace": self.root.name },
            "data": { "mesh": mesh_config },
        });
        control_plane().api().apply(&map, "istioctl");
    }

    /// Sets labels of the namespace.
    fn label_namespace(&self, labels: &Json) {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace.name, "labels": labels },
        });
        control_plane().api().apply(&object, "platform");
    }

    /// Creates the objects of a chart: a Service with `target_port`, its ServiceAccount, and a Pod with a sidecar.
    fn install_chart(&self, target_port: u16) {
        self.create_object(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "shop" },
            "spec": { "selector": { "app": "shop" }, "ports": [{ "name": "http", "port": 80, "targetPort": target_port }] },
        }));
        self.create_object(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "shop" } }));
        let containers = json!([{ "name": "app", "image": "app" }, { "name": "istio-proxy", "image": "proxy" }]);
        self.create_object(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "shop-1", "labels": { "app": "shop" } },
            "spec": { "serviceAccountName": "shop", "containers": containers },
        }));
    }
}

/// The part of a plan with the resource that is created, without the warnings.
fn planned(text: &str) -> &str {
    created_part(text, "Plan: ")
}

/// The part of a plan after its summary, which contains the warnings.
fn warnings(text: &str) -> &str {
    text.split_once("Plan: ").expect("the summary").1
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn findings_are_warnings_and_can_be_off_or_errors() {
    for tool in Tool::ALL {
        let team = Team::new(tool, "found");
        team.label_namespace(&json!({ "istio-injection": "enabled", "istio.io/rev": "prod" }));
        team.install_chart(9090);
        team.configure_mesh("outboundTrafficPolicy: {mode: REGISTRY_ONLY}");
        let configure = |checks: &str| {
            team.configure_provider("installed {\n outbound_traffic_policy = \"registry_only\"\n}", checks, SHOP);
        };
        configure("other-target-port = \"warn\"\noutbound-policy = \"off\"");
        let with_warnings = team.workspace.plan();
        for code in ["IST0123", "IST0101", "other-target-port", "narrowed-visibility"] {
            assert!(with_warnings.text.contains(&format!("({code})")), "{tool}, {code}: {}", with_warnings.text);
        }
        assert!(!with_warnings.text.contains(SKIPPED), "{tool}: {}", with_warnings.text);

        let off = "IST0123 = \"off\"\nIST0101 = \"off\"\nother-target-port = \"off\"\nnarrowed-visibility = \"off\"\n\
                   outbound-policy = \"off\"";
        configure(off);
        let silenced = team.workspace.plan();
        assert!(!warnings(&silenced.text).contains("Warning: "), "{tool}: {}", silenced.text);
        assert_eq!(planned(&with_warnings.text), planned(&silenced.text), "{tool}");

        configure("narrowed-visibility = \"error\"");
        let errors = team.workspace.try_plan().errors();
        for summary in ["Fewer namespaces see the live service", "Service has another target port"] {
            assert!(errors.contains(summary), "{tool}: {errors}");
        }

        // Without a change, a plan makes no live checks.
        configure(off);
        team.workspace.apply().expect_success();
        team.proxy.reset();
        configure("");
        let plan = team.workspace.plan();
        assert!(plan.is_empty && !plan.text.contains("(IST"), "{tool}: {}", plan.text);
        assert!(team.proxy.requests().iter().all(|request| !request.path.ends_with("/pods")), "{tool}");
        team.workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn correct_objects_have_no_warnings() {
    let team = Team::new(Tool::Terraform, "right");
    team.label_namespace(&json!({ "istio-injection": "enabled" }));
    team.install_chart(8080);
    let open = SHOP.replace("[\"ledger\"]", "[]\n  access = \"mesh\"");
    team.configure("", &open);
    let plan = team.workspace.plan();
    assert!(!warnings(&plan.text).contains("Warning: "), "{}", plan.text);
    team.workspace.apply().expect_success();
    team.configure("other-target-port = \"warn\"", &open.replace("target_port", "# target_port"));
    let plan = team.workspace.plan();
    assert_contains_all("plan", &plan.text, ["(other-target-port)", "Callers lose access", "Callers gain access"]);
    assert_eq!(
        warnings(&plan.text).matches("Warning: ").count(),
        3,
        "the target port alone differs, and who may call it: {}",
        plan.text
    );
    team.workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ambient_mode_is_an_error_by_default() {
    let team = Team::new(Tool::Terraform, "ambient");
    team.label_namespace(&json!({ "istio.io/dataplane-mode": "ambient", "istio-injection": "enabled" }));
    team.configure("", SHOP);
    let errors = team.workspace.try_plan().errors();
    assert!(errors.contains("Ambient mode isn't supported") && errors.contains("(IST0167)"), "{errors}");
    team.configure("IST0167 = \"warn\"", SHOP);
    assert!(team.workspace.plan().text.contains("(IST0167)"));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn second_virtual_service_for_the_host_is_a_warning() {
    let team = Team::new(Tool::Terraform, "second");
    team.label_namespace(&json!({ "istio-injection": "enabled" }));
    team.install_chart(8080);
    team.create_object(json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "theirs" },
        "spec": { "hosts": ["shop"], "http": [{ "route": [{ "destination": { "host": "shop" } }] }] },
    }));
    team.configure("", SHOP);
    let plan = team.workspace.plan();
    assert!(plan.text.contains("Another VirtualService is for the same host"), "{}", plan.text);
    assert!(plan.text.contains(&format!("{}/theirs", team.namespace.name)), "{}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn callee_of_another_team_is_checked_with_the_rights_for_it() {
    let (team, callee) = (Team::without_rights(Tool::Terraform, "caller"), control_plane().namespace("callee"));
    let callee_namespace = callee.name.as_str();
    let api = control_plane().api();
    api.apply(
        &json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {
                "name": "ledger", "namespace": callee_namespace, "annotations": { "networking.istio.io/exportTo": ".,audit" },
            },
            "spec": { "selector": { "app": "ledger" }, "ports": [{ "name": "http", "port": 80 }] },
        }),
        "chart",
    );
    api.apply(
        &json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": { "name": "ledger", "namespace": callee_namespace },
            "spec": {
                "selector": { "matchLabels": { "app": "ledger" } }, "action": "ALLOW",
                "rules": [{ "from": [{ "source": { "namespaces": ["audit"] } }] }],
            },
        }),
        "chart",
    );
    team.configure("", &SHOP.replace("[\"ledger\"]", &format!("[\"{callee_namespace}/ledger\"]")));
    let before = team.workspace.plan();
    let skipped = format!("no right to get services in {callee_namespace}: IST0101, hidden-callee, refused-by-callee");
    assert!(before.text.contains(&skipped), "{}", before.text);

    callee.grant(&team.namespace.user(AppTeam), LiveChecksCalled);
    let plan = team.workspace.plan();
    assert!(
        plan.text.contains(&format!("{callee_namespace}/ledger (visible to audit, {callee_namespace})")),
        "{}",
        plan.text
    );
    assert!(
        plan.text.contains(&format!("{callee_namespace}/ledger (by AuthorizationPolicy {callee_namespace}/ledger)")),
        "{}",
        plan.text
    );
    assert_eq!(planned(&before.text), planned(&plan.text));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn missing_rights_skip_checks_with_one_warning() {
    for tool in Tool::ALL {
        let (team, hcl) = (Team::without_rights(tool, "no-rights"), many_carts(12));
        team.configure("", &hcl);
        let plan = team.workspace.plan();
        assert_eq!(plan.text.matches(SKIPPED).count(), 1, "{tool}: {}", plan.text);
        let namespace = &team.namespace.name;
        for line in [
            format!("no right to list pods in {namespace}: IST0103, IST0127, IST0144, other-account"),
            format!("no right to get namespaces {namespace}: IST0102, IST0123, IST0167"),
            format!(
                "no right to list authorizationpolicies in {}: other-policy, refused-by-callee, unlisted-authorizer",
                team.root.name
            ),
        ] {
            assert!(plan.text.contains(&line), "{tool}: {line}: {}", plan.text);
        }
        // A check that is off isn't reported as skipped.
        let codes = [
            "IST0102",
            "IST0103",
            "IST0123",
            "IST0127",
            "IST0144",
            "IST0167",
            "hidden-defaults",
            "hidden-locality",
            "other-account",
            "other-policy",
            "refused-by-callee",
            "unlisted-authorizer",
        ];
        let off: Vec<String> = codes.iter().map(|code| format!("{code} = \"off\"")).collect();
        team.configure(&off.join("\n"), &hcl);
        team.proxy.reset();
        let silent = team.workspace.plan();
        assert!(!silent.text.contains(SKIPPED), "{tool}: {}", silent.text);
        assert!(team.proxy.requests().iter().all(|request| !request.path.ends_with("/pods")), "{tool}");
        assert_eq!(planned(&plan.text), planned(&silent.text), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failing_server_or_missing_kind_does_not_fail_the_plan() {
    let team = Team::new(Tool::Terraform, "failing");
    team.configure("", SHOP);
    let sidecars = |request: &RecordedRequest| request.path.ends_with("/sidecars") && request.query.contains("limit");
    for (fault, warning) in [
        (Fault::Status(404), "list sidecars in NAMESPACE, which the cluster doesn't serve: IST0110, shared-account"),
        (Fault::Status(500), "can't list sidecars in NAMESPACE ("),
    ] {
        team.proxy.reset();
        team.proxy.inject_fault(0, usize::MAX, fault, sidecars);
        let start = Instant::now();
        let plan = team.workspace.plan();
        assert!(plan.text.contains(&warning.replace("NAMESPACE", &team.namespace.name)), "{fault:?}: {}", plan.text);
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn checks_are_skipped_without_a_cluster() {
    let team = Team::without_rights(Tool::Terraform, "nowhere");
    let nowhere = "host = \"https://127.0.0.1:1\"";
    team.workspace.configure(&provider(&team.namespace, "istio-system", nowhere, &many_carts(3)));
    let plan = team.workspace.plan();
    assert_eq!(warnings(&plan.text).matches("Warning: ").count(), 1, "{}", plan.text);
    assert!(plan.text.contains("Planned without a cluster"), "{}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unknown_code_or_level_is_an_error() {
    for tool in Tool::ALL {
        let team = Team::without_rights(tool, "codes");
        team.configure("IST9999 = \"off\"\nIST0103 = \"loud\"", SHOP);
        let errors = team.workspace.run(&["validate", "-no-color"]).errors();
        for part in [
            "Unknown code of a check",
            "\"IST9999\" isn't one of \"IST0101\", \"IST0102\"",
            "\"loud\" isn't one of \"off\", \"warn\", \"error\"",
        ] {
            assert!(errors.contains(part), "{tool}, {part}: {errors}");
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn checks_of_fifty_services_cost_few_requests() {
    let team = Team::new(Tool::Terraform, "cost");
    team.label_namespace(&json!({ "istio-injection": "enabled" }));
    let hcl = many_carts(50);
    let all_off: Vec<String> =
        terraform_provider_mesh::mesh::checks::Code::ALL.iter().map(|code| format!("{code} = \"off\"")).collect();
    let count_reads = |what: &str, checks: &str| {
        team.configure(checks, &hcl);
        team.proxy.reset();
        let start = Instant::now();
        assert!(!team.workspace.plan().is_empty);
        let reads = team.proxy.requests().iter().filter(|request| request.method == "GET").count();
        println!("50 new services, {what}: {reads} reads, {:.1} s", start.elapsed().as_secs_f64());
        (reads as u64, reads_of_a_list(start.elapsed()))
    };
    let (without, _) = count_reads("without checks", &all_off.join("\n"));
    let (with, times) = count_reads("with checks", "");
    // Fewer in any case than one more for each service.
    assert!(with < without + (30 * times).min(50), "{with} reads instead of {without}");
}

/// Policies add up: those of others, in the namespace and in the root namespace, hold beside those of the resource.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn policies_of_others_for_the_same_pods_are_reported() {
    let team = Team::new(Tool::Terraform, "policies");
    team.install_chart(8080);
    let service = |more: &str| with_arguments(SHOP, &format!("{more}\n  allow {{\n    from = [\"web\"]\n  }}"));
    let policy = |name: &str, spec: &Json| {
        json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": { "name": name }, "spec": spec,
        })
    };
    let plan = |hcl: &str| {
        team.configure("", hcl);
        team.workspace.plan().text
    };
    assert!(!plan(&service("")).contains("other-policy"));

    team.create_object(policy("open", &json!({ "rules": [{}] })));
    let pods = json!({ "matchLabels": { "app": "shop" } });
    let mut refusal = policy("maintenance", &json!({ "action": "DENY", "selector": pods, "rules": [{}] }));
    refusal["metadata"]["namespace"] = team.root.name.clone().into();
    let api = control_plane().api();
    api.apply(&refusal, "platform");
    assert_contains_all(
        "plan",
        &plan(&service("")),
        [
            "Another policy lets callers in".to_owned(),
            format!("AuthorizationPolicy {}/open is for pods", team.namespace.name),
            "lets in every client, also without an identity".to_owned(),
            "Another policy refuses callers".to_owned(),
            format!("AuthorizationPolicy {}/maintenance is for pods", team.root.name),
        ],
    );

    // The mesh's own policies are no surprise, and what replaces names goes with the apply.
    refusal["metadata"]["annotations"][RESOURCE] = "mesh_global_defaults/default".into();
    api.apply(&refusal, "platform");
    assert!(!plan(&service("replaces = [\"AuthorizationPolicy/open\"]")).contains("other-policy"));
    team.workspace.apply().expect_success();
    team.workspace.assert_empty_plan();
}

/// The right to get one ConfigMap is enough to see which authorizers the mesh knows.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn configuration_of_istio_is_read_by_name() {
    let team = Team::new(Tool::Terraform, "authorizer");
    team.install_chart(8080);
    let providers = "extensionProviders: [{name: oauth, envoyExtAuthzHttp: {service: oauth.auth.svc.cluster.local}}]";
    team.configure_mesh(providers);
    let external = |provider: &str| {
        with_arguments(SHOP, &format!("external_authorization {{\n    provider = \"{provider}\"\n  }}"))
    };
    for (provider, is_defined) in [("oauth", true), ("opa", false)] {
        team.configure("unlisted-authorizer = \"off\"", &external(provider));
        team.proxy.reset();
        let plan = team.workspace.plan();
        assert_eq!(plan.text.contains("(missing-provider)"), !is_defined, "{provider}: {}", plan.text);
        assert!(!plan.text.contains(SKIPPED), "{provider}: {}", plan.text);
        let requests = team.proxy.requests();
        let paths: Vec<&str> =
            requests.iter().map(|request| request.path.as_str()).filter(|path| path.contains("/configmaps")).collect();
        assert!(!paths.is_empty() && paths.iter().all(|path| path.ends_with("/configmaps/istio")), "{paths:?}");
    }
}
