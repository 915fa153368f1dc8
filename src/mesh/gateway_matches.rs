//! What VirtualServices match at gateways, live or rendered, and whether two of them match the same. Istio puts the rules of all
//! VirtualServices of a host at a gateway into one list: first of those that are exported to the namespace of the gateway's pods alone,
//! then of those that every namespace sees, and in each group of the oldest first (`VirtualServicesForGateway` in Istio's
//! `pilot/pkg/model/push_context.go`). Only rules for every request of the host go to the end (`SortVHostRoutes` in
//! `pilot/pkg/networking/core/route/route.go`).

use std::fmt;

use serde_json::Value as Json;

use super::live_objects::{items, namespace, strings};
use crate::json_path::{at, text};

/// What one rule of a VirtualService matches at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayMatch {
    /// The Gateway, `namespace/name`.
    gateway: String,
    matched: Matched,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matched {
    /// Requests for a host.
    Requests {
        host: String,
        path: Paths,
        /// Whether the rule asks for more than host and path, such as a header.
        has_conditions: bool,
    },
    /// TLS connections by server name; of all ports of the gateway, or of one.
    Tls { server_name: String, port: Option<i64> },
    /// Connections to a port of the gateway.
    Tcp { port: Option<i64> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Paths {
    Exact(String),
    /// Paths with this prefix. `/` is every path.
    Prefix(String),
    Regex(String),
}

impl fmt::Display for GatewayMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.matched {
            Matched::Requests { host, path, .. } => {
                match path {
                    Paths::Exact(path) | Paths::Regex(path) => write!(f, "{path}")?,
                    Paths::Prefix(prefix) if prefix == "/" => f.write_str("every path")?,
                    Paths::Prefix(prefix) => write!(f, "{prefix}*")?,
                }
                write!(f, " of {host}")?;
            }
            Matched::Tls { server_name, .. } => write!(f, "the server name {server_name}")?,
            Matched::Tcp { port: Some(port) } => write!(f, "port {port}")?,
            Matched::Tcp { port: None } => f.write_str("every port")?,
        }
        write!(f, " at {}", self.gateway)
    }
}

impl GatewayMatch {
    /// Whether both match the same requests or connections, so that the order of their VirtualServices decides. Hosts are compared as they
    /// are written: of a wildcard and a host that it covers, Istio takes the host. Where it isn't certain, the answer is no.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.gateway == other.gateway && self.matched.overlaps(&other.matched)
    }
}

impl Matched {
    fn overlaps(&self, other: &Self) -> bool {
        let is_same_port = |one: Option<i64>, other: Option<i64>| one.is_none() || other.is_none() || one == other;
        match (self, other) {
            (
                Self::Requests { host, path, has_conditions },
                Self::Requests { host: other_host, path: other_path, has_conditions: other_has_conditions },
            ) => {
                host == other_host
                    && self.is_last() == other.is_last()
                    && !(*has_conditions && *other_has_conditions)
                    && path.overlaps(other_path)
            }
            (Self::Tls { server_name, port }, Self::Tls { server_name: other_name, port: other_port }) => {
                server_name == other_name && is_same_port(*port, *other_port)
            }
            (Self::Tcp { port }, Self::Tcp { port: other_port }) => is_same_port(*port, *other_port),
            _ => false,
        }
    }

    /// Whether Istio puts the rule after all others of the host.
    fn is_last(&self) -> bool {
        matches!(self, Self::Requests { path, has_conditions: false, .. } if path.is_every_path())
    }
}

impl Paths {
    fn is_every_path(&self) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Prefix(prefix) => prefix == "/",
            Self::Regex(regex) => regex == ".*",
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(path), Self::Exact(other)) | (Self::Regex(path), Self::Regex(other)) => path == other,
            (Self::Exact(path), Self::Prefix(prefix)) | (Self::Prefix(prefix), Self::Exact(path)) => {
                path.starts_with(prefix)
            }
            (Self::Prefix(prefix), Self::Prefix(other)) => prefix.starts_with(other) || other.starts_with(prefix),
            (Self::Regex(_), other) | (other, Self::Regex(_)) => other.is_every_path(),
        }
    }
}

/// What the rules of a VirtualService match at gateways.
pub fn gateway_matches(virtual_service: &Json) -> Vec<GatewayMatch> {
    let spec = at(virtual_service, &["spec"]);
    let gateways = strings(spec, &["gateways"]).filter(|gateway| *gateway != "mesh").map(|gateway| {
        if gateway.contains('/') { gateway.to_owned() } else { format!("{}/{gateway}", namespace(virtual_service)) }
    });
    let port = |condition: &Json| at(condition, &["port"]).as_i64();
    let mut matched = Vec::new();
    for rule in items(spec, &["http"]) {
        let requests = paths(rule);
        for host in strings(spec, &["hosts"]) {
            matched.extend(requests.iter().map(|(path, has_conditions)| Matched::Requests {
                host: host.to_owned(),
                path: path.clone(),
                has_conditions: *has_conditions,
            }));
        }
    }
    for condition in items(spec, &["tls"]).iter().flat_map(|rule| items(rule, &["match"])) {
        let names = strings(condition, &["sniHosts"]);
        matched.extend(names.map(|name| Matched::Tls { server_name: name.to_owned(), port: port(condition) }));
    }
    for rule in items(spec, &["tcp"]) {
        let conditions = items(rule, &["match"]);
        matched.extend(conditions.iter().map(|condition| Matched::Tcp { port: port(condition) }));
        matched.extend(conditions.is_empty().then_some(Matched::Tcp { port: None }));
    }
    let with_gateway = |gateway: String| {
        matched.iter().map(move |matched| GatewayMatch { gateway: gateway.clone(), matched: matched.clone() })
    };
    gateways.flat_map(with_gateway).collect()
}

/// The paths of each match of an HTTP rule, and whether it asks for more.
fn paths(rule: &Json) -> Vec<(Paths, bool)> {
    let every_path = || Paths::Prefix("/".to_owned());
    let conditions = items(rule, &["match"]);
    if conditions.is_empty() {
        return vec![(every_path(), false)];
    }
    let path = |condition: &Json| {
        let uri = at(condition, &["uri"]);
        let path = if let Some(path) = text(uri, &["exact"]) {
            Paths::Exact(path.to_owned())
        } else if let Some(prefix) = text(uri, &["prefix"]) {
            Paths::Prefix(prefix.to_owned())
        } else {
            text(uri, &["regex"]).map_or_else(every_path, |regex| Paths::Regex(regex.to_owned()))
        };
        let mut fields = condition.as_object().into_iter().flatten();
        let has_conditions = fields.any(|(name, _)| !matches!(name.as_str(), "uri" | "name" | "gateways"));
        (path, has_conditions)
    };
    conditions.iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(spec: &Json) -> Vec<GatewayMatch> {
        let mut spec = spec.clone();
        let defaults = json!({ "gateways": ["ingress/public"], "hosts": ["a.test"] });
        for (name, value) in defaults.as_object().expect("an object") {
            spec.as_object_mut().expect("an object").entry(name.clone()).or_insert(value.clone());
        }
        gateway_matches(&json!({ "metadata": { "namespace": "ingress" }, "spec": spec }))
    }

    /// A VirtualService with one rule for paths: exact, with `*` at the end, or any if the text is empty.
    fn requests(paths: &[&str]) -> Json {
        let uri = |path: &&str| match path.strip_suffix('*') {
            Some(prefix) => json!({ "uri": { "prefix": prefix } }),
            None => json!({ "uri": { "exact": path } }),
        };
        json!({ "http": [{ "match": paths.iter().map(uri).collect::<Vec<_>>() }] })
    }

    #[test]
    fn rules_that_match_the_same() {
        let with = |mut spec: Json, name: &str, value: Json| {
            spec[name] = value;
            spec
        };
        let header = |path: &str| {
            let mut spec = requests(&[path]);
            spec["http"][0]["match"][0]["headers"] = json!({ "x": { "exact": "1" } });
            spec
        };
        let tls = |name: &str, port: Json| json!({ "tls": [{ "match": [{ "sniHosts": [name], "port": port }] }] });
        let tcp = |port: u16| json!({ "tcp": [{ "match": [{ "port": port }] }] });
        let table = [
            (requests(&["/api*"]), requests(&["/api/v2*"]), true),
            (requests(&["/a/*", "/b/*"]), requests(&["/b/c"]), true),
            (requests(&["/a"]), requests(&["/a"]), true),
            (requests(&["/a"]), requests(&["/b"]), false),
            (requests(&["/a/*"]), requests(&["/b/*"]), false),
            (requests(&["/a/*"]), requests(&["/a"]), false),
            // A rule for every path comes last, whatever the ages are.
            (requests(&["/a/*"]), requests(&[]), false),
            (requests(&["/a/*"]), requests(&["/*"]), false),
            (requests(&[]), requests(&["/*"]), true),
            (requests(&["/a/*"]), header("/*"), true),
            (requests(&[]), header("/*"), false),
            (header("/a"), header("/a"), false),
            (requests(&["/a"]), with(requests(&["/a"]), "hosts", json!(["b.test"])), false),
            (requests(&["/a"]), with(requests(&["/a"]), "hosts", json!(["*.test"])), false),
            (requests(&["/a"]), with(requests(&["/a"]), "gateways", json!(["public"])), true),
            (requests(&["/a"]), with(requests(&["/a"]), "gateways", json!(["other/public"])), false),
            (requests(&["/a"]), with(requests(&["/a"]), "gateways", json!(["mesh"])), false),
            (tls("a.test", Json::Null), tls("a.test", json!(443)), true),
            (tls("a.test", json!(8443)), tls("a.test", json!(443)), false),
            (tls("a.test", Json::Null), tls("b.test", Json::Null), false),
            (tcp(5432), tcp(5432), true),
            (tcp(5432), tcp(5433), false),
            (tcp(5432), requests(&[]), false),
        ];
        for (one, other, expected) in table {
            let (one_matches, other_matches) = (of(&one), of(&other));
            let overlaps = one_matches.iter().any(|one| other_matches.iter().any(|other| one.overlaps(other)));
            let reverse = other_matches.iter().any(|other| one_matches.iter().any(|one| other.overlaps(one)));
            assert_eq!((overlaps, reverse), (expected, expected), "{one} and {other}");
        }
    }
}
