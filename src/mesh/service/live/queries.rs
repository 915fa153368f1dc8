//! The list of queries that the live checks of a service need.

use crate::{
    mesh::checks::{Code, LiveQuery},
    object::{Key, Kind},
    query::Query,
};

/// Queries, each with the checks that need its result. A query may be in the list several times, with different checks.
#[derive(Default)]
pub(super) struct LiveQueries(pub(super) Vec<LiveQuery>);

impl LiveQueries {
    /// Adds a read of one object.
    pub(super) fn get(&mut self, key: Key, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::Get(key), checks });
    }

    /// Adds a list of the objects of a kind in a namespace.
    pub(super) fn list(&mut self, kind: &'static Kind, namespace: &str, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::list(kind, namespace), checks });
    }

    /// Adds a list of the objects of a kind in all namespaces.
    pub(super) fn list_all_namespaces(&mut self, kind: &'static Kind, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::list_all_namespaces(kind), checks });
    }
}
