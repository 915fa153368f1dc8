//! Routes over two Services of two namespaces: shares, copies, headers, and callers that only one of the two admits.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Request, Workload, start_all, take_turn},
    polling::wait_until,
    terraform::unframe,
};

/// The server that a request reaches, or the status with which a proxy answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The pod of `shop`.
    Stable,
    /// The pod of `next`, which gets this value of the header `x-from`.
    Next(Option<&'static str>),
    /// A proxy, with this status.
    Status(u16),
}

use Outcome::{Next, Stable, Status};

/// The caller and the value of the header `x-next`, by which requests go to `next`.
type Call = (&'static str, &'static str, Outcome);

const CALLS: &[Call] = &[
    ("caller", "no", Stable),
    ("caller", "yes", Next(Some("shop"))),
    // The Service in `shop` admits this caller, the one in `next` doesn't.
    ("other", "no", Stable),
    ("other", "yes", Status(403)),
];

const WRONG_RENDERINGS: &[WrongRendering<Call>] = &[
    WrongRendering {
        name: "the target is the Service of the same name in the own namespace",
        object: "VirtualService/shop/cart-shop",
        change: |object| {
            object["spec"]["http"][0]["route"][0]["destination"]["host"] = json!("cart.shop.svc.cluster.local");
        },
        noticed_by: ("caller", "yes", Status(503)),
    },
    WrongRendering {
        name: "the port that was called, and not that of the target",
        object: "VirtualService/shop/cart-shop",
        change: |object| object["spec"]["http"][0]["route"][0]["destination"]["port"]["number"] = json!(80),
        noticed_by: ("caller", "yes", Status(503)),
    },
    WrongRendering {
        name: "headers of the target are forgotten",
        object: "VirtualService/shop/cart-shop",
        // The step before has a route without them.
        change: |object| {
            if object["spec"]["http"][0]["match"][0]["headers"].is_object() {
                remove(&mut object["spec"]["http"][0]["route"][0], "headers");
            }
        },
        noticed_by: ("caller", "yes", Next(None)),
    },
    WrongRendering {
        name: "the target admits the callers of the service",
        object: "AuthorizationPolicy/next/cart-next",
        change: |object| object["spec"]["rules"][0]["from"][0]["source"] = json!({ "namespaces": ["shop"] }),
        noticed_by: ("other", "yes", Next(Some("shop"))),
    },
];

/// The target, which another team applies first.
const NEXT: &str = r#"
provider "mesh" {
  owner = "tests/route-targets"
  installed {
    outbound_traffic_policy = "registry_only"
  }
}
resource "mesh_service" "next" {
  name      = "cart"
  namespace = "next"
  service   = "managed"
  port {
    number      = 8000
    protocol    = "http"
    target_port = 8080
  }
  allow {
    from = ["shop/caller"]
  }
}
"#;

/// The service whose routes have the target, and a caller.
const CART: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "shop"
  service   = "managed"
  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  allow {
    from = ["caller", "other"]
  }
  route {
    match {
      headers = { x-next = "yes" }
    }
    to {
      service = "next/cart"
      port    = 8000
      headers {
        request {
          set = { x-from = "shop" }
        }
      }
    }
  }
  route {
    match {
      path = "/shared"
    }
    to {
      service = "cart"
      weight  = 50
    }
    to {
      service = "next/cart"
      port    = 8000
      weight  = 50
    }
  }
  route {
    match {
      path = "/copied"
    }
    mirror {
      service = "next/cart"
      port    = 8000
    }
  }
}
# The caller names only the first Service.
resource "mesh_service" "caller" {
  name                   = "caller"
  namespace              = "shop"
  service                = "none"
  create_service_account = true
  authorization_mode     = "off"
  calls                  = ["cart"]
}
"#;

/// Sends all requests to the target.
const ROUTE_OF_ALL: &str = "  route {\n    to {\n      service = \"next/cart\"\n      port    = 8000\n    }\n  }\n";

/// The service with this route in place of its own ones.
fn cart_with(route: &str) -> String {
    let (before, _) = CART.split_once("  route {").expect("a route");
    let (_, after) = CART.split_once("}\n# The caller").expect("the caller");
    format!("{before}{route}}}\n# The caller{after}")
}

struct Shop<'a> {
    callers: BTreeMap<&'static str, &'a Workload>,
    stable: &'a Workload,
    next: &'a Workload,
}

impl Shop<'_> {
    fn request(&self, caller: &str, path: &str) -> Request<'_> {
        self.callers[caller].request(Method::GET, &format!("http://cart.shop{path}"))
    }

    #[track_caller]
    fn becomes(&self, (caller, value, outcome): Call) {
        let request = self.request(caller, "/").header("x-next", value);
        request.becomes_answer(&format!("{caller} {value}: {outcome:?}"), |answer| match outcome {
            Stable => answer.served_by() == Some(self.stable.pod()),
            Next(header) => {
                answer.served_by() == Some(self.next.pod())
                    && answer.received_header("x-from").as_deref() == header
                    && answer.identity() == Some(self.callers[caller].identity())
            }
            Status(code) => answer.code() == code && answer.served_by().is_none(),
        });
    }

    /// How many of 60 requests each server gets.
    fn shares(&self) -> (usize, usize) {
        let served: Vec<String> = (0..60)
            .map(|_| self.request("caller", "/shared").send())
            .map(|answer| answer.served_by().unwrap_or_else(|| panic!("{answer}")).to_owned())
            .collect();
        let of = |workload: &Workload| served.iter().filter(|pod| *pod == workload.pod()).count();
        (of(self.stable), of(self.next))
    }
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn routes_send_requests_to_other_services() {
    let mesh = Mesh::start(&json!({ "outboundTrafficPolicy": { "mode": "REGISTRY_ONLY" } }));
    mesh.create_namespaces(["shop", "next"]);
    let (workspace, proxy) = mesh.workspace_with_proxy();
    workspace.configure(NEXT);
    workspace.converge();
    workspace.configure(&format!("{NEXT}{CART}"));
    let warnings = unframe(&workspace.try_plan().stdout);
    assert!(
        warnings.contains("\"shop/other\" may call shop/cart, but AuthorizationPolicy next/cart-next"),
        "{warnings}"
    );
    workspace.converge();
    let [caller, other, stable, next] = start_all([
        mesh.workload("shop", "caller"),
        mesh.workload("shop", "other"),
        mesh.workload("shop", "cart"),
        mesh.workload("next", "cart"),
    ]);
    let shop = Shop { callers: BTreeMap::from([("caller", &caller), ("other", &other)]), stable: &stable, next: &next };
    let assert_calls = || CALLS.iter().for_each(|call| shop.becomes(*call));
    assert_calls();

    let (to_stable, to_next) = shop.shares();
    assert!(to_stable > 10 && to_next > 10, "{to_stable} and {to_next} of 60");

    // Both get a request that is copied; the caller sees one answer. Negative control: other requests aren't copied.
    next.take_requests();
    assert_eq!(shop.request("caller", "/alone").send().served_by(), Some(stable.pod()));
    assert_eq!(shop.request("caller", "/copied").send().served_by(), Some(stable.pod()));
    let mut copies = Vec::new();
    wait_until(std::time::Duration::from_secs(10), "the copy arrives", || {
        copies.extend(next.take_requests().into_iter().map(|request| request.path));
        !copies.is_empty()
    });
    assert_eq!(copies, ["/copied"]);

    for wrong in WRONG_RENDERINGS {
        wrong.apply(&mesh, &proxy, &workspace);
        shop.becomes(wrong.noticed_by);
    }
    repair(&proxy, &workspace);
    assert_calls();

    // No request fails while all of them move to a Service that the caller's proxy knows by the route alone, and back.
    let _turn = take_turn();
    let load = shop.request("caller", "/").load(100);
    for (route, pod) in [(ROUTE_OF_ALL, next.pod()), ("", stable.pod()), (ROUTE_OF_ALL, next.pod()), ("", stable.pod())]
    {
        workspace.configure(&format!("{NEXT}{}", cart_with(route)));
        workspace.converge();
        shop.request("caller", "/").becomes_answer(pod, |answer| answer.served_by() == Some(pod));
    }
    load.stop().assert_no_failure(500);
    workspace.destroy().expect_success();
}
