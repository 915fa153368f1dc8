//! Services outside of the mesh: who speaks TLS, which certificates are accepted and shown, and who may call.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Answer, Certificate, Mesh, TlsVersion, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

use Caller::{Checkout, Orders, Report};

/// The workloads that send requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Its sidecar reads the Secret.
    Checkout,
    /// It is in the same namespace.
    Orders,
    /// It is in a namespace to which no external service is exported.
    Report,
}

/// Who calls which URL.
type Call = (Caller, &'static str);

const ORIGINATED: Call = (Checkout, "http://api.partner.example/");
const PASSED_THROUGH: Call = (Checkout, "https://api.partner.example/");
const CLEAR_TEXT: Call = (Checkout, "http://plain.partner.example/");
const WRONG_NAME: Call = (Checkout, "http://wrong.elsewhere.example/");
const OTHER_NAME: Call = (Checkout, "http://other.elsewhere.example/");
const WILDCARD: Call = (Checkout, "http://any.wild.partner.example/");
const WILDCARD_PASSED_THROUGH: Call = (Checkout, "https://any.wild.partner.example/");
const WITHOUT_CERTIFICATE: Call = (Checkout, "http://refusing.partner.example/");
const FILES: Call = (Checkout, "http://files.partner.example/");
const SECRET: Call = (Checkout, "http://secret.partner.example/");
const SECRET_OF_OTHERS: Call = (Orders, "http://secret.partner.example/");
const HIDDEN: Call = (Report, "http://api.partner.example/");
const UNKNOWN: Call = (Checkout, "http://unknown.partner.example/");

/// What each call gets: a status code, or 0 without a response.
const ANSWERS: &[(Call, u16)] = &[
    (ORIGINATED, 200),
    (PASSED_THROUGH, 200),
    (CLEAR_TEXT, 200),
    // The server's certificate has another name than the host.
    (WRONG_NAME, 503),
    (OTHER_NAME, 200),
    (WILDCARD, 200),
    (WILDCARD_PASSED_THROUGH, 200),
    // The server asks for a certificate.
    (WITHOUT_CERTIFICATE, 503),
    (FILES, 200),
    (SECRET, 200),
    (SECRET_OF_OTHERS, 503),
    // Unlisted hosts are refused.
    (HIDDEN, 0),
    (UNKNOWN, 502),
];

/// The callers, and a server outside of the mesh.
struct Partner {
    checkout: Workload,
    orders: Workload,
    report: Workload,
    server: Workload,
    certificate: Certificate,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Partner {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop", "reports", "outside"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let certificate = Certificate::of_hosts(&["*.partner.example", "*.wild.partner.example"]);
        let client = Certificate::of_hosts(&["checkout.shop.example"]);
        let files = [
            ("ca", mesh.mounted_file("partner-ca.crt", &certificate.authority)),
            ("client_certificate", mesh.mounted_file("checkout.crt", &client.certificate)),
            ("client_key", mesh.mounted_file("checkout.key", &client.key)),
        ];
        // The provider block's file knows the paths.
        let values = files.map(|(name, path)| format!("{name} = {path:?}\n"));
        workspace.write_file("terraform.tfvars", &values.concat());
        workspace.configure(&configuration("registry_only"));
        workspace.converge();
        let server = mesh
            .workload("outside", "partner")
            .without_sidecar()
            .port(80)
            .https_port(443, &certificate, None)
            .https_port(8443, &certificate, Some(&client))
            .start();
        // Proxies look a name up that they have not found only after a minute again.
        mesh.add_names(&[("*.example", server.address())]);
        // The Secret has the authority of the server beside the client's certificate.
        let secret = Certificate { authority: certificate.authority.clone(), ..client };
        mesh.api().apply(&secret.secret("shop", "partner-client"), "tests");
        let [checkout, orders, report] = start_all([
            mesh.workload("shop", "checkout").reads_secrets(),
            mesh.workload("shop", "orders"),
            mesh.workload("reports", "report"),
        ]);
        Self { checkout, orders, report, server, certificate, workspace, proxy, mesh }
    }

    /// Sends a call once.
    fn send(&self, (caller, url): Call, token: &str) -> Answer {
        let caller = match caller {
            Checkout => &self.checkout,
            Orders => &self.orders,
            Report => &self.report,
        };
        let mut request = caller.request(Method::GET, url).header("authorization", token);
        if url.starts_with("https") {
            request = request.tls(&self.certificate, TlsVersion::Tls13);
        }
        let answer = request.send();
        if answer.code() == 200 {
            assert_eq!(answer.served_by(), Some(self.server.pod()));
        }
        answer
    }

    /// Repeats a call until it gets this answer twice in a row.
    #[track_caller]
    fn becomes(&self, call: Call, code: u16) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut in_a_row = 0;
        while in_a_row < 2 {
            let answer = self.send(call, "token");
            in_a_row = if answer.code() == code { in_a_row + 1 } else { 0 };
            assert!(Instant::now() < deadline, "{call:?} should get {code}: {answer}");
        }
    }

    /// The answers of the scenario, except for the calls that `differing` has.
    #[track_caller]
    fn assert_answers(&self, differing: &[(Call, u16)]) {
        for (call, code) in ANSWERS {
            let changed = differing.iter().find(|(other, _)| other == call);
            self.becomes(*call, changed.map_or(*code, |(_, code)| *code));
        }
    }

    /// Whether what a call sends can be read on the wire.
    fn is_readable(&self, call: Call) -> bool {
        let capture = self.mesh.capture();
        self.send(call, "credential-of-the-partner");
        capture.stop().contains("credential-of-the-partner")
    }
}

/// The external services, in a mesh with this policy for calls of other hosts.
fn configuration(policy: &str) -> String {
    let service = |host: &str, arguments: &str| {
        let name = host.replace("*.", "").replace('.', "-");
        format!(
            "resource \"mesh_external_service\" \"{name}\" {{\n  host = \"{host}\"\n  export_to = [\"shop\"]\n  {arguments}\n}}\n"
        )
    };
    let originate =
        |settings: &str| format!("tls = \"originate\"\n  tls_settings {{\n    ca = var.ca\n    {settings}\n  }}");
    let mutual_port = "port {\n    number = 80\n    protocol = \"http\"\n    target_port = 8443\n  }\n  ";
    let mutual =
        |settings: &str| format!("tls = \"originate_mutual\"\n  {mutual_port}tls_settings {{\n    {settings}\n  }}");
    let services = [
        service("api.partner.example", &originate("")),
        service("wrong.elsewhere.example", &originate("")),
        service("other.elsewhere.example", &originate("subject_alt_names = [\"api.partner.example\"]")),
        service("*.wild.partner.example", &originate("")),
        service("plain.partner.example", "tls = \"none\""),
        service("refusing.partner.example", &format!("{mutual_port}{}", originate(""))),
        service(
            "files.partner.example",
            &mutual("ca = var.ca\n    client_certificate = var.client_certificate\n    client_key = var.client_key"),
        ),
        service(
            "secret.partner.example",
            &format!(
                "namespace = \"shop\"\n  {}",
                mutual("credential_name = \"partner-client\"\n    workload_selector = { app = \"checkout\" }")
            ),
        ),
    ];
    let variables =
        ["ca", "client_certificate", "client_key"].map(|name| format!("variable \"{name}\" {{}}\n")).concat();
    format!(
        "{variables}provider \"mesh\" {{\n  owner = \"tests/external-services\"\n  installed {{\n    outbound_traffic_policy = \
         \"{policy}\"\n  }}\n}}\nresource \"mesh_global_defaults\" \"this\" {{\n  outbound_traffic_policy = \"{policy}\"\n}}\n{}",
        services.concat()
    )
}

/// The TLS settings of the first port of a DestinationRule.
fn tls(rule: &mut Json) -> &mut Json {
    &mut rule["spec"]["trafficPolicy"]["portLevelSettings"][0]["tls"]
}

/// What the scenario's calls get from each.
const WRONG_RENDERINGS: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "a server name without names to verify, which switches the check off",
        object: "DestinationRule/istio-system/wrong-elsewhere-example",
        change: |rule| remove(tls(rule), "subjectAltNames"),
        noticed_by: (WRONG_NAME, 200),
    },
    WrongRendering {
        name: "the sidecar speaks no TLS",
        object: "DestinationRule/istio-system/api-partner-example",
        change: |rule| *tls(rule) = json!({ "mode": "DISABLE" }),
        noticed_by: (ORIGINATED, 502),
    },
    WrongRendering {
        name: "the authorities of the system",
        object: "DestinationRule/istio-system/api-partner-example",
        change: |rule| remove(tls(rule), "caCertificates"),
        noticed_by: (ORIGINATED, 503),
    },
    WrongRendering {
        name: "TLS settings of the whole host",
        object: "DestinationRule/istio-system/api-partner-example",
        change: |rule| {
            let tls = tls(rule).clone();
            rule["spec"]["trafficPolicy"] = json!({ "tls": tls });
        },
        noticed_by: (PASSED_THROUGH, 0),
    },
    WrongRendering {
        name: "the port of the server is forgotten",
        object: "ServiceEntry/istio-system/api-partner-example",
        change: |entry| remove(&mut entry["spec"]["ports"][0], "targetPort"),
        noticed_by: (ORIGINATED, 503),
    },
    WrongRendering {
        name: "every namespace sees the host",
        object: "ServiceEntry/istio-system/api-partner-example",
        change: |entry| entry["spec"]["exportTo"] = json!(["*"]),
        noticed_by: (HIDDEN, 502),
    },
    WrongRendering {
        name: "the address that the application looked up isn't used",
        object: "ServiceEntry/istio-system/wildcard-wild-partner-example",
        change: |entry| entry["spec"]["resolution"] = json!("STATIC"),
        noticed_by: (WILDCARD, 503),
    },
    WrongRendering {
        name: "no certificate is shown",
        object: "DestinationRule/istio-system/files-partner-example",
        change: |rule| {
            tls(rule)["mode"] = json!("SIMPLE");
            remove(tls(rule), "clientCertificate");
            remove(tls(rule), "privateKey");
        },
        noticed_by: (FILES, 503),
    },
    WrongRendering {
        name: "the Secret's rule selects other workloads",
        object: "DestinationRule/shop/secret-partner-example-workloads",
        change: |rule| rule["spec"]["workloadSelector"]["matchLabels"]["app"] = json!("orders"),
        noticed_by: (SECRET, 503),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn sidecars_speak_tls_to_external_services() {
    let partner = Partner::start();
    let Partner { mesh, workspace, checkout, server, .. } = &partner;
    partner.assert_answers(&[]);

    // Nothing of requests for which the sidecar or the application speaks TLS can be read on the wire.
    for call in [ORIGINATED, PASSED_THROUGH, WRONG_NAME, WILDCARD, FILES, SECRET, SECRET_OF_OTHERS, HIDDEN] {
        assert!(!partner.is_readable(call), "{call:?}");
    }
    assert!(partner.is_readable(CLEAR_TEXT));
    let capture = mesh.capture();
    partner.send(ORIGINATED, "token");
    let traffic = capture.stop();
    assert_eq!(traffic.clear_text_segments(checkout.address(), server.address()), 0);
    assert!(traffic.tls_segments(checkout.address(), server.address()) > 0);

    for wrong in WRONG_RENDERINGS {
        wrong.apply(mesh, &partner.proxy, workspace);
        let (call, code) = wrong.noticed_by;
        assert!(ANSWERS.iter().any(|(other, right)| *other == call && *right != code), "{}", wrong.name);
        partner.becomes(call, code);
    }
    repair(&partner.proxy, workspace);
    partner.assert_answers(&[]);

    // Where calls of unknown hosts are let out, others call the host in clear text.
    workspace.configure(&configuration("allow_any"));
    workspace.converge();
    partner.assert_answers(&[(HIDDEN, 200), (UNKNOWN, 200)]);
    assert!(partner.is_readable(HIDDEN) && !partner.is_readable(ORIGINATED));
    workspace.destroy().expect_success();
}
