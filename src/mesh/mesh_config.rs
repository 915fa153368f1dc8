//! The `meshConfig` of the installed Istio. istiod reads it from a ConfigMap of the root namespace, `istio` or
//! `istio-<revision>`. Only live checks use it.

use serde_json::Value as Json;

use crate::json_path::{at, text};

/// The mesh configuration of one revision of Istio.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// Name of the ConfigMap.
    pub name: String,
    /// Content of `meshConfig`.
    pub config: Json,
}

/// Returns the mesh configuration of every revision. Other ConfigMaps, and those that can't be parsed, are skipped.
pub fn from_config_maps(maps: &[&Json]) -> Vec<MeshConfig> {
    let parse = |map: &&Json| {
        let name = text(map, &["metadata", "name"])?;
        let is_mesh = name == "istio" || name.starts_with("istio-");
        let config = serde_saphyr::from_str(text(map, &["data", "mesh"])?).ok()?;
        is_mesh.then(|| MeshConfig { name: name.to_owned(), config })
    };
    maps.iter().filter_map(parse).collect()
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

    fn provider_names(&self, filter: impl Fn(&Json) -> bool) -> Vec<&str> {
        let all = at(&self.config, &["extensionProviders"]).as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|provider| filter(provider)).filter_map(|provider| text(provider, &["name"])).collect()
    }
}
