//! Gateways: versions of TLS, and several Gateways on the same pods, of which some have a policy, and one is in another namespace.

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Certificate, Mesh, TlsVersion, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

/// The pods of a gateway, a client outside of the mesh, and two services, each behind a Gateway on these pods.
struct Gateways {
    pods: Workload,
    client: Workload,
    shop: Workload,
    theirs: Workload,
    certificate: Certificate,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Gateways {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["ingress", "shop", "team"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let certificate = Certificate::of_hosts(&["shop.example.com", "own.example.com"]);
        for secret in ["shop-cert", "own-cert"] {
            mesh.api().apply(&certificate.secret("ingress", secret), "tests");
        }
        mesh.service("team", "theirs", &[("http", 80, 8080)]);
        for object in their_objects() {
            mesh.api().apply(&object, "helm");
        }
        configure(&workspace, "", "");
        let [pods, client, shop, theirs] = start_all([
            mesh.workload("ingress", "public").gateway(),
            mesh.workload("ingress", "client").without_sidecar(),
            mesh.workload("shop", "shop"),
            mesh.workload("team", "theirs"),
        ]);
        Self { pods, client, shop, theirs, certificate, workspace, proxy, mesh }
    }

    /// Repeats a request by HTTPS until it gets this answer. 0: the handshake fails.
    #[track_caller]
    fn shop_becomes(&self, version: TlsVersion, code: u16) {
        let request = self.client.request(Method::GET, "https://shop.example.com/").tls(&self.certificate, version);
        let answer = request.connect_to((self.pods.address(), 443)).becomes(code);
        assert_eq!(answer.served_by(), (code == 200).then(|| self.shop.pod()));
    }

    /// Repeats a request for the host of the Gateway in the namespace `shop` until it gets this answer.
    #[track_caller]
    fn own_becomes(&self, code: u16) {
        let request =
            self.client.request(Method::GET, "https://own.example.com/").tls(&self.certificate, TlsVersion::Tls13);
        let answer = request.connect_to((self.pods.address(), 443)).becomes(code);
        assert_eq!(answer.served_by(), (code == 200).then(|| self.shop.pod()));
    }

    /// Repeats a request for the other team's host until it gets this answer.
    #[track_caller]
    fn theirs_becomes(&self, code: u16) {
        let request = self.client.request(Method::GET, "http://theirs.example.com/");
        let answer = request.connect_to((self.pods.address(), 80)).becomes(code);
        assert_eq!(answer.served_by(), (code == 200).then(|| self.theirs.pod()));
    }
}

/// Another team's Gateway on the same pods, with its route.
fn their_objects() -> [Json; 2] {
    let object = |kind: &str, namespace: &str, spec: Json| {
        let metadata = json!({ "name": "theirs", "namespace": namespace });
        json!({ "apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let server =
        json!({ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["theirs.example.com"] });
    let route = json!({ "route": [{ "destination": { "host": "theirs.team.svc.cluster.local" } }] });
    [
        object("Gateway", "ingress", json!({ "selector": { "app": "public" }, "servers": [server] })),
        object(
            "VirtualService",
            "team",
            json!({ "hosts": ["theirs.example.com"], "gateways": ["ingress/theirs"], "http": [route] }),
        ),
    ]
}

/// Writes the gateway with arguments of its own and of `tls`, and a service behind it.
fn write(workspace: &Workspace, arguments: &str, tls: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/gateways"
}}
resource "mesh_gateway" "public" {{
  name      = "public"
  namespace = "ingress"
  selector  = {{ app = "public" }}
  {arguments}
  server {{
    port       = 443
    protocol   = "https"
    hosts      = ["shop.example.com"]
    namespaces = ["shop"]
    tls {{
      credential_name = "shop-cert"
      {tls}
    }}
  }}
}}
resource "mesh_service" "shop" {{
  name      = "shop"
  namespace = "shop"
  service   = "managed"
  ingress {{
    gateway = "ingress/public"
    hosts   = ["shop.example.com"]
  }}
  ingress {{
    name            = "own"
    gateway         = "shop/own"
    service_account = "ingress/public"
    hosts           = ["own.example.com"]
  }}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}
"#
    ));
}

/// Writes the Gateway in the namespace of the service, whose pods are those of the other one.
fn write_own_gateway(workspace: &Workspace, mode: &str) {
    workspace.write_file(
        "own.tf",
        &format!(
            r#"
resource "mesh_gateway" "own" {{
  name               = "own"
  namespace          = "shop"
  workload_namespace = "ingress"
  service_account    = "public"
  selector           = {{ app = "public" }}
  authorization_mode = "{mode}"
  server {{
    port       = 443
    protocol   = "https"
    hosts      = ["own.example.com"]
    namespaces = ["shop"]
    tls {{
      credential_name = "own-cert"
    }}
  }}
}}
"#
        ),
    );
}

/// A policy of a team for pods with the labels of the gateway's, in its own namespace.
fn policy_of_the_team() -> Json {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "name": "open", "namespace": "shop" },
        "spec": { "selector": { "matchLabels": { "app": "public" } }, "action": "ALLOW", "rules": [{}] },
    })
}

fn configure(workspace: &Workspace, arguments: &str, tls: &str) {
    write(workspace, arguments, tls);
    workspace.converge();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn tls_1_2_is_refused_and_policies_hold_for_all_gateways_of_the_pods() {
    let gateways = Gateways::start();
    let Gateways { mesh, workspace, proxy, .. } = &gateways;
    gateways.shop_becomes(TlsVersion::Tls13, 200);
    gateways.shop_becomes(TlsVersion::Tls12, 0);
    gateways.theirs_becomes(200);

    // Negative control: the minimum lowered.
    configure(workspace, "", "min_version = \"1.2\"");
    gateways.shop_becomes(TlsVersion::Tls12, 200);
    configure(workspace, "", "");
    gateways.shop_becomes(TlsVersion::Tls12, 0);
    gateways.shop_becomes(TlsVersion::Tls13, 200);

    // A Gateway in the namespace of the service opens hosts on the pods in the other namespace, with a certificate from there.
    gateways.own_becomes(0);
    write_own_gateway(workspace, "off");
    workspace.converge();
    gateways.own_becomes(200);

    // A policy of one Gateway refuses the hosts of the others. The plan says so. A policy in another namespace than the pods' doesn't
    // let anyone in.
    mesh.api().apply(&policy_of_the_team(), "kubectl");
    let enforce = "authorization_mode = \"enforce\"";
    write(workspace, enforce, "");
    let refused = "The policy refuses hosts of other Gateways";
    let plan = workspace.plan();
    for host in [refused, "theirs.example.com", "own.example.com"] {
        assert!(plan.text.contains(host), "{host}: {}", plan.text);
    }
    workspace.apply().expect_success();
    gateways.theirs_becomes(403);
    gateways.own_becomes(403);
    gateways.shop_becomes(TlsVersion::Tls13, 200);
    write_own_gateway(workspace, "enforce");
    workspace.apply().expect_success();
    gateways.own_becomes(200);
    gateways.theirs_becomes(403);

    let wrong = |object: &'static str, change: fn(&mut Json)| {
        apply_wrong_rendering((mesh, proxy, workspace), object, change);
    };
    wrong("Gateway/ingress/public", |gateway| remove(&mut gateway["spec"]["servers"][0]["tls"], "minProtocolVersion"));
    gateways.shop_becomes(TlsVersion::Tls12, 200);
    let policy = "AuthorizationPolicy/ingress/public-ingress";
    wrong(policy, |policy| policy["spec"]["rules"] = json!([{}]));
    gateways.theirs_becomes(200);
    wrong(policy, |policy| policy["spec"]["rules"][0]["to"][0]["operation"]["hosts"] = json!(["another.example.com"]));
    gateways.shop_becomes(TlsVersion::Tls13, 403);
    wrong("AuthorizationPolicy/ingress/own-shop", |policy| {
        policy["spec"]["selector"]["matchLabels"]["app"] = json!("own");
    });
    gateways.own_becomes(403);
    repair(proxy, workspace);
    gateways.shop_becomes(TlsVersion::Tls13, 200);
    gateways.shop_becomes(TlsVersion::Tls12, 0);
    gateways.own_becomes(200);
    gateways.theirs_becomes(403);

    // With a policy of their own, their host is let in, and the plan is silent.
    let rule = json!({ "to": [{ "operation": { "hosts": ["theirs.example.com"] } }] });
    mesh.api().apply(
        &json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": { "name": "theirs", "namespace": "ingress" },
            "spec": { "selector": { "matchLabels": { "app": "public" } }, "action": "ALLOW", "rules": [rule] },
        }),
        "helm",
    );
    gateways.theirs_becomes(200);
    assert!(!workspace.plan().text.contains(refused));
    workspace.destroy().expect_success();
}
