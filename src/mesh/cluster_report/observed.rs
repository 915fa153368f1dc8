//! The objects that could be read, of the whole cluster or of some namespaces.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::ClusterReport;
use crate::{
    known::{Known, Unknown},
    mesh::{Mesh, live_objects::namespace, mesh_config},
    object::{Key, Kind, kind},
    query::{Query, QueryResults},
};

/// The kinds in namespaces that best practices are about.
const NAMESPACED_KINDS: [&Kind; 9] = [
    &kind::AUTHORIZATION_POLICY,
    &kind::DESTINATION_RULE,
    &kind::GATEWAY,
    &kind::PEER_AUTHENTICATION,
    &kind::POD,
    &kind::REQUEST_AUTHENTICATION,
    &kind::SERVICE_ENTRY,
    &kind::SIDECAR,
    &kind::VIRTUAL_SERVICE,
];

/// The namespaces that are read: the root namespace and those of the argument, or all of the cluster.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    Cluster,
    Namespaces(BTreeSet<String>),
}

impl Scope {
    pub(super) fn of(arguments: &ClusterReport, mesh: &Mesh) -> Self {
        match arguments.namespaces.elements() {
            Ok(Some(namespaces)) => {
                Self::Namespaces(namespaces.iter().chain([&mesh.root_namespace]).cloned().collect())
            }
            Ok(None) | Err(Unknown) => Self::Cluster,
        }
    }

    /// The lists of the objects of a kind.
    fn lists(&self, kind: &'static Kind) -> Vec<Query> {
        match self {
            Self::Cluster => vec![Query::list_all_namespaces(kind)],
            Self::Namespaces(namespaces) => namespaces.iter().map(|namespace| Query::list(kind, namespace)).collect(),
        }
    }

    fn namespace_queries(&self) -> Vec<Query> {
        match self {
            Self::Cluster => vec![Query::list_all_namespaces(&kind::NAMESPACE)],
            Self::Namespaces(namespaces) => {
                let key = |name| Key::cluster_scoped(&kind::NAMESPACE, name);
                namespaces.iter().map(|name| Query::Get(key(name))).collect()
            }
        }
    }

    /// The queries of all objects.
    pub(super) fn queries(&self, mesh: &Mesh) -> Vec<Query> {
        let namespaced = NAMESPACED_KINDS.into_iter().flat_map(|kind| self.lists(kind));
        let of_installation = [
            Query::list(&kind::DEPLOYMENT, &mesh.root_namespace),
            Query::list_all_namespaces(&kind::MUTATING_WEBHOOK_CONFIGURATION),
        ];
        let configs = mesh_config::keys(mesh).map(Query::Get);
        self.namespace_queries().into_iter().chain(namespaced).chain(of_installation).chain(configs).collect()
    }
}

/// The objects that could be read.
pub(super) struct Observed<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) results: &'a QueryResults,
    pub(super) scope: &'a Scope,
}

impl<'a> Observed<'a> {
    /// The objects of a kind in the namespaces that could be read.
    pub(super) fn visible(&self, kind: &'static Kind) -> Vec<&'a Json> {
        self.scope
            .lists(kind)
            .iter()
            .filter_map(|query| self.results.objects(query).ok())
            .flatten()
            .map(AsRef::as_ref)
            .collect()
    }

    /// The objects of a kind in the whole cluster.
    pub(super) fn of_cluster(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        self.results.list_all_namespaces(kind)
    }

    /// The objects of a kind in one namespace, which is one of those that are to be read.
    pub(super) fn of_namespace(&self, kind: &'static Kind, name: &str) -> Known<Vec<&'a Json>> {
        match self.scope {
            Scope::Namespaces(_) => self.results.list(kind, name),
            Scope::Cluster => {
                let all = self.results.list_all_namespaces(kind)?;
                Ok(all.into_iter().filter(|live| namespace(live) == name).collect())
            }
        }
    }

    /// The objects of a kind in the root namespace.
    pub(super) fn of_root(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        self.of_namespace(kind, &self.mesh.root_namespace)
    }

    /// The Namespaces that could be read.
    pub(super) fn namespaces(&self) -> Vec<&'a Json> {
        let queries = self.scope.namespace_queries();
        queries.iter().filter_map(|query| self.results.objects(query).ok()).flatten().map(AsRef::as_ref).collect()
    }
}
