//! The Namespace: the whole object, or only some labels and annotations of a Namespace that another tool manages.

use super::Namespace;
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        istio::{INJECTION, REVISION},
        manifest::{Metadata, manifest_without_spec},
        stage,
    },
    object::{Key, Object, kind},
};

/// The label with the team that the namespace belongs to.
pub(super) const TEAM: &str = "team";

/// The key of the Namespace.
pub(super) fn key(name: &str) -> Key {
    Key { kind: &kind::NAMESPACE, namespace: None, name: name.to_owned() }
}

/// Renders the Namespace, or only the fields of it that this resource sets.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    if !namespace.sets_namespace_fields()? {
        return Ok(Vec::new());
    }
    let key = key(name);
    Ok(vec![(key.clone(), namespace.namespace_object(mesh, key))])
}

impl Namespace {
    /// Whether this resource sets fields of the Namespace: always where it creates it, otherwise where an argument becomes a
    /// label or an annotation.
    pub(super) fn sets_namespace_fields(&self) -> Known<bool> {
        if self.create()? {
            return Ok(true);
        }
        let sets_fields = [
            self.team.known().map(|team| team.is_some()),
            self.injection.known().map(|injection| injection.is_some()),
            self.revision.known().map(|revision| revision.is_some()),
            self.pod_security.known().map(|block| block.is_some()),
            self.labels.elements_or_empty().map(|labels| !labels.is_empty()),
            self.annotations.elements_or_empty().map(|annotations| !annotations.is_empty()),
        ];
        match sets_fields.contains(&Ok(true)) {
            true => Ok(true),
            false if sets_fields.contains(&Err(Unknown)) => Err(Unknown),
            false => Ok(false),
        }
    }

    /// Renders the Namespace. The labels and annotations of the provider block are only set where this resource creates it.
    fn namespace_object(&self, mesh: &Mesh, key: Key) -> Known<Object> {
        let create = self.create()?;
        let mut metadata = if create { Metadata::from_mesh(mesh) } else { Metadata::default() }
            .merged_with(&self.labels.elements_or_empty()?, &self.annotations.elements_or_empty()?);
        let mut label = |key: &str, value: &str| drop(metadata.labels.insert(key.to_owned(), value.to_owned()));
        if let Some(team) = self.team.known()? {
            label(TEAM, team);
        }
        if let Some(injection) = self.injection.copied()? {
            label(INJECTION, if injection { "enabled" } else { "disabled" });
        }
        if let Some(revision) = self.revision.known()? {
            label(REVISION, revision);
        }
        metadata.labels.extend(self.pod_security_labels()?);
        let body = manifest_without_spec(&key, metadata);
        let object = if create { Object::whole } else { Object::fields }(key, body, stage::NAMESPACE);
        Ok(object.with_origins([
            ("metadata.name", Path::root().attribute("name")),
            ("metadata.labels", Path::root().attribute("labels")),
            ("metadata.annotations", Path::root().attribute("annotations")),
        ]))
    }
}
