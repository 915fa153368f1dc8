//! Requests that nothing allows are denied, step by step and back: no request that is allowed fails meanwhile.

use std::time::Duration;

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use super::wrong_rendering::{WrongRendering, repair};
use crate::support::{
    mesh::{Load, Mesh, Request, Workload, start_all, take_turn},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

use Call::{Cart, CartFromGateway, CartFromReport, OtherNamespace, Report};

/// Requests per second of each load.
const RATE: u32 = 100;

/// The requests of the scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// Of `checkout`, which cart allows.
    Cart,
    /// Through the gateway, which cart's ingress allows.
    CartFromGateway,
    /// Of `report`, which cart doesn't allow.
    CartFromReport,
    /// To `report`, about which no policy says anything.
    Report,
    /// To a workload of another namespace, about which no policy says anything.
    OtherNamespace,
}

/// The arguments that the scenarios change.
#[derive(Clone, Copy)]
struct Configuration<'a> {
    /// `authorization { mode }` of the mesh's defaults.
    mesh: &'a str,
    /// `authorization_mode` of the namespace `shop`.
    namespace: &'a str,
    /// `authorization_mode` of cart.
    service: &'a str,
    /// `authorization_mode` of the gateway.
    gateway: &'a str,
    /// Blocks of cart that say who may call beside the gateway.
    callers: &'a str,
    /// Further arguments of the mesh's defaults.
    defaults: &'a str,
    /// Further arguments of the provider.
    provider: &'a str,
}

/// Everything is tried out, and nothing is denied.
const TRIAL: Configuration = Configuration {
    mesh: "off",
    namespace: "off",
    service: "dry_run",
    gateway: "dry_run",
    callers: "allow {\n    from = [\"checkout\"]\n  }",
    defaults: "",
    provider: "",
};

/// The policies of cart and of the gateway are enforced.
const ENFORCED: Configuration = Configuration { service: "enforce", gateway: "enforce", ..TRIAL };

/// The mesh denies what no policy allows.
const CLOSED: Configuration = Configuration { mesh: "enforce", ..ENFORCED };

/// The name of the policy that denies.
const DENY_ALL: &str = "AuthorizationPolicy/istio-system/deny-all";

struct Shop {
    checkout: Workload,
    report: Workload,
    cart: Workload,
    gateway: Workload,
    /// In the namespace `office`.
    archive: Workload,
    /// A client outside of the mesh.
    outside: Workload,
    /// Its provider connects through the proxy.
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Shop {
    fn start(configuration: Configuration) -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop", "office", "istio-ingress"]);
        mesh.service("shop", "report", &[("http", 80, 8080)]);
        mesh.service("office", "archive", &[("http", 80, 8080)]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, configuration);
        workspace.converge();
        let [checkout, report, cart, gateway, archive, outside] = start_all([
            mesh.workload("shop", "checkout"),
            mesh.workload("shop", "report"),
            mesh.workload("shop", "cart"),
            mesh.workload("istio-ingress", "public").gateway(),
            mesh.workload("office", "archive"),
            mesh.workload("shop", "outside").without_sidecar(),
        ]);
        Self { checkout, report, cart, gateway, archive, outside, workspace, proxy, mesh }
    }

    fn apply(&self, configuration: Configuration) {
        configure(&self.workspace, configuration);
        self.workspace.apply().expect_success();
    }

    fn request(&self, call: Call) -> Request<'_> {
        let (caller, url) = match call {
            Cart => (&self.checkout, "http://cart/"),
            CartFromGateway => {
                let request = self.outside.request(Method::GET, "http://cart.example.com/");
                return request.connect_to((self.gateway.address(), 80));
            }
            CartFromReport => (&self.report, "http://cart/"),
            Report => (&self.checkout, "http://report/"),
            OtherNamespace => (&self.report, "http://archive.office/"),
        };
        caller.request(Method::GET, url)
    }

    /// Lets every workload call cart, and then refuses report, by hand.
    fn open_naively(&self) {
        let policy = Key::new(&kind::AUTHORIZATION_POLICY, "shop", "cart-shop");
        let live = self.mesh.api().get_existing(&policy);
        let mut rules = live["spec"]["rules"].clone();
        rules[0]["from"][0]["source"]["principals"] = json!(["*"]);
        self.mesh.api().patch(&policy, &json!({ "spec": { "rules": rules } }));
        self.request(CartFromReport).becomes(200);
        let from = json!([{ "source": { "principals": ["cluster.local/ns/shop/sa/report"] } }]);
        let deny = json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": { "name": "theirs", "namespace": "shop" },
            "spec": { "selector": live["spec"]["selector"], "action": "DENY", "rules": [{ "from": from }] },
        });
        self.mesh.api().apply(&deny, "kubectl");
    }

    /// Repeats the calls until each gets this code, and checks who answered.
    #[track_caller]
    fn become_codes(&self, codes: &[(Call, u16)]) {
        for (call, code) in codes {
            let answer = self.request(*call).becomes(*code);
            let server = match call {
                Cart | CartFromGateway | CartFromReport => &self.cart,
                Report => &self.report,
                OtherNamespace => &self.archive,
            };
            assert_eq!(answer.served_by(), (*code == 200).then(|| server.pod()), "{call:?}: {answer}");
        }
    }
}

fn configure(workspace: &Workspace, configuration: Configuration) {
    let Configuration { mesh, namespace, service, gateway, callers, defaults, provider } = configuration;
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner              = "tests/deny-all"
  gateway_namespaces = ["istio-ingress"]
  {provider}
}}

resource "mesh_global_defaults" "this" {{
  mtls {{}}
  authorization {{
    mode = "{mesh}"
  }}
  {defaults}
  depends_on = [mesh_service.cart, mesh_gateway.public]
}}

resource "mesh_namespace" "shop" {{
  name               = "shop"
  create             = false
  labels             = {{ team = "shop" }}
  authorization_mode = "{namespace}"
  depends_on         = [mesh_service.cart]
}}

resource "mesh_gateway" "public" {{
  name               = "public"
  namespace          = "istio-ingress"
  selector           = {{ app = "public" }}
  authorization_mode = "{gateway}"
  server {{
    port       = 80
    protocol   = "http"
    hosts      = ["cart.example.com"]
    namespaces = ["*"]
  }}
}}

resource "mesh_service" "cart" {{
  name               = "cart"
  namespace          = "shop"
  service            = "managed"
  authorization_mode = "{service}"
  {callers}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  ingress {{
    gateway = "istio-ingress/public"
    hosts   = ["cart.example.com"]
  }}
}}
"#
    ));
}

/// Numbers of requests that the ALLOW policies on trial at a workload would have allowed and denied.
fn trial(workload: &Workload) -> (u64, u64) {
    let statistics = workload.envoy("/stats?filter=istio_dry_run_allow_.shadow");
    let count = |result: &str| {
        let lines = statistics.lines().filter_map(|line| line.rsplit_once(": "));
        lines.filter(|(name, _)| name.ends_with(result)).filter_map(|(_, count)| count.parse::<u64>().ok()).sum()
    };
    (count("shadow_allowed"), count("shadow_denied"))
}

/// Sends requests of `call`, and checks that the trial at `workload` counts exactly these as denied.
#[track_caller]
fn assert_counted(shop: &Shop, call: Call, workload: &Workload) {
    const REQUESTS: u64 = 10;
    let send = || assert_eq!(shop.request(call).send().code(), 200);
    let mut in_a_row = 0;
    wait_until(Duration::from_secs(30), "the trial counts", || {
        let (_, before) = trial(workload);
        send();
        in_a_row = if trial(workload).1 > before { in_a_row + 1 } else { 0 };
        in_a_row == 2
    });
    let (_, before) = trial(workload);
    (0..REQUESTS).for_each(|_| send());
    assert_eq!(trial(workload).1, before + REQUESTS, "{call:?}");
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn allowed_requests_never_fail_while_deny_all_comes_and_goes() {
    let _turn = take_turn();
    let shop = Shop::start(TRIAL);
    let all = |code| [(CartFromReport, code), (Report, code), (OtherNamespace, code)];
    shop.become_codes(&[(Cart, 200), (CartFromGateway, 200)]);
    shop.become_codes(&all(200));
    let loads = [shop.request(Cart).load(RATE), shop.request(CartFromGateway).load(RATE)];

    // On trial, nothing is refused, and exactly what would be is counted: of cart's callers report alone.
    shop.apply(Configuration { mesh: "dry_run", ..TRIAL });
    assert_counted(&shop, CartFromReport, &shop.cart);
    assert_counted(&shop, Report, &shop.report);
    assert_counted(&shop, OtherNamespace, &shop.archive);
    assert!(trial(&shop.cart).0 > 100, "the requests of the loads are counted as allowed");

    // The policies of services and gateways come first: they refuse those whom they don't name.
    shop.apply(Configuration { mesh: "dry_run", ..ENFORCED });
    shop.become_codes(&[(CartFromReport, 403), (Report, 200), (OtherNamespace, 200)]);
    // From now on the trial of deny-all counts cart's callers, too: enforced rules are no part of a trial.
    let (_, before) = trial(&shop.cart);
    wait_until(Duration::from_secs(10), "the trial counts allowed requests", || trial(&shop.cart).1 > before);

    shop.apply(CLOSED);
    shop.become_codes(&all(403));
    shop.apply(Configuration { mesh: "dry_run", ..ENFORCED });
    shop.become_codes(&[(CartFromReport, 403), (Report, 200), (OtherNamespace, 200)]);

    // The same for one namespace. Others stay open.
    shop.apply(Configuration { namespace: "dry_run", ..ENFORCED });
    assert_counted(&shop, Report, &shop.report);
    shop.apply(Configuration { namespace: "enforce", ..ENFORCED });
    shop.become_codes(&[(CartFromReport, 403), (Report, 403), (OtherNamespace, 200)]);
    shop.apply(Configuration { namespace: "dry_run", ..ENFORCED });
    shop.become_codes(&[(CartFromReport, 403), (Report, 200), (OtherNamespace, 200)]);
    shop.apply(TRIAL);
    shop.become_codes(&all(200));
    // Closing in one apply is safe, too, since the policies of services come before that of their namespace.
    shop.apply(Configuration { namespace: "enforce", ..ENFORCED });
    shop.become_codes(&[(CartFromReport, 403), (Report, 403), (OtherNamespace, 200)]);

    for load in loads {
        let report = load.stop();
        eprintln!("{:?} of {} requests", report.codes(), report.sent());
        report.assert_no_failure(500);
    }
    shop.workspace.converge();
    shop.workspace.destroy().expect_success();
}

/// Wrong renderings, and what a call gets from them under [`CLOSED`].
///
/// Those of the gateway come before those of deny-all: a plan that changes deny-all refuses gateways that nothing opens.
const WRONG_RENDERINGS: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "the gateway's policy names another host",
        object: "AuthorizationPolicy/istio-ingress/public-istio-ingress",
        change: |object| object["spec"]["rules"][0]["to"][0]["operation"]["hosts"] = json!(["shop.example.com"]),
        noticed_by: (CartFromGateway, 403),
    },
    WrongRendering {
        name: "the gateway isn't among the callers",
        object: "AuthorizationPolicy/shop/cart-shop",
        change: |object| {
            let rules = object["spec"]["rules"].as_array_mut().expect("rules");
            rules.retain(|rule| !rule.to_string().contains("istio-ingress"));
        },
        noticed_by: (CartFromGateway, 403),
    },
    WrongRendering {
        name: "the service's policy stays on trial",
        object: "AuthorizationPolicy/shop/cart-shop",
        change: |object| object["metadata"]["annotations"]["istio.io/dry-run"] = "true".into(),
        noticed_by: (Cart, 403),
    },
    WrongRendering {
        name: "deny-all stays on trial",
        object: DENY_ALL,
        change: |object| object["metadata"]["annotations"]["istio.io/dry-run"] = "true".into(),
        noticed_by: (Report, 200),
    },
    WrongRendering {
        name: "deny-all has an empty rule, which allows everything",
        object: DENY_ALL,
        change: |object| object["spec"]["rules"] = json!([{}]),
        noticed_by: (Report, 200),
    },
    WrongRendering {
        name: "deny-all is for one workload",
        object: DENY_ALL,
        change: |object| object["spec"]["selector"] = json!({ "matchLabels": { "app": "cart" } }),
        noticed_by: (OtherNamespace, 200),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn wrong_renderings_of_deny_all_are_noticed() {
    let shop = Shop::start(CLOSED);
    let right = [(Cart, 200), (CartFromGateway, 200), (CartFromReport, 403), (Report, 403), (OtherNamespace, 403)];
    shop.become_codes(&right);
    for wrong in WRONG_RENDERINGS {
        wrong.apply(&shop.mesh, &shop.proxy, &shop.workspace);
        let (call, code) = wrong.noticed_by;
        assert!(right.contains(&(call, 603 - code)), "{}", wrong.name);
        shop.request(call).becomes(code);
    }
    repair(&shop.proxy, &shop.workspace);
    shop.become_codes(&right);

    // Opened by hand, deny-all is drift, and the next apply closes it.
    shop.mesh.api().patch(&DENY_ALL.parse().expect("a key"), &json!({ "spec": { "rules": [{}] } }));
    shop.become_codes(&[(Report, 200)]);
    let plan = shop.workspace.plan();
    assert!(!plan.is_empty && plan.text.contains("AuthorizationPolicy/istio-system/deny-all"), "{}", plan.text);
    shop.workspace.converge();
    shop.become_codes(&right);
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn changed_policies_and_gateways_admit_only_what_is_allowed() {
    let _turn = take_turn();
    let shop = Shop::start(CLOSED);
    shop.become_codes(&[(Cart, 200), (CartFromGateway, 200), (CartFromReport, 403)]);

    // The service opens for all but one caller, and back: that one never gets in, and the others are never refused.
    let open =
        Configuration { callers: "allow {\n    from = [\"*\"]\n  }\n  deny {\n    from = [\"report\"]\n  }", ..CLOSED };
    configure(&shop.workspace, open);
    let plan = shop.workspace.plan();
    assert!(plan.text.contains("changed-access"), "{}", plan.text);
    let loads = [Cart, CartFromReport].map(|call| shop.request(call).load(RATE));
    for _ in 0..3 {
        shop.apply(open);
        shop.apply(CLOSED);
    }
    let [allowed, refused] = loads.map(Load::stop);
    eprintln!("{:?}, {:?}", allowed.codes(), refused.codes());
    allowed.assert_no_failure(150);
    assert_eq!(refused.codes().keys().collect::<Vec<_>>(), [&403], "{:?}", refused.codes());
    assert!(refused.sent() >= 150);

    // Negative control: the same two policies in the naive order admit it for a moment.
    let load = shop.request(CartFromReport).load(RATE);
    shop.open_naively();
    shop.become_codes(&[(CartFromReport, 403)]);
    let codes = load.stop().codes();
    eprintln!("naive order: {codes:?}");
    assert!(codes.contains_key(&200), "a naive order admits refused callers: {codes:?}");
    shop.mesh.api().delete(&Key::new(&kind::AUTHORIZATION_POLICY, "shop", "theirs"));
    shop.workspace.converge();

    // A gateway without a policy would be closed. The plan refuses that.
    let closed_gateway = Configuration { gateway: "off", ..CLOSED };
    configure(&shop.workspace, closed_gateway);
    let plan = shop.workspace.try_plan();
    assert!(plan.errors().contains("closed-gateway"), "{plan}");
    let provider = "checks = { closed-gateway = \"warn\" }";
    shop.apply(Configuration { provider, ..closed_gateway });
    shop.become_codes(&[(CartFromGateway, 403), (Cart, 200)]);
    // A gateway of another tool has its policy from the mesh's defaults.
    let access = "gateway_access {\n    namespace = \"istio-ingress\"\n    selector  = { app = \"public\" }\n    ports     = [80]\n  }";
    shop.apply(Configuration { defaults: access, provider, ..closed_gateway });
    shop.become_codes(&[(CartFromGateway, 200), (Cart, 200), (Report, 403)]);
    // Its clients are never refused while the mesh opens and closes, nor while it gets a policy of its own.
    let load = shop.request(CartFromGateway).load(RATE);
    shop.apply(Configuration { mesh: "off", ..closed_gateway });
    shop.become_codes(&[(Report, 200)]);
    shop.apply(Configuration { defaults: access, provider, ..closed_gateway });
    shop.become_codes(&[(Report, 403)]);
    shop.apply(Configuration { defaults: access, ..CLOSED });
    shop.apply(CLOSED);
    load.stop().assert_no_failure(150);
    shop.workspace.destroy().expect_success();
    shop.become_codes(&[(Report, 200), (OtherNamespace, 200)]);
}
