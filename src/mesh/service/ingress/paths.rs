//! Paths as a gateway matches them: whole, or by their beginning.

use crate::mesh::istio::virtual_service::StringMatch;

/// What is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// This very path.
    Exact(&'a str),
    /// Paths that begin so.
    Prefix(&'a str),
}

impl<'a> Pattern<'a> {
    /// `/healthz`, or `/v1/*`.
    pub(super) fn of(path: &'a str) -> Self {
        path.strip_suffix('*').map_or(Self::Exact(path), Self::Prefix)
    }

    /// Greater before lesser.
    pub(super) fn specificity(self) -> (bool, usize, &'a str) {
        match self {
            Self::Exact(path) => (true, path.len(), path),
            Self::Prefix(path) => (false, path.len(), path),
        }
    }

    /// Whether it takes every path that `other` takes.
    pub(super) fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Exact(_), Self::Prefix(_)) => false,
            (Self::Exact(path), Self::Exact(other)) => path == other,
            (Self::Prefix(prefix), Self::Exact(other) | Self::Prefix(other)) => other.starts_with(prefix),
        }
    }

    /// As VirtualServices write it.
    pub(super) fn matched(self) -> StringMatch {
        match self {
            Self::Exact(path) => StringMatch::Exact(path.to_owned()),
            Self::Prefix(path) => StringMatch::Prefix(path.to_owned()),
        }
    }

    /// What the workload gets, as policies write it.
    pub(super) fn rewritten(self, rewrite: Option<&str>) -> String {
        match (self, rewrite) {
            (Self::Exact(path), rewrite) => rewrite.unwrap_or(path).to_owned(),
            (Self::Prefix(path), rewrite) => format!("{}*", rewrite.unwrap_or(path)),
        }
    }

    /// Whether what follows the prefix would stick to the rewritten one, or get a second slash: `/v1/*` with `/api` makes
    /// `/apicharges`, and `/v1*` with `/` makes `//charges`.
    pub(super) fn is_garbled_by(self, rewrite: &str) -> bool {
        matches!(self, Self::Prefix(path) if path.ends_with('/') != rewrite.ends_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_each_other() {
        let covers = |one, other| Pattern::of(one).covers(Pattern::of(other));
        for (one, other) in [("/*", "/v1/*"), ("/v1/*", "/v1/"), ("/a", "/a"), ("/v1*", "/v1"), ("/v1*", "/v1/*")] {
            assert!(covers(one, other), "{one} {other}");
        }
        for (one, other) in [("/v1/*", "/*"), ("/v1/*", "/v1"), ("/a", "/a*"), ("/a", "/b")] {
            assert!(!covers(one, other), "{one} {other}");
        }
    }

    #[test]
    fn rewritten_paths() {
        for (path, rewrite, seen) in [
            ("/v1/*", Some("/"), "/*"),
            ("/v1*", Some("/api"), "/api*"),
            ("/v1/*", None, "/v1/*"),
            ("/login", Some("/sign-in"), "/sign-in"),
            ("/login", None, "/login"),
        ] {
            assert_eq!(Pattern::of(path).rewritten(rewrite), seen);
            assert!(!rewrite.is_some_and(|rewrite| Pattern::of(path).is_garbled_by(rewrite)));
        }
        assert!(Pattern::of("/v1/*").is_garbled_by("/api"));
        assert!(Pattern::of("/v1*").is_garbled_by("/"));
    }
}
