//! The mesh as it is installed: `meshConfig`, which istiod reads from a ConfigMap of the root namespace, `istio`, or
//! `istio-<revision>`. A fact of the cluster: it feeds warnings alone.

use serde_json::Value as Json;

use crate::json_path::{at, text};

/// The configuration of one revision.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// The ConfigMap's name.
    pub name: String,
    /// `meshConfig`
    pub config: Json,
}

/// Every revision's among these ConfigMaps. What isn't one, or can't be read, is left out.
pub fn from_config_maps(maps: &[&Json]) -> Vec<MeshConfig> {
    let read = |map: &&Json| {
        let name = text(map, &["metadata", "name"])?;
        let is_mesh = name == "istio" || name.starts_with("istio-");
        let config = serde_saphyr::from_str(text(map, &["data", "mesh"])?).ok()?;
        is_mesh.then(|| MeshConfig { name: name.to_owned(), config })
    };
    maps.iter().filter_map(read).collect()
}

impl MeshConfig {
    /// The names of all extension providers.
    pub fn extension_providers(&self) -> Vec<&str> {
        self.named(|_| true)
    }

    /// The names of those that are asked about requests.
    pub fn external_authorizers(&self) -> Vec<&str> {
        self.named(|provider| {
            ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"].iter().any(|kind| !at(provider, &[kind]).is_null())
        })
    }

    fn named(&self, is_meant: impl Fn(&Json) -> bool) -> Vec<&str> {
        let all = at(&self.config, &["extensionProviders"]).as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|provider| is_meant(provider)).filter_map(|provider| text(provider, &["name"])).collect()
    }
}
