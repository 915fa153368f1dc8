//! Facts of a cluster, for those who only look: questions, and what was found. They feed diagnostics and nothing else.

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

/// A question to a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// One object.
    Get(Key),
    /// Every object of a kind.
    List {
        /// The kind.
        kind: &'static Kind,
        /// Of this namespace; `None`: of the whole cluster.
        namespace: Option<String>,
    },
}

impl Query {
    /// Every object of a kind in a namespace.
    pub fn list(kind: &'static Kind, namespace: &str) -> Self {
        Self::List { kind, namespace: Some(namespace.to_owned()) }
    }

    /// Every object of a kind, wherever it is.
    pub fn list_all_namespaces(kind: &'static Kind) -> Self {
        Self::List { kind, namespace: None }
    }
}

/// As the right is called that it takes: `list pods in pci`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(Key { kind, namespace: Some(namespace), .. }) => write!(f, "get {} in {namespace}", kind.plural),
            Self::Get(Key { kind, namespace: None, name }) => write!(f, "get {} {name}", kind.plural),
            Self::List { kind, namespace: Some(namespace) } => write!(f, "list {} in {namespace}", kind.plural),
            Self::List { kind, namespace: None } => write!(f, "list {} everywhere", kind.plural),
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueryError {
    /// We may not look.
    Forbidden,
    /// The cluster doesn't serve the kind.
    NotServed,
    /// There are more than anybody reads for a check.
    TooMany,
    /// The server failed, in its words.
    Failed(String),
}

/// The objects that answer a question: one or none to [`Query::Get`].
pub type QueryResult = Result<Vec<Arc<Json>>, QueryError>;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct QueryResults(BTreeMap<Query, QueryResult>);

impl QueryResults {
    /// The object under `key`, where there is one; `Err`: nobody knows.
    pub fn get(&self, key: &Key) -> Known<Option<&Json>> {
        Ok(self.answer(&Query::Get(key.clone()))?.first().map(AsRef::as_ref))
    }

    /// The objects of a kind in a namespace; `Err`: nobody knows.
    pub fn list(&self, kind: &'static Kind, namespace: &str) -> Known<Vec<&Json>> {
        Ok(self.answer(&Query::list(kind, namespace))?.iter().map(AsRef::as_ref).collect())
    }

    /// The objects of a kind in every namespace; `Err`: nobody knows.
    pub fn list_all_namespaces(&self, kind: &'static Kind) -> Known<Vec<&Json>> {
        Ok(self.answer(&Query::list_all_namespaces(kind))?.iter().map(AsRef::as_ref).collect())
    }

    /// Why there is no answer to `query`, where there is none.
    pub fn error(&self, query: &Query) -> Option<&QueryError> {
        self.0.get(query).and_then(|answer| answer.as_ref().err())
    }

    /// What is found when these have gone.
    #[must_use]
    pub fn excluding(mut self, gone: &BTreeSet<Key>) -> Self {
        let is_gone = |query: &Query, live: &Json| {
            let (Query::Get(Key { kind, .. }) | Query::List { kind, .. }) = *query;
            let said = |name: &str| live.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Json::as_str);
            let namespace = said("namespace").map(str::to_owned);
            said("name").is_some_and(|name| gone.contains(&Key { kind, namespace, name: name.to_owned() }))
        };
        for (query, answer) in &mut self.0 {
            if let Ok(objects) = answer {
                objects.retain(|live| !is_gone(query, live));
            }
        }
        self
    }

    fn answer(&self, query: &Query) -> Known<&[Arc<Json>]> {
        self.0.get(query).and_then(|answer| answer.as_deref().ok()).ok_or(Unknown)
    }
}

impl FromIterator<(Query, QueryResult)> for QueryResults {
    fn from_iter<T: IntoIterator<Item = (Query, QueryResult)>>(answers: T) -> Self {
        Self(answers.into_iter().collect())
    }
}
