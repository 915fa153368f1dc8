//! The objects of a LIST, kept as text. Parsed, an object takes several times the memory of its text, and most objects of a
//! list are never looked at.

use serde::Deserialize;
use serde_json::{Value as Json, value::RawValue};

use super::error::Error;
use crate::object::{Key, Kind};

/// An object as a LIST returned it.
#[derive(Debug)]
pub(super) struct ListedObject {
    text: Box<RawValue>,
    /// The annotation that names the resource of this provider to which the object belongs.
    resource: Option<Box<str>>,
}

impl ListedObject {
    /// The object of a LIST of `kind` with its key; `None` if it has no name.
    pub(super) fn read(kind: &'static Kind, text: &RawValue) -> Option<(Key, Self)> {
        #[derive(Deserialize)]
        struct Named {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
            namespace: Option<String>,
            annotations: Option<Annotations>,
        }
        #[derive(Deserialize)]
        struct Annotations {
            // annotation::RESOURCE
            #[serde(rename = "terraform-provider-mesh/resource")]
            resource: Option<Box<str>>,
        }
        let Named { metadata } = serde_json::from_str(text.get()).ok()?;
        let Metadata { name, namespace, annotations } = metadata;
        let resource = annotations.and_then(|annotations| annotations.resource);
        Some((Key { kind, namespace, name }, Self { text: text.to_owned(), resource }))
    }

    /// Whether an annotation names `resource` as the one to which the object belongs.
    pub(super) fn names_resource(&self, resource: &str) -> bool {
        self.resource.as_deref() == Some(resource)
    }

    /// The object as JSON.
    pub(super) fn parse(&self) -> Result<Json, Error> {
        serde_json::from_str(self.text.get()).map_err(|error| Error::MalformedResponse(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::object::{annotation, kind::SERVICE};

    #[test]
    fn object_with_a_name_is_kept_as_it_is() {
        let read = |object: &Json| ListedObject::read(&SERVICE, &to_raw_value(object).unwrap());
        let object = json!({ "metadata": { "name": "payments", "namespace": "pci", "uid": "u" }, "spec": {} });
        let (key, listed) = read(&object).unwrap();
        assert_eq!(key, Key::new(&SERVICE, "pci", "payments"));
        assert_eq!(listed.parse().unwrap(), object);
        assert!(!listed.names_resource("mesh_service/pci/payments"));
        let annotations = json!({ (annotation::RESOURCE): "mesh_service/pci/payments", "other": "1" });
        let (_, listed) = read(&json!({ "metadata": { "name": "payments", "annotations": annotations } })).unwrap();
        assert!(listed.names_resource("mesh_service/pci/payments") && !listed.names_resource("mesh_service/pci/pay"));
        for nameless in
            [json!(null), json!({}), json!({ "metadata": { "namespace": "pci" } }), json!({ "metadata": [] })]
        {
            assert!(read(&nameless).is_none(), "{nameless}");
        }
    }
}
