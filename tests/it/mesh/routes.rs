//! Routes: what they match, which headers they change, what proxies answer themselves, and how a client keeps its pod.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

/// The pods of `cart` that a request reaches, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A pod of this version, with this value of the header `x-version` in the response.
    Version(&'static str, Option<&'static str>),
    /// The proxy answers itself, with this status.
    Proxy(u16),
}

use Outcome::{Proxy as Own, Version};

/// A request: its path, a header, and what becomes of it.
type Call = (&'static str, (&'static str, &'static str), Outcome);

const NO_HEADER: (&str, &str) = ("x-none", "none");

const CALLS: &[Call] = &[
    ("/", NO_HEADER, Version("1", None)),
    ("/", ("cookie", "a=b; tester=yes"), Version("2", Some("2"))),
    ("/", ("cookie", "tester=yes; a=b"), Version("2", Some("2"))),
    ("/", ("cookie", "nontester=yes"), Version("1", None)),
    ("/", ("cookie", "tester=yesterday"), Version("1", None)),
    ("/v17/orders", NO_HEADER, Version("2", None)),
    ("/vx/orders", NO_HEADER, Version("1", None)),
    ("/?beta=10", NO_HEADER, Version("2", None)),
    ("/?beta=1x", NO_HEADER, Version("1", None)),
    ("/", ("user-agent", "job/3"), Version("2", None)),
    ("/", ("user-agent", "a job/3"), Version("1", None)),
    ("/", ("host", "cart.shop"), Version("2", None)),
    ("/old", NO_HEADER, Own(410)),
];

/// The service with `arguments` beside its routes.
fn configure(workspace: &Workspace, arguments: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/routes"
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
  ingress {{
    gateway = "shop/gateway"
    hosts   = ["cart.example.com"]
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
  headers {{
    request {{
      set    = {{ "x-team" = "cart" }}
      remove = ["x-debug"]
    }}
    response {{
      add = {{ "x-seen" = "yes" }}
    }}
  }}
  cors {{
    allow_origins     = ["https://shop.example.com"]
    allow_methods     = ["GET", "POST"]
    allow_credentials = true
  }}
  route {{
    match {{
      cookies = {{ tester = "yes" }}
    }}
    to {{
      version = "v2"
      headers {{
        response {{
          set = {{ "x-version" = "2" }}
        }}
      }}
    }}
  }}
  route {{
    match {{
      path_regex = "/v[0-9]+/.*"
    }}
    match {{
      query_regex = {{ beta = "[0-9]+" }}
    }}
    match {{
      headers_regex = {{ "user-agent" = "job/[0-9]+" }}
    }}
    match {{
      authority = "cart.shop"
    }}
    match {{
      from {{
        labels = {{ app = "nightly" }}
      }}
    }}
    to {{
      version = "v2"
    }}
  }}
  route {{
    match {{
      path = "/old"
    }}
    direct_response {{
      status = 410
      body   = "Gone."
    }}
  }}
  {arguments}
}}
"#
    ));
    workspace.converge();
}

struct Shop {
    caller: Workload,
    nightly: Workload,
    gateway: Workload,
    outside: Workload,
    one: [Workload; 2],
    two: Workload,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Shop {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop"]);
        mesh.api().apply(
            &json!({
                "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
                "metadata": { "name": "gateway", "namespace": "shop" },
                "spec": {
                    "selector": { "app": "gateway" },
                    "servers": [{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["cart.example.com"] }],
                },
            }),
            "tests",
        );
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, "");
        let cart = |version: &str| mesh.workload("shop", "cart").label("version", version);
        let [caller, nightly, gateway, outside, first, second, two] = start_all([
            mesh.workload("shop", "caller"),
            mesh.workload("shop", "nightly"),
            mesh.workload("shop", "gateway").gateway(),
            mesh.workload("shop", "outside").without_sidecar(),
            cart("1"),
            cart("1"),
            cart("2"),
        ]);
        Self { caller, nightly, gateway, outside, one: [first, second], two, workspace, proxy, mesh }
    }

    #[track_caller]
    fn becomes(&self, caller: &Workload, (path, (header, value), outcome): Call) {
        let request = caller.request(Method::GET, &format!("http://cart{path}")).header(header, value);
        let pods = |version: &str| -> Vec<&str> {
            if version == "1" { self.one.iter().map(Workload::pod).collect() } else { vec![self.two.pod()] }
        };
        request.becomes_answer(&format!("{path} {header}: {value} → {outcome:?}"), |answer| match outcome {
            Version(version, header) => {
                answer.served_by().is_some_and(|pod| pods(version).contains(&pod))
                    && answer.header("x-version") == header
            }
            Own(code) => answer.code() == code && answer.served_by().is_none(),
        });
    }

    /// The pods that serve these requests.
    fn pods(&self, requests: impl Iterator<Item = (&'static str, String)>) -> BTreeSet<String> {
        let send = |(header, value): (&str, String)| {
            let answer = self.caller.request(Method::GET, "http://cart/").header(header, &value).send();
            answer.served_by().unwrap_or_else(|| panic!("{answer}")).to_owned()
        };
        requests.map(send).collect()
    }

    /// The headers of a preflight request's answer that name the origin and the methods.
    fn preflight(&self, caller: &Workload, origin: &str) -> (u16, Option<String>, bool) {
        let host = if caller.pod() == self.outside.pod() { "cart.example.com" } else { "cart" };
        let mut request = caller
            .request(Method::OPTIONS, &format!("http://{host}/"))
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        if host == "cart.example.com" {
            request = request.connect_to((self.gateway.address(), 80));
        }
        let answer = request.send();
        let allowed = answer.header("access-control-allow-origin").map(str::to_owned);
        (answer.code(), allowed, answer.served_by().is_some())
    }
}

/// Wrong renderings, and what a call gets from them.
const WRONG_RENDERINGS: &[WrongRendering<Call>] = &[
    WrongRendering {
        name: "the cookie may be a part of another one",
        object: "VirtualService/shop/cart-shop",
        change: |object| object["spec"]["http"][0]["match"][0]["headers"]["cookie"]["regex"] = json!(".*tester=yes.*"),
        noticed_by: ("/", ("cookie", "nontester=yes"), Version("2", Some("2"))),
    },
    WrongRendering {
        name: "the regular expression is a prefix",
        object: "VirtualService/shop/cart-shop",
        change: |object| object["spec"]["http"][1]["match"][0]["uri"] = json!({ "prefix": "/v[0-9]+/" }),
        noticed_by: ("/v17/orders", NO_HEADER, Version("1", None)),
    },
    WrongRendering {
        name: "the routes are in another order",
        object: "VirtualService/shop/cart-shop",
        change: |object| object["spec"]["http"].as_array_mut().expect("routes").reverse(),
        noticed_by: ("/old", NO_HEADER, Version("1", None)),
    },
    WrongRendering {
        name: "headers of a destination are forgotten",
        object: "VirtualService/shop/cart-shop",
        change: |object| remove(&mut object["spec"]["http"][0]["route"][0], "headers"),
        noticed_by: ("/", ("cookie", "tester=yes"), Version("2", None)),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn routes_match_change_headers_and_answer() {
    let shop = Shop::start();
    let assert_calls = || CALLS.iter().for_each(|call| shop.becomes(&shop.caller, *call));
    assert_calls();
    // Callers are known by their pods, whatever they send.
    shop.becomes(&shop.nightly, ("/", NO_HEADER, Version("2", None)));
    assert_eq!(shop.caller.get("http://cart/old").body(), "Gone.");

    // Headers are changed in the mesh and at the gateway.
    let through_gateway =
        shop.outside.request(Method::GET, "http://cart.example.com/").connect_to((shop.gateway.address(), 80));
    for request in [shop.caller.request(Method::GET, "http://cart/"), through_gateway] {
        let answer = request.header("x-debug", "on").header("x-team", "mine").becomes(200);
        assert_eq!(answer.received_header("x-team").as_deref(), Some("cart"));
        assert_eq!(answer.received_header("x-debug"), None);
        assert_eq!(answer.header("x-seen"), Some("yes"));
    }

    // Proxies answer preflight requests of known origins. Negative control: those of others reach the application.
    let origin = "https://shop.example.com";
    for caller in [&shop.caller, &shop.outside] {
        assert_eq!(shop.preflight(caller, origin), (200, Some(origin.to_owned()), false));
        assert_eq!(shop.preflight(caller, "https://evil.example.com"), (200, None, true));
    }

    for wrong in WRONG_RENDERINGS {
        wrong.apply(&shop.mesh, &shop.proxy, &shop.workspace);
        shop.becomes(&shop.caller, wrong.noticed_by);
    }
    repair(&shop.proxy, &shop.workspace);
    assert_calls();
    shop.workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn clients_keep_their_pod() {
    let shop = Shop::start();
    shop.becomes(&shop.caller, ("/", NO_HEADER, Version("1", None)));
    let of_one_user = || (0..30).map(|_| ("x-user", "ann".to_owned()));
    // Negative control: without a hash the requests of a user meet both pods.
    assert_eq!(shop.pods(of_one_user()).len(), 2);

    let hash =
        |part: &str| configure(&shop.workspace, &format!("load_balancing {{\n    consistent_hash {{\n{part}\n}}\n}}"));
    let becomes_sticky = |what: &str, requests: &dyn Fn() -> Vec<(&'static str, String)>| {
        crate::support::polling::wait_until(std::time::Duration::from_secs(20), what, || {
            shop.pods(requests().into_iter()).len() == 1
        });
    };
    hash("header = \"x-user\"");
    becomes_sticky("a user keeps its pod", &|| of_one_user().collect());
    // Other users are elsewhere.
    assert_eq!(shop.pods((0..40).map(|user| ("x-user", user.to_string()))).len(), 2);
    hash("source_ip = true");
    becomes_sticky("an address keeps its pod", &|| (0..30).map(|user| ("x-user", user.to_string())).collect());

    // The proxy sets the cookie by which the client keeps its pod.
    hash("cookie {\n name = \"session\"\n ttl = \"0s\"\n path = \"/\"\n}");
    let request = shop.caller.request(Method::GET, "http://cart/");
    let answer = request.becomes_answer("the proxy sets a cookie", |answer| answer.header("set-cookie").is_some());
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let pods = shop.pods((0..30).map(|_| ("cookie", cookie.clone())));
    assert_eq!(pods.into_iter().collect::<Vec<_>>(), [answer.served_by().expect("a pod").to_owned()]);
    shop.workspace.destroy().expect_success();
}
