//! End users: tokens, claims, preflights and an external authorizer, through a gateway and inside the mesh.

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Behavior, Mesh, Request, TokenIssuer, Workload, start_all, take_turn},
    proxy::Proxy,
    terraform::Workspace,
};

use Client::{Batch, Browser};
use Token::{Absent, Customer, Expired, Foreign, Forged, Opaque, Operator, Revoked};

const ISSUER: &str = "https://login.example.com";

/// The header by which the authorizer admits requests.
const CONSENT: (&str, &str) = ("x-consent", "given");

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    /// Outside of the mesh, through the gateway.
    Browser,
    /// A workload of the mesh.
    Batch,
}

/// The token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Absent,
    /// Without the claim `groups`.
    Customer,
    /// With `groups = ["staff", "operators"]` and `realm_access = { roles = ["support-eu"] }`.
    Operator,
    /// Like that of an operator, and with an identifier that the service denies.
    Revoked,
    Expired,
    /// Signed by another key.
    Forged,
    /// Of an issuer that the mesh doesn't know.
    Foreign,
    /// No JWT, but a token that only its issuer can read.
    Opaque,
}

/// A request: client, method and path, and token.
type Call = (Client, &'static str, Token);

/// What requests get while `require_end_user` holds.
const ANSWERS: &[(Call, u16)] = &[
    ((Browser, "GET /v1/accounts", Absent), 403),
    ((Browser, "GET /v1/accounts", Customer), 200),
    ((Browser, "GET /v1/accounts", Expired), 401),
    ((Browser, "GET /v1/accounts", Forged), 401),
    ((Browser, "GET /v1/accounts", Foreign), 401),
    ((Browser, "GET /v1/accounts", Opaque), 401),
    // A claim decides.
    ((Browser, "GET /admin/users", Customer), 403),
    ((Browser, "GET /admin/users", Operator), 200),
    ((Browser, "GET /admin/users", Revoked), 403),
    // So does a claim within a claim.
    ((Browser, "GET /support/tickets", Customer), 403),
    ((Browser, "GET /support/tickets", Operator), 200),
    // No `allow` block names this path for the gateway, though its ingress does.
    ((Browser, "GET /internal", Operator), 403),
    // Preflights and the status page need no token.
    ((Browser, "OPTIONS /v1/accounts", Absent), 200),
    ((Browser, "GET /status", Absent), 200),
    // The workload may call every path, but not without a token.
    ((Batch, "GET /v1/accounts", Absent), 403),
    ((Batch, "GET /v1/accounts", Customer), 200),
    ((Batch, "GET /v1/accounts", Forged), 401),
    ((Batch, "OPTIONS /v1/accounts", Absent), 200),
    ((Batch, "GET /status", Absent), 200),
];

/// The port of accounts that doesn't speak HTTP.
const LINES: &str = "accounts:9000";

struct Accounts {
    gateway: Workload,
    outside: Workload,
    batch: Workload,
    accounts: Workload,
    authorizer: Workload,
    issuer: TokenIssuer,
    others: TokenIssuer,
    /// Its provider connects through the proxy.
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Accounts {
    fn start() -> Self {
        let authorizers = ["authz", "second-authz"].map(|name| {
            json!({ "name": name, "envoyExtAuthzHttp": {
                "service": "authz.istio-system.svc.cluster.local", "port": 80, "includeRequestHeadersInCheck": [CONSENT.0],
            } })
        });
        let mesh = Mesh::start(&json!({ "extensionProviders": authorizers }));
        mesh.create_namespaces(["shop", "istio-ingress"]);
        mesh.service("istio-system", "authz", &[("http", 80, 8080)]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let issuer = TokenIssuer::new(ISSUER);
        configure(&workspace, Some(&issuer), "", REQUIRED);
        workspace.converge();
        let [gateway, outside, batch, accounts, authorizer] = start_all([
            mesh.workload("istio-ingress", "public").gateway(),
            mesh.workload("shop", "outside").without_sidecar(),
            mesh.workload("shop", "batch"),
            mesh.workload("shop", "accounts").port(8080).tcp_port(9000),
            mesh.workload("istio-system", "authz").without_sidecar(),
        ]);
        authorizer.behave(Behavior { required_header: Some(CONSENT), ..Behavior::default() });
        let others = TokenIssuer::new("https://elsewhere.example.com");
        Self { gateway, outside, batch, accounts, authorizer, issuer, others, workspace, proxy, mesh }
    }

    /// Applies further arguments of the mesh's defaults, and of the service.
    fn converge(&self, defaults: &str, service: &str) {
        configure(&self.workspace, Some(&self.issuer), defaults, service);
        self.workspace.converge();
    }

    fn request(&self, (client, target, token): Call) -> Request<'_> {
        let (method, path) = target.split_once(' ').expect("a method and a path");
        let method: Method = method.parse().expect("a method");
        let request = match client {
            Browser => {
                let url = format!("http://accounts.example.com{path}");
                self.outside.request(method, &url).connect_to((self.gateway.address(), 80))
            }
            Batch => self.batch.request(method, &format!("http://accounts{path}")),
        };
        let mut operator = json!({ "groups": ["staff", "operators"], "realm_access": { "roles": ["support-eu"] } });
        let token = match token {
            Absent => return request,
            Customer => self.issuer.bearer(&json!({})),
            Operator => self.issuer.bearer(&operator),
            Revoked => {
                operator["jti"] = "3f1c7d2a".into();
                self.issuer.bearer(&operator)
            }
            Expired => self.issuer.bearer(&json!({ "exp": 1_700_000_000 })),
            Forged => self.others.bearer(&json!({ "iss": ISSUER })),
            Opaque => "Bearer 0123456789abcdef".to_owned(),
            Foreign => self.others.bearer(&json!({})),
        };
        request.header("authorization", &token)
    }

    /// Repeats a request until it gets this code.
    #[track_caller]
    fn becomes(&self, call: Call, code: u16) {
        let answer = self.request(call).becomes(code);
        if code == 200 {
            assert_eq!(answer.served_by(), Some(self.accounts.pod()), "{call:?}");
            let user = answer.received_header("x-user");
            assert_eq!(user.is_some(), call.2 != Absent, "{call:?}: {answer}");
        } else {
            assert_eq!(answer.served_by(), None, "{call:?}: {answer}");
        }
    }

    /// The answers of the scenario, except for the calls that `differing` has.
    #[track_caller]
    fn assert_answers(&self, differing: &[(Call, u16)]) {
        for (call, code) in ANSWERS {
            let changed = differing.iter().find(|(other, _)| other == call);
            self.becomes(*call, changed.map_or(*code, |(_, code)| *code));
        }
        self.batch.line_is_answered(LINES, true);
    }
}

/// The argument of accounts that asks for a token.
const REQUIRED: &str = "require_end_user {
    except_paths   = [\"/status\"]
    except_methods = [\"OPTIONS\"]
  }";

/// Without an issuer, no token is verified.
fn configure(workspace: &Workspace, issuer: Option<&TokenIssuer>, defaults: &str, service: &str) {
    let jwt = issuer.map_or_else(String::new, |issuer| {
        format!(
            "jwt {{\n    issuer            = \"{ISSUER}\"\n    jwks              = {:?}\n    claims_to_headers = {{ sub = \"x-user\" }}\n  }}",
            issuer.key_set()
        )
    });
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner              = "tests/end-users"
  gateway_namespaces = ["istio-ingress"]
}}

resource "mesh_global_defaults" "this" {{
  mtls {{}}
  {jwt}
  {defaults}
}}

resource "mesh_gateway" "public" {{
  name            = "public"
  namespace       = "istio-ingress"
  selector        = {{ app = "public" }}
  server {{
    port       = 80
    protocol   = "http"
    hosts      = ["accounts.example.com"]
    namespaces = ["*"]
  }}
}}

resource "mesh_service" "accounts" {{
  name      = "accounts"
  namespace = "shop"
  service   = "managed"
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
  ingress {{
    gateway = "istio-ingress/public"
    hosts   = ["accounts.example.com"]
  }}
  allow {{
    from  = ["istio-ingress/public"]
    paths = ["/v1/*"]
    end_user {{
      issuer = "{ISSUER}"
    }}
  }}
  allow {{
    from  = ["istio-ingress/public"]
    paths = ["/admin/*"]
    end_user {{
      issuer = "{ISSUER}"
      claims = {{ groups = ["operators"] }}
    }}
  }}
  allow {{
    from  = ["istio-ingress/public"]
    paths = ["/support/*"]
    end_user {{
      issuer = "{ISSUER}"
      claims = {{ "[realm_access][roles]" = ["support-*"] }}
    }}
  }}
  deny {{
    from = ["anonymous"]
    end_user {{
      issuer = "{ISSUER}"
      claims = {{ jti = ["3f1c7d2a"] }}
    }}
  }}
  allow {{
    from    = ["istio-ingress/public"]
    methods = ["OPTIONS"]
  }}
  allow {{
    from  = ["istio-ingress/public"]
    paths = ["/status"]
  }}
  allow {{
    from = ["batch"]
  }}
  {service}
}}
"#
    ));
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn tokens_claims_and_preflights() {
    let _turn = take_turn();
    let accounts = Accounts::start();
    accounts.assert_answers(&[]);
    // The header of a claim can't be forged.
    let forged = accounts.request((Browser, "GET /status", Absent)).header("x-user", "mallory").becomes(200);
    assert_eq!(forged.received_header("x-user"), None);

    // Without `require_end_user`, wrong tokens are refused all the same, and the allow blocks alone decide about the others.
    accounts.converge("", "");
    accounts.assert_answers(&[((Batch, "GET /v1/accounts", Absent), 200)]);
    // Negative control: without a block that asks for a user, the gateway's requests need no token.
    accounts.converge("", "allow {\n    from = [\"istio-ingress/public\"]\n  }");
    accounts.assert_answers(&[
        ((Browser, "GET /v1/accounts", Absent), 200),
        ((Browser, "GET /admin/users", Customer), 200),
        ((Browser, "GET /support/tickets", Customer), 200),
        ((Browser, "GET /internal", Operator), 200),
        ((Batch, "GET /v1/accounts", Absent), 200),
    ]);

    // The mesh asks for a token everywhere, but for ports that carry none.
    let required = |ports: &str| REQUIRED.replacen("{\n", &format!("{{\n    {ports}\n"), 1);
    accounts.converge(&required("except_ports = [9000]"), "");
    accounts.assert_answers(&[]);
    // Negative control: all calls of the port are cut.
    accounts.converge(&required(""), "");
    accounts.batch.line_is_answered(LINES, false);
    accounts.becomes((Batch, "GET /v1/accounts", Customer), 200);

    // Requests with a token never fail while keys and the rule come and go in one apply.
    let [with_token, without_token] = [Customer, Absent].map(|token| (Batch, "GET /v1/accounts", token));
    let load = accounts.request(with_token).load(100);
    for _ in 0..3 {
        configure(&accounts.workspace, None, "", "");
        accounts.workspace.apply().expect_success();
        accounts.request(without_token).becomes(200);
        configure(&accounts.workspace, Some(&accounts.issuer), &required("except_ports = [9000]"), "");
        // From now on, tokens of other issuers are refused everywhere, which the plan says.
        let plan = accounts.workspace.plan();
        assert!(plan.text.contains("foreign-tokens"), "{}", plan.text);
        accounts.workspace.apply().expect_success();
        accounts.request(without_token).becomes(403);
    }
    let report = load.stop();
    eprintln!("{:?}", report.codes());
    report.assert_no_failure(300);
    // Negative control: the keys go before the rule.
    let keys = accounts.mesh.api().objects("istio-system");
    let keys = keys.iter().find(|key| key.starts_with("RequestAuthentication/")).expect("the keys are there");
    accounts.mesh.api().delete(&keys.parse().expect("a key"));
    accounts.request(with_token).becomes(403);
    accounts.workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn external_authorizer_is_asked_about_its_paths() {
    const CLOSE: Call = (Browser, "GET /v1/accounts/7/close", Customer);
    const OTHER_PATH: Call = (Browser, "GET /v1/accounts/7", Customer);
    let accounts = Accounts::start();
    let Accounts { authorizer, .. } = &accounts;
    accounts.becomes(CLOSE, 200);
    let external =
        "external_authorization {\n    provider = \"authz\"\n    paths    = [\"/v1/accounts/{*}/close\"]\n  }";
    accounts.converge("", &format!("{REQUIRED}\n  {external}"));

    // Its answer is passed on. It is asked about its paths alone, and before the token is looked for.
    let answer = accounts.request(CLOSE).becomes(401);
    assert_eq!(answer.served_by(), Some(authorizer.pod()));
    let consent = |call| accounts.request(call).header(CONSENT.0, CONSENT.1);
    assert_eq!(consent(CLOSE).becomes(200).served_by(), Some(accounts.accounts.pod()));
    consent((Browser, "GET /v1/accounts/7/close", Absent)).becomes(403);
    let asked = authorizer.take_requests();
    assert!(asked.iter().all(|request| request.path == "/v1/accounts/7/close"), "{asked:?}");
    assert!(asked.len() >= 6, "{asked:?}");
    accounts.becomes(OTHER_PATH, 200);
    accounts.assert_answers(&[]);
    assert_eq!(authorizer.take_requests().len(), 0);

    // The gateway asks about everything but the status page, and workloads ask about nothing.
    let at_gateway = "external_authorization {\n    provider     = \"authz\"\n    selector     = { app = \"public\" }\n    except_paths = \
                      [\"/status\"]\n  }";
    accounts.converge(at_gateway, REQUIRED);
    assert_eq!(accounts.request(OTHER_PATH).becomes(401).served_by(), Some(authorizer.pod()));
    assert_eq!(consent(OTHER_PATH).becomes(200).served_by(), Some(accounts.accounts.pod()));
    let unasked = [(Browser, "GET /status", Absent), (Batch, "GET /v1/accounts/7/close", Customer)];
    for call in unasked {
        accounts.becomes(call, 200);
    }
    authorizer.take_requests();
    for call in unasked {
        accounts.becomes(call, 200);
    }
    assert_eq!(authorizer.take_requests().len(), 0);
    accounts.converge("", &format!("{REQUIRED}\n  {external}"));
    accounts.request(CLOSE).becomes(401);

    // Two of them for the same workload refuse what they would be asked about, which the plan says.
    let second =
        "external_authorization {\n    provider = \"second-authz\"\n    selector = { app = \"accounts\" }\n  }";
    configure(&accounts.workspace, Some(&accounts.issuer), second, &format!("{REQUIRED}\n  {external}"));
    let plan = accounts.workspace.try_plan();
    assert!(plan.errors().contains("second-authorizer"), "{plan}");
    let configuration = accounts.workspace.read_file("main.tf");
    let checks = "provider \"mesh\" {\n  checks = { second-authorizer = \"warn\" }\n";
    accounts.workspace.write_file("main.tf", &configuration.replace("provider \"mesh\" {\n", checks));
    accounts.workspace.converge();
    consent(CLOSE).becomes(403);
    accounts.converge("", &format!("{REQUIRED}\n  {external}"));
    consent(CLOSE).becomes(200);

    // An authorizer that is gone refuses what it would be asked about.
    accounts.mesh.api().delete(&"Service/istio-system/authz".parse().expect("a key"));
    consent(CLOSE).becomes(403);
    accounts.becomes(OTHER_PATH, 200);
    accounts.workspace.destroy().expect_success();
}

const ALLOW: &str = "AuthorizationPolicy/shop/accounts-shop";
const END_USER: &str = "AuthorizationPolicy/shop/accounts-shop-end-user";

/// Changes the rule of the ALLOW policy that has this text.
fn change_rule(object: &mut Json, text: &str, change: fn(&mut Json)) {
    let rules = object["spec"]["rules"].as_array_mut().expect("rules");
    change(rules.iter_mut().find(|rule| rule.to_string().contains(text)).expect("the rule is there"));
}

/// Wrong renderings, and the answer that differs from [`ANSWERS`]. `None`: lines aren't answered any more.
const WRONG_RENDERINGS: &[WrongRendering<Option<(Call, u16)>>] = &[
    WrongRendering {
        name: "the rule for tokens holds on every port",
        object: END_USER,
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "ports"),
        noticed_by: None,
    },
    WrongRendering {
        name: "the rule for tokens names the Service's port",
        object: END_USER,
        change: |object| object["spec"]["rules"][0]["to"][0]["operation"]["ports"] = json!(["80"]),
        noticed_by: Some(((Batch, "GET /v1/accounts", Absent), 200)),
    },
    WrongRendering {
        name: "preflights are forgotten",
        object: END_USER,
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "notMethods"),
        noticed_by: Some(((Browser, "OPTIONS /v1/accounts", Absent), 403)),
    },
    WrongRendering {
        name: "paths without tokens are forgotten",
        object: END_USER,
        change: |object| remove(&mut object["spec"]["rules"][0]["to"][0]["operation"], "notPaths"),
        noticed_by: Some(((Browser, "GET /status", Absent), 403)),
    },
    WrongRendering {
        name: "a claim is forgotten",
        object: ALLOW,
        change: |object| {
            change_rule(object, "operators", |rule| {
                rule["when"].as_array_mut().expect("conditions").retain(|one| !one.to_string().contains("groups"));
            });
        },
        noticed_by: Some(((Browser, "GET /admin/users", Customer), 200)),
    },
    WrongRendering {
        name: "the rule of the ingress stays beside the allow blocks",
        object: ALLOW,
        change: |object| {
            let from = json!([{ "source": { "principals": ["cluster.local/ns/istio-ingress/sa/public"] } }]);
            object["spec"]["rules"].as_array_mut().expect("rules").push(json!({ "from": from }));
        },
        noticed_by: Some(((Browser, "GET /internal", Operator), 200)),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn wrong_renderings_for_end_users_are_noticed() {
    let accounts = Accounts::start();
    accounts.assert_answers(&[]);
    for wrong in WRONG_RENDERINGS {
        wrong.apply(&accounts.mesh, &accounts.proxy, &accounts.workspace);
        match wrong.noticed_by {
            Some((call, code)) => {
                assert!(ANSWERS.iter().any(|(other, right)| *other == call && *right != code), "{}", wrong.name);
                accounts.becomes(call, code);
            }
            None => accounts.batch.line_is_answered(LINES, false),
        }
    }
    repair(&accounts.proxy, &accounts.workspace);
    accounts.assert_answers(&[]);

    // Looked for elsewhere, a token doesn't count in the usual header.
    let elsewhere = format!(
        "jwt {{\n    issuer = \"{ISSUER}\"\n    jwks = {:?}\n    from_headers = {{ \"x-id-token\" = \"Token \" }}\n    from_params = \
         [\"id_token\"]\n    from_cookies = [\"id\"]\n  }}",
        accounts.issuer.key_set()
    );
    configure(&accounts.workspace, None, &elsewhere, REQUIRED);
    accounts.workspace.converge();
    accounts.becomes((Browser, "GET /v1/accounts", Customer), 403);
    let bearer = accounts.issuer.bearer(&json!({}));
    let token = bearer.trim_start_matches("Bearer ");
    let request = || accounts.request((Browser, "GET /v1/accounts", Absent));
    request().header("x-id-token", &format!("Token {token}")).becomes(200);
    request().header("x-id-token", token).becomes(403);
    request().header("cookie", &format!("a=b; id={token}")).becomes(200);
    let url = format!("http://accounts.example.com/v1/accounts?id_token={token}");
    accounts.outside.request(Method::GET, &url).connect_to((accounts.gateway.address(), 80)).becomes(200);

    // The keys of another issuer.
    let others = TokenIssuer::new(ISSUER);
    configure(&accounts.workspace, Some(&others), "", REQUIRED);
    accounts.workspace.converge();
    accounts.becomes((Browser, "GET /v1/accounts", Customer), 401);
    accounts.workspace.destroy().expect_success();
}
