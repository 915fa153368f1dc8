//! Whether workloads accept clear text from each other.

use super::Site;
use crate::{
    known::Known,
    mesh::{
        Rendered,
        istio::peer_authentication::{MtlsMode, PeerAuthentication},
        stage,
    },
    object::{Key, Object, kind},
};

pub(super) fn objects(site: &Site) -> Rendered {
    let Some(mode) = site.defaults.mtls? else { return Ok(Vec::new()) };
    let key = site.key(&kind::PEER_AUTHENTICATION, "default");
    Ok(vec![(key.clone(), mode.and_then(|mode| object(site, key, mode)))])
}

fn object(site: &Site, key: Key, mode: MtlsMode) -> Known<Object> {
    let stage = if mode == MtlsMode::Strict { stage::CLOSING } else { stage::OPENING };
    site.object(key, &PeerAuthentication::for_all_workloads(mode), stage, &[("spec.mtls", "mtls")])
}
