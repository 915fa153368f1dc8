//! Requests and connections through a gateway: routes that apply to them, addresses of clients, TLS that the workload ends, and a host
//! that two services share.

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{WrongRendering, apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Answer, Certificate, Mesh, TlsVersion, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

/// A request through the gateway: its path, and a header.
type Call = (&'static str, (&'static str, &'static str));

const NO_HEADER: (&str, &str) = ("x-none", "none");

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A version of the storefront gets it with this path.
    Version(&'static str, &'static str),
    /// The service `api` gets it.
    Api,
    /// A proxy answers itself, with this status.
    Proxy(u16),
}

use Outcome::{Api, Proxy as Own, Version};

const CALLS: &[(Call, Outcome)] = &[
    (("/shop/cart", NO_HEADER), Version("1", "/cart")),
    (("/shop/cart", ("x-beta", "yes")), Version("2", "/cart")),
    (("/shop/cart", ("cookie", "a=b; beta=yes")), Version("2", "/cart")),
    (("/shop/cart", ("cookie", "beta=no")), Version("1", "/cart")),
    // The route matches and rewrites what the ingress has rewritten.
    (("/shop/next/cart", NO_HEADER), Version("2", "/v2/cart")),
    (("/shop/gone", NO_HEADER), Own(410)),
    // Routes open no path that the ingress doesn't.
    (("/next/cart", NO_HEADER), Own(404)),
    (("/gone", NO_HEADER), Own(404)),
    (("/cart", ("x-beta", "yes")), Own(404)),
    // The same host, another service.
    (("/api/orders", NO_HEADER), Api),
    (("/api/orders", ("x-beta", "yes")), Api),
];

/// The configuration with arguments of the gateway, and of the services `storefront` and `api`.
fn configuration(gateway: &str, storefront: &str, api: &str) -> String {
    format!(
        r#"
provider "mesh" {{
  owner = "tests/ingress"
}}
resource "mesh_gateway" "public" {{
  name      = "public"
  namespace = "ingress"
  selector  = {{ app = "public" }}
  {gateway}
  server {{
    port       = 80
    protocol   = "http"
    hosts      = ["www.example.com"]
    namespaces = ["shop"]
  }}
  server {{
    port       = 443
    protocol   = "tls"
    hosts      = ["vault.example.com", "other.example.com"]
    namespaces = ["shop"]
    tls {{
      mode = "passthrough"
    }}
  }}
  server {{
    port       = 7000
    protocol   = "tcp"
    hosts      = ["*"]
    namespaces = ["shop"]
  }}
}}
resource "mesh_service" "storefront" {{
  name      = "storefront"
  namespace = "shop"
  service   = "managed"
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  version {{
    name   = "v1"
    labels = {{ version = "1" }}
    weight = 100
  }}
  version {{
    name   = "v2"
    labels = {{ version = "2" }}
    weight = 0
  }}
  ingress {{
    gateway = "ingress/public"
    hosts   = ["www.example.com"]
    paths   = ["/shop/*"]
    rewrite = "/"
  }}
  route {{
    applies_to = ["mesh", "ingress"]
    match {{
      headers = {{ x-beta = "*" }}
    }}
    match {{
      cookies = {{ beta = "yes" }}
    }}
    to {{
      version = "v2"
    }}
  }}
  route {{
    applies_to = ["ingress"]
    match {{
      path = "/next/*"
    }}
    rewrite {{
      path = "/v2/"
    }}
    to {{
      version = "v2"
    }}
  }}
  route {{
    applies_to = ["ingress"]
    match {{
      path = "/gone"
    }}
    direct_response {{
      status = 410
    }}
  }}
  {storefront}
}}
resource "mesh_service" "api" {{
  name      = "api"
  namespace = "shop"
  service   = "managed"
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  {api}
}}
resource "mesh_service" "vault" {{
  name      = "vault"
  namespace = "shop"
  service   = "managed"
  access    = "none"
  port {{
    number      = 443
    protocol    = "https"
    target_port = 8443
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
  ingress {{
    gateway  = "ingress/public"
    protocol = "tls"
    hosts    = ["vault.example.com"]
    port     = 443
  }}
  ingress {{
    name         = "lines"
    gateway      = "ingress/public"
    protocol     = "tcp"
    gateway_port = 7000
    hosts        = ["*"]
    port         = 9000
  }}
}}
"#
    )
}

/// The way in of `api`.
const API: &str = "ingress {\n gateway = \"ingress/public\"\n hosts = [\"www.example.com\"]\n paths = [\"/api/*\"]\n}";

struct Shop {
    gateway: Workload,
    client: Workload,
    other_client: Workload,
    caller: Workload,
    one: Workload,
    two: Workload,
    api: Workload,
    vault: Workload,
    certificate: Certificate,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Shop {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["ingress", "shop"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let certificate = Certificate::of_hosts(&["vault.example.com", "other.example.com"]);
        workspace.configure(&configuration("", "", API));
        workspace.converge();
        let version = |version: &str| mesh.workload("shop", "storefront").label("version", version).trusted_proxies(1);
        let [gateway, client, other_client, caller, one, two, api, vault] = start_all([
            mesh.workload("ingress", "public").gateway(),
            mesh.workload("ingress", "client").without_sidecar(),
            mesh.workload("ingress", "other-client").without_sidecar(),
            mesh.workload("shop", "caller"),
            version("1"),
            version("2"),
            mesh.workload("shop", "api"),
            mesh.workload("shop", "vault").https_port(8443, &certificate, None).tcp_port(9000),
        ]);
        Self { gateway, client, other_client, caller, one, two, api, vault, certificate, workspace, proxy, mesh }
    }

    fn configure(&self, gateway: &str, storefront: &str, api: &str) {
        self.workspace.configure(&configuration(gateway, storefront, api));
        self.workspace.converge();
    }

    /// Repeats a request through the gateway until it has this outcome.
    #[track_caller]
    fn becomes(&self, (path, (header, value)): Call, outcome: Outcome) {
        let request = self.client.request(Method::GET, &format!("http://www.example.com{path}")).header(header, value);
        let request = request.connect_to((self.gateway.address(), 80));
        request.becomes_answer(&format!("{path} {header}: {value} → {outcome:?}"), |answer| match outcome {
            Version(version, path) => {
                let pod = if version == "1" { &self.one } else { &self.two };
                answer.served_by() == Some(pod.pod()) && answer.received()["path"] == path
            }
            Api => answer.served_by() == Some(self.api.pod()),
            Own(code) => answer.code() == code && answer.served_by().is_none(),
        });
    }

    #[track_caller]
    fn assert_calls(&self) {
        for (call, outcome) in CALLS {
            self.becomes(*call, *outcome);
        }
    }

    /// Repeats a request of a client for the storefront until it gets this answer. `forwarded_for` is what it claims about its own address.
    #[track_caller]
    fn client_becomes(&self, client: &Workload, forwarded_for: &str, code: u16) {
        let request = client.request(Method::GET, "http://www.example.com/shop/cart");
        request.header("x-forwarded-for", forwarded_for).connect_to((self.gateway.address(), 80)).becomes(code);
    }

    /// Repeats a handshake and a request through the gateway, for a server name. 0: the handshake fails.
    #[track_caller]
    fn tls_becomes(&self, host: &str, code: u16) -> Answer {
        let request = self.client.request(Method::GET, &format!("https://{host}/"));
        request.tls(&self.certificate, TlsVersion::Tls13).connect_to((self.gateway.address(), 443)).becomes(code)
    }
}

/// Wrong renderings of the routes, and what a call gets from them.
const WRONG_RENDERINGS: &[WrongRendering<(Call, Outcome)>] = &[
    WrongRendering {
        name: "a route has no path of the ingress",
        object: "VirtualService/shop/storefront-shop-ingress",
        change: |object| remove(&mut object["spec"]["http"][0]["match"][0], "uri"),
        noticed_by: (("/cart", ("x-beta", "yes")), Version("2", "/cart")),
    },
    WrongRendering {
        name: "the ingress comes before its routes",
        object: "VirtualService/shop/storefront-shop-ingress",
        change: |object| object["spec"]["http"].as_array_mut().expect("routes").reverse(),
        noticed_by: (("/shop/cart", ("x-beta", "yes")), Version("1", "/cart")),
    },
    WrongRendering {
        name: "a route forgets the rewrite of the ingress",
        object: "VirtualService/shop/storefront-shop-ingress",
        change: |object| remove(&mut object["spec"]["http"][0], "rewrite"),
        noticed_by: (("/shop/cart", ("x-beta", "yes")), Version("2", "/shop/cart")),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn routes_and_connections_through_a_gateway() {
    let shop = Shop::start();
    shop.assert_calls();
    // The same routes hold in the mesh, where `applies_to` says so.
    let in_mesh = |header: (&str, &str), path: &str, pod: &Workload| {
        let request = shop.caller.request(Method::GET, &format!("http://storefront{path}")).header(header.0, header.1);
        let answer = request.becomes(200);
        assert_eq!((answer.served_by(), answer.received()["path"].as_str()), (Some(pod.pod()), Some(path)));
    };
    in_mesh(("x-beta", "yes"), "/cart", &shop.two);
    in_mesh(NO_HEADER, "/next/cart", &shop.one);

    // TLS goes by its server name to the workload, which ends it. Another name of the same server has no way in.
    let answer = shop.tls_becomes("vault.example.com", 200);
    assert_eq!(answer.served_by(), Some(shop.vault.pod()));
    shop.tls_becomes("other.example.com", 0);
    let lines = format!("{}:7000", shop.gateway.address());
    shop.client.line_is_answered(&lines, true);
    // Negative control: a policy for another port than those that the gateway forwards to.
    let (mesh, proxy, workspace) = (&shop.mesh, &shop.proxy, &shop.workspace);
    apply_wrong_rendering((mesh, proxy, workspace), "AuthorizationPolicy/shop/vault-shop", |policy| {
        for rule in policy["spec"]["rules"].as_array_mut().expect("rules") {
            rule["to"][0]["operation"]["ports"] = json!(["1"]);
        }
    });
    shop.tls_becomes("vault.example.com", 0);
    shop.client.line_is_answered(&lines, false);
    repair(proxy, workspace);
    shop.tls_becomes("vault.example.com", 200);

    for wrong in WRONG_RENDERINGS {
        wrong.apply(mesh, proxy, workspace);
        shop.becomes(wrong.noticed_by.0, wrong.noticed_by.1);
    }
    repair(proxy, workspace);
    shop.assert_calls();
    shop.workspace.destroy().expect_success();
}

/// Makes an object again as it is, so that it is younger than the other one. Of two that are made in the same second Istio takes the one
/// first whose name is.
fn make_younger(shop: &Shop, object: &'static str, than: &str) {
    let creation = |object: &str| {
        shop.mesh.api().get_existing(&object.parse().expect("a key"))["metadata"]["creationTimestamp"].to_string()
    };
    while creation(object) <= creation(than) {
        apply_wrong_rendering((&shop.mesh, &shop.proxy, &shop.workspace), object, |_| {});
    }
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn hosts_of_several_services_and_addresses_of_clients() {
    let shop = Shop::start();
    shop.assert_calls();

    // A service without paths gets what the paths of others leave, whichever of the two VirtualServices is older.
    shop.configure("", "", &API.replace("paths", "# paths"));
    let (storefront, api) = ("VirtualService/shop/storefront-shop-ingress", "VirtualService/shop/api-shop-ingress");
    for (younger, older) in [(storefront, api), (api, storefront)] {
        make_younger(&shop, younger, older);
        shop.becomes(("/anything", NO_HEADER), Api);
        shop.becomes(("/shop/cart", NO_HEADER), Version("1", "/cart"));
        shop.becomes(("/shop/cart", ("x-beta", "yes")), Version("2", "/cart"));
        shop.becomes(("/shop/gone", NO_HEADER), Own(410));
    }
    shop.configure("", "", API);

    // Of what two VirtualServices match, the older one takes all, unless one of them is exported to all namespaces: this comes second.
    // The plan says so.
    shop.mesh.api().apply(&their_route("*"), "helm");
    make_younger(&shop, api, "VirtualService/shop/theirs");
    shop.becomes(("/api/v1/orders", NO_HEADER), Api);
    shop.becomes(("/api/v2/orders", NO_HEADER), Api);
    shop.mesh.api().apply(&their_route("ingress"), "helm");
    shop.becomes(("/api/v2/orders", NO_HEADER), Version("1", "/api/v2/orders"));
    shop.becomes(("/api/v1/orders", NO_HEADER), Api);
    shop.workspace.configure(&configuration("", "", &format!("{API}\nrequest_timeout = \"5s\"")));
    let plan = shop.workspace.plan();
    assert!(plan.text.contains("overlapping-ingress") && plan.text.contains("shop/theirs"), "{}", plan.text);
    shop.mesh.api().delete(&"VirtualService/shop/theirs".parse().expect("a key"));

    // The service admits one client, whatever the others say about their addresses.
    let client = shop.client.address().to_string();
    let allow = format!("allow {{\n from = [\"ingress/public\"]\n remote_ip_blocks = [\"{client}\"]\n}}");
    shop.configure("", &allow, API);
    shop.client_becomes(&shop.other_client, &client, 403);
    shop.client_becomes(&shop.client, "198.51.100.9", 200);
    let forged = shop.caller.request(Method::GET, "http://storefront/cart").header("x-forwarded-for", &client);
    forged.becomes(403);
    // Negative control: for callers that aren't gateways, the address is what they say.
    apply_wrong_rendering(
        (&shop.mesh, &shop.proxy, &shop.workspace),
        "AuthorizationPolicy/shop/storefront-shop",
        |policy| {
            policy["spec"]["rules"][0]["from"][0]["source"]["principals"] = json!(["*"]);
        },
    );
    forged.becomes(200);
    repair(&shop.proxy, &shop.workspace);
    forged.becomes(403);
    let except = "deny {\n from = [\"ingress/public\"]\n except {\n remote_ip_blocks = [\"ADDRESS\"]\n}\n}";
    shop.configure("", &except.replace("ADDRESS", &client), API);
    shop.client_becomes(&shop.other_client, &client, 403);
    shop.client_becomes(&shop.client, "198.51.100.9", 200);

    // Behind a load balancer a gateway finds the client by `numTrustedProxies`. The service doesn't, although its proxies have it.
    let behind = shop.mesh.workload("ingress", "public").gateway().trusted_proxies(1).start();
    let forwarded = |gateway: &Workload, code: u16| {
        let request = shop.client.request(Method::GET, "http://www.example.com/shop/cart");
        request.header("x-forwarded-for", "198.51.100.9").connect_to((gateway.address(), 80)).becomes(code);
    };
    forwarded(&behind, 200);
    shop.configure("", &except.replace("ADDRESS", "198.51.100.9"), API);
    forwarded(&behind, 403);
    let gateway = "authorization_mode = \"enforce\"\n allow {\n remote_ip_blocks = [\"198.51.100.9\"]\n}";
    shop.configure(gateway, "", API);
    forwarded(&behind, 200);
    forwarded(&shop.gateway, 403);
    shop.workspace.destroy().expect_success();
}

/// Another team's route for paths below those of `api`, exported to a namespace or all.
fn their_route(export_to: &str) -> Json {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "theirs", "namespace": "shop" },
        "spec": {
            "hosts": ["www.example.com"],
            "gateways": ["ingress/public"],
            "exportTo": [export_to],
            "http": [{
                "match": [{ "uri": { "prefix": "/api/v2" } }],
                "route": [{ "destination": { "host": "storefront.shop.svc.cluster.local", "subset": "v1" } }],
            }],
        },
    })
}
