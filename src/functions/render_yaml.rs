//! `render_yaml`: objects as YAML documents.

use super::arguments::error;
use crate::{
    object::{self, Key},
    plugin::interface::{Function, FunctionError, Parameter},
    schema::{Type, Value},
};

/// `render_yaml(mesh_service.payments.objects)`
pub(super) fn render_yaml() -> Function {
    Function {
        name: "render_yaml",
        doc: "Returns objects as YAML that `kubectl apply` takes, a document for each, in the order of their keys. Objects of several \
              resources are joined by `merge`. The labels and annotations by which this provider identifies its \
              objects are left out.",
        parameters: vec![Parameter {
            name: "objects",
            kind: Type::map(Type::String),
            doc: "The attribute `objects` of a resource: keys such as `VirtualService/pci/payments-pci`, and JSON.",
        }],
        variadic_parameter: None,
        return_type: Type::String,
        call: |arguments| {
            let Some(Value::Map(objects)) = arguments.first() else {
                return Err(error(0, "it must be a map of texts"));
            };
            let documents = objects.iter().map(|(key, body)| document(key, body)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::String(documents.join("---\n")))
        },
    }
}

/// An object as a YAML document.
fn document(key: &str, text: &Value) -> Result<String, FunctionError> {
    let invalid = |reason: &str| {
        error(0, format!("{key:?} {reason}. Write the attribute objects of a resource of this provider"))
    };
    let parsed: Key = key.parse().map_err(|_| invalid("isn't the key of an object"))?;
    let Value::String(text) = text else { return Err(invalid("has no JSON")) };
    match object::from_text(&parsed, text) {
        Some(body) if body.is_object() => {
            serde_saphyr::to_string(&body).map_err(|_| invalid("can't be written as YAML"))
        }
        _ => Err(invalid("isn't the JSON of an object")),
    }
}
