//! Every argument about traffic on a real API server is set, changed and removed, and no other field changes.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{destroy_all, provider, workspace};

/// A field as `Kind/spec/…`, with its values after the argument is set and after it is changed.
type Field = (&'static str, fn() -> [Json; 2]);

/// A test of one argument.
struct Argument {
    /// Name of the service that has the argument.
    name: &'static str,
    /// Other arguments that the service has all the time.
    context: &'static str,
    set: &'static str,
    changed: &'static str,
    /// The fields that the argument writes.
    fields: &'static [Field],
}

const VERSIONS: &str = r#"
  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 100
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 0
  }
"#;

const ROUTES: &str = "VirtualService/spec/http";
const POLICY: &str = "DestinationRule/spec/trafficPolicy";

/// The destination of a subset.
fn subset_destination(subset: &str) -> Json {
    json!({ "host": "HOST", "port": { "number": 80 }, "subset": subset })
}

/// A weighted destination with all endpoints.
fn whole_service() -> Json {
    json!({ "destination": { "host": "HOST", "port": { "number": 80 } } })
}

/// The default route, which matches all requests.
fn default_route() -> Json {
    json!({ "match": [{ "port": 80 }], "retries": { "attempts": 0 }, "route": [whole_service()] })
}

/// The routes of the VirtualService: one with these fields, followed by the default route.
fn with_route(fields: &Json) -> Json {
    let mut route = default_route();
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            route.as_object_mut().unwrap().remove(name);
        } else {
            route[name] = value.clone();
        }
    }
    json!([route, default_route()])
}

const ARGUMENTS: &[Argument] = &[
    Argument {
        name: "request-timeout",
        context: "",
        set: "request_timeout = \"5s\"",
        changed: "request_timeout = \"1500ms\"",
        fields: &[("VirtualService/spec/http/0/timeout", || [json!("5s"), json!("1500ms")])],
    },
    Argument {
        name: "streaming",
        context: "resiliency = \"high\"",
        set: "streaming = true",
        changed: "streaming = true\nretries {\n  attempts = 0\n}",
        fields: &[
            // A limit of requests would be one of open streams.
            ("DestinationRule/spec/trafficPolicy/connectionPool/http", || [Json::Null, Json::Null]),
            ("VirtualService/spec/http/0/timeout", || [Json::Null, Json::Null]),
            ("VirtualService/spec/http/0/retries", || {
                [
                    json!({ "attempts": 3, "retryOn": "connect-failure,refused-stream,reset-before-request" }),
                    json!({ "attempts": 0 }),
                ]
            }),
        ],
    },
    Argument {
        name: "retries",
        context: "",
        set: "retries {\n  attempts = 2\n}",
        changed: "retries {\n  attempts = 3\n  idempotent = true\n  per_try_timeout = \"2s\"\n}",
        fields: &[("VirtualService/spec/http/0/retries", || {
            [
                json!({ "attempts": 2, "retryOn": "connect-failure,refused-stream,reset-before-request" }),
                json!({
                    "attempts": 3, "perTryTimeout": "2s",
                    "retryOn": "connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled",
                }),
            ]
        })],
    },
    Argument {
        name: "circuit-breaker",
        context: "port {\n  number = 9000\n  protocol = \"tcp\"\n}",
        set: "circuit_breaker {\n  connect_timeout = \"2s\"\n  max_connections = 8\n}",
        changed: "circuit_breaker {\n  max_pending_requests = 16\n  max_requests = 32\n}",
        fields: &[(POLICY, || {
            [
                json!({ "connectionPool": { "tcp": { "connectTimeout": "2s", "maxConnections": 8 } } }),
                json!({
                    "connectionPool": { "http": { "http1MaxPendingRequests": 16, "http2MaxRequests": 32 } },
                    "portLevelSettings": [{ "port": { "number": 9000 }, "connectionPool": { "tcp": {} } }],
                }),
            ]
        })],
    },
    Argument {
        name: "outlier-detection",
        context: "",
        set: "outlier_detection {\n  consecutive_5xx = 3\n  interval = \"5s\"\n}",
        changed: "outlier_detection {\n  consecutive_gateway_errors = 2\n  base_ejection_time = \"1m\"\n  max_ejection_percent = 40\n}",
        fields: &[(POLICY, || {
            let load_balancer = json!({ "localityLbSetting": { "enabled": false } });
            [
                json!({ "outlierDetection": { "consecutive5xxErrors": 3, "interval": "5s" }, "loadBalancer": load_balancer }),
                json!({
                    "outlierDetection": {
                        "baseEjectionTime": "60s", "maxEjectionPercent": 40,
                        "consecutiveGatewayErrors": 2, "consecutive5xxErrors": 0,
                    },
                    "loadBalancer": load_balancer,
                }),
            ]
        })],
    },
    Argument {
        name: "failover",
        context: "resiliency = \"medium\"",
        set: "failover {\n  from = \"eu\"\n  to = \"us\"\n}",
        changed: "failover_priority = [\"topology.kubernetes.io/region\", \"tier=gold\"]",
        fields: &[
            ("DestinationRule/spec/trafficPolicy/loadBalancer/localityLbSetting", || {
                [
                    json!({ "enabled": true, "failover": [{ "from": "eu", "to": "us" }] }),
                    json!({ "enabled": true, "failoverPriority": ["topology.kubernetes.io/region", "tier=gold"] }),
                ]
            }),
            ("DestinationRule/spec/trafficPolicy/outlierDetection/maxEjectionPercent", || [json!(100), json!(100)]),
        ],
    },
    Argument {
        name: "version",
        context: "",
        set: "version {\n  name = \"v1\"\n  labels = { version = \"v1\" }\n}",
        changed: "version {\n  name = \"v1\"\n  labels = { version = \"v1\" }\n  weight = 80\n}\nversion {\n  name = \"v2\"\n  labels \
                  = { version = \"v2\" }\n  weight = 20\n}",
        fields: &[
            ("DestinationRule/spec/subsets", || {
                let subset = |name: &str| json!({ "name": name, "labels": { "version": name } });
                [json!([subset("v1")]), json!([subset("v1"), subset("v2")])]
            }),
            ("VirtualService/spec/http/0/route", || {
                [
                    json!([{ "destination": subset_destination("v1") }]),
                    json!([{ "destination": subset_destination("v1"), "weight": 80 }, { "destination": subset_destination("v2"), "weight": 20 }]),
                ]
            }),
        ],
    },
    Argument {
        name: "settle-seconds",
        context: VERSIONS,
        set: "settle_seconds = 0",
        changed: "settle_seconds = 1",
        fields: &[],
    },
    Argument {
        name: "match",
        context: "",
        set: "route {\n  name = \"a\"\n  match {\n    path = \"/a/*\"\n    method = \"GET\"\n  }\n}",
        changed: "route {\n  match {\n    path = \"/a\"\n    headers = { x-a = \"*\", X-B = \"b*\" }\n    query = { c = \"d\", e = \
                  \"*\" }\n  }\n  request_timeout = \"1s\"\n}",
        fields: &[(ROUTES, || {
            let query = json!({ "c": { "exact": "d" }, "e": {} });
            let headers = json!({ "x-a": {}, "x-b": { "prefix": "b" } });
            let matches = json!([{ "port": 80, "uri": { "exact": "/a" }, "headers": headers, "queryParams": query }]);
            [
                with_route(&json!({
                    "name": "a",
                    "match": [{ "port": 80, "uri": { "prefix": "/a/" }, "method": { "exact": "GET" } }],
                })),
                with_route(&json!({ "match": matches, "timeout": "1s" })),
            ]
        })],
    },
    Argument {
        name: "rewrite",
        context: "",
        set: "route {\n  match {\n    path = \"/a/*\"\n  }\n  rewrite {\n    path = \"/b/\"\n  }\n}",
        changed: "route {\n  match {\n    path = \"/a/*\"\n  }\n  rewrite {\n    host = \"b.example.com\"\n  }\n}",
        fields: &[(ROUTES, || {
            let matches = json!([{ "port": 80, "uri": { "prefix": "/a/" } }]);
            [
                with_route(&json!({ "match": matches, "rewrite": { "uri": "/b/" } })),
                with_route(&json!({ "match": matches, "rewrite": { "authority": "b.example.com" } })),
            ]
        })],
    },
    Argument {
        name: "redirect",
        context: "",
        set: "route {\n  match {\n    path = \"/a\"\n  }\n  redirect {\n    path = \"/b\"\n  }\n}",
        changed: "route {\n  match {\n    path = \"/a\"\n  }\n  redirect {\n    host = \"b.example.com\"\n    status = 307\n  }\n}",
        fields: &[(ROUTES, || {
            let matches = json!([{ "port": 80, "uri": { "exact": "/a" } }]);
            let redirected = |redirect: Json| {
                with_route(&json!({ "match": matches, "redirect": redirect, "route": null, "retries": null }))
            };
            [
                redirected(json!({ "uri": "/b", "redirectCode": 301 })),
                redirected(json!({ "authority": "b.example.com", "redirectCode": 307 })),
            ]
        })],
    },
    Argument {
        name: "fault",
        context: "",
        set: "route {\n  match {\n    path = \"/a\"\n  }\n  fault {\n    delay = \"1s\"\n  }\n}",
        changed: "route {\n  match {\n    path = \"/a\"\n  }\n  fault {\n    abort_status = 503\n    abort_percent = 5\n  }\n}",
        fields: &[(ROUTES, || {
            let matches = json!([{ "port": 80, "uri": { "exact": "/a" } }]);
            let delay = json!({ "delay": { "fixedDelay": "1s", "percentage": { "value": 100 } } });
            let abort = json!({ "abort": { "httpStatus": 503, "percentage": { "value": 5 } } });
            [
                with_route(&json!({ "match": matches, "fault": delay })),
                with_route(&json!({ "match": matches, "fault": abort })),
            ]
        })],
    },
    Argument {
        name: "to-and-mirror",
        context: VERSIONS,
        set: "route {\n  match {\n    path = \"/a\"\n  }\n  to {\n    version = \"v2\"\n  }\n}",
        changed: "route {\n  match {\n    path = \"/a\"\n  }\n  mirror {\n    version = \"v2\"\n    percent = 10\n  }\n}",
        fields: &[(ROUTES, || {
            let shared = json!([{ "destination": subset_destination("v1"), "weight": 100 }, { "destination": subset_destination("v2"), "weight": 0 }]);
            let all = json!({ "match": [{ "port": 80 }], "retries": { "attempts": 0 }, "route": shared });
            let matches = json!([{ "port": 80, "uri": { "exact": "/a" } }]);
            let retries = json!({ "attempts": 0 });
            let sent =
                json!({ "match": matches, "retries": retries, "route": [{ "destination": subset_destination("v2") }] });
            let mirrored = json!({
                "match": matches, "retries": retries, "route": shared,
                "mirrors": [{ "destination": subset_destination("v2"), "percentage": { "value": 10 } }],
            });
            [json!([sent, all]), json!([mirrored, all])]
        })],
    },
];

/// The configuration of all services. `text` returns the argument of each.
fn services(text: impl Fn(&Argument) -> &'static str) -> String {
    let service = |argument: &Argument| {
        let resiliency = if argument.context.contains("resiliency") { "" } else { "resiliency = \"none\"" };
        format!(
            "resource \"mesh_service\" {name:?} {{\n  name = {name:?}\n  namespace = \"NAMESPACE\"\n  service = \"managed\"\n  port {{\n    \
             number = 80\n    protocol = \"http\"\n  }}\n{resiliency}\n{}\n{}\n}}\n",
            argument.context,
            text(argument),
            name = argument.name
        )
    };
    ARGUMENTS.iter().map(service).collect()
}

/// The specs of a service's objects, by kind.
fn specs(namespace: &Namespace, argument: &Argument) -> BTreeMap<String, Json> {
    let api = control_plane().api();
    let is_of_service =
        |key: &Key| key.name == argument.name || key.name == format!("{}-{}", argument.name, namespace.name);
    let keys =
        api.objects(&namespace.name).into_iter().map(|key| key.parse::<Key>().expect("a key")).filter(is_of_service);
    keys.map(|key| (key.kind.kind.to_owned(), api.get_existing(&key)["spec"].clone())).collect()
}

/// Removes the value at `pointer`.
fn remove(json: &mut Json, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    if let Some(fields) = json.pointer_mut(parent).and_then(Json::as_object_mut) {
        fields.remove(name);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("traffic");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        let apply = |text: &dyn Fn(&Argument) -> &'static str| -> Vec<BTreeMap<String, Json>> {
            let arguments = "config_path = \"kubeconfig\"\n  defaults {\n    resiliency = \"medium\"\n  }";
            workspace.configure(&provider(&namespace, "istio-system", arguments, &services(text)));
            workspace.converge();
            ARGUMENTS.iter().map(|argument| specs(&namespace, argument)).collect()
        };
        let without = apply(&|_| "");
        let set = apply(&|argument| argument.set);
        let changed = apply(&|argument| argument.changed);
        assert_eq!(apply(&|_| ""), without, "{tool}: removing the arguments restores all objects");
        for (n, argument) in ARGUMENTS.iter().enumerate() {
            let host = format!("{}.{}.svc.cluster.local", argument.name, namespace.name);
            let mut objects = [without[n].clone(), set[n].clone(), changed[n].clone()];
            for (field, values) in argument.fields {
                let (kind, pointer) = field.split_once("/spec").expect("Kind/spec/…");
                for (specs, value) in objects[1..].iter().zip(values()) {
                    let value: Json = serde_json::from_str(&value.to_string().replace("HOST", &host)).expect("JSON");
                    let found = specs[kind].pointer(pointer).cloned().unwrap_or_default();
                    assert_eq!(found, value, "{tool}: {} {field}", argument.name);
                }
            }
            for (field, _) in argument.fields {
                let (kind, pointer) = field.split_once("/spec").expect("Kind/spec/…");
                for specs in &mut objects {
                    remove(specs.get_mut(kind).expect("the object exists"), pointer);
                }
            }
            let [without, set, changed] = objects;
            assert_eq!(set, without, "{tool}: {} changes other fields", argument.name);
            assert_eq!(changed, without, "{tool}: {} changes other fields", argument.name);
        }
        destroy_all(&workspace, &namespace);
    }
}
