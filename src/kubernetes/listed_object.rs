//! The objects of a LIST, kept as text. Parsed, an object takes several times the memory of its text, and most objects of a
//! list are never looked at.

use serde::Deserialize;
use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};

use super::{error::Error, queried_object::prune};
use crate::object::{Key, Kind, kind};

/// An object as a LIST returned it.
#[derive(Debug)]
pub(super) struct ListedObject {
    text: Box<RawValue>,
    annotations: OwnershipAnnotations,
}

/// The annotations by which the objects of a resource are found.
#[derive(Debug, Default, Deserialize)]
struct OwnershipAnnotations {
    // annotation::RESOURCE
    #[serde(rename = "terraform-provider-mesh/resource")]
    resource: Option<Box<str>>,
    // annotation::INSTANCE
    #[serde(rename = "terraform-provider-mesh/instance")]
    instance: Option<Box<str>>,
}

impl ListedObject {
    /// The object of a LIST of `kind` with its key; `None` if it has no name. Kinds that only queries read are kept as queries
    /// return them.
    pub(super) fn read(kind: &'static Kind, text: &RawValue) -> Option<(Key, Self)> {
        #[derive(Deserialize)]
        struct Named {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
            namespace: Option<String>,
            annotations: Option<OwnershipAnnotations>,
        }
        let Named { metadata } = serde_json::from_str(text.get()).ok()?;
        let Metadata { name, namespace, annotations } = metadata;
        let pruned = || to_raw_value(&prune(serde_json::from_str(text.get()).ok()?)).ok();
        let text = if kind::READ_ONLY.contains(&kind) { pruned()? } else { text.to_owned() };
        Some((Key { kind, namespace, name }, Self { text, annotations: annotations.unwrap_or_default() }))
    }

    /// Whether an annotation names `resource` as the one to which the object belongs, or its instance, which has other names
    /// after a rename.
    pub(super) fn is_of(&self, resource: &str, instance: &str) -> bool {
        self.annotations.resource.as_deref() == Some(resource)
            || !instance.is_empty() && self.annotations.instance.as_deref() == Some(instance)
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
    use crate::object::{
        annotation,
        kind::{POD, SERVICE},
    };

    #[test]
    fn object_with_a_name_is_kept_as_it_is() {
        let read = |object: &Json| ListedObject::read(&SERVICE, &to_raw_value(object).unwrap());
        let object = json!({ "metadata": { "name": "payments", "namespace": "pci", "uid": "u" }, "spec": {} });
        let (key, listed) = read(&object).unwrap();
        assert_eq!(key, Key::new(&SERVICE, "pci", "payments"));
        assert_eq!(listed.parse().unwrap(), object);
        let pod = json!({ "metadata": { "name": "payments-0", "managedFields": [] } });
        let (_, pod) = ListedObject::read(&POD, &to_raw_value(&pod).unwrap()).unwrap();
        assert_eq!(pod.parse().unwrap(), json!({ "metadata": { "name": "payments-0" } }));
        assert!(!listed.is_of("mesh_service/pci/payments", "i1") && !listed.is_of("", ""));
        let annotations =
            json!({ (annotation::RESOURCE): "mesh_service/pci/payments", (annotation::INSTANCE): "i1", "other": "1" });
        let (_, listed) = read(&json!({ "metadata": { "name": "payments", "annotations": annotations } })).unwrap();
        assert!(listed.is_of("mesh_service/pci/payments", "i2") && listed.is_of("mesh_service/pci/former", "i1"));
        assert!(!listed.is_of("mesh_service/pci/former", "i2") && !listed.is_of("mesh_service/pci/former", ""));
        for nameless in
            [json!(null), json!({}), json!({ "metadata": { "namespace": "pci" } }), json!({ "metadata": [] })]
        {
            assert!(read(&nameless).is_none(), "{nameless}");
        }
    }
}
