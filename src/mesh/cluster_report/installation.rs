//! What is installed: versions, kinds, control planes with their revisions, and their configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{arguments::Revision, observed::Observed, secrets::hide_secrets};
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        Mesh,
        istio::REVISION,
        live_objects::{items, label, namespaced_name},
        mesh_config::{self, MeshConfig},
        names,
        yaml::yaml,
    },
    object::{Key, kind},
    query::{Query, QueryResults},
    schema::{Attr, Elements, model::Nested},
};

pub(super) const VERSION: &str = "/version";
const CORE_KINDS: &str = "/api/v1";
const GROUPS: &str = "/apis";

/// The label of a webhook's configuration with the revision tag that it is for.
const TAG: &str = "istio.io/tag";

/// The environment variable of istiod with a standard of cryptography.
const COMPLIANCE_POLICY: &str = "COMPLIANCE_POLICY";

/// The documents that say what the cluster serves.
pub(super) fn document_queries() -> impl Iterator<Item = Query> {
    [VERSION, CORE_KINDS, GROUPS].into_iter().map(|path| Query::Document(path.to_owned()))
}

/// The documents with the kinds of Istio's groups, and of the Gateway API, in each of their versions.
pub(super) fn kind_queries(results: &QueryResults) -> Vec<Query> {
    group_versions(results).into_iter().map(|group_version| Query::Document(kinds_path(group_version))).collect()
}

fn kinds_path(group_version: &str) -> String {
    format!("{GROUPS}/{group_version}")
}

/// The served versions of these groups, such as `networking.istio.io/v1`.
fn group_versions(results: &QueryResults) -> Vec<&str> {
    let Ok(document) = results.document(GROUPS) else { return Vec::new() };
    let is_of_mesh = |group: &&Json| {
        text(group, &["name"]).is_some_and(|name| name.ends_with(".istio.io") || name == "gateway.networking.k8s.io")
    };
    let groups = items(document, &["groups"]).iter().filter(is_of_mesh);
    groups
        .flat_map(|group| items(group, &["versions"]))
        .filter_map(|version| text(version, &["groupVersion"]))
        .collect()
}

/// The kinds of these groups, with their versions. Subresources aren't kinds.
pub(super) fn kinds(results: &QueryResults) -> BTreeMap<String, Attr<Elements<String>>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for group_version in group_versions(results) {
        let Some((group, version)) = group_version.split_once('/') else { continue };
        let Ok(document) = results.document(&kinds_path(group_version)) else { continue };
        let resources = items(document, &["resources"]).iter();
        let resources = resources.filter(|resource| !text(resource, &["name"]).unwrap_or_default().contains('/'));
        for kind in resources.filter_map(|resource| text(resource, &["kind"])) {
            kinds.entry(format!("{kind}.{group}")).or_default().insert(version.to_owned());
        }
    }
    kinds.into_iter().map(|(kind, versions)| (kind, Attr::Known(versions.into_iter().collect()))).collect()
}

/// Whether the API server issues tokens for one audience.
pub(super) fn has_token_requests(results: &QueryResults) -> Known<bool> {
    let resources = items(results.document(CORE_KINDS)?, &["resources"]);
    Ok(resources.iter().any(|resource| {
        text(resource, &["name"]) == Some("serviceaccounts/token") && text(resource, &["kind"]) == Some("TokenRequest")
    }))
}

/// A Deployment of istiod.
#[derive(Clone, Copy, Debug)]
pub(super) struct ControlPlane<'a> {
    pub(super) deployment: &'a Json,
}

impl<'a> ControlPlane<'a> {
    /// The control planes in the root namespace.
    pub(super) fn all(observed: &Observed<'a>) -> Known<Vec<Self>> {
        let deployments = observed.results.list(&kind::DEPLOYMENT, &observed.mesh.root_namespace)?;
        let istiods = deployments.into_iter().filter(|deployment| label(deployment, "app") == Some("istiod"));
        Ok(istiods.map(|deployment| Self { deployment }).collect())
    }

    pub(super) fn revision(self) -> &'a str {
        label(self.deployment, REVISION).unwrap_or(names::DEFAULT_REVISION)
    }

    fn containers(self) -> &'a [Json] {
        items(self.deployment, &["spec", "template", "spec", "containers"])
    }

    /// The version: the tag of the image without its variant (`1.31.1-distroless`), or else the label of the chart.
    pub(super) fn version(self) -> Option<&'a str> {
        let images = self.containers().iter().filter_map(|container| text(container, &["image"]));
        let tags = images.filter_map(|image| Some(image.split('@').next()?.rsplit_once(':')?.1));
        let versions = tags.chain(label(self.deployment, "app.kubernetes.io/version"));
        versions.map(|tag| tag.split('-').next().unwrap_or(tag)).find(|version| minor(version).is_some())
    }

    /// The standard of cryptography that istiod and its proxies keep to.
    pub(super) fn compliance_policy(self) -> Option<&'a str> {
        let mut variables = self.containers().iter().flat_map(|container| items(container, &["env"]));
        let variable = variables.find(|variable| text(variable, &["name"]) == Some(COMPLIANCE_POLICY))?;
        text(variable, &["value"]).filter(|value| !value.is_empty())
    }
}

/// The number of the minor version of Istio 1: 31 of `1.31.1`.
pub(super) fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// The revision tags, with the revision of each.
pub(super) fn tags(results: &QueryResults) -> Known<BTreeMap<&str, &str>> {
    let webhooks = results.list_all_namespaces(&kind::MUTATING_WEBHOOK_CONFIGURATION)?;
    Ok(webhooks.into_iter().filter_map(|webhook| Some((label(webhook, TAG)?, label(webhook, REVISION)?))).collect())
}

/// The mesh with all revisions that are seen, beside those that the provider block names.
pub(super) fn with_seen_revisions(observed: &Observed) -> Mesh {
    let seen = ControlPlane::all(observed).unwrap_or_default().into_iter().map(ControlPlane::revision);
    let tagged = tags(observed.results).unwrap_or_default().into_values();
    let revisions = seen.chain(tagged).map(str::to_owned).chain(observed.mesh.revisions.iter().cloned()).collect();
    Mesh { revisions, ..observed.mesh.clone() }
}

/// Says for people which revisions' `meshConfig` could be read, and isn't there.
pub(super) fn missing_configs(observed: &Observed) -> Vec<String> {
    let configs = mesh_config::read(observed.mesh, observed.results);
    let is_missing =
        |key: &Key| observed.results.get(key).is_ok() && configs.iter().all(|config| config.name != key.name);
    let missing = mesh_config::keys(observed.mesh).filter(is_missing);
    missing.map(|key| format!("meshConfig: {key} isn't there, or can't be parsed")).collect()
}

/// `meshConfig` as YAML, without secrets.
fn shown(config: &MeshConfig) -> String {
    let mut config = config.config.clone();
    hide_secrets(&mut config);
    yaml(&config)
}

/// The revisions that have a control plane or a configuration.
pub(super) fn revisions(observed: &Observed) -> BTreeMap<String, Attr<Nested<Revision>>> {
    let control_planes = ControlPlane::all(observed).unwrap_or_default();
    let configs = mesh_config::read(observed.mesh, observed.results);
    let tags = tags(observed.results);
    let mut revisions = BTreeMap::new();
    for revision in &observed.mesh.revisions {
        let control_plane = control_planes.iter().find(|control_plane| control_plane.revision() == revision);
        let config = configs.iter().find(|config| config.revision == *revision);
        if control_plane.is_none() && config.is_none() {
            continue;
        }
        let optional = |text: Option<String>| text.map_or(Attr::Null, Attr::Known);
        let of_revision = |tags: &BTreeMap<&str, &str>| {
            Attr::Known(tags.iter().filter(|(_, of)| *of == revision).map(|(tag, _)| (*tag).to_owned()).collect())
        };
        let described = Revision {
            control_plane: optional(control_plane.map(|control_plane| namespaced_name(control_plane.deployment))),
            version: optional(control_plane.and_then(|control_plane| control_plane.version()).map(str::to_owned)),
            tags: tags.as_ref().map_or(Attr::Null, of_revision),
            mesh_config: optional(config.map(shown)),
        };
        revisions.insert(revision.clone(), Attr::Known(Nested(described)));
    }
    revisions
}
