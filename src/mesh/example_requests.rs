//! Example requests: one for each combination of the values that rules name, and of one of each kind that no rule names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::{
    json_path::{set, text},
    mesh::{
        live_objects::{items, namespace, strings},
        names,
        policy_evaluation::{HttpRequest, Request},
    },
};

/// A value that no rule names.
pub(super) const OTHER: &str = "a-value-that-no-rule-names";

/// An address that no rule names, unless it names all.
const OTHER_ADDRESS: &str = "192.0.2.1";

/// Stands for the ports that no rule names.
const OTHER_PORT: u16 = 0;

/// The prefix of the keys of conditions on attributes of requests.
const REQUEST: &str = "request.";

/// The prefix of the keys of conditions on claims.
const CLAIMS: &str = "request.auth.claims";

/// An example of requests.
pub(super) struct Example {
    pub(super) request: Request,
    /// The caller, in words.
    pub(super) caller: String,
    /// Method, path, host, token and other attributes, where a rule names some.
    pub(super) operation: String,
}

/// The values that rules name, and one of each kind that no rule names.
pub(super) struct NamedValues {
    /// Identities, with the words for them.
    callers: BTreeMap<Option<String>, String>,
    ports: BTreeSet<u16>,
    /// The ports on which proxies see connections, and no requests.
    tcp_ports: BTreeSet<u16>,
    methods: BTreeSet<String>,
    paths: BTreeSet<String>,
    hosts: BTreeSet<String>,
    addresses: BTreeSet<String>,
    /// Addresses of clients behind gateways.
    remote_addresses: BTreeSet<String>,
    tokens: Vec<Option<Json>>,
    /// Attributes that conditions name, by their keys: those that one rule asks for. The first are none.
    attributes: Vec<BTreeMap<String, String>>,
}

/// Returns a text that a pattern matches.
fn example(pattern: &str) -> String {
    pattern.replace("{**}", "x").replace("{*}", "x").replace('*', "x")
}

/// Returns an address of a block.
fn address(block: &str) -> String {
    block.split('/').next().unwrap_or(block).to_owned()
}

impl NamedValues {
    pub(super) fn of(policies: &[&Json], trust_domain: &str) -> Self {
        let mut values = Self {
            callers: BTreeMap::from([
                (None, "clients without an identity".to_owned()),
                (Some(names::principal(trust_domain, OTHER, OTHER)), "every other workload of the mesh".to_owned()),
            ]),
            ports: BTreeSet::new(),
            tcp_ports: BTreeSet::new(),
            methods: BTreeSet::new(),
            paths: BTreeSet::new(),
            hosts: BTreeSet::new(),
            addresses: BTreeSet::from([OTHER_ADDRESS.to_owned()]),
            remote_addresses: BTreeSet::from([OTHER_ADDRESS.to_owned()]),
            tokens: vec![None],
            attributes: vec![BTreeMap::new()],
        };
        for policy in policies {
            for rule in items(policy, &["spec", "rules"]) {
                values.add_rule(rule, namespace(policy), trust_domain);
            }
        }
        if values.ports.is_empty() {
            values.ports.insert(OTHER_PORT);
        }
        for (set, other) in [
            (&mut values.methods, "OTHER"),
            (&mut values.paths, "/a-value-that-no-rule-names"),
            (&mut values.hosts, OTHER),
        ] {
            set.insert(other.to_owned());
        }
        values
    }

    /// Adds the ports of a workload: those on which proxies see connections, and those with requests. One port stands for all that
    /// have requests and that no rule names.
    pub(super) fn with_ports(mut self, tcp_ports: BTreeSet<u16>, request_ports: &BTreeSet<u16>) -> Self {
        if request_ports.difference(&self.ports).next().is_some() {
            self.ports.insert(OTHER_PORT);
        } else if !request_ports.is_empty() || !tcp_ports.is_empty() {
            self.ports.remove(&OTHER_PORT);
        }
        self.ports.extend(&tcp_ports);
        self.tcp_ports = tcp_ports;
        self
    }

    fn add_rule(&mut self, rule: &Json, policy_namespace: &str, trust_domain: &str) {
        for source in items(rule, &["from"]) {
            let named =
                |fields: [&'static str; 2]| fields.into_iter().flat_map(|field| strings(source, &["source", field]));
            for principal in named(["principals", "notPrincipals"]).filter(|principal| *principal != "*") {
                let account = names::service_account_of(principal);
                let words = account.map_or(principal.to_owned(), |(namespace, name)| format!("{namespace}/{name}"));
                self.callers.insert(Some(principal.to_owned()), words);
            }
            for account in named(["serviceAccounts", "notServiceAccounts"]) {
                let (namespace, name) = account.split_once('/').unwrap_or((policy_namespace, account));
                self.callers
                    .insert(Some(names::principal(trust_domain, namespace, name)), format!("{namespace}/{name}"));
            }
            for domain in named(["trustDomains", "notTrustDomains"]) {
                let principal = names::principal(&example(domain), OTHER, OTHER);
                self.callers.insert(Some(principal), format!("workloads of the trust domain {domain}"));
            }
            for namespace in named(["namespaces", "notNamespaces"]) {
                let principal = names::principal(trust_domain, namespace, OTHER);
                self.callers.insert(Some(principal), format!("other workloads of {namespace}"));
            }
            self.addresses.extend(named(["ipBlocks", "notIpBlocks"]).map(address));
            self.remote_addresses.extend(named(["remoteIpBlocks", "notRemoteIpBlocks"]).map(address));
        }
        for to in items(rule, &["to"]) {
            let named =
                |fields: [&'static str; 2]| fields.into_iter().flat_map(|field| strings(to, &["operation", field]));
            self.ports.extend(named(["ports", "notPorts"]).filter_map(|port| port.parse::<u16>().ok()));
            self.methods.extend(named(["methods", "notMethods"]).map(example));
            self.paths.extend(named(["paths", "notPaths"]).map(example));
            self.hosts.extend(named(["hosts", "notHosts"]).map(example));
        }
        self.add_conditions(items(rule, &["when"]));
    }

    /// Adds a request that meets all conditions of a rule, and for each value that one of them excludes a request with it.
    fn add_conditions(&mut self, conditions: &[Json]) {
        let key = |condition: &Json| text(condition, &["key"]).unwrap_or_default().to_owned();
        let met: BTreeMap<String, String> = conditions
            .iter()
            .filter_map(|condition| {
                let value = strings(condition, &["values"]).next();
                // A claim that must not have a value has another one, since a token has claims.
                let value = value.or_else(|| key(condition).starts_with(CLAIMS).then_some("x"))?;
                Some((key(condition), value.to_owned()))
            })
            .collect();
        let excluded = conditions.iter().flat_map(|condition| {
            strings(condition, &["notValues"]).map(move |value| (key(condition), value.to_owned()))
        });
        let variants = excluded.map(|(key, value)| {
            let mut variant = met.clone();
            variant.insert(key, value);
            variant
        });
        for attributes in variants.collect::<Vec<_>>().into_iter().chain([met.clone()]) {
            self.add_attributes(attributes);
        }
    }

    fn add_attributes(&mut self, attributes: BTreeMap<String, String>) {
        let mut claims = json!({});
        let mut others = BTreeMap::new();
        for (key, value) in attributes {
            let names = key.strip_prefix("request.auth.claims[").and_then(|names| names.strip_suffix(']'));
            match (key.as_str(), names) {
                (_, Some(names)) => set(&mut claims, &names.split("][").collect::<Vec<_>>(), json!(example(&value))),
                ("request.auth.audiences", _) => set(&mut claims, &["aud"], json!(example(&value))),
                ("request.auth.presenter", _) => set(&mut claims, &["azp"], json!(example(&value))),
                ("request.auth.principal", _) => {
                    let value = example(&value);
                    let (issuer, subject) = value.rsplit_once('/').unwrap_or((&value, "x"));
                    set(&mut claims, &["iss"], json!(issuer));
                    set(&mut claims, &["sub"], json!(subject));
                }
                ("destination.ip", _) => drop(others.insert(key, address(&value))),
                _ => drop(others.insert(key, example(&value))),
            }
        }
        let token = Some(claims).filter(|claims| claims.as_object().is_some_and(|claims| !claims.is_empty()));
        if !self.tokens.contains(&token) {
            self.tokens.push(token);
        }
        if !self.attributes.contains(&others) {
            self.attributes.push(others);
        }
    }

    /// The number of requests that the values make.
    pub(super) fn count(&self) -> usize {
        let sizes = [
            self.callers.len(),
            self.ports.len(),
            self.methods.len(),
            self.paths.len(),
            self.hosts.len(),
            self.addresses.len(),
            self.remote_addresses.len(),
            self.tokens.len(),
            self.attributes.len(),
        ];
        sizes.iter().fold(1, |product, size| product.saturating_mul(*size))
    }

    /// The requests. Of more than `limit` only some are made.
    pub(super) fn examples(&self, limit: usize) -> impl Iterator<Item = Example> {
        let step = self.count() / limit.max(1) + 1;
        self.callers
            .iter()
            .flat_map(move |caller| self.ports.iter().map(move |port| (caller, port)))
            .flat_map(move |at| self.methods.iter().map(move |method| (at, method)))
            .flat_map(move |at| self.paths.iter().map(move |path| (at, path)))
            .flat_map(move |at| self.hosts.iter().map(move |host| (at, host)))
            .flat_map(move |at| self.addresses.iter().map(move |address| (at, address)))
            .flat_map(move |at| self.remote_addresses.iter().map(move |address| (at, address)))
            .flat_map(move |at| self.tokens.iter().map(move |token| (at, token)))
            .flat_map(move |at| self.attributes.iter().map(move |attributes| (at, attributes)))
            .step_by(step)
            .filter_map(
                move |((((((((caller, port), method), path), host), address), remote_address), token), attributes)| {
                    let is_connection = self.tcp_ports.contains(port);
                    let is_first = || {
                        (Some(method), Some(path), Some(host), token)
                            == (self.methods.first(), self.paths.first(), self.hosts.first(), &None)
                    };
                    // A connection has no method, path, host, token or header: one of these examples stands for all.
                    if is_connection && !is_first() {
                        return None;
                    }
                    let mut attributes = attributes.clone();
                    attributes.retain(|key, _| !is_connection || !key.starts_with(REQUEST));
                    let headers = attributes.iter().filter_map(|(key, value)| {
                        let name = key.strip_prefix("request.headers[")?.strip_suffix(']')?;
                        Some((name.to_ascii_lowercase(), value.clone()))
                    });
                    let http = HttpRequest {
                        method: method.clone(),
                        path: path.clone(),
                        host: host.clone(),
                        headers: headers.collect(),
                        claims: token.clone(),
                    };
                    let request = Request {
                        principal: caller.0.clone(),
                        source_ip: address.parse().ok()?,
                        remote_ip: remote_address.parse().ok()?,
                        port: *port,
                        sni: attributes.get("connection.sni").cloned(),
                        attributes: attributes.clone(),
                        http: (!is_connection).then_some(http),
                    };
                    let mut words = Vec::new();
                    let mut describe = |count: usize, text: String| words.extend((count > 1).then_some(text));
                    let or_other = |text: &String, is_other: bool, other: &str| {
                        if is_other { other.to_owned() } else { text.clone() }
                    };
                    describe(self.ports.len(), describe_port(*port, is_connection));
                    if !is_connection {
                        describe(self.methods.len(), or_other(method, method == "OTHER", "other methods"));
                        describe(self.paths.len(), or_other(path, path.contains(OTHER), "other paths"));
                        describe(self.hosts.len(), or_other(host, host == OTHER, "other hosts"));
                        describe(self.tokens.len(), describe_token(token.as_ref()));
                    }
                    describe(self.addresses.len(), describe_address(address, "from", "other addresses"));
                    let clients = "clients of other addresses";
                    describe(self.remote_addresses.len(), describe_address(remote_address, "client", clients));
                    describe(self.attributes.len(), describe_attributes(&attributes));
                    Some(Example { request, caller: caller.1.clone(), operation: words.join(" ") })
                },
            )
    }
}

fn describe_port(port: u16, is_connection: bool) -> String {
    match port {
        OTHER_PORT => "other ports".to_owned(),
        port if is_connection => format!("TCP port {port}"),
        port => format!("port {port}"),
    }
}

fn describe_token(token: Option<&Json>) -> String {
    match (token, token.and_then(|claims| text(claims, &["iss"]))) {
        (None, _) => "without token".to_owned(),
        (_, Some(issuer)) => format!("token of {issuer}"),
        _ => "with a token".to_owned(),
    }
}

fn describe_address(address: &str, relation: &str, other: &str) -> String {
    if address == OTHER_ADDRESS { other.to_owned() } else { format!("{relation} {address}") }
}

fn describe_attributes(attributes: &BTreeMap<String, String>) -> String {
    if attributes.is_empty() {
        return "with other attributes".to_owned();
    }
    let each: Vec<String> = attributes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("with {}", each.join(", "))
}
