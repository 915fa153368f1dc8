//! What is in a namespace, whatever its kind: by the server's own list of kinds, and names alone.

use serde_json::Value as Json;

use super::{
    cluster::{Cluster, encode},
    errors::Error,
    retry::Deadline,
};
use crate::{
    json_path::{at, text},
    object::annotation,
};

/// The server's kinds in two requests; Kubernetes 1.30 has it in this form.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Names, labels and annotations alone: nobody reads a Secret to know that it is there. A server that an API is aggregated
/// from may know whole objects only.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A kind that has objects in namespaces, which go when their namespace does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Empty for the core group.
    pub group: String,
    /// `v1`
    pub version: String,
    /// `configmaps`
    pub plural: String,
    /// `ConfigMap`
    pub kind: String,
}

/// An object in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhabitant {
    /// Its name.
    pub name: String,
    /// The owner that its stamp names, where it has one.
    pub owner: Option<String>,
    /// The resource that its stamp names.
    pub resource: Option<String>,
}

impl Cluster {
    /// Every kind of which there may be objects in a namespace. `Err`: of some we can't know.
    pub async fn kinds_in_namespaces(&self, limits: &Deadline) -> Result<Vec<Served>, Error> {
        let mut all = Vec::new();
        for root in ["/api", "/apis"] {
            let discovered = self.read_as(DISCOVERY, root, limits).await?;
            all.extend(served(&discovered)?);
        }
        Ok(all)
    }

    /// The objects of a kind in a namespace.
    pub async fn inhabitants(
        &self,
        kind: &Served,
        namespace: &str,
        limits: &Deadline,
    ) -> Result<Vec<Inhabitant>, Error> {
        let Served { group, version, plural, .. } = kind;
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let folder = format!("{root}/namespaces/{}/{plural}?limit=500", encode(namespace));
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let list = match self.read_as(METADATA, &format!("{folder}{page}"), limits).await {
                // It has gone since it was listed.
                Err(error) if error.not_found() => return Ok(all),
                list => list?,
            };
            all.extend(at(&list, &["items"]).as_array().into_iter().flatten().filter_map(inhabitant));
            match text(&list, &["metadata", "continue"]) {
                Some(next) if !next.is_empty() => page = format!("&continue={}", encode(next)),
                _ => return Ok(all),
            }
        }
    }
}

fn inhabitant(object: &Json) -> Option<Inhabitant> {
    let said = |key: &str| text(object, &["metadata", "annotations", key]).map(str::to_owned);
    Some(Inhabitant {
        name: text(object, &["metadata", "name"])?.to_owned(),
        owner: said(annotation::OWNER),
        resource: said(annotation::RESOURCE),
    })
}

/// What lives in namespaces and can be listed and deleted, each kind in the best version that has it.
fn served(discovered: &Json) -> Result<Vec<Served>, Error> {
    let list = |json: &Json, name: &str| at(json, &[name]).as_array().cloned().unwrap_or_default();
    if !at(discovered, &["items"]).is_array() {
        return Err(Error::Malformed("the server doesn't list its kinds as Kubernetes 1.30 does".to_owned()));
    }
    let mut all: Vec<Served> = Vec::new();
    for group in list(discovered, "items") {
        let name = text(&group, &["metadata", "name"]).unwrap_or_default();
        for version in list(&group, "versions") {
            let said = text(&version, &["version"]).unwrap_or_default();
            if text(&version, &["freshness"]) == Some("Stale") {
                return Err(Error::Malformed(format!(
                    "the server that has the kinds of {name}/{said} doesn't answer now"
                )));
            }
            for resource in list(&version, "resources") {
                let verbs = list(&resource, "verbs");
                let may = |verb: &str| verbs.iter().any(|known| known == verb);
                let (Some(plural), Some(kind)) =
                    (text(&resource, &["resource"]), text(&resource, &["responseKind", "kind"]))
                else {
                    continue;
                };
                let known = all.iter().any(|other| other.group == name && other.plural == plural);
                let namespaced = text(&resource, &["scope"]) == Some("Namespaced");
                if namespaced && may("list") && may("delete") && !known {
                    all.push(Served {
                        group: name.to_owned(),
                        version: said.to_owned(),
                        plural: plural.to_owned(),
                        kind: kind.to_owned(),
                    });
                }
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(plural: &str, kind: &str, scope: &str, verbs: &[&str]) -> Json {
        json!({ "resource": plural, "responseKind": { "kind": kind }, "scope": scope, "verbs": verbs })
    }

    #[test]
    fn each_kind_once_in_its_best_version() {
        let both = ["list", "delete"];
        let discovered = json!({ "items": [{ "metadata": { "name": "x.io" }, "versions": [
            { "version": "v2", "freshness": "Current", "resources": [
                resource("as", "A", "Namespaced", &both),
                resource("bs", "B", "Cluster", &both),
                resource("cs", "C", "Namespaced", &["list"]),
            ] },
            { "version": "v1", "freshness": "Current", "resources": [
                resource("as", "A", "Namespaced", &both),
                resource("ds", "D", "Namespaced", &both),
            ] },
        ] }] });
        let found = served(&discovered).unwrap().into_iter().map(|kind| format!("{}/{}", kind.version, kind.plural));
        assert_eq!(found.collect::<Vec<_>>(), ["v2/as", "v1/ds"]);
    }

    #[test]
    fn what_cannot_be_known_is_told() {
        assert!(served(&json!({ "kind": "APIVersions" })).is_err());
        let stale = json!({ "items": [{ "metadata": { "name": "x.io" }, "versions": [{ "version": "v1", "freshness": "Stale" }] }] });
        assert!(served(&stale).unwrap_err().to_string().contains("x.io/v1"));
    }
}
