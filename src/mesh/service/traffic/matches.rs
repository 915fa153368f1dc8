//! The conditions of `match` blocks.

use std::collections::BTreeMap;

use super::Match;
use crate::{
    known::Known,
    mesh::{
        istio::virtual_service::{HttpMatch, StringMatch},
        port::PortNumber,
    },
    schema::Map,
};

/// The conditions of a `match` block, all of which a request must meet.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    path: Option<StringMatch>,
    method: Option<String>,
    /// Headers by name in lower case, since names of headers are case-insensitive.
    headers: BTreeMap<String, StringMatch>,
    query: BTreeMap<String, StringMatch>,
}

/// Converts a text that may end with `*` to a match of Istio.
pub(super) fn pattern(text: &str) -> StringMatch {
    match text.strip_suffix('*') {
        Some("") => StringMatch::Present,
        Some(prefix) => StringMatch::Prefix(prefix.to_owned()),
        None => StringMatch::Exact(text.to_owned()),
    }
}

impl Match {
    /// The conditions of the block.
    pub(super) fn conditions(&self) -> Known<Conditions> {
        let patterns = |texts: &Map<String>, name: fn(&str) -> String| -> Known<BTreeMap<String, StringMatch>> {
            Ok(texts.elements_or_empty()?.iter().map(|(key, text)| (name(key), pattern(text))).collect())
        };
        Ok(Conditions {
            path: self.path.known()?.map(|path| pattern(path)),
            method: self.method.known()?.cloned(),
            headers: patterns(&self.headers, str::to_ascii_lowercase)?,
            query: patterns(&self.query, str::to_owned)?,
        })
    }
}

impl Conditions {
    /// Renders the conditions for one port.
    pub(super) fn on(self, port: PortNumber) -> HttpMatch {
        HttpMatch {
            port: Some(port),
            uri: self.path,
            method: self.method.map(StringMatch::Exact),
            headers: self.headers,
            query_params: self.query,
        }
    }

    /// Whether there is no condition at all.
    pub(super) fn is_empty(&self) -> bool {
        self.path.is_none() && self.covers(&Self::default())
    }

    /// Whether every request that meets `other` meets these conditions.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(this), None) => *this == StringMatch::Prefix("/".to_owned()),
            (Some(this), Some(other)) => covers(this, other),
        };
        let method = self.method.is_none() || self.method == other.method;
        path && method && all_cover(&self.headers, &other.headers) && all_cover(&self.query, &other.query)
    }
}

fn all_cover(ours: &BTreeMap<String, StringMatch>, theirs: &BTreeMap<String, StringMatch>) -> bool {
    ours.iter().all(|(name, this)| theirs.get(name).is_some_and(|other| covers(this, other)))
}

fn covers(this: &StringMatch, other: &StringMatch) -> bool {
    match (this, other) {
        (StringMatch::Present, _) => true,
        (StringMatch::Prefix(this), StringMatch::Prefix(other) | StringMatch::Exact(other)) => other.starts_with(this),
        (StringMatch::Exact(this), StringMatch::Exact(other)) => this == other,
        _ => false,
    }
}
