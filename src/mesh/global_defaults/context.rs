//! What all objects of mesh_global_defaults share: the root namespace, labels and annotations.

use serde::Serialize;

use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        Mesh,
        manifest::{Metadata, manifest},
    },
    object::{Key, Kind, Object, Stage},
    schema::Map,
};

/// An object with its key, which is known before the object is.
pub(super) type KeyedObject = (Key, Known<Object>);

/// The mesh in which the defaults are rendered, and the metadata of their objects.
#[derive(Clone, Debug)]
pub(super) struct DefaultsContext<'a> {
    /// The arguments of the provider.
    pub(super) mesh: &'a Mesh,
    metadata: Known<Metadata>,
}

impl<'a> DefaultsContext<'a> {
    /// Makes the context of defaults whose objects have these `labels` and `annotations`.
    pub(super) fn new(mesh: &'a Mesh, labels: &Map<String>, annotations: &Map<String>) -> Self {
        let metadata = || {
            Ok(Metadata::from_mesh(mesh).merged_with(&labels.elements_or_empty()?, &annotations.elements_or_empty()?))
        };
        Self { mesh, metadata: metadata() }
    }

    /// Returns the same context, whose objects have one more annotation.
    pub(super) fn with_annotation(&self, key: &str, value: &str) -> Self {
        let metadata = self.metadata.clone().map(|metadata| metadata.with_annotation(key, value));
        Self { mesh: self.mesh, metadata }
    }

    /// The namespace whose objects apply to the whole mesh.
    pub(super) fn root_namespace(&self) -> &'a str {
        &self.mesh.root_namespace
    }

    /// Renders an object of the root namespace.
    pub(super) fn render(
        &self,
        kind: &'static Kind,
        name: &str,
        object: impl FnOnce(Key) -> Known<Object>,
    ) -> KeyedObject {
        let key = Key::new(kind, self.root_namespace(), name);
        (key.clone(), object(key))
    }

    /// Makes an object of its spec. `origins` are the arguments that the fields of the spec come from.
    pub(super) fn object(
        &self,
        key: Key,
        spec: &impl Serialize,
        stage: Stage,
        origins: impl IntoIterator<Item = (String, Path)>,
    ) -> Known<Object> {
        let shared = ["labels", "annotations"];
        let shared = shared.map(|argument| (format!("metadata.{argument}"), Path::root().attribute(argument)));
        let body = manifest(&key, self.metadata.clone()?, spec);
        Ok(Object::whole(key, body, stage).with_origins(shared.into_iter().chain(origins)))
    }
}

/// The origin of a whole spec.
pub(super) fn spec_from(argument: &Path) -> [(String, Path); 1] {
    [("spec".to_owned(), argument.clone())]
}

/// The origins of a spec whose field `field` is a list with one element for each of `arguments`.
pub(super) fn spec_and_elements_from<'a>(
    argument: &Path,
    field: &str,
    arguments: impl IntoIterator<Item = &'a Path>,
) -> Vec<(String, Path)> {
    let elements = arguments.into_iter().enumerate().map(|(n, at)| (format!("{field}[{n}]"), at.clone()));
    spec_from(argument).into_iter().chain(elements).collect()
}
