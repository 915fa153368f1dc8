//! Manifests of objects: `apiVersion`, `kind`, `metadata`, and the content of the object.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::Mesh;
use crate::object::Key;

/// The type of labels and annotations.
pub type StringMap = BTreeMap<String, String>;

/// Labels and annotations in `metadata`.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Labels.
    pub labels: StringMap,
    /// Annotations.
    pub annotations: StringMap,
}

impl Metadata {
    /// Returns the labels and annotations that the provider block sets on every object that the provider creates.
    pub fn from_mesh(mesh: &Mesh) -> Self {
        Self { labels: mesh.labels.clone(), annotations: mesh.annotations.clone() }
    }

    /// Adds an annotation. It replaces one with the same key.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// Adds labels and annotations of a resource. They replace those with the same keys.
    #[must_use]
    pub fn merged_with(mut self, labels: &StringMap, annotations: &StringMap) -> Self {
        self.labels.extend(labels.clone());
        self.annotations.extend(annotations.clone());
        self
    }
}

/// Makes a manifest without content, for kinds like ServiceAccount and Namespace.
pub fn manifest_without_spec(key: &Key, metadata: Metadata) -> Json {
    Json::Object(header(key, metadata))
}

/// Makes a manifest whose content is its `spec`.
pub fn manifest(key: &Key, metadata: Metadata, spec: &impl Serialize) -> Json {
    let mut body = header(key, metadata);
    // Serialization can't fail: specs consist of texts, numbers, lists, and maps with text keys.
    body.insert("spec".to_owned(), serde_json::to_value(spec).unwrap_or_default());
    Json::Object(body)
}

/// Makes a manifest whose content is in top-level fields, like that of a Role.
pub fn manifest_with_fields(key: &Key, metadata: Metadata, content: &impl Serialize) -> Json {
    let mut body = header(key, metadata);
    if let Ok(Json::Object(content)) = serde_json::to_value(content) {
        body.extend(content);
    }
    Json::Object(body)
}

/// Returns `apiVersion`, `kind` and `metadata`.
fn header(key: &Key, metadata: Metadata) -> Map<String, Json> {
    let mut meta = Map::new();
    meta.insert("name".to_owned(), json!(key.name));
    if let Some(namespace) = &key.namespace {
        meta.insert("namespace".to_owned(), json!(namespace));
    }
    for (field, map) in [("labels", metadata.labels), ("annotations", metadata.annotations)] {
        if !map.is_empty() {
            meta.insert(field.to_owned(), json!(map));
        }
    }
    let mut body = Map::new();
    body.insert("apiVersion".to_owned(), json!(key.kind.api_version()));
    body.insert("kind".to_owned(), json!(key.kind.kind));
    body.insert("metadata".to_owned(), Json::Object(meta));
    body
}
