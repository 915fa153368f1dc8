//! The `meshConfig` of the installed Istio. istiod reads it from a ConfigMap of the root namespace, `istio` or
//! `istio-<revision>`. Only live checks use it. They read these by name: a right to list ConfigMaps would show all others.

use serde_json::Value as Json;

use super::{Mesh, names};
use crate::{
    json_path::{at, text},
    object::{Key, kind},
    query::QueryResults,
};

/// The fields with the default of `exportTo` of each kind.
const DEFAULT_EXPORTS: [&str; 3] =
    ["defaultServiceExportTo", "defaultVirtualServiceExportTo", "defaultDestinationRuleExportTo"];

/// The mesh configuration of one revision of Istio.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// The revision of Istio.
    pub revision: String,
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
    let parse = |(revision, key): (&String, Key)| {
        let config = serde_saphyr::from_str(text(results.get(&key).ok()??, &["data", "mesh"])?).ok()?;
        Some(MeshConfig { revision: revision.clone(), name: key.name, config })
    };
    mesh.revisions.iter().zip(keys(mesh)).filter_map(parse).collect()
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

    /// Returns the fields that don't restrict objects without `exportTo` to their own namespace. Without them such objects are
    /// visible in all namespaces.
    pub fn open_default_exports(&self) -> Vec<&'static str> {
        let is_private = |field: &&str| at(&self.config, &[field]) == &Json::from(vec!["."]);
        DEFAULT_EXPORTS.into_iter().filter(|field| !is_private(field)).collect()
    }

    /// Returns the fields that hide objects without `exportTo` from other namespaces.
    pub fn narrow_default_exports(&self) -> Vec<&'static str> {
        let hides = |field: &&str| {
            let namespaces = at(&self.config, &[field]).as_array();
            namespaces.is_some_and(|all| !all.is_empty() && !all.contains(&Json::from("*")))
        };
        DEFAULT_EXPORTS.into_iter().filter(hides).collect()
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
