//! The outputs, by the policies of the workload.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::{Outputs, WorkloadAccess};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    json_path::{set, text},
    mesh::{
        Mesh,
        example_requests::{NamedValues, OTHER},
        live_objects::{items, namespaced_name},
        live_policies::{applies, is_strict},
        policy_evaluation::{Decision, Policies, UnsupportedPolicy, Workload, is_dry_run},
        reference::Caller,
        text::Text,
    },
    object::{Kind, kind},
    query::{Query, QueryError, QueryResults},
    schema::Attr,
};

/// The kinds of objects that decide who may call.
const KINDS: [&Kind; 3] = [&kind::AUTHORIZATION_POLICY, &kind::PEER_AUTHENTICATION, &kind::REQUEST_AUTHENTICATION];

/// The most requests that are evaluated. More would take seconds.
const MAX_REQUESTS: usize = 500_000;

/// The word for requests of a caller that are all admitted.
const ALL: &str = "all";

impl WorkloadAccess {
    /// The queries that an evaluation needs.
    pub fn queries(&self, mesh: &Mesh) -> Vec<Query> {
        let Ok(namespace) = self.namespace.required() else { return Vec::new() };
        policy_queries(namespace, mesh).chain(self.workload_queries(namespace)).collect()
    }

    /// Evaluates the policies. It is an error if one of them can't be read or evaluated, since the outputs would then be wrong.
    pub fn evaluate(&self, mesh: &Mesh, results: &QueryResults, out: &mut Diagnostics) -> Result<Outputs, Reported> {
        let Ok(namespace) = self.namespace.required() else { return Ok(Outputs::default()) };
        for query in policy_queries(namespace, mesh) {
            if let Some(error) = results.error(&query) {
                report_failed_query(&query, error, out);
            }
        }
        out.no_errors()?;
        let labels = self.labels(namespace, results, out)?;
        let root = &mesh.root_namespace;
        let live = |kind: &'static Kind| -> Vec<&Json> {
            let namespaces = BTreeSet::from([namespace, root]);
            let lists = namespaces.into_iter().flat_map(|namespace| results.list(kind, namespace).unwrap_or_default());
            lists.filter(|live| applies(live, namespace, &labels, root)).collect()
        };
        let (policies, authentications) = (live(&kind::AUTHORIZATION_POLICY), live(&kind::REQUEST_AUTHENTICATION));
        let is_enforced = |policy: &&Json| !is_dry_run(policy) && action(policy) != "AUDIT";
        let enforced: Vec<Json> = policies.into_iter().filter(is_enforced).map(with_kind).collect();
        let peers = live(&kind::PEER_AUTHENTICATION);
        let is_strict = |port| is_strict(&peers, namespace, &labels, root, port);
        let (tcp_ports, request_ports) = self.ports(namespace, &labels, results, out);
        let named = NamedValues::of(&enforced.iter().collect::<Vec<_>>(), &mesh.trust_domain)
            .with_ports(tcp_ports, &request_ports);
        if named.count() > MAX_REQUESTS {
            return Err(out.error(
                &Path::root(),
                "Too many rules to evaluate",
                format!("The values that the rules of this workload name make {} requests, and at most {MAX_REQUESTS} are evaluated.", named.count()),
            ));
        }
        let issuers = authentications.iter().flat_map(|live| items(live, &["spec", "jwtRules"]));
        let issuers: BTreeSet<&str> = issuers.filter_map(|rule| text(rule, &["issuer"])).collect();
        let workload = Workload { namespace: namespace.clone(), labels: labels.clone() };
        let admitted = admitted(&enforced, &named, &workload, &issuers, mesh, &is_strict).map_err(|error| {
            out.error(
                &Path::root(),
                "AuthorizationPolicy can't be evaluated",
                format!("{error}. The provider doesn't know this part of it."),
            )
        })?;
        Ok(Outputs {
            callers: Attr::Known(admitted.keys().cloned().collect()),
            is_open: Attr::Known(!enforced.iter().any(|policy| action(policy) == "ALLOW")),
            strict_mtls: Attr::Known(is_strict(None)),
            policies: Attr::Known(
                enforced
                    .iter()
                    .map(|policy| (namespaced_name(policy), Attr::Known(action(policy).to_owned())))
                    .collect(),
            ),
            issuers: Attr::Known(issuers.into_iter().map(str::to_owned).collect()),
            admitted: Attr::Known(
                admitted
                    .into_iter()
                    .map(|(caller, requests)| (caller, Attr::Known(requests.into_iter().collect())))
                    .collect(),
            ),
        })
    }
}

fn policy_queries<'a>(namespace: &'a str, mesh: &'a Mesh) -> impl Iterator<Item = Query> + 'a {
    let namespaces = BTreeSet::from([namespace, mesh.root_namespace.as_str()]);
    KINDS
        .into_iter()
        .flat_map(move |kind| namespaces.clone().into_iter().map(move |namespace| Query::list(kind, namespace)))
}

fn report_failed_query(query: &Query, error: &QueryError, out: &mut Diagnostics) {
    let reason = match error {
        QueryError::Forbidden => "The provider's user has no right to".to_owned(),
        QueryError::NotServed => "The cluster doesn't serve the kind, so the provider can't".to_owned(),
        QueryError::TooMany => "There are too many objects to".to_owned(),
        QueryError::Failed(reason) => format!("The request failed ({reason}), so the provider couldn't"),
    };
    out.error(
        &Path::root(),
        "Policies can't be read",
        format!(
            "{reason} {query}. Without these objects the provider can't tell which callers the workload admits, so the \
             data source returns no result."
        ),
    );
}

fn action(policy: &Json) -> &str {
    text(policy, &["spec", "action"]).unwrap_or("ALLOW")
}

/// The policy with its kind, which lists leave out.
fn with_kind(policy: &Json) -> Json {
    let mut policy = policy.clone();
    set(&mut policy, &["kind"], json!(kind::AUTHORIZATION_POLICY.kind));
    policy
}

/// The admitted requests of each caller of which some are.
fn admitted(
    policies: &[Json],
    named: &NamedValues,
    workload: &Workload,
    issuers: &BTreeSet<&str>,
    mesh: &Mesh,
    is_strict: &dyn Fn(Option<i64>) -> bool,
) -> Result<BTreeMap<String, BTreeSet<String>>, UnsupportedPolicy> {
    let evaluated = Policies::of_workload(policies, workload, &mesh.root_namespace)?;
    let mut requests: BTreeMap<String, (BTreeSet<String>, bool)> = BTreeMap::new();
    for example in named.examples(MAX_REQUESTS) {
        let request = &example.request;
        // A token that the workload doesn't verify is none.
        let issuer = request.http.as_ref().and_then(|http| text(http.claims.as_ref()?, &["iss"]));
        if issuer.is_some_and(|issuer| !issuers.contains(issuer)) {
            continue;
        }
        // A connection in clear text is reset before any policy is asked.
        let is_reset = request.principal.is_none() && is_strict(Some(i64::from(request.port)));
        let is_admitted = !is_reset && evaluated.decide(request) != Decision::Refused;
        let (admitted, all) = requests
            .entry(reference(request.principal.as_deref(), &mesh.trust_domain))
            .or_insert_with(|| (BTreeSet::new(), true));
        if is_admitted {
            admitted.insert(example.operation);
        } else {
            *all = false;
        }
    }
    let some = requests.into_iter().filter(|(_, (admitted, _))| !admitted.is_empty());
    Ok(some
        .map(|(caller, (admitted, all))| (caller, if all { BTreeSet::from([ALL.to_owned()]) } else { admitted }))
        .collect())
}

/// The caller with an identity, in the form that `from` takes where it has one.
fn reference(principal: Option<&str>, trust_domain: &str) -> String {
    let Some(principal) = principal else { return Caller::Anonymous.to_string() };
    let Ok(Caller::Principal { trust_domain: domain, namespace, service_account }) = Caller::parse(principal) else {
        return principal.to_owned();
    };
    match (domain == trust_domain, namespace == OTHER, service_account == OTHER) {
        (true, true, _) => Caller::Any.to_string(),
        (true, false, true) => Caller::Namespace(namespace).to_string(),
        (true, false, false) => format!("{namespace}/{service_account}"),
        (false, true, _) => format!("{domain}/*"),
        (false, ..) => principal.to_owned(),
    }
}
