//! What a service calls: hosts that `calls` lists, those of the platform, and nothing else. What its proxy doesn't know, it
//! can't ask either: an external authorizer, or the Kubernetes API.

use std::net::Ipv4Addr;

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Behavior, Mesh, Workload, start_all},
    proxy::Proxy,
    terraform::Workspace,
};

use Call::{Asked, AskedWithToken, Ledger, Neighbour, Platform, Unasked, Unknown};

/// The requests of the scenarios, all of `shop`. An address that a DNS server would give is connected to, whatever the proxy knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// To a service of another namespace.
    Ledger,
    /// To a service of the platform, which runs in another namespace and without a sidecar.
    Platform,
    /// To a service of the same namespace.
    Neighbour,
    /// To a host outside of the mesh, which nothing declares.
    Unknown,
    /// To a path of the neighbour about which it asks an external authorizer.
    Asked,
    /// The same, with the header by which the authorizer admits requests.
    AskedWithToken,
    /// To a path of the neighbour about which nothing is asked.
    Unasked,
}

/// The header by which the authorizer admits requests.
const TOKEN: (&str, &str) = ("x-token", "secret");

/// The arguments that the scenarios change.
#[derive(Clone, Copy, Default)]
struct Configuration<'a> {
    provider: &'a str,
    /// The arguments of `mesh_global_defaults`, which isn't there without any.
    defaults: &'a str,
    caller: &'a str,
    neighbour: &'a str,
}

struct Shop {
    caller: Workload,
    neighbour: Workload,
    authorizer: Workload,
    ledger: Workload,
    platform: Workload,
    outside: Workload,
    /// It answers for the Kubernetes API, by lines of text.
    kubernetes: Workload,
    /// Its provider connects through the proxy.
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Shop {
    fn start() -> Self {
        let authorizer = json!({ "name": "authz", "envoyExtAuthzHttp": {
            "service": "authz.istio-system.svc.cluster.local", "port": 80, "includeRequestHeadersInCheck": [TOKEN.0],
        } });
        let mesh = Mesh::start(&json!({ "extensionProviders": [authorizer] }));
        mesh.create_namespaces(["shop", "pci", "observability", "outside"]);
        for (namespace, name) in
            [("shop", "neighbour"), ("pci", "ledger"), ("observability", "collector"), ("istio-system", "authz")]
        {
            mesh.service(namespace, name, &[("http", 80, 8080)]);
        }
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let [caller, neighbour, authorizer, ledger, platform, outside, kubernetes] = start_all([
            mesh.workload("shop", "caller"),
            mesh.workload("shop", "neighbour"),
            mesh.workload("istio-system", "authz").without_sidecar(),
            mesh.workload("pci", "ledger").without_sidecar(),
            mesh.workload("observability", "collector").without_sidecar(),
            mesh.workload("outside", "outside").port(80).without_sidecar(),
            mesh.workload("outside", "kubernetes").tcp_port(6443).without_sidecar(),
        ]);
        authorizer.behave(Behavior { required_header: Some(TOKEN), ..Behavior::default() });
        let shop =
            Self { caller, neighbour, authorizer, ledger, platform, outside, kubernetes, workspace, proxy, mesh };
        for (namespace, name, pod) in [("pci", "ledger", &shop.ledger), ("observability", "collector", &shop.platform)]
        {
            shop.caller.forward_service((shop.address(namespace, name), 80), (pod.address(), 8080));
        }
        shop
    }

    /// The address of a Service.
    fn address(&self, namespace: &str, name: &str) -> Ipv4Addr {
        let service = self.mesh.api().get_existing(&Key::new(&kind::SERVICE, namespace, name));
        service["spec"]["clusterIP"].as_str().expect("an address").parse().expect("an address")
    }

    fn configure(&self, configuration: Configuration) {
        let Configuration { provider, defaults, caller, neighbour } = configuration;
        let defaults = if defaults.is_empty() {
            String::new()
        } else {
            format!("resource \"mesh_global_defaults\" \"this\" {{\n  {defaults}\n}}\n")
        };
        self.workspace.configure(&format!(
            r#"
provider "mesh" {{
  owner = "tests/calls"
  {provider}
}}
{defaults}
resource "mesh_service" "caller" {{
  name                   = "caller"
  namespace              = "shop"
  service                = "managed"
  create_service_account = false
  {caller}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}

resource "mesh_service" "neighbour" {{
  name      = "neighbour"
  namespace = "shop"
  {neighbour}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}
"#
        ));
    }

    fn converge(&self, configuration: Configuration) {
        self.configure(configuration);
        self.workspace.converge();
    }

    /// Repeats the calls until each gets this code.
    #[track_caller]
    fn become_codes(&self, codes: &[(Call, u16)]) {
        for (call, code) in codes {
            let (url, address, server) = match call {
                Ledger => ("http://ledger.pci/", self.address("pci", "ledger"), &self.ledger),
                Platform => {
                    let address = self.address("observability", "collector");
                    ("http://collector.observability/", address, &self.platform)
                }
                Neighbour | Unasked => ("http://neighbour/", self.address("shop", "neighbour"), &self.neighbour),
                Asked | AskedWithToken => {
                    ("http://neighbour/admin/users", self.address("shop", "neighbour"), &self.neighbour)
                }
                Unknown => ("http://api.example.com/", self.outside.address(), &self.outside),
            };
            let mut request = self.caller.request(Method::GET, url).connect_to((address, 80));
            if *call == AskedWithToken {
                request = request.header(TOKEN.0, TOKEN.1);
            }
            let answer = request.becomes(*code);
            // The proxy passes on the authorizer's refusal.
            let server = if *code == 401 { &self.authorizer } else { server };
            let is_answered = matches!(code, 200 | 401);
            assert_eq!(answer.served_by(), is_answered.then(|| server.pod()), "{call:?}: {answer}");
        }
    }

    /// Number of requests that the authorizer got since the last call.
    fn asked(&self) -> usize {
        self.authorizer.take_requests().len()
    }
}

/// Sidecars of services and of the mesh. Envoy answers 502 for HTTP hosts that it doesn't know, and closes other connections.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn only_listed_hosts_are_called() {
    let shop = Shop::start();
    let listed = Configuration { caller: "calls = [\"pci/ledger\"]", ..Configuration::default() };
    let allow_any = Configuration {
        caller: "calls = [\"pci/ledger\"]\n  outbound_traffic_policy = \"allow_any\"",
        ..Configuration::default()
    };
    let inherit = Configuration {
        caller: "calls = [\"pci/ledger\"]\n  outbound_traffic_policy = \"inherit\"",
        ..Configuration::default()
    };
    let closed_mesh = "outbound_traffic_policy = \"registry_only\"";
    let sidecar = "sidecar {}";

    // Negative control: without `calls` everything is called.
    shop.converge(Configuration::default());
    shop.become_codes(&[(Ledger, 200), (Platform, 200), (Neighbour, 200), (Unknown, 200)]);

    shop.converge(listed);
    shop.become_codes(&[(Ledger, 200), (Platform, 502), (Neighbour, 502), (Unknown, 502)]);
    // Hosts of the platform are listed everywhere.
    let provider = "platform_hosts = [\"observability/collector.observability.svc.cluster.local\"]";
    shop.converge(Configuration { provider, ..listed });
    shop.become_codes(&[(Platform, 200), (Ledger, 200), (Neighbour, 502), (Unknown, 502)]);

    for wrong in WRONG_SIDECARS {
        wrong.apply(&shop.mesh, &shop.proxy, &shop.workspace);
        shop.become_codes(&[wrong.noticed_by]);
    }
    repair(&shop.proxy, &shop.workspace);
    shop.become_codes(&[(Platform, 200), (Ledger, 200), (Neighbour, 502), (Unknown, 502)]);

    // What isn't listed leaves as it is, whatever the Sidecar of the mesh says; with "inherit" as meshConfig says.
    shop.converge(Configuration { defaults: closed_mesh, ..allow_any });
    shop.become_codes(&[(Unknown, 200), (Ledger, 200), (Platform, 200)]);
    shop.converge(Configuration { defaults: closed_mesh, ..inherit });
    shop.become_codes(&[(Unknown, 200), (Ledger, 200), (Platform, 200)]);
    shop.converge(Configuration { defaults: closed_mesh, ..Configuration::default() });
    shop.become_codes(&[(Unknown, 502), (Ledger, 200), (Platform, 200), (Neighbour, 200)]);

    // The Sidecar of the mesh, without `calls`: the own namespace, that of the mesh, and nothing else.
    let kubernetes = shop.kubernetes_api();
    shop.caller.line_is_answered(&kubernetes, true);
    shop.configure(Configuration { defaults: sidecar, ..Configuration::default() });
    let plan = shop.workspace.plan();
    assert!(plan.text.contains("narrowed-calls"), "{}", plan.text);
    shop.workspace.converge();
    shop.become_codes(&[(Neighbour, 200), (Ledger, 502), (Platform, 502), (Unknown, 502)]);
    shop.caller.line_is_answered(&kubernetes, false);
    // What every workload may call all the same is a host of the platform.
    let hosts = "platform_hosts = [\"observability/*\", \"default/kubernetes.default.svc.cluster.local\"]";
    shop.converge(Configuration { defaults: sidecar, provider: hosts, ..Configuration::default() });
    shop.become_codes(&[(Platform, 200), (Neighbour, 200), (Ledger, 502), (Unknown, 502)]);
    shop.caller.line_is_answered(&kubernetes, true);
    let calls = "calls = [\"pci/ledger\", \"default/kubernetes\"]";
    shop.converge(Configuration { defaults: sidecar, provider, caller: calls, ..Configuration::default() });
    shop.become_codes(&[(Ledger, 200), (Platform, 200), (Unknown, 502)]);
    shop.caller.line_is_answered(&kubernetes, true);
    shop.workspace.destroy().expect_success();
}

impl Shop {
    /// Address and port of the Service of the Kubernetes API. Connections to its endpoints get to the workload that stands for
    /// the API server.
    fn kubernetes_api(&self) -> String {
        let slice = self
            .mesh
            .api()
            .request(Method::GET, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", None)
            .expect("the API server writes its endpoints");
        let address = slice["endpoints"][0]["addresses"][0].as_str().expect("an address");
        let port = slice["ports"][0]["port"].as_u64().expect("a port");
        let endpoint = (address.parse().expect("an address"), u16::try_from(port).expect("a port"));
        self.caller.forward_service(endpoint, (self.kubernetes.address(), 6443));
        format!("{}:443", self.address("default", "kubernetes"))
    }
}

/// Wrong renderings of the Sidecar, and what a call gets from them.
const WRONG_SIDECARS: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "the outbound traffic policy is forgotten",
        object: "Sidecar/shop/caller-shop",
        change: |object| remove(&mut object["spec"], "outboundTrafficPolicy"),
        noticed_by: (Unknown, 200),
    },
    WrongRendering {
        name: "a whole namespace is listed",
        object: "Sidecar/shop/caller-shop",
        change: |object| object["spec"]["egress"][0]["hosts"] = json!(["pci/*", "shop/*"]),
        noticed_by: (Neighbour, 200),
    },
    WrongRendering {
        name: "the hosts of the platform are forgotten",
        object: "Sidecar/shop/caller-shop",
        change: |object| {
            let hosts = object["spec"]["egress"][0]["hosts"].as_array_mut().expect("hosts");
            hosts.retain(|host| !host.to_string().contains("collector"));
        },
        noticed_by: (Platform, 502),
    },
    WrongRendering {
        name: "the Sidecar selects other pods",
        object: "Sidecar/shop/caller-shop",
        change: |object| object["spec"]["workloadSelector"]["labels"] = json!({ "app": "another" }),
        noticed_by: (Neighbour, 200),
    },
];

/// The proxy of a service asks the authorizer, so its Sidecar must list that.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn external_authorizer_must_be_listed() {
    const AUTHORIZATION: &str =
        "external_authorization {\n    provider = \"authz\"\n    paths    = [\"/admin/*\"]\n  }";
    let shop = Shop::start();
    let with_calls = |calls: &str| format!("{AUTHORIZATION}\n  calls = [{calls}]");

    // Negative control: without an authorizer all is served. With one, and without `calls`, it is asked about its paths.
    shop.converge(Configuration::default());
    shop.become_codes(&[(Asked, 200), (Unasked, 200)]);
    assert_eq!(shop.asked(), 0);
    // There is no trial of an authorizer: it isn't asked before the service's policies are enforced.
    let trial = format!("{AUTHORIZATION}\n  authorization_mode = \"dry_run\"");
    shop.converge(Configuration { neighbour: &trial, ..Configuration::default() });
    shop.become_codes(&[(Asked, 200), (Unasked, 200)]);
    assert_eq!(shop.asked(), 0);
    shop.converge(Configuration { neighbour: AUTHORIZATION, ..Configuration::default() });
    shop.become_codes(&[(Asked, 401), (AskedWithToken, 200)]);
    assert!(shop.asked() >= 4);
    shop.become_codes(&[(Unasked, 200)]);
    assert_eq!(shop.asked(), 0);

    // With `calls` that don't list it, the plan fails. Applied all the same, its paths are refused, and it is never asked.
    let unlisted = with_calls("");
    let unlisted = Configuration { neighbour: &unlisted, ..Configuration::default() };
    shop.configure(unlisted);
    let plan = shop.workspace.try_plan();
    assert!(plan.errors().contains("unlisted-authorizer"), "{plan}");
    shop.converge(Configuration { provider: "checks = { unlisted-authorizer = \"warn\" }", ..unlisted });
    shop.become_codes(&[(Asked, 403), (AskedWithToken, 403)]);
    shop.asked();
    shop.become_codes(&[(AskedWithToken, 403), (Unasked, 200)]);
    assert_eq!(shop.asked(), 0);

    // Listed by the service or by the platform, it is asked.
    let listed = with_calls("\"istio-system/authz\"");
    let provider = "platform_hosts = [\"istio-system/authz.istio-system.svc.cluster.local\"]";
    for (provider, neighbour) in [("", listed.as_str()), (provider, with_calls("").as_str())] {
        shop.converge(Configuration { provider, neighbour, ..Configuration::default() });
        shop.become_codes(&[(Asked, 401), (AskedWithToken, 200), (Unasked, 200)]);
    }

    for wrong in WRONG_POLICIES {
        wrong.apply(&shop.mesh, &shop.proxy, &shop.workspace);
        shop.become_codes(&[wrong.noticed_by]);
    }
    repair(&shop.proxy, &shop.workspace);
    shop.become_codes(&[(Asked, 401), (AskedWithToken, 200), (Unasked, 200)]);
    shop.workspace.destroy().expect_success();
}

/// Wrong renderings of the policy for the authorizer, and what a call gets from them.
const WRONG_POLICIES: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "the policy names the Service's port in place of the workload's",
        object: "AuthorizationPolicy/shop/neighbour-shop-ext-authz",
        change: |object| object["spec"]["rules"][0]["to"][0]["operation"]["ports"] = json!(["80"]),
        noticed_by: (Asked, 200),
    },
    WrongRendering {
        name: "the paths are forgotten",
        object: "AuthorizationPolicy/shop/neighbour-shop-ext-authz",
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "paths"),
        noticed_by: (Unasked, 401),
    },
    WrongRendering {
        name: "the provider isn't one of the mesh's configuration",
        object: "AuthorizationPolicy/shop/neighbour-shop-ext-authz",
        change: |object| object["spec"]["provider"]["name"] = "another".into(),
        noticed_by: (AskedWithToken, 403),
    },
];
