//! Rules for paths of AuthorizationPolicies, whatever resource they are arguments of.

use super::patterns;
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::Set,
};

/// Reports paths that are probably regular expressions.
pub(super) fn validate_paths(paths: &Set<String>, at: &Path, out: &mut Diagnostics) {
    for path in paths.elements().ok().flatten().into_iter().flatten().filter(|path| patterns::looks_like_regex(path)) {
        out.error(
            at,
            "Regular expression in paths",
            format!(
                "AuthorizationPolicies have no regular expressions, and {path:?} would match no request that you mean. Write {{*}} for \
                 one part between slashes, {{**}} for any number of them, or one * at the start or end: \"/items/{{*}}\" or \
                 \"/items/*\"."
            ),
        );
    }
}
