//! A global name moves from one service to another under load: no request fails, where a naive order makes some fail.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use crate::support::{
    mesh::{Mesh, Workload, start_all, take_turn},
    polling::wait_until,
    terraform::Workspace,
};

/// Requests per second of each load, and the number of requests that each must have sent.
const RATE: u32 = 200;
const REQUESTS: usize = 5000;

/// Two services, of which one has the global name, and how it moves to the other one.
struct Move {
    caller: Workload,
    old: Workload,
    new: Workload,
    workspace: Workspace,
    /// Dropped last.
    _mesh: Mesh,
}

impl Move {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["old", "new", "shop"]);
        let workspace = mesh.workspace();
        workspace.configure(&services([("old", true, ""), ("new", false, "")]));
        workspace.converge();
        let [caller, old, new] = start_all([
            mesh.workload("shop", "caller"),
            mesh.workload("old", "payments").port(8080).tcp_port(9000),
            mesh.workload("new", "payments").port(8080).tcp_port(9000),
        ]);
        Self { caller, old, new, workspace, _mesh: mesh }
    }

    /// Applies services: the namespace of each, whether it has the name, and further arguments.
    fn apply(&self, services_of: [(&str, bool, &str); 2]) {
        self.workspace.configure(&services(services_of));
        self.workspace.apply().expect_success();
    }

    /// Moves the name there and back, again and again, until so many requests were sent, and returns those that failed.
    fn failures_during(&self, change: impl Fn(&str, &str), at_least: usize) -> Vec<String> {
        let request = self.caller.request(Method::GET, "http://payments.example.internal:8080/");
        request.becomes(200);
        let (start, load) = (Instant::now(), request.load(RATE));
        let needed = Duration::from_secs((at_least / RATE as usize) as u64 + 1);
        let (mut from, mut to) = (&self.old, &self.new);
        // The old service has it again at the end.
        while start.elapsed() < needed || from.pod() == self.new.pod() {
            let namespace = |workload: &Workload| if workload.pod() == self.old.pod() { "old" } else { "new" };
            change(namespace(from), namespace(to));
            request.becomes_answer("the other service answers", |answer| answer.served_by() == Some(to.pod()));
            (from, to) = (to, from);
        }
        let report = load.stop();
        assert!(report.sent() >= at_least, "only {} requests", report.sent());
        assert_eq!(report.servers().len(), 2);
        report.failures().iter().map(|failed| format!("after {:?}: {}", failed.sent_at, failed.answer)).collect()
    }
}

fn services(services: [(&str, bool, &str); 2]) -> String {
    let services = services.map(|(namespace, has_name, arguments)| {
        let name = if has_name { "global_name = \"payments.example.internal\"" } else { "" };
        format!(
            r#"
resource "mesh_service" "{namespace}" {{
  name      = "payments"
  namespace = "{namespace}"
  service   = "managed"
  {name}
  {arguments}
  port {{
    number   = 8080
    protocol = "http"
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
  allow {{
    from = ["shop/caller"]
  }}
}}
"#
        )
    });
    let provider =
        "provider \"mesh\" {\n  owner = \"tests/global-names\"\n  installed {\n    dns_capture = true\n  }\n}\n";
    format!("{provider}{}", services.concat())
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn no_request_fails_while_a_global_name_moves() {
    let _turn = take_turn();
    let names = Move::start();
    let after = |other: &str| format!("depends_on = [mesh_service.{other}]");

    // In one apply, the service that gives the name up is changed after the one that takes it.
    let ordered = |from: &str, to: &str| names.apply([(from, false, &after(to)), (to, true, "")]);
    assert_eq!(names.failures_during(ordered, REQUESTS), Vec::<String>::new());

    // In two applies, both have the name in between.
    let in_two_applies = |from: &str, to: &str| {
        names.apply([(from, true, ""), (to, true, "")]);
        names.apply([(from, false, ""), (to, true, "")]);
    };
    assert_eq!(names.failures_during(in_two_applies, REQUESTS), Vec::<String>::new());

    // Ports without HTTP go by the address of the name, which is another one after each move.
    let address = |name: &str| names.caller.resolve_name(name).expect("the name has an address");
    let old_address = address("payments.example.internal");
    let line = |host: &str| names.caller.send_line(&format!("{host}:9000"), "ping");
    assert!(line(&old_address.to_string()).is_ok());
    names.apply([("new", true, ""), ("old", false, &after("new"))]);
    wait_until(Duration::from_secs(30), "the name has another address", || {
        address("payments.example.internal") != old_address
    });
    wait_until(Duration::from_secs(30), "the new service answers", || {
        line("payments.example.internal") == Ok(format!("{}: ping", names.new.pod()))
    });
    assert!(line(&old_address.to_string()).is_err());

    // Negative control: the name is given up first.
    let naive = |from: &str, to: &str| names.apply([(from, false, ""), (to, true, &after(from))]);
    names.apply([("old", true, ""), ("new", false, &after("old"))]);
    assert_ne!(names.failures_during(naive, 400), Vec::<String>::new(), "the naive order loses requests");
    names.workspace.destroy().expect_success();
}
