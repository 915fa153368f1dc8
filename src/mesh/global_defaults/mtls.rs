//! The `mtls` block: the PeerAuthentication of the whole mesh.

use super::context::{DefaultsContext, KeyedObject};
use crate::{
    known::Known,
    mesh::{
        istio::peer_authentication::{MtlsMode, PeerAuthentication},
        stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{At, Attr, model::optional},
};

model! {
    /// Mutual TLS between workloads.
    pub struct Mtls {
        /// Mutual TLS mode of all workloads. `strict`: clear text is refused. `permissive`: clear text and mutual
        /// TLS are accepted. `disable`: clear text only. Defaults to `strict`.
        mode: Attr<MtlsMode> = optional(),
    }
}

impl Mtls {
    /// Whether workloads accept plaintext traffic: `strict` by default, so they don't.
    pub(super) fn mode(&self) -> Known<MtlsMode> {
        self.mode.or(MtlsMode::Strict)
    }
}

impl At<Mtls> {
    /// Renders the PeerAuthentication.
    pub(super) fn render(&self, context: &DefaultsContext) -> KeyedObject {
        context.render(&kind::PEER_AUTHENTICATION, "default", |key| self.peer_authentication(context, key))
    }

    /// Strict mode refuses what deny-all may admit in the same apply, so it precedes deny-all. The other modes admit what
    /// deny-all may refuse, so they follow it.
    fn peer_authentication(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let mode = self.mode()?;
        let stage = if mode == MtlsMode::Strict { stage::STRICT_MTLS_OF_MESH } else { stage::MTLS };
        let origins = [("spec.mtls".to_owned(), self.at.clone())];
        context.object(key, &PeerAuthentication::for_all_workloads(mode), stage, origins)
    }
}
