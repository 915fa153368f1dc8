//! What the people and pipelines of a team may do in its namespace: workloads, and of Istio's kinds only traffic settings and
//! authorization. What is encrypted, who end users are, what is observed and what the proxies do beyond Istio's own API is
//! for the platform to say: those kinds they may only read.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{Site, object, origin};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        kubernetes_types::{PolicyRule, RBAC, Role, RoleBinding, RoleRef, Subject},
        manifest::plain,
        names::{is_label, is_subdomain},
        stage,
        text::Text,
    },
    object::{Key, Object, Transition, UpdateStrategy},
};

/// The name of Role and RoleBinding.
pub(super) const NAME: &str = "mesh-app-team";

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// What they may do. Secrets aren't among it, nor what would give more than this: Roles, impersonation, a shell in a pod.
const RULES: &[PolicyRule] = &[
    PolicyRule {
        api_groups: &[""],
        resources: &["configmaps", "persistentvolumeclaims", "pods", "serviceaccounts", "services"],
        verbs: WRITE,
    },
    PolicyRule { api_groups: &[""], resources: &["endpoints", "events", "namespaces", "pods/log"], verbs: READ },
    PolicyRule {
        api_groups: &["apps"],
        resources: &["daemonsets", "deployments", "replicasets", "statefulsets"],
        verbs: WRITE,
    },
    PolicyRule { api_groups: &["autoscaling"], resources: &["horizontalpodautoscalers"], verbs: WRITE },
    PolicyRule { api_groups: &["batch"], resources: &["cronjobs", "jobs"], verbs: WRITE },
    PolicyRule { api_groups: &["policy"], resources: &["poddisruptionbudgets"], verbs: WRITE },
    PolicyRule {
        api_groups: &["networking.istio.io"],
        resources: &["destinationrules", "serviceentries", "sidecars", "virtualservices"],
        verbs: WRITE,
    },
    PolicyRule { api_groups: &["security.istio.io"], resources: &["authorizationpolicies"], verbs: WRITE },
    PolicyRule { api_groups: &["networking.istio.io"], resources: &["envoyfilters", "gateways"], verbs: READ },
    PolicyRule {
        api_groups: &["security.istio.io"],
        resources: &["peerauthentications", "requestauthentications"],
        verbs: READ,
    },
    PolicyRule { api_groups: &["telemetry.istio.io"], resources: &["telemetries"], verbs: READ },
    PolicyRule { api_groups: &[RBAC], resources: &["rolebindings", "roles"], verbs: READ },
];

/// Who works in the namespace.
#[derive(Clone, Debug)]
pub struct Team {
    /// As the cluster's login names them.
    pub groups: Known<BTreeSet<String>>,
    /// Likewise.
    pub users: Known<BTreeSet<String>>,
    /// Pipelines.
    pub service_accounts: Known<BTreeSet<Account>>,
}

/// A ServiceAccount: `ci/shop-pipeline`, or `pipeline` of the namespace itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    namespace: Option<String>,
    name: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Text for Account {
    fn admits() -> String {
        "A ServiceAccount: `ci/shop-pipeline` (namespace and name), or `pipeline` (of this namespace).".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        if !namespace.as_deref().is_none_or(is_label) || !is_subdomain(name) {
            return Err(format!(
                "{text:?} isn't a ServiceAccount. Write \"ci/shop-pipeline\" (namespace and name), or \"pipeline\" (of this \
                 namespace)."
            ));
        }
        Ok(Self { namespace, name: name.to_owned() })
    }
}

/// What they may do.
pub(super) fn role(site: &Site, key: Key) -> Known<Object> {
    let body = plain(&key, site.metadata()?, &Role { rules: RULES.to_vec() });
    Ok(object(key, body, stage::IDENTITY, vec![origin("rules", "rbac")]))
}

/// Who they are.
pub(super) fn binding(site: &Site, key: Key) -> Known<Object> {
    let team = as_known(&site.namespace.team_rights)?.as_ref().ok_or(Unknown)?;
    let named = |kind: &'static str, names: &BTreeSet<String>| {
        let subject = |name: &String| Subject { kind, api_group: Some(RBAC), namespace: None, name: name.clone() };
        names.iter().map(subject).collect::<Vec<_>>()
    };
    let account = |account: &Account| Subject {
        kind: "ServiceAccount",
        api_group: None,
        namespace: Some(account.namespace.clone().unwrap_or_else(|| site.name.to_owned())),
        name: account.name.clone(),
    };
    let accounts = as_known(&team.service_accounts)?.iter().map(account).collect();
    let subjects = [named("Group", as_known(&team.groups)?), named("User", as_known(&team.users)?), accounts].concat();
    let content = RoleBinding { role_ref: RoleRef { api_group: RBAC, kind: "Role", name: NAME }, subjects };
    let body = plain(&key, site.metadata()?, &content);
    let object = object(key, body, stage::TARGETS, vec![origin("subjects", "rbac")]);
    Ok(Object {
        transition: Transition::Computed { strategy: transition, propagation_delay: Duration::ZERO },
        ..object
    })
}

/// The server never lets a binding change to another Role: one that was taken over is made anew.
fn transition(live: &serde_json::Value, wanted: &serde_json::Value) -> UpdateStrategy {
    if wanted.is_null() || live.get("roleRef") == wanted.get("roleRef") {
        UpdateStrategy::InPlace
    } else {
        UpdateStrategy::Recreate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_print_as_they_parse() {
        for text in ["pipeline", "ci/shop-pipeline", "ci/a.b"] {
            assert_eq!(Account::parse(text).map(|account| account.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "/", "ci/", "/a", "a/b/c", "Ci/a", "ci/*"] {
            assert!(Account::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_binding_of_another_role_is_made_anew() {
        let binding = |role: &str| serde_json::json!({ "roleRef": { "name": role } });
        assert_eq!(transition(&binding("a"), &binding("b")), UpdateStrategy::Recreate);
        assert_eq!(transition(&binding("a"), &binding("a")), UpdateStrategy::InPlace);
    }
}
