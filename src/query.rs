//! Read-only queries to a cluster, and their results. Live checks use them for warnings; no result becomes a planned value.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde_json::Value as Json;

use crate::{
    known::{Known, Unknown},
    object::{Key, Kind},
};

/// A read of one object, of a list, or of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Reads one object.
    Get(Key),
    /// Lists the objects of a kind.
    List {
        /// The kind of the objects.
        kind: &'static Kind,
        /// The namespace of the objects, or `None` for all namespaces.
        namespace: Option<String>,
    },
    /// Reads a document of the API that is no object, by its path: `/version`, or the kinds of a group at
    /// `/apis/networking.istio.io/v1`.
    Document(String),
}

impl Query {
    /// Lists the objects of a kind in a namespace.
    pub fn list(kind: &'static Kind, namespace: &str) -> Self {
        Self::List { kind, namespace: Some(namespace.to_owned()) }
    }

    /// Lists the objects of a kind in all namespaces.
    pub fn list_all_namespaces(kind: &'static Kind) -> Self {
        Self::List { kind, namespace: None }
    }

    /// Says for people why the query failed.
    pub fn explain(&self, error: &QueryError) -> String {
        match error {
            QueryError::Forbidden => format!("no right to {self}"),
            QueryError::NotServed => format!("can't {self}, which the cluster doesn't serve"),
            QueryError::TooMany => format!("didn't {self}, of which there are too many"),
            QueryError::Failed(reason) => format!("can't {self} ({reason})"),
        }
    }
}

/// The right that the query takes, for diagnostics: `list pods in pci`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(Key { kind, namespace: Some(namespace), .. }) => write!(f, "get {} in {namespace}", kind.plural),
            Self::Get(Key { kind, namespace: None, name }) => write!(f, "get {} {name}", kind.plural),
            Self::List { kind, namespace: Some(namespace) } => write!(f, "list {} in {namespace}", kind.plural),
            Self::List { kind, namespace: None } => write!(f, "list {} everywhere", kind.plural),
            Self::Document(path) => write!(f, "get {path}"),
        }
    }
}

/// Why a query has no result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueryError {
    /// The provider's user has no right to read the objects.
    Forbidden,
    /// The cluster doesn't serve the kind.
    NotServed,
    /// The list is longer than what a check may read.
    TooMany,
    /// The server answered with an error, whose text this is.
    Failed(String),
}

/// The objects that a query found: at most one for [`Query::Get`], and the document for [`Query::Document`].
pub type QueryResult = Result<Vec<Arc<Json>>, QueryError>;

/// The results of several queries. A query that wasn't run or has failed is [`Unknown`].
#[derive(Clone, Debug, Default)]
pub struct QueryResults(BTreeMap<Query, QueryResult>);

impl QueryResults {
    /// Returns the object, or `None` if it doesn't exist.
    pub fn get(&self, key: &Key) -> Known<Option<&Json>> {
        Ok(self.objects(&Query::Get(key.clone()))?.first().map(AsRef::as_ref))
    }

    /// Returns the objects of a kind in a namespace.
    pub fn list(&self, kind: &'static Kind, namespace: &str) -> Known<Vec<&Json>> {
        Ok(self.objects(&Query::list(kind, namespace))?.iter().map(AsRef::as_ref).collect())
    }

    /// Returns the objects of a kind in all namespaces.
    pub fn list_all_namespaces(&self, kind: &'static Kind) -> Known<Vec<&Json>> {
        Ok(self.objects(&Query::list_all_namespaces(kind))?.iter().map(AsRef::as_ref).collect())
    }

    /// Returns a document.
    pub fn document(&self, path: &str) -> Known<&Json> {
        self.objects(&Query::Document(path.to_owned()))?.first().map(AsRef::as_ref).ok_or(Unknown)
    }

    /// Returns the queries that have failed, with the reason of each.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|(query, result)| Some(query.explain(result.as_ref().err()?)))
    }

    /// Returns why a query failed, if it was run and has failed.
    pub fn error(&self, query: &Query) -> Option<&QueryError> {
        self.0.get(query).and_then(|result| result.as_ref().err())
    }

    /// Removes objects from all results: the plan deletes them, so checks must not find them.
    #[must_use]
    pub fn excluding(mut self, deleted: &BTreeSet<Key>) -> Self {
        if deleted.is_empty() {
            return self;
        }
        let is_deleted = |query: &Query, live: &Json| {
            let (Query::Get(Key { kind, .. }) | Query::List { kind, .. }) = *query else { return false };
            deleted.iter().any(|key| key.is_of(kind, live))
        };
        for (query, result) in &mut self.0 {
            if let Ok(objects) = result {
                objects.retain(|live| !is_deleted(query, live));
            }
        }
        self
    }

    /// Returns the objects of a query.
    pub fn objects(&self, query: &Query) -> Known<&[Arc<Json>]> {
        self.0.get(query).and_then(|result| result.as_deref().ok()).ok_or(Unknown)
    }
}

impl Extend<(Query, QueryResult)> for QueryResults {
    fn extend<T: IntoIterator<Item = (Query, QueryResult)>>(&mut self, results: T) {
        self.0.extend(results);
    }
}

impl IntoIterator for QueryResults {
    type Item = (Query, QueryResult);
    type IntoIter = std::collections::btree_map::IntoIter<Query, QueryResult>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Query, QueryResult)> for QueryResults {
    fn from_iter<T: IntoIterator<Item = (Query, QueryResult)>>(results: T) -> Self {
        Self(results.into_iter().collect())
    }
}
