//! The arguments of a resource in the annotation of its objects, from which an import restores them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::state::arguments;
use crate::schema::{Configurability, MemberKind, Schema, Value, json};

/// The text of the annotation: compact JSON of the arguments that are set, without secrets.
pub(super) fn recorded_arguments(schema: &Schema, state: &Value) -> String {
    let text = json::encode(&arguments(schema, state), &schema.object_type()).unwrap_or_default();
    set_arguments(serde_json::from_str(&text).unwrap_or_default(), schema).to_string()
}

/// The arguments of an annotation. What isn't recorded is null, and a text that can't be decoded records nothing.
pub(super) fn restore_arguments(schema: &Schema, annotation: &str) -> Value {
    let value = json::decode(annotation.as_bytes(), &schema.object_type()).unwrap_or(Value::Null);
    let value = if value == Value::Null { Value::Map(BTreeMap::new()) } else { value };
    schema.complete(&value)
}

/// The arguments and blocks of a body that are set and not sensitive. An empty collection is kept: it means something else than
/// none.
fn set_arguments(body: Json, schema: &Schema) -> Json {
    let Json::Object(members) = body else { return body };
    let member = |(name, value): (String, Json)| {
        let member = schema.members.iter().find(|member| member.name == name)?;
        let value = match (&member.kind, value) {
            (_, Json::Null) => return None,
            (MemberKind::Attribute { spec, .. }, _)
                if spec.sensitive || spec.configurability == Configurability::Computed =>
            {
                return None;
            }
            (MemberKind::Attribute { .. }, value) => value,
            (MemberKind::Block { .. }, Json::Array(blocks)) if blocks.is_empty() => return None,
            (MemberKind::Block { schema, .. }, Json::Array(blocks)) => {
                blocks.into_iter().map(|block| set_arguments(block, schema)).collect()
            }
            (MemberKind::Block { schema, .. }, block) => set_arguments(block, schema),
        };
        Some((name, value))
    };
    members.into_iter().filter_map(member).collect()
}

#[cfg(test)]
// `model!` declares public structs.
#[allow(unreachable_pub)]
mod tests {
    use super::*;
    use crate::{
        diagnostics::{Diagnostics, Path},
        model,
        schema::{
            Attr, Blocks, Map, Set,
            model::{Model, block, computed, optional},
        },
    };

    model! {
        /// Arguments of every shape.
        pub struct Arguments {
            /// A text.
            name: Attr<String> = optional(),
            /// A set.
            calls: Set<String> = optional(),
            /// A map.
            labels: Map<String> = optional(),
            /// A secret.
            token: Attr<String> = optional().sensitive(),
            /// A computed attribute.
            id: Attr<String> = computed(),
            /// Blocks.
            server: Blocks<Server> = block(),
        }
    }

    model! {
        /// A block.
        pub struct Server {
            /// A number.
            number: Attr<u32> = optional(),
            /// A secret.
            key: Attr<String> = optional().sensitive(),
        }
    }

    fn state(json: &str) -> Value {
        let schema = Arguments::schema();
        schema.complete(&json::decode(json.as_bytes(), &schema.object_type()).unwrap())
    }

    #[test]
    fn set_arguments_are_recorded_and_restored() {
        let rows = [
            (r#"{"name":"a","token":"s3cret","id":"x"}"#, r#"{"name":"a"}"#),
            (r#"{"calls":[],"labels":{}}"#, r#"{"calls":[],"labels":{}}"#),
            (
                r#"{"server":[{"number":1,"key":"s3cret"},{"number":null,"key":null}]}"#,
                r#"{"server":[{"number":1},{}]}"#,
            ),
            ("{}", "{}"),
        ];
        for (before, expected) in rows {
            let recorded = recorded_arguments(Arguments::schema(), &state(before));
            assert_eq!(recorded, expected);
            let restored = restore_arguments(Arguments::schema(), &recorded);
            assert_eq!(restored, state(expected));
            let _ = Arguments::decode(&restored, &Path::root(), &mut Diagnostics::default());
        }
    }

    #[test]
    fn malformed_record_restores_no_arguments() {
        for text in ["", "null", "[]", "{", r#"{"unheard":1}"#] {
            assert_eq!(restore_arguments(Arguments::schema(), text), state("{}"), "{text}");
        }
    }
}
