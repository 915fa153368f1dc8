//! The photo application of the examples: who may call whom, and what can be read on the wire.

use http::Method;
use serde_json::json;

use crate::support::{
    mesh::{Answer, Mesh, Workload, start_all},
    terraform::Workspace,
};

/// The application's workloads, one that nothing allows, and one without a sidecar.
struct Photo {
    frontend: Workload,
    backend: Workload,
    datastore: Workload,
    report: Workload,
    outside: Workload,
    workspace: Workspace,
    mesh: Mesh,
}

impl Photo {
    /// Applies the example, and then starts the workloads, whose ServiceAccounts it has made.
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["photo", "datastore", "istio-ingress"]);
        let workspace = mesh.example("scenarios/photo-app");
        workspace.converge();
        let [frontend, backend, datastore, report, outside] = start_all([
            mesh.workload("photo", "photo-frontend"),
            mesh.workload("photo", "photo-backend"),
            mesh.workload("datastore", "datastore").tcp_port(5432),
            mesh.workload("photo", "report"),
            mesh.workload("photo", "outside").without_sidecar(),
        ]);
        Self { frontend, backend, datastore, report, outside, workspace, mesh }
    }

    /// Requests of `GET /photos` from each caller of photo-backend.
    #[track_caller]
    fn assert_photos(&self, frontend: u16, report: u16, outside: u16) {
        for (caller, code) in [(&self.frontend, frontend), (&self.report, report)] {
            let answer = caller.request(Method::GET, "http://photo-backend/photos").becomes(code);
            if code == 200 {
                assert_eq!(answer.served_by(), Some(self.backend.pod()));
                assert_eq!(answer.identity(), Some(caller.identity()));
            } else {
                assert_eq!(answer.body(), "RBAC: access denied");
            }
        }
        let url = format!("http://{}:8080/photos", self.backend.address());
        let answer = self.outside.request(Method::GET, &url).becomes(outside);
        assert!(code_without_identity(&answer), "{answer}");
    }
}

/// Whether the application didn't answer, or answered a caller without an identity.
fn code_without_identity(answer: &Answer) -> bool {
    answer.served_by().is_none() || answer.identity().is_none()
}

/// Replaces text in the configuration, in which it must occur.
#[track_caller]
fn edit(workspace: &Workspace, from: &str, to: &str) {
    let configuration = workspace.read_file("main.tf");
    assert!(configuration.contains(from), "{from}");
    workspace.write_file("main.tf", &configuration.replace(from, to));
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn only_declared_calls_succeed() {
    let photo = Photo::start();
    let Photo { mesh, workspace, frontend, backend, datastore, .. } = &photo;

    // The declared callers, methods and paths, and no others. Without a sidecar, STRICT resets the connection.
    photo.assert_photos(200, 403, 0);
    frontend.request(Method::POST, "http://photo-backend/photos/1").becomes(200);
    frontend.request(Method::DELETE, "http://photo-backend/photos/1").becomes(403);
    frontend.request(Method::GET, "http://photo-backend/internal").becomes(403);
    backend.line_is_answered("datastore.datastore:5432", true);
    // What isn't among the calls of a service isn't known to its sidecar, by name or by address.
    frontend.line_is_answered("datastore.datastore:5432", false);
    frontend.line_is_answered(&format!("{}:5432", datastore.address()), false);
    backend.request(Method::GET, "http://photo-frontend/").becomes(0);

    // Nothing of the application can be read on the wire. What the caller without a sidecar sends can be.
    let capture = mesh.capture();
    frontend.request(Method::GET, "http://photo-backend/photos").header("authorization", "by-frontend").becomes(200);
    let url = format!("http://{}:8080/photos", backend.address());
    photo.outside.request(Method::GET, &url).header("authorization", "by-outside").becomes(0);
    backend.send_line("datastore.datastore:5432", "secret-line").expect("the datastore answers");
    let traffic = capture.stop();
    assert!(!traffic.contains("by-frontend") && !traffic.contains("secret-line"));
    assert_eq!(traffic.clear_text_segments(frontend.address(), backend.address()), 0);
    assert!(traffic.tls_segments(frontend.address(), backend.address()) > 0);
    assert!(traffic.tls_segments(backend.address(), datastore.address()) > 0);
    assert!(traffic.contains("by-outside"));

    // Negative controls: each protection taken away lets in what it kept out.
    edit(workspace, "mode = \"strict\"", "mode = \"permissive\"");
    workspace.converge();
    photo.assert_photos(200, 403, 403);
    edit(workspace, "from    = [\"photo-frontend\"]", "from    = [\"photo-frontend\", \"report\"]");
    workspace.converge();
    photo.assert_photos(200, 200, 403);
    edit(workspace, "mode = var.global_authorization", "mode = \"off\"");
    edit(
        workspace,
        "  calls      = [\"datastore/datastore\"",
        "  authorization_mode = \"off\"\n  calls      = [\"datastore/datastore\"",
    );
    workspace.converge();
    photo.assert_photos(200, 200, 200);
    frontend.request(Method::DELETE, "http://photo-backend/photos/1").becomes(200);
    workspace.destroy().expect_success();
}
