//! What a plan warns about when it looks around: told, silenced, an error, or skipped in one line; and the plan stays
//! the same.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant::{AppTeam, LiveChecks, LiveChecksCalled, LiveChecksRoot},
};

use super::{many, provider};

const SKIPPED: &str = "Some live checks were skipped";

/// A service of a chart, whose rules hold for its namespace.
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

/// A team with every right that live checks take in its namespace and in the root namespace.
struct Team {
    namespace: Namespace,
    root: Namespace,
    proxy: Proxy,
    workspace: Workspace,
}

impl Team {
    fn new(tool: Tool, what: &str) -> Self {
        let team = Self::without_rights(tool, what);
        let user = team.namespace.user(AppTeam);
        team.namespace.grant(&user, LiveChecks);
        team.root.grant(&user, LiveChecksRoot);
        team
    }

    /// One that may do what an application team may, and look at nothing else.
    fn without_rights(tool: Tool, what: &str) -> Self {
        let plane = control_plane();
        let (namespace, root) = (plane.namespace(what), plane.namespace("root"));
        let (proxy, workspace) = (Proxy::start(plane), Workspace::new(tool));
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(AppTeam)));
        Self { namespace, root, proxy, workspace }
    }

    fn configure(&self, checks: &str, hcl: &str) {
        let arguments = format!("config_path = \"kubeconfig\"\n  checks = {{\n{checks}\n}}");
        self.workspace.configure(&provider(&self.namespace, &self.root.name, &arguments, hcl));
    }

    /// What somebody else has in the namespace.
    fn there(&self, mut object: Json) {
        object["metadata"]["namespace"] = self.namespace.name.clone().into();
        control_plane().api().apply(&object, "chart");
    }

    fn label(&self, labels: &Json) {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace.name, "labels": labels },
        });
        control_plane().api().apply(&object, "platform");
    }

    /// What a chart brings, right but for the port: a Service with another target port, its account, and a pod with a
    /// sidecar.
    fn chart(&self, target_port: u16) {
        self.there(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "shop" },
            "spec": { "selector": { "app": "shop" }, "ports": [{ "name": "http", "port": 80, "targetPort": target_port }] },
        }));
        self.there(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "shop" } }));
        let containers = json!([{ "name": "app", "image": "app" }, { "name": "istio-proxy", "image": "proxy" }]);
        self.there(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "shop-1", "labels": { "app": "shop" } },
            "spec": { "serviceAccountName": "shop", "containers": containers },
        }));
    }
}

/// What would be made, and nothing of what is told beside it.
fn planned(text: &str) -> &str {
    let (_, after) = text.split_once("will be created").expect("it would be made");
    after.split_once("Plan: ").expect("a sum").0
}

/// What is told beside a plan that changes something.
fn told(text: &str) -> &str {
    text.split_once("Plan: ").expect("a sum").1
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_found_is_told_and_can_be_silenced_or_an_error() {
    for tool in Tool::ALL {
        let team = Team::new(tool, "found");
        team.label(&json!({ "istio-injection": "enabled", "istio.io/rev": "prod" }));
        team.chart(9090);
        team.configure("", SHOP);
        let warned = team.workspace.plan();
        for code in ["IST0123", "IST0101", "other-target-port", "narrowed-visibility"] {
            assert!(warned.text.contains(&format!("({code})")), "{tool}, {code}: {}", warned.text);
        }
        assert!(!warned.text.contains(SKIPPED), "{tool}: {}", warned.text);

        let off = "IST0123 = \"off\"\nIST0101 = \"off\"\nother-target-port = \"off\"\nnarrowed-visibility = \"off\"";
        team.configure(off, SHOP);
        let silenced = team.workspace.plan();
        assert!(!told(&silenced.text).contains("Warning: "), "{tool}: {}", silenced.text);
        assert_eq!(planned(&warned.text), planned(&silenced.text), "{tool}");

        team.configure("narrowed-visibility = \"error\"", SHOP);
        let errors = team.workspace.try_plan().errors();
        assert!(errors.contains("Fewer namespaces see the live service"), "{tool}: {errors}");

        // What an apply makes is no stranger to the next plan, which asks nothing.
        team.configure(off, SHOP);
        team.workspace.apply().expect_success();
        team.proxy.reset();
        team.configure("", SHOP);
        let plan = team.workspace.plan();
        assert!(plan.is_empty && !plan.text.contains("(IST"), "{tool}: {}", plan.text);
        assert!(team.proxy.requests().iter().all(|request| !request.path.ends_with("/pods")), "{tool}");
        team.workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_is_right_is_not_told() {
    let team = Team::new(Tool::Terraform, "right");
    team.label(&json!({ "istio-injection": "enabled" }));
    team.chart(8080);
    let open = SHOP.replace("[\"ledger\"]", "[]\n  access = \"mesh\"");
    team.configure("", &open);
    let plan = team.workspace.plan();
    assert!(!told(&plan.text).contains("Warning: "), "{}", plan.text);
    team.workspace.apply().expect_success();
    team.configure("", &open.replace("target_port", "# target_port"));
    let plan = team.workspace.plan();
    assert!(plan.text.contains("(other-target-port)"), "{}", plan.text);
    assert_eq!(told(&plan.text).matches("Warning: ").count(), 1, "what is ours is no stranger: {}", plan.text);
    team.workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn ambient_mode_is_an_error_unless_it_is_told_otherwise() {
    let team = Team::new(Tool::Terraform, "ambient");
    team.label(&json!({ "istio.io/dataplane-mode": "ambient", "istio-injection": "enabled" }));
    team.configure("", SHOP);
    let told = team.workspace.try_plan().errors();
    assert!(told.contains("Ambient mode isn't supported") && told.contains("(IST0167)"), "{told}");
    team.configure("IST0167 = \"warn\"", SHOP);
    assert!(team.workspace.plan().text.contains("(IST0167)"));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn somebody_elses_route_for_the_same_host_is_told() {
    let team = Team::new(Tool::Terraform, "second");
    team.label(&json!({ "istio-injection": "enabled" }));
    team.chart(8080);
    team.there(json!({
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
fn a_callee_of_another_team_is_looked_at_with_the_rights_for_it() {
    let (team, theirs) = (Team::without_rights(Tool::Terraform, "caller"), control_plane().namespace("callee"));
    let home = theirs.name.as_str();
    let api = control_plane().api();
    api.apply(
        &json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {
                "name": "ledger", "namespace": home, "annotations": { "networking.istio.io/exportTo": ".,audit" },
            },
            "spec": { "selector": { "app": "ledger" }, "ports": [{ "name": "http", "port": 80 }] },
        }),
        "chart",
    );
    api.apply(
        &json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": { "name": "ledger", "namespace": home },
            "spec": {
                "selector": { "matchLabels": { "app": "ledger" } }, "action": "ALLOW",
                "rules": [{ "from": [{ "source": { "namespaces": ["audit"] } }] }],
            },
        }),
        "chart",
    );
    team.configure("", &SHOP.replace("[\"ledger\"]", &format!("[\"{home}/ledger\"]")));
    let before = team.workspace.plan();
    let unseen = format!("no right to get services in {home}: IST0101, hidden-callee, refused-by-callee");
    assert!(before.text.contains(&unseen), "{}", before.text);

    theirs.grant(&team.namespace.user(AppTeam), LiveChecksCalled);
    let plan = team.workspace.plan();
    assert!(plan.text.contains(&format!("{home}/ledger (visible to audit, {home})")), "{}", plan.text);
    assert!(plan.text.contains(&format!("{home}/ledger (by AuthorizationPolicy {home}/ledger)")), "{}", plan.text);
    assert_eq!(planned(&before.text), planned(&plan.text));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn without_the_rights_one_line_says_what_was_skipped() {
    for tool in Tool::ALL {
        let (poor, hcl) = (Team::without_rights(tool, "poor"), many(12));
        poor.configure("", &hcl);
        let plan = poor.workspace.plan();
        assert_eq!(plan.text.matches(SKIPPED).count(), 1, "{tool}: {}", plan.text);
        let home = &poor.namespace.name;
        for line in [
            format!("no right to list pods in {home}: IST0103, IST0127, IST0144, other-account"),
            format!("no right to get namespaces {home}: IST0102, IST0123, IST0167"),
            format!("no right to list authorizationpolicies in {}: refused-by-callee", poor.root.name),
        ] {
            assert!(plan.text.contains(&line), "{tool}: {line}: {}", plan.text);
        }
        // What is off isn't missed.
        let codes =
            ["IST0102", "IST0103", "IST0123", "IST0127", "IST0144", "IST0167", "other-account", "refused-by-callee"];
        let off: Vec<String> = codes.iter().map(|code| format!("{code} = \"off\"")).collect();
        poor.configure(&off.join("\n"), &hcl);
        poor.proxy.reset();
        let silent = poor.workspace.plan();
        assert!(!silent.text.contains(SKIPPED), "{tool}: {}", silent.text);
        assert!(poor.proxy.requests().iter().all(|request| !request.path.ends_with("/pods")), "{tool}");
        assert_eq!(planned(&plan.text), planned(&silent.text), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_server_that_fails_or_lacks_a_kind_fails_no_plan() {
    let team = Team::new(Tool::Terraform, "failing");
    team.configure("", SHOP);
    let sidecars = |request: &RecordedRequest| request.path.ends_with("/sidecars") && request.query.contains("limit");
    for (fault, told) in [
        (Fault::Status(404), "list sidecars in NAMESPACE, which the cluster doesn't serve: IST0110, shared-account"),
        (Fault::Status(500), "can't list sidecars in NAMESPACE ("),
    ] {
        team.proxy.reset();
        team.proxy.inject_fault(0, usize::MAX, fault, sidecars);
        let begun = Instant::now();
        let plan = team.workspace.plan();
        assert!(plan.text.contains(&told.replace("NAMESPACE", &team.namespace.name)), "{fault:?}: {}", plan.text);
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn without_a_cluster_nothing_more_is_told() {
    let team = Team::without_rights(Tool::Terraform, "nowhere");
    let nowhere = "host = \"https://127.0.0.1:1\"";
    team.workspace.configure(&provider(&team.namespace, "istio-system", nowhere, &many(3)));
    let plan = team.workspace.plan();
    assert_eq!(told(&plan.text).matches("Warning: ").count(), 1, "{}", plan.text);
    assert!(plan.text.contains("Planned without the cluster"), "{}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_unknown_code_or_level_is_an_error_of_the_configuration() {
    for tool in Tool::ALL {
        let team = Team::without_rights(tool, "codes");
        team.configure("IST9999 = \"off\"\nIST0103 = \"loud\"", SHOP);
        let told = team.workspace.run(&["validate", "-no-color"]).errors();
        for words in [
            "Unknown code of a check",
            "\"IST9999\" isn't one of \"IST0101\", \"IST0102\"",
            "\"loud\" isn't one of \"off\", \"warn\", \"error\"",
        ] {
            assert!(told.contains(words), "{tool}, {words}: {told}");
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn fifty_services_cost_a_handful_of_requests() {
    let team = Team::new(Tool::Terraform, "cost");
    team.label(&json!({ "istio-injection": "enabled" }));
    let hcl = many(50);
    let every: Vec<String> =
        terraform_provider_mesh::mesh::checks::Code::ALL.iter().map(|code| format!("{code} = \"off\"")).collect();
    let counted = |what: &str, checks: &str| {
        team.configure(checks, &hcl);
        team.proxy.reset();
        let begun = Instant::now();
        assert!(!team.workspace.plan().is_empty);
        let reads = team.proxy.requests().iter().filter(|request| request.method == "GET").count();
        println!("50 new services, {what}: {reads} reads, {:.1} s", begun.elapsed().as_secs_f64());
        reads
    };
    let (without, with) = (counted("without checks", &every.join("\n")), counted("with checks", ""));
    assert!(with < without + 30, "{with} reads in place of {without}");
}
