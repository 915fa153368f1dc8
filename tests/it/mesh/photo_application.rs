//! The photo application of the examples: who may call whom, and what can be read on the wire.

use http::Method;
use serde_json::json;

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

use Caller::{Backend, Frontend, Outside, Report};

/// The workloads that send requests.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Frontend,
    Backend,
    /// It has a sidecar, and nothing allows its calls.
    Report,
    /// It has no sidecar, and connects to photo-backend's pod.
    Outside,
}

/// Who calls what: a method and a URL, or a host and a port for a line by TCP.
type Call = (Caller, &'static str);

const PHOTOS: Call = (Frontend, "GET http://photo-backend/photos");
const NEW_PHOTO: Call = (Frontend, "POST http://photo-backend/photos/1");
const OTHER_METHOD: Call = (Frontend, "DELETE http://photo-backend/photos/1");
const OTHER_PATH: Call = (Frontend, "GET http://photo-backend/internal");
const OTHER_CALLER: Call = (Report, "GET http://photo-backend/photos");
const PLAINTEXT: Call = (Outside, "GET http://photo-backend/photos");
const LINE: Call = (Backend, "datastore.datastore:5432");
const UNDECLARED_LINE: Call = (Frontend, "datastore.datastore:5432");
const UNDECLARED_CALL: Call = (Backend, "GET http://photo-frontend/");

/// What each call gets: a status code, 0 without a response, and 200 for a line that is answered.
const ANSWERS: &[(Call, u16)] = &[
    (PHOTOS, 200),
    (NEW_PHOTO, 200),
    (OTHER_METHOD, 403),
    (OTHER_PATH, 403),
    (OTHER_CALLER, 403),
    // STRICT resets the connection before any policy is asked.
    (PLAINTEXT, 0),
    (LINE, 200),
    // What isn't among the calls of a service is unknown to its sidecar.
    (UNDECLARED_LINE, 0),
    (UNDECLARED_CALL, 0),
];

/// The application and its callers.
struct Photo {
    frontend: Workload,
    backend: Workload,
    datastore: Workload,
    report: Workload,
    outside: Workload,
    /// The configuration, whose provider connects through the proxy.
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Photo {
    /// Applies the example, and then starts the workloads, whose ServiceAccounts it has made.
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["photo", "datastore", "istio-ingress"]);
        let (workspace, proxy) = mesh.through_proxy(mesh.example("scenarios/photo-app"));
        workspace.converge();
        let [frontend, backend, datastore, report, outside] = start_all([
            mesh.workload("photo", "photo-frontend"),
            mesh.workload("photo", "photo-backend"),
            mesh.workload("datastore", "datastore").tcp_port(5432),
            mesh.workload("photo", "report"),
            mesh.workload("photo", "outside").without_sidecar(),
        ]);
        Self { frontend, backend, datastore, report, outside, workspace, proxy, mesh }
    }

    /// Repeats a call until it gets this answer.
    #[track_caller]
    fn becomes(&self, (caller, target): Call, code: u16) {
        let workload = match caller {
            Frontend => &self.frontend,
            Backend => &self.backend,
            Report => &self.report,
            Outside => &self.outside,
        };
        let Some((method, url)) = target.split_once(' ') else {
            return workload.line_is_answered(target, code == 200);
        };
        let mut request = workload.request(method.parse().expect("a method"), url);
        if matches!(caller, Outside) {
            request = request.connect_to((self.backend.address(), 8080));
        }
        let answer = request.becomes(code);
        if code == 200 {
            assert_eq!(answer.served_by(), Some(self.backend.pod()));
            let identity = (!matches!(caller, Outside)).then(|| workload.identity());
            assert_eq!(answer.identity(), identity);
        } else if code == 403 {
            assert_eq!(answer.body(), "RBAC: access denied");
        }
    }

    /// The answers of the scenario, except for the calls that `differing` has.
    #[track_caller]
    fn assert_answers(&self, differing: &[(Call, u16)]) {
        for (call, code) in ANSWERS {
            let changed = differing.iter().find(|(other, _)| other.1 == call.1 && other.0 as u8 == call.0 as u8);
            self.becomes(*call, changed.map_or(*code, |(_, code)| *code));
        }
    }
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
    let Photo { mesh, workspace, frontend, backend, datastore, outside, .. } = &photo;
    photo.assert_answers(&[]);
    frontend.line_is_answered(&format!("{}:5432", datastore.address()), false);

    // Nothing of the application can be read on the wire. What the caller without a sidecar sends can be.
    let capture = mesh.capture();
    frontend.request(Method::GET, "http://photo-backend/photos").header("authorization", "by-frontend").becomes(200);
    let url = format!("http://{}:8080/photos", backend.address());
    outside.request(Method::GET, &url).header("authorization", "by-outside").becomes(0);
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
    photo.assert_answers(&[(PLAINTEXT, 403)]);
    edit(workspace, "mode = var.global_authorization", "mode = \"off\"");
    let calls = "  calls      = [\"datastore/datastore\"";
    edit(workspace, calls, &format!("  authorization_mode = \"off\"\n{calls}"));
    workspace.converge();
    photo.assert_answers(&[(PLAINTEXT, 200), (OTHER_CALLER, 200), (OTHER_METHOD, 200), (OTHER_PATH, 200)]);
    workspace.destroy().expect_success();
}

/// Wrong renderings, and the answer that differs from [`ANSWERS`].
const WRONG_RENDERINGS: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "a caller is dropped",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| object["spec"]["rules"][0]["from"][0]["source"]["principals"] = json!(["another"]),
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "any identity may call",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| object["spec"]["rules"][0]["from"][0]["source"]["principals"] = json!(["*"]),
        noticed_by: (OTHER_CALLER, 200),
    },
    WrongRendering {
        name: "an identity is written as a SPIFFE URL",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| {
            let principal = &mut object["spec"]["rules"][0]["from"][0]["source"]["principals"][0];
            *principal = format!("spiffe://{}", principal.as_str().expect("a principal")).into();
        },
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "the methods are forgotten",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "methods"),
        noticed_by: (OTHER_METHOD, 200),
    },
    WrongRendering {
        name: "the paths are forgotten",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "paths"),
        noticed_by: (OTHER_PATH, 200),
    },
    WrongRendering {
        name: "the port of the Service instead of the target port",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| object["spec"]["rules"][0]["to"][0]["operation"]["ports"] = json!(["80"]),
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "the policy is left in dry run",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| object["metadata"]["annotations"]["istio.io/dry-run"] = json!("true"),
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "the policy selects another workload",
        object: "AuthorizationPolicy/photo/photo-backend-photo",
        change: |object| object["spec"]["selector"]["matchLabels"]["app"] = json!("report"),
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "the target port of the Service is another one",
        object: "Service/photo/photo-backend",
        change: |object| object["spec"]["ports"][0]["targetPort"] = json!(8081),
        // The policy opens the declared target port alone.
        noticed_by: (PHOTOS, 403),
    },
    WrongRendering {
        name: "a call is forgotten in the Sidecar",
        object: "Sidecar/photo/photo-frontend-photo",
        change: |object| object["spec"]["egress"][0]["hosts"] = json!(["./another.photo.svc.cluster.local"]),
        noticed_by: (PHOTOS, 0),
    },
    WrongRendering {
        name: "a Sidecar shows its whole namespace",
        object: "Sidecar/photo/photo-backend-photo",
        change: |object| object["spec"]["egress"][0]["hosts"] = json!(["./*", "datastore/*"]),
        noticed_by: (UNDECLARED_CALL, 403),
    },
    WrongRendering {
        name: "mutual TLS is optional",
        object: "PeerAuthentication/istio-system/default",
        change: |object| object["spec"]["mtls"]["mode"] = json!("PERMISSIVE"),
        noticed_by: (PLAINTEXT, 403),
    },
    WrongRendering {
        name: "another caller of the datastore",
        object: "AuthorizationPolicy/datastore/datastore-datastore",
        change: |object| {
            object["spec"]["rules"][0]["from"][0]["source"]["principals"] =
                json!(["cluster.local/ns/photo/sa/photo-frontend"]);
        },
        noticed_by: (LINE, 0),
    },
    WrongRendering {
        name: "deny-all has an empty rule, which allows all",
        object: "AuthorizationPolicy/istio-system/deny-all",
        change: |object| object["spec"]["rules"] = json!([{}]),
        noticed_by: (OTHER_CALLER, 200),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn wrong_renderings_are_noticed() {
    let photo = Photo::start();
    photo.assert_answers(&[]);
    for wrong in WRONG_RENDERINGS {
        wrong.apply(&photo.mesh, &photo.proxy, &photo.workspace);
        let (call, code) = wrong.noticed_by;
        assert!(ANSWERS.iter().any(|(other, right)| other.1 == call.1 && *right != code), "{}", wrong.name);
        photo.becomes(call, code);
    }
    repair(&photo.proxy, &photo.workspace);
    photo.assert_answers(&[]);
}
