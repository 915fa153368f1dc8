//! The RoleBinding of the team, to a ClusterRole that an administrator of the cluster installs. A Role in the namespace would
//! need a pipeline that holds, in every namespace, all rights that it hands out: Kubernetes refuses to grant others. To bind a
//! ClusterRole, the right to `bind` that one by its name suffices.

use std::{collections::BTreeSet, time::Duration};

use super::{Namespace, Rbac, ServiceAccountRef};
use crate::{
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        kubernetes_types::{RBAC_API_GROUP, RoleBinding, RoleRef, Subject},
        manifest::manifest_with_fields,
        stage,
    },
    object::{Key, Object, Transition, UpdateStrategy, kind},
};

/// The name of the RoleBinding, and of the ClusterRole by default.
pub(super) const NAME: &str = "mesh-app-team";

/// Renders the RoleBinding; none without an `rbac` block.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    if namespace.rbac.known()?.is_none() {
        return Ok(Vec::new());
    }
    let key = Key::new(&kind::ROLE_BINDING, name, NAME);
    Ok(vec![(key.clone(), role_binding(namespace, mesh, name, key))])
}

fn role_binding(namespace: &Namespace, mesh: &Mesh, name: &str, key: Key) -> Known<Object> {
    let rbac = namespace.rbac.known()?.ok_or(Unknown)?;
    let content = RoleBinding {
        role_ref: RoleRef { api_group: RBAC_API_GROUP, kind: "ClusterRole", name: rbac.cluster_role()? },
        subjects: rbac.subjects(name)?,
    };
    let body = manifest_with_fields(&key, namespace.metadata(mesh)?, &content);
    Ok(Object::whole(key, body, stage::TARGETS)
        .with_origins([("subjects", rbac.at.clone()), ("roleRef", rbac.at.attribute("cluster_role"))])
        .with_transition(Transition::Computed { strategy: update_strategy, propagation_delay: Duration::ZERO }))
}

impl Rbac {
    /// The ClusterRole that the subjects get in the namespace: `mesh-app-team` by default.
    fn cluster_role(&self) -> Known<String> {
        self.cluster_role.or(NAME.to_owned())
    }

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

/// Recreates a RoleBinding that refers to another role, since `roleRef` is immutable.
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
