//! What a `mesh_namespace` says for all workloads of its namespace: who may call them, how many requests they take, and what their
//! proxies log.

use std::time::Duration;

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Request, TokenIssuer, Workload, start_all},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

/// How long access logs may take: Envoy writes them with a delay of up to a second.
const LOG_TIMEOUT: Duration = Duration::from_secs(20);

const LIMIT: &str = "EnvoyFilter/shop/rate-limit-8080-70e6154b";

/// Two services of `shop`, and callers in other namespaces.
struct Shop {
    checkout: Workload,
    prometheus: Workload,
    cart: Workload,
    catalog: Workload,
    /// In the namespace `office`.
    archive: Workload,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Shop {
    fn start() -> Self {
        // Nothing is logged by default.
        let provider = json!({ "name": "file", "envoyFileAccessLog": { "path": "access.log" } });
        let mesh = Mesh::start(&json!({ "accessLogFile": "", "extensionProviders": [provider] }));
        mesh.create_namespaces(["shop", "monitoring", "office"]);
        mesh.service("shop", "catalog", &[("http", 80, 8080)]);
        mesh.service("office", "archive", &[("http", 80, 8080)]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, "team = \"shop\"", "");
        let [checkout, prometheus, cart, catalog, archive] = start_all([
            mesh.workload("shop", "checkout"),
            mesh.workload("monitoring", "prometheus"),
            mesh.workload("shop", "cart").port(8080).port(8081),
            mesh.workload("shop", "catalog"),
            mesh.workload("office", "archive"),
        ]);
        Self { checkout, prometheus, cart, catalog, archive, workspace, proxy, mesh }
    }

    /// Lets Terraform write an object wrongly.
    fn wrong(&self, object: &'static str, change: fn(&mut Json)) {
        apply_wrong_rendering((&self.mesh, &self.proxy, &self.workspace), object, change);
    }
}

/// Applies [`configuration`].
fn configure(workspace: &Workspace, namespace: &str, others: &str) {
    workspace.configure(&configuration(namespace, others));
    workspace.converge();
}

/// The namespace with arguments of its own, a service in it that `checkout` alone may call, and further resources.
fn configuration(namespace: &str, others: &str) -> String {
    format!(
        r#"
provider "mesh" {{
  owner = "tests/namespaces"
}}
resource "mesh_namespace" "shop" {{
  name   = "shop"
  create = false
  {namespace}
}}
resource "mesh_service" "cart" {{
  name      = "cart"
  namespace = "shop"
  service   = "managed"
  allow {{
    from = ["checkout"]
  }}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  port {{
    number   = 8081
    protocol = "http"
  }}
}}
{others}
"#
    )
}

fn get<'a>(caller: &'a Workload, url: &str) -> Request<'a> {
    caller.request(Method::GET, url)
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn callers_limits_and_logs_of_one_namespace() {
    let shop = Shop::start();
    callers_of_every_workload(&shop);
    limits_of_selected_ports(&shop);
    logs_of_the_namespace(&shop);
    tokens_of_the_namespace(&shop);
    shop.workspace.destroy().expect_success();
}

/// `allow` admits a caller to every workload, on the ports that it names, also to those whose service doesn't.
fn callers_of_every_workload(shop: &Shop) {
    let Shop { checkout, prometheus, workspace, .. } = shop;
    let allow = |mode: &str| {
        format!("authorization_mode = \"{mode}\"\nallow {{\n from = [\"monitoring/prometheus\"]\n ports = [8080]\n}}")
    };
    get(checkout, "http://cart/").becomes(200);
    get(prometheus, "http://cart.shop/").becomes(403);
    get(prometheus, "http://catalog.shop/").becomes(200);

    // Without the block, deny-all refuses it everywhere.
    configure(workspace, "authorization_mode = \"enforce\"", "");
    get(prometheus, "http://catalog.shop/").becomes(403);
    get(checkout, "http://catalog/").becomes(403);
    get(checkout, "http://cart/").becomes(200);
    configure(workspace, &allow("enforce"), "");
    get(prometheus, "http://catalog.shop/").becomes(200);
    get(prometheus, "http://cart.shop/").becomes(200);
    get(prometheus, "http://cart.shop:8081/").becomes(403);
    get(&shop.archive, "http://cart.shop/").becomes(403);
    get(checkout, "http://catalog/").becomes(403);
    // A plan of the service says so.
    let changed =
        configuration(&allow("enforce"), "").replace("from = [\"checkout\"]", "from = [\"checkout\", \"catalog\"]");
    workspace.configure(&changed);
    let plan = workspace.plan().text;
    assert!(plan.contains("The namespace lets further callers in") && plan.contains("monitoring/prometheus"), "{plan}");

    shop.wrong("AuthorizationPolicy/shop/deny-all", |policy| {
        remove(&mut policy["spec"]["rules"][0], "to");
    });
    get(prometheus, "http://cart.shop:8081/").becomes(200);
    shop.wrong("AuthorizationPolicy/shop/deny-all", |policy| {
        policy["spec"]["rules"][0]["from"][0]["source"] = json!({ "namespaces": ["office"] });
    });
    get(prometheus, "http://cart.shop/").becomes(403);
    get(&shop.archive, "http://cart.shop/").becomes(200);
    repair(&shop.proxy, workspace);
    get(prometheus, "http://cart.shop:8081/").becomes(403);

    // A dry run admits nothing that a service refuses.
    configure(workspace, &allow("dry_run"), "");
    get(checkout, "http://catalog/").becomes(200);
    get(prometheus, "http://cart.shop/").becomes(403);
}

/// A limit holds for the workloads and the port that it selects. Requests that policies refuse use nothing up.
fn limits_of_selected_ports(shop: &Shop) {
    let Shop { checkout, prometheus, workspace, .. } = shop;
    let limit = |requests: u32| {
        format!(
            "rate_limit {{\n selector = {{ app = \"cart\" }}\n port = 8080\n requests = {requests}\n interval = \"1h\"\n}}"
        )
    };
    configure(workspace, &limit(5), "");
    wait_until(LOG_TIMEOUT, "the limit of cart", || shop.cart.config_dump().to_string().contains("local_ratelimit"));
    for _ in 0..20 {
        let code = get(prometheus, "http://cart.shop/").send().code();
        assert_eq!(code, 403, "a refused request");
    }
    let admitted = (0..30).take_while(|_| get(checkout, "http://cart/").send().code() == 200).count();
    // The first ones may travel on a connection that the old configuration still serves.
    assert!((5..=8).contains(&admitted), "{admitted} requests of 5");
    get(checkout, "http://cart/").becomes(429);
    for url in ["http://cart:8081/", "http://catalog/"] {
        for _ in 0..20 {
            assert_eq!(get(checkout, url).send().code(), 200, "{url}");
        }
    }
    configure(workspace, &limit(100_000), "");
    get(checkout, "http://cart/").becomes(200);

    configure(workspace, &limit(5), "");
    get(checkout, "http://cart/").becomes(429);
    shop.wrong(LIMIT, |filter| {
        remove(&mut filter["spec"]["configPatches"][0]["match"]["listener"], "portNumber");
    });
    get(checkout, "http://cart:8081/").becomes(429);
    shop.wrong(LIMIT, |filter| remove(&mut filter["spec"], "workloadSelector"));
    get(checkout, "http://catalog/").becomes(429);
    shop.wrong(LIMIT, |filter| {
        filter["spec"]["configPatches"][0]["patch"]["operation"] = json!("INSERT_FIRST");
        filter["spec"]["configPatches"][0]["match"]["listener"]["filterChain"] =
            json!({ "filter": { "name": "envoy.filters.network.http_connection_manager" } });
    });
    get(prometheus, "http://cart.shop/").becomes(429);
    repair(&shop.proxy, workspace);
    get(prometheus, "http://cart.shop/").becomes(403);
    get(checkout, "http://catalog/").becomes(200);
    configure(workspace, "team = \"shop\"", "");
    get(checkout, "http://cart/").becomes(200);
}

/// Only proxies of the namespace log, or those with the labels of `selector`.
fn logs_of_the_namespace(shop: &Shop) {
    let Shop { checkout, workspace, cart, catalog, archive, .. } = shop;
    let logs = |selector: &str| format!("telemetry {{\n {selector}\n access_logging {{\n provider = \"file\"\n }}\n}}");
    // Requests to all three, until the proxy of one has logged them.
    let call_until_logged = |path: &str, by: &Workload| {
        wait_until(LOG_TIMEOUT, path, || {
            for host in ["archive.office", "catalog", "cart"] {
                assert_eq!(get(checkout, &format!("http://{host}{path}")).send().code(), 200, "{host}{path}");
            }
            by.access_log().contains(path)
        });
    };
    configure(workspace, &logs("selector = { app = \"cart\" }"), "");
    call_until_logged("/of-cart", cart);
    assert_eq!(catalog.access_log(), "", "the selector is for cart");
    assert_eq!(archive.access_log(), "", "another namespace");

    // In the root namespace, a selector is for workloads of the root namespace alone.
    let defaults = |selector: &str| format!("resource \"mesh_global_defaults\" \"this\" {{\n{}\n}}", logs(selector));
    configure(workspace, &logs(""), &defaults("selector = { app = \"archive\" }"));
    call_until_logged("/of-shop", catalog);
    assert_eq!(archive.access_log(), "", "a selector in the root namespace");

    // Negative control: the mesh logs. A namespace may switch it off for itself.
    let off = "telemetry {\n access_logging {\n provider = \"file\"\n disabled = true\n }\n}";
    configure(workspace, off, &defaults(""));
    call_until_logged("/of-mesh", archive);
    wait_until(LOG_TIMEOUT, "shop stops to log", || {
        let (before, path) = (catalog.access_log(), "/unlogged");
        call_until_logged(path, archive);
        catalog.access_log() == before
    });
    shop.wrong("Telemetry/shop/default", |telemetry| remove(&mut telemetry["spec"]["accessLogging"][0], "disabled"));
    call_until_logged("/of-all", catalog);
    repair(&shop.proxy, workspace);
}

/// Workloads of the namespace refuse tokens that they can't verify. Others don't look at tokens.
fn tokens_of_the_namespace(shop: &Shop) {
    let Shop { checkout, workspace, .. } = shop;
    let issuer = TokenIssuer::new("https://login.example.com");
    let defaults = |namespace: &str| {
        format!(
            "resource \"mesh_global_defaults\" \"this\" {{\n jwt {{\n issuer = \"https://login.example.com\"\n jwks = {:?}\n \
             {namespace}\n }}\n}}",
            issuer.key_set()
        )
    };
    let with_token = |url: &str, token: &str, code: u16| {
        get(checkout, url).header("authorization", token).becomes(code);
    };
    let (opaque, valid) = ("Bearer opaque", issuer.bearer(&json!({})));
    let (here, elsewhere) = ("http://catalog/", "http://archive.office/");
    configure(workspace, "team = \"shop\"", &defaults("namespace = \"shop\""));
    with_token(here, opaque, 401);
    with_token(here, &valid, 200);
    with_token(elsewhere, opaque, 200);
    shop.wrong("RequestAuthentication/shop/default", |authentication| {
        authentication["spec"]["selector"] = json!({ "matchLabels": { "app": "cart" } });
    });
    with_token(here, opaque, 200);
    repair(&shop.proxy, workspace);

    // Negative control: without the namespace, every workload refuses it.
    configure(workspace, "team = \"shop\"", &defaults(""));
    with_token(elsewhere, opaque, 401);
    with_token(here, opaque, 401);
}
