//! The body of an object: apiVersion, kind, metadata, and a spec where there is one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::Mesh;
use crate::object::Key;

/// Labels or annotations.
pub type StringMap = BTreeMap<String, String>;

/// What stands in `metadata` beside the names.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// For selectors and people.
    pub labels: StringMap,
    /// For everything else.
    pub annotations: StringMap,
}

impl Metadata {
    /// What every object carries that we create.
    pub fn from_mesh(mesh: &Mesh) -> Self {
        Self { labels: mesh.labels.clone(), annotations: mesh.annotations.clone() }
    }

    /// With one more annotation, which beats what stands there.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// With a resource's own labels and annotations, which beat the mesh's.
    #[must_use]
    pub fn merged_with(mut self, labels: &StringMap, annotations: &StringMap) -> Self {
        self.labels.extend(labels.clone());
        self.annotations.extend(annotations.clone());
        self
    }
}

/// An object without a spec.
pub fn manifest_without_spec(key: &Key, metadata: Metadata) -> Json {
    Json::Object(head(key, metadata))
}

/// An object with a spec.
pub fn manifest(key: &Key, metadata: Metadata, spec: &impl Serialize) -> Json {
    let mut body = head(key, metadata);
    // Structs of texts, numbers and maps with text keys always have a JSON form.
    body.insert("spec".to_owned(), serde_json::to_value(spec).unwrap_or_default());
    Json::Object(body)
}

/// An object whose content stands beside its metadata, as a Role's does.
pub fn manifest_with_fields(key: &Key, metadata: Metadata, content: &impl Serialize) -> Json {
    let mut body = head(key, metadata);
    if let Ok(Json::Object(content)) = serde_json::to_value(content) {
        body.extend(content);
    }
    Json::Object(body)
}

fn head(key: &Key, metadata: Metadata) -> Map<String, Json> {
    let mut meta = Map::new();
    meta.insert("name".to_owned(), json!(key.name));
    if let Some(namespace) = &key.namespace {
        meta.insert("namespace".to_owned(), json!(namespace));
    }
    for (field, texts) in [("labels", metadata.labels), ("annotations", metadata.annotations)] {
        if !texts.is_empty() {
            meta.insert(field.to_owned(), json!(texts));
        }
    }
    let mut body = Map::new();
    body.insert("apiVersion".to_owned(), json!(key.kind.api_version()));
    body.insert("kind".to_owned(), json!(key.kind.kind));
    body.insert("metadata".to_owned(), Json::Object(meta));
    body
}
