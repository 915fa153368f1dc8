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
pub(in super::super) struct Conditions {
    path: Option<StringMatch>,
    method: Option<String>,
    scheme: Option<String>,
    authority: Option<StringMatch>,
    /// Headers by name in lower case, since names of headers are case-insensitive.
    headers: BTreeMap<String, StringMatch>,
    query: BTreeMap<String, StringMatch>,
    source_namespace: Option<String>,
    source_labels: BTreeMap<String, String>,
}

/// Converts a text that may end with `*` to a match of Istio.
pub(super) fn pattern(text: &str) -> StringMatch {
    match text.strip_suffix('*') {
        Some("") => StringMatch::Present,
        Some(prefix) => StringMatch::Prefix(prefix.to_owned()),
        None => StringMatch::Exact(text.to_owned()),
    }
}

/// Returns the condition on the header `cookie` that the cookie is among those that are sent.
fn cookie(name: &str, value: &str) -> StringMatch {
    let pair = format!("{}={}", regex_syntax::escape(name), regex_syntax::escape(value));
    StringMatch::Regex(format!("(.*;\\s*)?{pair}(;.*)?"))
}

impl Match {
    /// The conditions of the block.
    pub(in super::super) fn conditions(&self) -> Known<Conditions> {
        let patterns = |texts: &Map<String>, name: fn(&str) -> String| -> Known<BTreeMap<String, StringMatch>> {
            Ok(texts.elements_or_empty()?.iter().map(|(key, text)| (name(key), pattern(text))).collect())
        };
        let regexes = |texts: &Map<String>, name: fn(&str) -> String| -> Known<BTreeMap<String, StringMatch>> {
            let texts = texts.elements_or_empty()?;
            Ok(texts.into_iter().map(|(key, text)| (name(&key), StringMatch::Regex(text))).collect())
        };
        let mut headers = patterns(&self.headers, str::to_ascii_lowercase)?;
        headers.extend(regexes(&self.headers_regex, str::to_ascii_lowercase)?);
        let cookies = self.cookies.elements_or_empty()?;
        headers.extend(cookies.iter().map(|(name, value)| ("cookie".to_owned(), cookie(name, value))));
        let mut query = patterns(&self.query, str::to_owned)?;
        query.extend(regexes(&self.query_regex, str::to_owned)?);
        let path_regex = self.path_regex.known()?.cloned().map(StringMatch::Regex);
        let from = self.from.known()?;
        Ok(Conditions {
            path: self.path.known()?.map(|path| pattern(path)).or(path_regex),
            method: self.method.known()?.cloned(),
            scheme: self.scheme.known()?.cloned(),
            authority: self.authority.known()?.map(|host| pattern(host)),
            headers,
            query,
            source_namespace: from.map_or(Ok(None), |from| Ok(from.namespace.known()?.cloned()))?,
            source_labels: from.map_or(Ok(BTreeMap::new()), |from| from.labels.elements_or_empty())?,
        })
    }
}

impl Conditions {
    /// Renders the conditions for one port.
    pub(super) fn on(self, port: PortNumber) -> HttpMatch {
        let uri = self.path.clone();
        HttpMatch { port: Some(port), ..self.at_gateway(uri) }
    }

    /// The condition on the path.
    pub(in super::super) const fn path(&self) -> Option<&StringMatch> {
        self.path.as_ref()
    }

    /// The condition on the host that the caller asked for.
    pub(in super::super) const fn authority(&self) -> Option<&StringMatch> {
        self.authority.as_ref()
    }

    /// Whether there is a condition on the calling workload, which at a gateway is the gateway.
    pub(in super::super) fn asks_for_workload(&self) -> bool {
        self.source_namespace.is_some() || !self.source_labels.is_empty()
    }

    /// Renders the conditions for a gateway, with another one on the path.
    pub(in super::super) fn at_gateway(self, uri: Option<StringMatch>) -> HttpMatch {
        HttpMatch {
            port: None,
            uri,
            scheme: self.scheme.map(StringMatch::Exact),
            method: self.method.map(StringMatch::Exact),
            authority: self.authority,
            headers: self.headers,
            query_params: self.query,
            source_labels: self.source_labels,
            source_namespace: self.source_namespace,
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
        let scheme = self.scheme.is_none() || self.scheme == other.scheme;
        let authority = match (&self.authority, &other.authority) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(this), Some(other)) => covers(this, other),
        };
        let from = (self.source_namespace.is_none() || self.source_namespace == other.source_namespace)
            && self.source_labels.iter().all(|(key, value)| other.source_labels.get(key) == Some(value));
        path && method
            && scheme
            && authority
            && from
            && all_cover(&self.headers, &other.headers)
            && all_cover(&self.query, &other.query)
    }
}

fn all_cover(ours: &BTreeMap<String, StringMatch>, theirs: &BTreeMap<String, StringMatch>) -> bool {
    ours.iter().all(|(name, this)| theirs.get(name).is_some_and(|other| covers(this, other)))
}

fn covers(this: &StringMatch, other: &StringMatch) -> bool {
    match (this, other) {
        (StringMatch::Present, _) => true,
        (StringMatch::Prefix(this), StringMatch::Prefix(other) | StringMatch::Exact(other)) => other.starts_with(this),
        (StringMatch::Exact(this), StringMatch::Exact(other))
        | (StringMatch::Regex(this), StringMatch::Regex(other)) => this == other,
        _ => false,
    }
}
