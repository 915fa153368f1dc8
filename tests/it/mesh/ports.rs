//! Ports: services with HTTP and TCP ports, and ports that no `port` block declares.

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

/// A service with a port of HTTP, one of TCP, and one that only another Service knows.
struct Mixed {
    reader: Workload,
    writer: Workload,
    scraper: Workload,
    service: Workload,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Mixed {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, "");
        let ports = json!([{ "name": "http", "port": 9090, "targetPort": 9090 }]);
        mesh.api().apply(
            &json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "metrics", "namespace": "shop" },
                "spec": { "selector": { "app": "mixed" }, "ports": ports },
            }),
            "helm",
        );
        let [reader, writer, scraper, service] = start_all([
            mesh.workload("shop", "reader"),
            mesh.workload("shop", "writer"),
            mesh.workload("shop", "scraper"),
            mesh.workload("shop", "mixed").port(8080).tcp_port(9000).port(9090),
        ]);
        Self { reader, writer, scraper, service, workspace, proxy, mesh }
    }

    /// Whether each caller gets an answer by GET, POST, TCP and on the undeclared port.
    #[track_caller]
    fn assert_answers(&self, reader: [bool; 4], writer: [bool; 4], scraper: [bool; 4]) {
        for (caller, answers) in [(&self.reader, reader), (&self.writer, writer), (&self.scraper, scraper)] {
            let becomes = |method: Method, url: &str, is_answered: bool| {
                let answer = caller.request(method, url).becomes(if is_answered { 200 } else { 403 });
                assert_eq!(answer.served_by(), is_answered.then(|| self.service.pod()));
            };
            becomes(Method::GET, "http://mixed/", answers[0]);
            becomes(Method::POST, "http://mixed/", answers[1]);
            caller.line_is_answered("mixed:9000", answers[2]);
            becomes(Method::GET, "http://metrics:9090/", answers[3]);
        }
    }
}

/// Applies the service with `arguments`.
fn configure(workspace: &Workspace, arguments: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/ports"
}}
resource "mesh_service" "mixed" {{
  name      = "mixed"
  namespace = "shop"
  service   = "managed"
  {arguments}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
}}
"#
    ));
    workspace.converge();
}

/// The reader's methods hold on the port of HTTP alone; the writer has that of TCP.
const ALLOW: &str = "allow {\n    from    = [\"reader\"]\n    methods = [\"GET\"]\n  }\n  allow {\n    from  = [\"writer\"]\n    ports = [9000]\n  }";

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn rules_hold_on_the_ports_of_their_protocol() {
    const ALL: [bool; 4] = [true; 4];
    const NONE: [bool; 4] = [false; 4];
    const READS: [bool; 4] = [true, false, false, false];
    const WRITES: [bool; 4] = [false, false, true, false];
    let mixed = Mixed::start();
    let Mixed { mesh, workspace, proxy, .. } = &mixed;

    // Negative control: without rules everything is answered. By default the declared ports are open to the namespace.
    configure(workspace, "authorization_mode = \"off\"");
    mixed.assert_answers(ALL, ALL, ALL);
    configure(workspace, "");
    let declared = [true, true, true, false];
    mixed.assert_answers(declared, declared, declared);

    configure(workspace, ALLOW);
    mixed.assert_answers(READS, WRITES, NONE);
    let scraping = format!("{ALLOW}\n  allow {{\n    from         = [\"scraper\"]\n    target_ports = [9090]\n  }}");
    configure(workspace, &scraping);
    let scrapes = [false, false, false, true];
    mixed.assert_answers(READS, WRITES, scrapes);

    let wrong = |change: fn(&mut Json)| {
        apply_wrong_rendering((mesh, proxy, workspace), "AuthorizationPolicy/shop/mixed-shop", change);
    };
    // A rule without ports opens the undeclared port.
    wrong(|policy| remove(&mut policy["spec"]["rules"][0]["to"][0]["operation"], "ports"));
    mixed.assert_answers([true, false, false, true], WRITES, scrapes);
    // The port of HTTP is opened for the caller of the port of TCP.
    wrong(|policy| policy["spec"]["rules"][1]["to"][0]["operation"]["ports"] = json!(["8080", "9000"]));
    mixed.assert_answers(READS, [true, true, true, false], scrapes);
    // The ports of the Service in place of those of the pods.
    wrong(|policy| policy["spec"]["rules"][0]["to"][0]["operation"]["ports"] = json!(["80"]));
    mixed.assert_answers(NONE, WRITES, scrapes);
    repair(proxy, workspace);
    mixed.assert_answers(READS, WRITES, scrapes);
    workspace.destroy().expect_success();
}
