//! The paths that an `ingress` block and a `route` have in common. The block matches paths as clients send them, and may rewrite them;
//! the route matches paths after that rewrite, and may rewrite them once more. A rule of a VirtualService matches once and rewrites
//! once, so both become one match and one rewrite.

use regex_syntax::hir::literal::Extractor;

use super::PathPattern;
use crate::mesh::istio::virtual_service::StringMatch;

/// The paths that match, as clients send them, and what the rewrite puts in the place of the matched text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommonPaths {
    /// The condition on the path. `None`: every path.
    pub(super) uri: Option<StringMatch>,
    /// The text in place of an exact path or of the prefix of one. `None`: the path stays as it is.
    pub(super) rewrite: Option<String>,
}

/// A regular expression of which it isn't known whether it only matches paths of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecidable;

/// A path or prefix of a block, with the rewrite of the block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockPath<'a> {
    /// The pattern; `None` for a block without paths.
    pub(super) pattern: Option<PathPattern<'a>>,
    /// The text in the place of the pattern's.
    pub(super) rewrite: Option<&'a str>,
}

impl BlockPath<'_> {
    /// Returns what the path of the block has in common with the path of a route. `None`: nothing.
    pub(super) fn intersect(
        self,
        route: Option<&StringMatch>,
        route_rewrite: Option<&str>,
    ) -> Result<Option<CommonPaths>, Undecidable> {
        let is_exact = matches!(self.pattern, Some(PathPattern::Exact(_)));
        let sent = self.pattern.map_or("/", PathPattern::text);
        // What the workload gets in the place of `sent`.
        let arriving = self.rewrite.unwrap_or(sent);
        let (uri, rest, arriving) = match route {
            Some(StringMatch::Regex(regex)) => return self.intersect_regex(regex, route_rewrite),
            Some(StringMatch::Exact(path)) if is_exact => {
                if arriving != path {
                    return Ok(None);
                }
                (StringMatch::Exact(sent.to_owned()), "", arriving)
            }
            Some(StringMatch::Exact(path)) => {
                let Some(rest) = path.strip_prefix(arriving) else { return Ok(None) };
                (StringMatch::Exact(format!("{sent}{rest}")), "", path.as_str())
            }
            Some(StringMatch::Prefix(prefix)) if !is_exact && prefix.starts_with(arriving) => {
                let rest = prefix.strip_prefix(arriving).unwrap_or_default();
                (StringMatch::Prefix(format!("{sent}{rest}")), "", prefix.as_str())
            }
            Some(StringMatch::Prefix(prefix)) => {
                // The route takes all of the block's.
                let Some(rest) = arriving.strip_prefix(prefix.as_str()) else { return Ok(None) };
                (self.string_match(sent), rest, arriving)
            }
            // A rewrite of a route without a path takes the place of the first slash.
            Some(StringMatch::Present) | None => {
                (self.string_match(sent), arriving.strip_prefix('/').unwrap_or(arriving), arriving)
            }
        };
        let rewrite = match route_rewrite {
            Some(rewrite) => Some(format!("{rewrite}{rest}")),
            None => self.rewrite.map(|_| arriving.to_owned()),
        };
        let is_every_path = self.pattern.is_none() && matches!(route, None | Some(StringMatch::Present));
        Ok(Some(CommonPaths { uri: (!is_every_path).then_some(uri), rewrite }))
    }

    fn string_match(self, sent: &str) -> StringMatch {
        self.pattern.map_or_else(|| StringMatch::Prefix(sent.to_owned()), PathPattern::string_match)
    }

    /// A rule has one condition on the path, so the regular expression must only match paths of the block, or none. What it matches
    /// begins with one of its literal prefixes. With a rewrite of the block it would have to match other paths than those
    /// that clients send.
    fn intersect_regex(self, regex: &str, route_rewrite: Option<&str>) -> Result<Option<CommonPaths>, Undecidable> {
        let whole =
            CommonPaths { uri: Some(StringMatch::Regex(regex.to_owned())), rewrite: route_rewrite.map(str::to_owned) };
        let Some(pattern) = self.pattern else { return Ok(Some(whole)) };
        let hir = regex_syntax::parse(regex).map_err(|_| Undecidable)?;
        let prefixes = Extractor::new().extract(&hir);
        let Some(prefixes) = prefixes.literals().filter(|prefixes| !prefixes.is_empty()) else {
            return Err(Undecidable);
        };
        let arriving = self.rewrite.unwrap_or(pattern.text()).as_bytes();
        let is_disjoint = |prefix: &[u8]| !prefix.starts_with(arriving) && !arriving.starts_with(prefix);
        if prefixes.iter().all(|prefix| is_disjoint(prefix.as_bytes())) {
            return Ok(None);
        }
        let is_within = |prefix: &[u8]| matches!(pattern, PathPattern::Prefix(_)) && prefix.starts_with(arriving);
        if self.rewrite.is_none() && prefixes.iter().all(|prefix| is_within(prefix.as_bytes())) {
            return Ok(Some(whole));
        }
        Err(Undecidable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of a route: with `*` at the end a prefix, with `~` at the start a regular expression.
    fn route_path(text: &str) -> Option<StringMatch> {
        Some(match (text.strip_prefix('~'), text.strip_suffix('*')) {
            (Some(regex), _) => StringMatch::Regex(regex.to_owned()),
            (None, Some(prefix)) => StringMatch::Prefix(prefix.to_owned()),
            (None, None) if text.is_empty() => return None,
            (None, None) => StringMatch::Exact(text.to_owned()),
        })
    }

    fn describe(common: Result<Option<CommonPaths>, Undecidable>) -> String {
        let Ok(common) = common else { return "undecidable".to_owned() };
        let Some(CommonPaths { uri, rewrite }) = common else { return "nothing".to_owned() };
        let uri = match uri {
            None => "every path".to_owned(),
            Some(StringMatch::Exact(path)) => path,
            Some(StringMatch::Prefix(prefix)) => format!("{prefix}*"),
            Some(StringMatch::Regex(regex)) => format!("~{regex}"),
            Some(StringMatch::Present) => panic!("a path has no such match"),
        };
        rewrite.map_or(uri.clone(), |rewrite| format!("{uri} > {rewrite}"))
    }

    #[test]
    fn paths_in_common() {
        // The path of the block and its rewrite, the path of the route and its rewrite, what they have in common.
        let table = [
            ("", "", "", "", "every path"),
            ("", "", "", "/v2/", "every path > /v2/"),
            ("", "", "/a/*", "", "/a/*"),
            ("", "", "/a", "/b", "/a > /b"),
            ("/v1/*", "", "", "", "/v1/*"),
            ("/v1/*", "", "", "/v2/", "/v1/* > /v2/v1/"),
            ("/v1/*", "", "/*", "/v2/", "/v1/* > /v2/v1/"),
            ("/v1/*", "", "/v1/a/*", "", "/v1/a/*"),
            ("/v1/*", "", "/v1/a/*", "/b/", "/v1/a/* > /b/"),
            ("/v1/*", "", "/v1/a", "/b", "/v1/a > /b"),
            ("/v1/*", "", "/v1", "", "nothing"),
            ("/v1*", "", "/v1/*", "", "/v1/*"),
            ("/v1/a/*", "", "/v1/*", "/b/", "/v1/a/* > /b/a/"),
            ("/v1/*", "", "/v2/*", "", "nothing"),
            ("/v1", "", "", "", "/v1"),
            ("/v1", "", "", "/b/", "/v1 > /b/v1"),
            ("/v1", "", "/*", "/b/", "/v1 > /b/v1"),
            ("/v1", "", "/v1", "/b", "/v1 > /b"),
            ("/v1", "", "/v1/*", "", "nothing"),
            ("/v1", "", "/v2", "", "nothing"),
            // Routes match what the block has rewritten.
            ("/pay/*", "/", "", "", "/pay/* > /"),
            ("/pay/*", "/", "", "/b/", "/pay/* > /b/"),
            ("/pay/*", "/", "/beta/*", "", "/pay/beta/* > /beta/"),
            ("/pay/*", "/", "/beta/*", "/b/", "/pay/beta/* > /b/"),
            ("/pay/*", "/", "/beta", "", "/pay/beta > /beta"),
            ("/pay/*", "/", "/pay/*", "", "/pay/pay/* > /pay/"),
            ("/pay/*", "/v2/", "/pay/*", "", "nothing"),
            ("/pay/*", "/v2/", "/*", "/b/", "/pay/* > /b/v2/"),
            ("/pay/*", "/v2/", "", "/b/", "/pay/* > /b/v2/"),
            ("/pay", "/charges", "/charges", "", "/pay > /charges"),
            ("/pay", "/charges", "/charges", "/b", "/pay > /b"),
            ("/pay", "/charges", "/*", "/b/", "/pay > /b/charges"),
            ("/pay", "/charges", "/pay", "", "nothing"),
            // Regular expressions.
            ("", "", "~/a/[0-9]+", "", "~/a/[0-9]+"),
            ("/a/*", "", "~/a/[0-9]+", "/b", "~/a/[0-9]+ > /b"),
            ("/a/*", "", "~/(a|a/b)/[0-9]+", "", "~/(a|a/b)/[0-9]+"),
            ("/a/*", "", "~/b/.*", "", "nothing"),
            ("/a/*", "", "~/(a|b)/.*", "", "undecidable"),
            ("/a/*", "", "~/.*", "", "undecidable"),
            ("/a/*", "", "~.*", "", "undecidable"),
            ("/a/*", "", "~/a", "", "undecidable"),
            ("/a/1", "", "~/a/[0-9]+", "", "undecidable"),
            ("/a/1", "", "~/b/[0-9]+", "", "nothing"),
            ("/pay/*", "/a/", "~/a/[0-9]+", "", "undecidable"),
            ("/pay/*", "/a/", "~/pay/[0-9]+", "", "nothing"),
        ];
        for (path, rewrite, route, route_rewrite, expected) in table {
            let set = |text: &'static str| (!text.is_empty()).then_some(text);
            let block = BlockPath { pattern: set(path).map(PathPattern::parse), rewrite: set(rewrite) };
            let common = describe(block.intersect(route_path(route).as_ref(), set(route_rewrite)));
            assert_eq!(common, expected, "{path:?} {rewrite:?} and {route:?} {route_rewrite:?}");
        }
    }
}
