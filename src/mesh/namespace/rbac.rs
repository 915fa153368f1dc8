//! The Role and the RoleBinding of the team: write access to workloads and, of Istio's kinds, to traffic settings and
//! authorization. Mutual TLS, end-user authentication, telemetry, gateways and EnvoyFilters are the platform's decision, so the
//! team may only read them.

use std::{collections::BTreeSet, time::Duration};

use super::{Namespace, Rbac, ServiceAccountRef};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        kubernetes_types::{PolicyRule, RBAC_API_GROUP, Role, RoleBinding, RoleRef, Subject},
        manifest::manifest_with_fields,
        stage,
    },
    object::{Key, Object, Transition, UpdateStrategy, kind},
};

/// The name of the Role and of the RoleBinding.
pub(super) const NAME: &str = "mesh-app-team";

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// The rights of the team. Secrets are left out, and so are the rights by which a team could get more of them: writing Roles,
/// impersonation, and `exec` in pods.
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
    PolicyRule { api_groups: &[RBAC_API_GROUP], resources: &["rolebindings", "roles"], verbs: READ },
];

/// Renders the Role and the RoleBinding; none without an `rbac` block.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    if namespace.rbac.known()?.is_none() {
        return Ok(Vec::new());
    }
    let (role_key, binding_key) = (Key::new(&kind::ROLE, name, NAME), Key::new(&kind::ROLE_BINDING, name, NAME));
    Ok(vec![
        (role_key.clone(), role(namespace, mesh, role_key)),
        (binding_key.clone(), role_binding(namespace, mesh, name, binding_key)),
    ])
}

fn role(namespace: &Namespace, mesh: &Mesh, key: Key) -> Known<Object> {
    let body = manifest_with_fields(&key, namespace.metadata(mesh)?, &Role { rules: RULES.to_vec() });
    Ok(Object::whole(key, body, stage::IDENTITY).with_origins([("rules", Path::root().attribute("rbac"))]))
}

fn role_binding(namespace: &Namespace, mesh: &Mesh, name: &str, key: Key) -> Known<Object> {
    let rbac = namespace.rbac.known()?.ok_or(Unknown)?;
    let content = RoleBinding {
        role_ref: RoleRef { api_group: RBAC_API_GROUP, kind: "Role", name: NAME },
        subjects: rbac.subjects(name)?,
    };
    let body = manifest_with_fields(&key, namespace.metadata(mesh)?, &content);
    Ok(Object::whole(key, body, stage::TARGETS)
        .with_origins([("subjects", rbac.at.clone())])
        .with_transition(Transition::Computed { strategy: update_strategy, propagation_delay: Duration::ZERO }))
}

impl Rbac {
    fn subjects(&self, namespace: &str) -> Known<Vec<Subject>> {
        let by_name = |kind: &'static str, names: BTreeSet<String>| {
            let subject = move |name| Subject { kind, api_group: Some(RBAC_API_GROUP), namespace: None, name };
            names.into_iter().map(subject)
        };
        let service_account = |account: ServiceAccountRef| Subject {
            kind: "ServiceAccount",
            api_group: None,
            namespace: Some(account.namespace.unwrap_or_else(|| namespace.to_owned())),
            name: account.name,
        };
        let groups = by_name("Group", self.groups.elements_or_empty()?);
        let users = by_name("User", self.users.elements_or_empty()?);
        let service_accounts = self.service_accounts.elements_or_empty()?.into_iter().map(service_account);
        Ok(groups.chain(users).chain(service_accounts).collect())
    }
}

/// Recreates an adopted RoleBinding that refers to another Role, since `roleRef` is immutable.
fn update_strategy(live: &serde_json::Value, desired: &serde_json::Value) -> UpdateStrategy {
    if desired.is_null() || live.get("roleRef") == desired.get("roleRef") {
        UpdateStrategy::InPlace
    } else {
        UpdateStrategy::Recreate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binding_of_another_role_is_recreated() {
        let binding = |role: &str| serde_json::json!({ "roleRef": { "name": role } });
        assert_eq!(update_strategy(&binding("a"), &binding("b")), UpdateStrategy::Recreate);
        assert_eq!(update_strategy(&binding("a"), &binding("a")), UpdateStrategy::InPlace);
    }
}
