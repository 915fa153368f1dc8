//! The arguments of a resource as one of its objects records them in an annotation: compact JSON of the arguments that
//! are set. An import restores them, and live checks of other resources read them.

use serde_json::Value as Json;

use super::{Configurability, MemberKind, Schema, Value, json, model::Model};
use crate::diagnostics::{Diagnostics, Path};

/// Encodes the arguments of a resource, whose values have the schema's type. Secrets are left out.
pub fn encode_arguments(schema: &Schema, arguments: &Value) -> String {
    let text = json::encode(arguments, schema.object_type()).unwrap_or_default();
    set_arguments(serde_json::from_str(&text).unwrap_or_default(), schema).to_string()
}

/// Decodes recorded arguments for an import. What isn't recorded is null, and arguments that the schema doesn't have are
/// dropped. `None`: the text isn't a JSON object with values of the schema's types.
pub fn decode_arguments(schema: &Schema, text: &str) -> Option<Value> {
    match json::decode(text.as_bytes(), schema.object_type()).ok()? {
        Value::Null => None,
        value => Some(schema.complete(&value)),
    }
}

/// Decodes recorded arguments for a check. `None`: the text can't be decoded, or it has arguments that the schema doesn't
/// have. Another version of the provider wrote those, and beside them the absence of an argument has no known meaning. An
/// argument with a faulty value is unknown, so that no check takes its default for it.
pub fn recorded_arguments<M: Model>(text: &str) -> Option<M> {
    let schema = M::schema();
    let body: Json = serde_json::from_str(text).ok()?;
    has_members(schema, &body)
        .then(|| decode_arguments(schema, text))
        .flatten()
        .map(|arguments| M::decode(&arguments, &Path::root(), &mut Diagnostics::default()))
}

/// Whether the schema has every member of a body, at any depth.
fn has_members(schema: &Schema, body: &Json) -> bool {
    body.as_object().into_iter().flatten().all(|(name, value)| {
        let member = schema.members.iter().find(|member| member.name == name);
        member.is_some_and(|member| match (&member.kind, value) {
            (MemberKind::Attribute { .. }, _) => true,
            (MemberKind::Block { schema, .. }, Json::Array(blocks)) => {
                blocks.iter().all(|block| has_members(schema, block))
            }
            (MemberKind::Block { schema, .. }, block) => has_members(schema, block),
        })
    })
}

/// The arguments and blocks of a body that are set and not sensitive. An empty collection is kept, since it has another
/// meaning than an argument that isn't set.
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
        model,
        schema::{
            Attr, Blocks, Map, Set,
            model::{block, computed, optional},
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
            number: Attr<u32> = optional().range(1..=10),
            /// A secret.
            key: Attr<String> = optional().sensitive(),
        }
    }

    fn arguments(json: &str) -> Value {
        let schema = Arguments::schema();
        schema.complete(&json::decode(json.as_bytes(), schema.object_type()).unwrap())
    }

    #[test]
    fn set_arguments_are_encoded_and_decoded() {
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
            let text = encode_arguments(Arguments::schema(), &arguments(before));
            assert_eq!(text, expected);
            assert_eq!(decode_arguments(Arguments::schema(), &text), Some(arguments(expected)));
            let model = recorded_arguments::<Arguments>(&text).unwrap();
            assert_eq!(model.encode(), arguments(expected));
        }
    }

    #[test]
    fn malformed_text_is_not_decoded() {
        for text in ["", "null", "[]", "{", r#"{"name":"#, r#"{"calls":"a"}"#, r#"{"server":[1]}"#] {
            assert_eq!(decode_arguments(Arguments::schema(), text), None, "{text}");
            assert_eq!(recorded_arguments::<Arguments>(text), None, "{text}");
        }
    }

    #[test]
    fn unknown_members_are_dropped_for_an_import_and_refused_for_a_check() {
        for (text, rest) in [
            (r#"{"name":"a","other":1}"#, r#"{"name":"a"}"#),
            (r#"{"server":[{"number":1,"other":{}}]}"#, r#"{"server":[{"number":1}]}"#),
        ] {
            assert_eq!(decode_arguments(Arguments::schema(), text), Some(arguments(rest)), "{text}");
            assert_eq!(recorded_arguments::<Arguments>(text), None, "{text}");
        }
    }

    #[test]
    fn faulty_value_is_unknown_and_the_others_are_read() {
        let model = recorded_arguments::<Arguments>(r#"{"name":"a","server":[{"number":11}]}"#).unwrap();
        assert_eq!(model.name, Attr::Known("a".to_owned()));
        assert_eq!(model.server.known().unwrap()[0].number, Attr::Unknown);
    }
}
