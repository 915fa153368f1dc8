//! `mesh_access` against the data plane: Envoy is asked the questions that the data source answers.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::{
    mesh::{Mesh, Workload, start_all},
    terraform::Workspace,
};

/// Paths of requests, with the words for them: the one that rules name, and one that none names.
const PATHS: [(&str, &str); 2] = [("/orders/x", "/orders/x"), ("/elsewhere", "other paths")];
/// The words that tell requests apart.
const WORDS: [&str; 7] =
    ["GET", "other methods", "/orders/x", "other paths", "other ports", "port 8080", "TCP port 9000"];

const METHODS: [(&str, &str); 2] = [("GET", "GET"), ("PUT", "other methods")];

/// A situation: arguments of the service, and policies of other tools.
struct Situation {
    name: &'static str,
    service: &'static str,
    others: fn() -> Vec<Json>,
}

fn policy(name: &str, spec: &Json) -> Json {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "name": name, "namespace": "shop" }, "spec": spec,
    })
}

/// The same name in all situations, so that each takes the place of the one before.
fn other(spec: &Json) -> Vec<Json> {
    vec![policy("other", spec)]
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "no policy",
        service: "authorization_mode = \"off\"",
        others: || other(&json!({ "selector": { "matchLabels": { "app": "elsewhere" } }, "rules": [{}] })),
    },
    Situation {
        name: "the provider's rules alone",
        service: "allow {\n from = [\"shop/checkout\"]\n methods = [\"GET\"]\n paths = [\"/orders/*\"]\n}",
        others: || other(&json!({ "selector": { "matchLabels": { "app": "elsewhere" } }, "rules": [{}] })),
    },
    Situation {
        name: "another tool opens a path",
        service: "allow {\n from = [\"shop/checkout\"]\n methods = [\"GET\"]\n paths = [\"/orders/*\"]\n}",
        others: || {
            other(&json!({
                "selector": { "matchLabels": { "app": "cart" } },
                "rules": [{ "from": [{ "source": { "namespaces": ["audit"] } }], "to": [{ "operation": { "paths": ["/orders/*"] } }] }],
            }))
        },
    },
    Situation {
        name: "another tool admits methods of everyone",
        service: "authorization_mode = \"off\"",
        others: || other(&json!({ "rules": [{ "to": [{ "operation": { "methods": ["GET"] } }] }] })),
    },
    Situation {
        name: "another tool admits methods and a port",
        service: "authorization_mode = \"off\"",
        others: || {
            other(&json!({
                "rules": [
                    { "to": [{ "operation": { "methods": ["GET"] } }] },
                    { "to": [{ "operation": { "ports": ["9000"] } }], "from": [{ "source": { "namespaces": ["audit"] } }] },
                ],
            }))
        },
    },
    Situation {
        name: "another tool refuses a caller",
        service: "allow {\n from = [\"*\"]\n}",
        others: || {
            other(&json!({
                "action": "DENY",
                "rules": [{
                    "from": [{ "source": { "serviceAccounts": ["report"] } }],
                    "to": [{ "operation": { "notPaths": ["/orders/*"], "methods": ["GET"] } }],
                }],
            }))
        },
    },
];

fn configure(workspace: &Workspace, arguments: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/access"
}}
resource "mesh_service" "cart" {{
  name      = "cart"
  namespace = "shop"
  service   = "managed"
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
  {arguments}
}}
data "mesh_access" "cart" {{
  namespace  = "shop"
  service    = "cart"
  depends_on = [mesh_service.cart]
}}
output "admitted" {{
  value = data.mesh_access.cart.admitted
}}
output "callers" {{
  value = data.mesh_access.cart.callers
}}
"#
    ));
}

/// The requests that the data source says are admitted, by callers.
fn admitted(workspace: &Workspace) -> BTreeMap<String, BTreeSet<String>> {
    workspace.apply().expect_success();
    let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
    let outputs: Json = serde_json::from_str(&outputs).expect("JSON");
    let admitted: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_value(outputs["admitted"]["value"].clone()).expect("a map of sets");
    let callers: BTreeSet<String> = serde_json::from_value(outputs["callers"]["value"].clone()).expect("a set");
    assert_eq!(callers, admitted.keys().cloned().collect());
    admitted
}

/// Whether a request is among those that are admitted. Callers without a rule of their own are among those of their namespace, and
/// these among all.
fn is_admitted(
    admitted: &BTreeMap<String, BTreeSet<String>>,
    named: &BTreeSet<String>,
    caller: &str,
    words: &[&str],
) -> bool {
    let namespace = caller.split_once('/').map(|(namespace, _)| format!("{namespace}/*"));
    let forms = [Some(caller.to_owned()), namespace, (caller != "anonymous").then(|| "*".to_owned())];
    let Some(form) = forms.into_iter().flatten().find(|form| named.contains(form)) else { return false };
    let Some(requests) = admitted.get(&form) else { return false };
    // Words appear only where rules tell requests apart by them.
    requests
        .iter()
        .any(|request| request == "all" || WORDS.iter().all(|word| !request.contains(word) || words.contains(word)))
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn data_source_gives_the_answers_of_envoy() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop", "audit"]);
    let workspace = mesh.workspace();
    configure(&workspace, "authorization_mode = \"off\"");
    workspace.apply().expect_success();
    let [checkout, report, audit, outside, cart] = start_all([
        mesh.workload("shop", "checkout"),
        mesh.workload("shop", "report"),
        mesh.workload("audit", "auditor"),
        mesh.workload("audit", "outside").without_sidecar(),
        mesh.workload("shop", "cart").port(8080).tcp_port(9000),
    ]);
    let callers: [(&str, &Workload); 4] =
        [("shop/checkout", &checkout), ("shop/report", &report), ("audit/auditor", &audit), ("anonymous", &outside)];
    let (mut admitted_requests, mut refused_requests) = (0, 0);
    let (mut admitted_connections, mut refused_connections) = (0, 0);
    for situation in SITUATIONS {
        for object in (situation.others)() {
            mesh.api().apply(&object, "another-tool");
        }
        configure(&workspace, situation.service);
        let admitted = admitted(&workspace);
        // Callers that rules name are distinguished also where all of their requests are refused.
        let text = format!("{}{}", situation.service, json!((situation.others)()));
        let named: BTreeSet<String> = ["shop/checkout", "shop/report", "audit/*", "*", "anonymous"]
            .into_iter()
            .filter(|form| match *form {
                "audit/*" => text.contains("audit"),
                "shop/report" => text.contains("report"),
                "shop/checkout" => text.contains("checkout"),
                _ => true,
            })
            .map(str::to_owned)
            .collect();
        for (name, caller) in callers {
            let expected = is_admitted(&admitted, &named, name, &["TCP port 9000"]);
            eprintln!("{}: {name} TCP port 9000: {expected}", situation.name);
            let host = if name == "anonymous" { cart.address().to_string() } else { "cart.shop".to_owned() };
            caller.line_is_answered(&format!("{host}:9000"), expected);
            *(if expected { &mut admitted_connections } else { &mut refused_connections }) += 1;
            for (method, method_word) in METHODS {
                for (path, path_word) in PATHS {
                    let expected =
                        is_admitted(&admitted, &named, name, &[method_word, path_word, "other ports", "port 8080"]);
                    let method = Method::from_bytes(method.as_bytes()).expect("a method");
                    let mut request = caller.request(method, &format!("http://cart.shop{path}"));
                    if name == "anonymous" {
                        request = request.connect_to((cart.address(), 8080));
                    }
                    let expectation = format!("{}: {name} {method_word} {path_word}: {expected}", situation.name);
                    request.becomes_answer(&expectation, |answer| (answer.code() == 200) == expected);
                    *(if expected { &mut admitted_requests } else { &mut refused_requests }) += 1;
                }
            }
        }
    }
    assert!(admitted_requests > 10 && refused_requests > 10, "{admitted_requests} and {refused_requests}");
    assert!(admitted_connections > 5 && refused_connections > 5, "{admitted_connections} and {refused_connections}");
    mesh.api().delete(&"AuthorizationPolicy/shop/other".parse().expect("a key"));
    workspace.destroy().expect_success();
}
