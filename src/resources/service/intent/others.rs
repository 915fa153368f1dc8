//! What is left to others, and taken from them.

use super::super::config::Config;
use crate::{
    known::Known,
    mesh::service::{Others, Override},
    object::Takeover,
    resources::arguments::numbered,
};

/// What the arguments about objects of others mean.
pub(super) fn others(config: &Config) -> Others {
    Others {
        adopt: config.adopt_existing.or(false),
        unmanaged: config.unmanaged.owned_elements().map(Option::unwrap_or_default),
        replaces: config.replaces.owned_elements().map(Option::unwrap_or_default),
    }
}

/// What the engine has to know of it.
pub(crate) fn takeover(config: &Config) -> Takeover {
    others(config).takeover(&config.namespace.owned())
}

/// The patches.
pub(super) fn overrides(config: &Config) -> Known<Vec<Override>> {
    let blocks = config.r#override.known()?;
    let one = |(at, block): (_, &super::super::config::Override)| Override {
        at,
        kind: block.kind.owned(),
        suffix: block.suffix.known().map(Option::<&_>::cloned),
        patch: block.patch.owned(),
    };
    Ok(numbered("override", blocks).map(one).collect())
}
