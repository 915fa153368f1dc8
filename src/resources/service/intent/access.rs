//! Who may call.

use super::super::config::{Config, access};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::service::{Authorization, Calls, EndUser, ExternalAuthorization, RequireEndUser},
    resources::arguments::numbered,
    schema::Blocks,
};

/// What the arguments about callers mean.
pub(super) fn authorization(config: &Config) -> Authorization {
    Authorization {
        allow: calls("allow", &config.allow),
        deny: calls("deny", &config.deny),
        require_end_user: config.require_end_user.inner().map(|block| block.map(require_end_user)),
        external: config.external_authorization.inner().map(|block| block.map(external)),
        access: config.access.known().map(Option::<&_>::copied),
        mode: config.authorization_mode.known().map(Option::<&_>::copied),
        export_to: config.export_to.owned_elements(),
    }
}

fn calls(name: &str, blocks: &Blocks<access::Calls>) -> Known<Vec<Calls>> {
    Ok(numbered(name, blocks.known()?).map(|(at, block)| call(at, block)).collect())
}

fn call(at: Path, block: &access::Calls) -> Calls {
    Calls {
        at,
        from: block.from.owned_elements().and_then(|from| from.ok_or(Unknown)),
        methods: block.methods.owned_elements(),
        paths: block.paths.owned_elements(),
        hosts: block.hosts.owned_elements(),
        ports: block.ports.owned_elements(),
        ip_blocks: block.ip_blocks.owned_elements(),
        end_user: block.end_user.inner().map(|block| block.map(end_user)),
    }
}

fn end_user(block: &access::EndUser) -> EndUser {
    let claims = block.claims.known().and_then(|claims| {
        let claims = claims.into_iter().flatten();
        // A claim without values would hold for none: the argument's own rule has told it.
        claims.map(|(name, values)| Ok((name.clone(), values.owned_elements()?.ok_or(Unknown)?))).collect()
    });
    EndUser { issuer: block.issuer.owned(), claims }
}

fn require_end_user(block: &access::RequireEndUser) -> RequireEndUser {
    RequireEndUser { except_paths: block.except_paths.owned_elements() }
}

fn external(block: &access::ExternalAuthorization) -> ExternalAuthorization {
    ExternalAuthorization { provider: block.provider.owned(), paths: block.paths.owned_elements() }
}
