//! The `meshConfig` of the installed Istio. istiod reads it from a ConfigMap of the root namespace, `istio` or
//! `istio-<revision>`. Only live checks use it. They read these by name: a right to list ConfigMaps would show all others.

use serde_json::Value as Json;

use super::{Mesh, names};
use crate::{
    json_path::{at, text},
    object::{Key, kind},
    query::QueryResults,
};

/// The mesh configuration of one revision of Istio.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// Name of the ConfigMap.
    pub name: String,
    /// Content of `meshConfig`.
    pub config: Json,
}

/// Returns the keys of the ConfigMaps of the mesh's revisions.
pub fn keys(mesh: &Mesh) -> impl Iterator<Item = Key> {
    mesh.revisions.iter().map(|revision| {
        let name = if revision == names::DEFAULT_REVISION { "istio".to_owned() } else { format!("istio-{revision}") };
        Key::new(&kind::CONFIG_MAP, &mesh.root_namespace, &name)
    })
}

/// Returns the mesh configurations among the results of queries for [`keys`]. ConfigMaps that weren't read, don't exist or can't
/// be parsed are skipped.
pub fn read(mesh: &Mesh, results: &QueryResults) -> Vec<MeshConfig> {
    let parse = |key: Key| {
        let config = serde_saphyr::from_str(text(results.get(&key).ok()??, &["data", "mesh"])?).ok()?;
        Some(MeshConfig { name: key.name, config })
    };
    keys(mesh).filter_map(parse).collect()
}

impl MeshConfig {
    /// Returns the names of all extension providers.
    pub fn extension_providers(&self) -> Vec<&str> {
        self.provider_names(|_| true)
    }

    /// Returns the names of the extension providers for external authorization.
    pub fn external_authorizers(&self) -> Vec<&str> {
        self.provider_names(|provider| {
            ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"].iter().any(|kind| !at(provider, &[kind]).is_null())
        })
    }

    /// Whether proxies decode escaped slashes in paths and merge adjacent ones, before rules see the paths.
    pub fn normalizes_slashes(&self) -> bool {
        text(&self.config, &["pathNormalization", "normalization"]) == Some("DECODE_AND_MERGE_SLASHES")
    }

    /// Returns the service of an external authorizer, `host` or `namespace/host`.
    pub fn authorizer_service(&self, name: &str) -> Option<&str> {
        let all = at(&self.config, &["extensionProviders"]).as_array().map(Vec::as_slice).unwrap_or_default();
        let provider = all.iter().find(|provider| text(provider, &["name"]) == Some(name))?;
        ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"].iter().find_map(|kind| text(provider, &[kind, "service"]))
    }

    fn provider_names(&self, filter: impl Fn(&Json) -> bool) -> Vec<&str> {
        let all = at(&self.config, &["extensionProviders"]).as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|provider| filter(provider)).filter_map(|provider| text(provider, &["name"])).collect()
    }
}
