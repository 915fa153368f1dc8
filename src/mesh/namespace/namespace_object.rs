//! The Namespace itself: ours, or some labels and annotations of somebody else's.

use super::{Namespace, Site, origin};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        manifest::{Metadata, bare},
        stage,
    },
    object::{Key, ManagementScope, Object, Transition, kind},
};

/// Has the pods of a namespace injected, or not, by the default revision. Where it stands, [`REVISION`] is ignored.
pub(super) const INJECTION: &str = "istio-injection";
/// Has them injected by a revision.
pub(super) const REVISION: &str = "istio.io/rev";
/// Says whose a namespace is.
pub(super) const TEAM: &str = "team";

/// Which object.
pub(super) fn key(name: &str) -> Key {
    Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() }
}

impl Namespace {
    /// Whether anything of the Namespace is ours: of one that we don't make, only where something is written.
    pub(super) fn has_place(&self) -> Known<bool> {
        if self.create? {
            return Ok(true);
        }
        let written = [
            as_known(&self.team).map(Option::is_some),
            self.injection.map(|injection| injection.is_some()),
            as_known(&self.revision).map(Option::is_some),
            as_known(&self.labels).map(|labels| !labels.is_empty()),
            as_known(&self.annotations).map(|annotations| !annotations.is_empty()),
        ];
        match written.contains(&Ok(true)) {
            true => Ok(true),
            false if written.contains(&Err(Unknown)) => Err(Unknown),
            false => Ok(false),
        }
    }
}

/// The Namespace. What the provider block writes on every object that is made stands on it where it is made here.
pub(super) fn namespace(site: &Site, key: Key) -> Known<Object> {
    let Site { namespace, .. } = site;
    let create = namespace.create?;
    let mut metadata = if create { Metadata::of(site.mesh) } else { Metadata::default() }
        .and(as_known(&namespace.labels)?, as_known(&namespace.annotations)?);
    let mut label = |key: &str, value: &str| drop(metadata.labels.insert(key.to_owned(), value.to_owned()));
    if let Some(team) = as_known(&namespace.team)? {
        label(TEAM, team);
    }
    if let Some(injection) = namespace.injection? {
        label(INJECTION, if injection { "enabled" } else { "disabled" });
    }
    if let Some(revision) = as_known(&namespace.revision)? {
        label(REVISION, revision);
    }
    Ok(Object {
        body: bare(&key, metadata),
        key,
        scope: if create { ManagementScope::Whole } else { ManagementScope::Fields },
        stage: stage::NAMESPACE,
        transition: Transition::InPlace,
        origins: vec![
            origin("metadata.name", "name"),
            origin("metadata.labels", "labels"),
            origin("metadata.annotations", "annotations"),
        ],
    })
}
