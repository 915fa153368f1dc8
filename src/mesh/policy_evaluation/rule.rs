//! Whether a rule matches a request.

use serde::Deserialize;

use super::{
    patterns::{contains, matches_path, matches_text},
    request::{HttpRequest, Request},
};

/// The action of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Action {
    /// Admits matching requests, and refuses all others unless another ALLOW policy admits them.
    #[default]
    Allow,
    /// Refuses matching requests.
    Deny,
    /// Lets an external authorizer decide about matching requests.
    Custom,
    /// Marks matching requests for logs, and decides nothing.
    Audit,
}

/// A rule, which matches if one of `from`, one of `to` and all of `when` match. An empty list matches every request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rule {
    from: Vec<From>,
    to: Vec<To>,
    when: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct From {
    source: Source,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct To {
    operation: Operation,
}

/// The source of a request. All fields that are set must match.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Source {
    principals: Vec<String>,
    not_principals: Vec<String>,
    request_principals: Vec<String>,
    not_request_principals: Vec<String>,
    namespaces: Vec<String>,
    not_namespaces: Vec<String>,
    /// Service accounts as `namespace/name`, or as `name` in the namespace of the policy.
    service_accounts: Vec<String>,
    not_service_accounts: Vec<String>,
    trust_domains: Vec<String>,
    not_trust_domains: Vec<String>,
    ip_blocks: Vec<String>,
    not_ip_blocks: Vec<String>,
    remote_ip_blocks: Vec<String>,
    not_remote_ip_blocks: Vec<String>,
}

/// The operation of a request. All fields that are set must match.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Operation {
    hosts: Vec<String>,
    not_hosts: Vec<String>,
    ports: Vec<String>,
    not_ports: Vec<String>,
    methods: Vec<String>,
    not_methods: Vec<String>,
    paths: Vec<String>,
    not_paths: Vec<String>,
}

/// A condition on an attribute.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Condition {
    key: String,
    values: Vec<String>,
    not_values: Vec<String>,
}

/// The attribute of a condition (<https://istio.io/latest/docs/reference/config/security/conditions/>).
enum Attribute<'a> {
    Header(&'a str),
    Claim(Vec<&'a str>),
    RequestPrincipal,
    SourceIp,
    RemoteIp,
    SourceNamespace,
    SourcePrincipal,
    DestinationPort,
    DestinationIp,
    Sni,
    /// An attribute of one of Envoy's filters, by its key.
    EnvoyFilter(&'a str),
}

impl Rule {
    /// Whether the rule matches the request as part of a policy with the given action.
    pub(super) fn matches(&self, request: &Request, action: Action) -> bool {
        if request.http.is_none() && action == Action::Allow && self.has_http_attribute() {
            return false;
        }
        (self.from.is_empty() || self.from.iter().any(|from| from.source.matches(request)))
            && (self.to.is_empty() || self.to.iter().any(|to| to.operation.matches(request)))
            && self.when.iter().all(|condition| condition.matches(request))
    }

    /// Completes service accounts without a namespace by that of the policy.
    pub(super) fn resolve_service_accounts(&mut self, policy_namespace: &str) {
        for From { source } in &mut self.from {
            for account in source.service_accounts.iter_mut().chain(&mut source.not_service_accounts) {
                if !account.contains('/') {
                    *account = format!("{policy_namespace}/{account}");
                }
            }
        }
    }

    /// The key of a condition that this evaluation doesn't support.
    pub(super) fn unsupported_condition(&self) -> Option<&str> {
        self.when.iter().map(|condition| condition.key.as_str()).find(|key| Attribute::from_key(key).is_none())
    }

    fn has_http_attribute(&self) -> bool {
        self.from
            .iter()
            .any(|from| !from.source.request_principals.is_empty() || !from.source.not_request_principals.is_empty())
            || self.to.iter().any(|to| to.operation.has_http_attribute())
            || self.when.iter().any(|condition| condition.key.starts_with("request."))
    }
}

impl Source {
    fn matches(&self, request: &Request) -> bool {
        let principal = |value: &str| request.principal.as_deref().is_some_and(|text| matches_text(value, text));
        let namespace = |value: &str| request.namespace().is_some_and(|text| matches_text(value, text));
        satisfies(&self.principals, &self.not_principals, principal)
            && satisfies(&self.namespaces, &self.not_namespaces, namespace)
            && satisfies(&self.service_accounts, &self.not_service_accounts, |value| {
                request.service_account().is_some_and(|account| value == account)
            })
            && satisfies(&self.trust_domains, &self.not_trust_domains, |value| {
                request.trust_domain().is_some_and(|domain| matches_text(value, domain))
            })
            && satisfies(&self.ip_blocks, &self.not_ip_blocks, |block| contains(block, request.source_ip))
            && satisfies(&self.remote_ip_blocks, &self.not_remote_ip_blocks, |block| contains(block, request.remote_ip))
            && request.http.as_ref().is_none_or(|http| {
                let principal = http.principal();
                let matches = |value: &str| principal.as_ref().is_some_and(|text| matches_text(value, text));
                satisfies(&self.request_principals, &self.not_request_principals, matches)
            })
    }
}

impl Operation {
    fn has_http_attribute(&self) -> bool {
        let fields = [&self.hosts, &self.not_hosts, &self.methods, &self.not_methods, &self.paths, &self.not_paths];
        fields.iter().any(|values| !values.is_empty())
    }

    fn matches(&self, request: &Request) -> bool {
        let port = request.port.to_string();
        satisfies(&self.ports, &self.not_ports, |value| value == port)
            && request.http.as_ref().is_none_or(|http| self.matches_http(http))
    }

    fn matches_http(&self, http: &HttpRequest) -> bool {
        // Hosts are compared without regard to case.
        let host = http.host.to_ascii_lowercase();
        satisfies(&self.hosts, &self.not_hosts, |value| matches_text(&value.to_ascii_lowercase(), &host))
            && satisfies(&self.methods, &self.not_methods, |value| matches_text(value, &http.method))
            && satisfies(&self.paths, &self.not_paths, |value| matches_path(value, &http.path))
    }
}

impl Condition {
    fn matches(&self, request: &Request) -> bool {
        let check = |test: &dyn Fn(&str) -> bool| satisfies(&self.values, &self.not_values, test);
        let any_text = |texts: &[&str]| check(&|value| texts.iter().any(|text| matches_text(value, text)));
        let http = request.http.as_ref();
        match Attribute::from_key(&self.key) {
            Some(Attribute::Header(name)) => http.is_none_or(|http| {
                any_text(http.headers.get(&name.to_ascii_lowercase()).map(String::as_str).as_slice())
            }),
            Some(Attribute::Claim(path)) => http.is_none_or(|http| any_text(&http.claim(&path))),
            Some(Attribute::RequestPrincipal) => {
                http.is_none_or(|http| any_text(http.principal().as_deref().as_slice()))
            }
            Some(Attribute::SourceIp) => check(&|block| contains(block, request.source_ip)),
            Some(Attribute::RemoteIp) => check(&|block| contains(block, request.remote_ip)),
            Some(Attribute::SourceNamespace) => any_text(request.namespace().as_slice()),
            Some(Attribute::SourcePrincipal) => any_text(request.principal.as_deref().as_slice()),
            Some(Attribute::DestinationPort) => check(&|value| value == request.port.to_string()),
            Some(Attribute::DestinationIp) => {
                let address = request.attributes.get("destination.ip").and_then(|address| address.parse().ok());
                check(&|block| address.is_some_and(|address| contains(block, address)))
            }
            Some(Attribute::EnvoyFilter(key)) => any_text(request.attributes.get(key).map(String::as_str).as_slice()),
            Some(Attribute::Sni) => any_text(request.sni.as_deref().as_slice()),
            // `Policy::from_manifest` refuses such conditions.
            None => false,
        }
    }
}

impl<'a> Attribute<'a> {
    fn from_key(key: &'a str) -> Option<Self> {
        let in_brackets = |rest: &'a str| rest.strip_prefix('[')?.strip_suffix(']');
        if let Some(header) = key.strip_prefix("request.headers") {
            return in_brackets(header).map(Self::Header);
        }
        if let Some(claims) = key.strip_prefix("request.auth.claims") {
            return in_brackets(claims).map(|names| Self::Claim(names.split("][").collect()));
        }
        match key {
            "request.auth.principal" => Some(Self::RequestPrincipal),
            "request.auth.audiences" => Some(Self::Claim(vec!["aud"])),
            "request.auth.presenter" => Some(Self::Claim(vec!["azp"])),
            "source.ip" => Some(Self::SourceIp),
            "remote.ip" => Some(Self::RemoteIp),
            "source.namespace" => Some(Self::SourceNamespace),
            "source.principal" => Some(Self::SourcePrincipal),
            "destination.port" => Some(Self::DestinationPort),
            "destination.ip" => Some(Self::DestinationIp),
            _ if key.starts_with("experimental.envoy.filters.") => Some(Self::EnvoyFilter(key)),
            "connection.sni" => Some(Self::Sni),
            _ => None,
        }
    }
}

/// Whether one of `values` matches, or there are none, and none of `not_values` matches.
fn satisfies(values: &[String], not_values: &[String], test: impl Fn(&str) -> bool) -> bool {
    (values.is_empty() || values.iter().any(|value| test(value))) && !not_values.iter().any(|value| test(value))
}
