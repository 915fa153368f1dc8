//! The objects of a namespace, of every kind that the server knows: discovery, and lists of names.

use serde_json::{Value as Json, value::RawValue};

use super::{
    api_path::collection_path, api_request::ApiRequest, cluster::Cluster, deadline::Deadline, error::Error,
    pager::Pager,
};
use crate::{
    json_path::{at, text},
    object::annotation,
};

/// Aggregated discovery, which answers with all groups of `/api` or `/apis` at once. Kubernetes 1.30 serves this version.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Metadata only, so that no Secret is read to learn that it exists. The plain JSON at the end is for aggregated API servers
/// that know whole objects only.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A namespaced resource type whose objects are deleted with their namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResource {
    /// API group, empty for the core group.
    pub group: String,
    /// Version in which the objects are listed, for example `v1`.
    pub version: String,
    /// Plural name in URLs, for example `configmaps`.
    pub plural: String,
    /// Kind, for example `ConfigMap`.
    pub kind: String,
}

/// The metadata of an object in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Name of the object.
    pub name: String,
    /// Value of the owner annotation, if this provider made the object.
    pub owner: Option<String>,
    /// Value of the resource annotation, if this provider made the object.
    pub resource: Option<String>,
}

impl Cluster {
    /// All namespaced resource types that can be listed and deleted. Fails if the server can't name all of them.
    pub async fn namespaced_api_resources(&self, deadline: &Deadline) -> Result<Vec<ApiResource>, Error> {
        let mut all = Vec::new();
        for root in ["/api", "/apis"] {
            let discovery = self.api.send(&ApiRequest::list(root.to_owned(), DISCOVERY), deadline).await?.json()?;
            all.extend(namespaced_api_resources(&discovery)?);
        }
        Ok(all)
    }

    /// The metadata of all objects of a resource type in a namespace.
    pub async fn list_metadata(
        &self,
        resource: &ApiResource,
        namespace: &str,
        deadline: &Deadline,
    ) -> Result<Vec<ObjectMetadata>, Error> {
        let ApiResource { group, version, plural, .. } = resource;
        let pager = Pager::accepting(METADATA, collection_path(group, version, plural, Some(namespace)));
        match pager.read_all(usize::MAX, object_metadata, &self.api, deadline).await {
            Ok(objects) => Ok(objects.unwrap_or_default()),
            // The resource type was removed after discovery.
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn object_metadata(object: &RawValue) -> Option<ObjectMetadata> {
    let object: &Json = &serde_json::from_str(object.get()).ok()?;
    let value = |key: &str| text(object, &["metadata", "annotations", key]).map(str::to_owned);
    Some(ObjectMetadata {
        name: text(object, &["metadata", "name"])?.to_owned(),
        owner: value(annotation::OWNER),
        resource: value(annotation::RESOURCE),
    })
}

/// The resource types of an `APIGroupDiscoveryList`. Versions of a group come in the server's order of preference; a resource
/// type is taken in the first version that has it.
fn namespaced_api_resources(discovery: &Json) -> Result<Vec<ApiResource>, Error> {
    let Some(groups) = at(discovery, &["items"]).as_array() else {
        return Err(Error::MalformedResponse("the server doesn't list its kinds as Kubernetes 1.30 does".to_owned()));
    };
    let mut all: Vec<ApiResource> = Vec::new();
    for group in groups {
        let group_name = text(group, &["metadata", "name"]).unwrap_or_default();
        for version in array(group, "versions") {
            let version_name = text(version, &["version"]).unwrap_or_default();
            // The aggregated API server behind this version didn't answer, so its resource types may have changed.
            if text(version, &["freshness"]) == Some("Stale") {
                return Err(Error::MalformedResponse(format!(
                    "the server that has the kinds of {group_name}/{version_name} doesn't answer now"
                )));
            }
            for resource in array(version, "resources").iter().filter_map(|r| api_resource(group_name, version_name, r))
            {
                if !all.iter().any(|known| known.group == resource.group && known.plural == resource.plural) {
                    all.push(resource);
                }
            }
        }
    }
    Ok(all)
}

/// One `APIResourceDiscovery`, if it is namespaced and can be listed and deleted.
fn api_resource(group: &str, version: &str, discovery: &Json) -> Option<ApiResource> {
    let verbs = array(discovery, "verbs");
    let is_namespaced = text(discovery, &["scope"]) == Some("Namespaced");
    let supports = |verb: &str| verbs.iter().any(|supported| supported == verb);
    (is_namespaced && supports("list") && supports("delete")).then_some(())?;
    Some(ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: text(discovery, &["resource"])?.to_owned(),
        kind: text(discovery, &["responseKind", "kind"])?.to_owned(),
    })
}

/// The elements of a field; none if it isn't an array.
fn array<'a>(json: &'a Json, field: &str) -> &'a [Json] {
    at(json, &[field]).as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(plural: &str, kind: &str, scope: &str, verbs: &[&str]) -> Json {
        json!({ "resource": plural, "responseKind": { "kind": kind }, "scope": scope, "verbs": verbs })
    }

    #[test]
    fn each_resource_type_is_listed_once_in_its_preferred_version() {
        let verbs = ["list", "delete"];
        let discovery = json!({ "items": [{ "metadata": { "name": "x.io" }, "versions": [
            { "version": "v2", "freshness": "Current", "resources": [
                resource("as", "A", "Namespaced", &verbs),
                resource("bs", "B", "Cluster", &verbs),
                resource("cs", "C", "Namespaced", &["list"]),
            ] },
            { "version": "v1", "freshness": "Current", "resources": [
                resource("as", "A", "Namespaced", &verbs),
                resource("ds", "D", "Namespaced", &verbs),
            ] },
        ] }] });
        let resources = namespaced_api_resources(&discovery).unwrap();
        let resources = resources.into_iter().map(|resource| format!("{}/{}", resource.version, resource.plural));
        assert_eq!(resources.collect::<Vec<_>>(), ["v2/as", "v1/ds"]);
    }

    #[test]
    fn incomplete_discovery_is_an_error() {
        assert!(namespaced_api_resources(&json!({ "kind": "APIVersions" })).is_err());
        let stale = json!({ "items": [{ "metadata": { "name": "x.io" }, "versions": [{ "version": "v1", "freshness": "Stale" }] }] });
        assert!(namespaced_api_resources(&stale).unwrap_err().to_string().contains("x.io/v1"));
    }
}
