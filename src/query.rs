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
    One(Key),
    /// Every object of a kind.
    All {
        /// The kind.
        kind: &'static Kind,
        /// Of this namespace; `None`: of the whole cluster.
        namespace: Option<String>,
    },
}

impl Query {
    /// Every object of a kind in a namespace.
    pub fn all(kind: &'static Kind, namespace: &str) -> Self {
        Self::All { kind, namespace: Some(namespace.to_owned()) }
    }

    /// Every object of a kind, wherever it is.
    pub fn everywhere(kind: &'static Kind) -> Self {
        Self::All { kind, namespace: None }
    }
}

/// As the right is called that it takes: `list pods in pci`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(Key { kind, namespace: Some(namespace), .. }) => write!(f, "get {} in {namespace}", kind.plural),
            Self::One(Key { kind, namespace: None, name }) => write!(f, "get {} {name}", kind.plural),
            Self::All { kind, namespace: Some(namespace) } => write!(f, "list {} in {namespace}", kind.plural),
            Self::All { kind, namespace: None } => write!(f, "list {} everywhere", kind.plural),
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

/// The objects that answer a question: one or none to [`Query::One`].
pub type Answer = Result<Vec<Arc<Json>>, QueryError>;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct QueryResults(BTreeMap<Query, Answer>);

impl QueryResults {
    /// The object under `key`, where there is one; `Err`: nobody knows.
    pub fn one(&self, key: &Key) -> Known<Option<&Json>> {
        Ok(self.answer(&Query::One(key.clone()))?.first().map(AsRef::as_ref))
    }

    /// The objects of a kind in a namespace; `Err`: nobody knows.
    pub fn all(&self, kind: &'static Kind, namespace: &str) -> Known<Vec<&Json>> {
        Ok(self.answer(&Query::all(kind, namespace))?.iter().map(AsRef::as_ref).collect())
    }

    /// The objects of a kind in every namespace; `Err`: nobody knows.
    pub fn everywhere(&self, kind: &'static Kind) -> Known<Vec<&Json>> {
        Ok(self.answer(&Query::everywhere(kind))?.iter().map(AsRef::as_ref).collect())
    }

    /// Why there is no answer to `query`, where there is none.
    pub fn unseen(&self, query: &Query) -> Option<&QueryError> {
        self.0.get(query).and_then(|answer| answer.as_ref().err())
    }

    /// What is found when these have gone.
    #[must_use]
    pub fn without(mut self, gone: &BTreeSet<Key>) -> Self {
        let is_gone = |query: &Query, live: &Json| {
            let (Query::One(Key { kind, .. }) | Query::All { kind, .. }) = *query;
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

impl FromIterator<(Query, Answer)> for QueryResults {
    fn from_iter<T: IntoIterator<Item = (Query, Answer)>>(answers: T) -> Self {
        Self(answers.into_iter().collect())
    }
}
