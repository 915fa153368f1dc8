//! Patterns of paths in `ingress` blocks: exact paths and prefixes.

use std::fmt;

use crate::mesh::istio::virtual_service::StringMatch;

/// A pattern of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathPattern<'a> {
    /// The path is equal.
    Exact(&'a str),
    /// The path has this prefix.
    Prefix(&'a str),
}

impl fmt::Display for PathPattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl<'a> PathPattern<'a> {
    /// Parses a path of the argument `paths`, which is a prefix if it ends with `*`.
    pub(super) fn parse(path: &'a str) -> Self {
        path.strip_suffix('*').map_or(Self::Exact(path), Self::Prefix)
    }

    /// Returns the path, or the prefix without its `*`.
    pub(super) const fn text(self) -> &'a str {
        match self {
            Self::Exact(path) | Self::Prefix(path) => path,
        }
    }

    /// Returns a key by which exact paths are greater than prefixes, and long paths greater than short ones.
    pub(super) fn specificity(self) -> (bool, usize, &'a str) {
        match self {
            Self::Exact(path) => (true, path.len(), path),
            Self::Prefix(path) => (false, path.len(), path),
        }
    }

    /// Whether the pattern matches every path that `other` matches.
    pub(super) fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Exact(_), Self::Prefix(_)) => false,
            (Self::Exact(path), Self::Exact(other)) => path == other,
            (Self::Prefix(prefix), Self::Exact(other) | Self::Prefix(other)) => other.starts_with(prefix),
        }
    }

    /// Returns the pattern in the form of VirtualServices.
    pub(super) fn string_match(self) -> StringMatch {
        match self {
            Self::Exact(path) => StringMatch::Exact(path.to_owned()),
            Self::Prefix(path) => StringMatch::Prefix(path.to_owned()),
        }
    }

    /// Returns the paths that the workload receives after `rewrite`, in the form of AuthorizationPolicies.
    pub(super) fn rewritten(self, rewrite: Option<&str>) -> String {
        match (self, rewrite) {
            (Self::Exact(path), rewrite) => rewrite.unwrap_or(path).to_owned(),
            (Self::Prefix(path), rewrite) => format!("{}*", rewrite.unwrap_or(path)),
        }
    }

    /// Whether the rewrite would join prefix and rest of a path without a slash or with two: `/v1/*` with `/api` makes
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
        let covers = |one, other| PathPattern::parse(one).covers(PathPattern::parse(other));
        for (one, other) in [("/*", "/v1/*"), ("/v1/*", "/v1/"), ("/a", "/a"), ("/v1*", "/v1"), ("/v1*", "/v1/*")] {
            assert!(covers(one, other), "{one} {other}");
        }
        for (one, other) in [("/v1/*", "/*"), ("/v1/*", "/v1"), ("/a", "/a*"), ("/a", "/b")] {
            assert!(!covers(one, other), "{one} {other}");
        }
    }

    #[test]
    fn prefixes_are_rewritten() {
        for (path, rewrite, expected) in [
            ("/v1/*", Some("/"), "/*"),
            ("/v1*", Some("/api"), "/api*"),
            ("/v1/*", None, "/v1/*"),
            ("/login", Some("/sign-in"), "/sign-in"),
            ("/login", None, "/login"),
        ] {
            assert_eq!(PathPattern::parse(path).rewritten(rewrite), expected);
            assert!(!rewrite.is_some_and(|rewrite| PathPattern::parse(path).is_garbled_by(rewrite)));
        }
        assert!(PathPattern::parse("/v1/*").is_garbled_by("/api"));
        assert!(PathPattern::parse("/v1*").is_garbled_by("/"));
    }
}
