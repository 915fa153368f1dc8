//! Who may call.

use super::super::config::{Config, access};
use crate::{
    diagnostics::Path,
    known::Unknown,
    mesh::service::{Allow, Authorization},
    resources::arguments::numbered,
};

/// What the arguments about callers mean.
pub(super) fn authorization(config: &Config) -> Authorization {
    Authorization {
        allow: config
            .allow
            .known()
            .map(|blocks| numbered("allow", blocks).map(|(at, block)| allow(at, block)).collect()),
        access: config.access.known().map(Option::<&_>::copied),
        mode: config.authorization_mode.known().map(Option::<&_>::copied),
    }
}

fn allow(at: Path, block: &access::Allow) -> Allow {
    Allow {
        at,
        from: block.from.elements().and_then(|from| from.ok_or(Unknown)),
        methods: block.methods.elements(),
        paths: block.paths.elements(),
        ports: block.ports.elements(),
    }
}
