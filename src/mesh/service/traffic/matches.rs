//! Which requests a route takes.

use std::collections::BTreeMap;

use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        istio::virtual_service::{HttpMatch, StringMatch},
        port::PortNumber,
    },
};

/// Requests, by all of these.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its block; of a route that has none, the route's.
    pub at: Path,
    /// The path; `None`: any.
    pub path: Known<Option<StringMatch>>,
    /// The method; `None`: any.
    pub method: Known<Option<String>>,
    /// Headers by name, in lower case.
    pub headers: Known<BTreeMap<String, StringMatch>>,
    /// Parameters of the query by name.
    pub query: Known<BTreeMap<String, StringMatch>>,
}

/// What a text means that may end with `*`.
pub fn pattern(text: &str) -> StringMatch {
    match text.strip_suffix('*') {
        Some("") => StringMatch::Present,
        Some(prefix) => StringMatch::Prefix(prefix.to_owned()),
        None => StringMatch::Exact(text.to_owned()),
    }
}

impl Match {
    /// All requests.
    pub(super) fn all(at: &Path) -> Self {
        let (headers, query) = (Ok(BTreeMap::new()), Ok(BTreeMap::new()));
        Self { at: at.clone(), path: Ok(None), method: Ok(None), headers, query }
    }

    /// As the VirtualService has it, for one port.
    pub(super) fn on(&self, port: PortNumber) -> Known<HttpMatch> {
        Ok(HttpMatch {
            port: Some(port),
            uri: self.path.clone()?,
            method: self.method.clone()?.map(StringMatch::Exact),
            headers: self.headers.clone()?,
            query_params: self.query.clone()?,
        })
    }

    /// Whether nothing is asked of a request.
    pub(super) fn is_all(&self) -> Known<bool> {
        self.covers(&Self::all(&self.at))
    }

    /// Whether every request that `other` takes is taken by this.
    pub(super) fn covers(&self, other: &Self) -> Known<bool> {
        let path = match (as_known(&self.path)?, as_known(&other.path)?) {
            (None, _) => true,
            (Some(this), None) => *this == StringMatch::Prefix("/".to_owned()),
            (Some(this), Some(other)) => covers(this, other),
        };
        let method =
            as_known(&self.method)?.as_ref().is_none_or(|method| other.method.as_ref() == Ok(&Some(method.clone())));
        as_known(&other.method)?;
        Ok(path
            && method
            && cover(as_known(&self.headers)?, as_known(&other.headers)?)
            && cover(as_known(&self.query)?, as_known(&other.query)?))
    }
}

fn cover(these: &BTreeMap<String, StringMatch>, others: &BTreeMap<String, StringMatch>) -> bool {
    these.iter().all(|(name, this)| others.get(name).is_some_and(|other| covers(this, other)))
}

fn covers(this: &StringMatch, other: &StringMatch) -> bool {
    match (this, other) {
        (StringMatch::Present, _) => true,
        (StringMatch::Prefix(this), StringMatch::Prefix(other) | StringMatch::Exact(other)) => other.starts_with(this),
        (StringMatch::Exact(this), StringMatch::Exact(other)) => this == other,
        _ => false,
    }
}
