//! Traffic from outside.

use super::super::config::{self, Config};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::service::Ingress,
    resources::arguments::numbered,
};

/// What the blocks mean.
pub(super) fn ingress(config: &Config) -> Known<Vec<Ingress>> {
    let blocks = config.ingress.known()?;
    Ok(numbered("ingress", blocks).map(|(at, block)| way_in(at, block)).collect())
}

fn way_in(at: Path, block: &config::ingress::Ingress) -> Ingress {
    Ingress {
        at,
        name: block.name.known().map(Option::<&_>::cloned),
        gateway: block.gateway.owned(),
        service_account: block.service_account.known().map(Option::<&_>::cloned),
        hosts: block.hosts.owned_elements().and_then(|hosts| hosts.ok_or(Unknown)),
        paths: block.paths.owned_elements(),
        port: block.port.known().map(Option::<&_>::copied),
        rewrite: block.rewrite.known().map(Option::<&_>::cloned),
    }
}
