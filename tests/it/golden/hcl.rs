//! Evaluates HCL to values of a schema, as Terraform does before it calls a provider. Only literals are evaluated:
//! the variable `unknown` and references are unknown values.

use std::collections::BTreeMap;

use hcl::{Body, Expression, Structure};
use terraform_provider_mesh::schema::{Member, MemberKind, Nesting, Number, Schema, Type, Value};

/// The value of the body of a resource block, given as text.
pub(crate) fn resource(text: &str, schema: &Schema) -> Value {
    body(&hcl::parse(text).expect("HCL"), schema)
}

/// The value of the body of a block.
pub(crate) fn body(body: &Body, schema: &Schema) -> Value {
    for structure in body {
        let name = match structure {
            Structure::Attribute(attribute) => attribute.key.as_str(),
            Structure::Block(block) => block.identifier.as_str(),
        };
        assert!(schema.members.iter().any(|member| member.name == name), "no argument is named {name}");
    }
    Value::Map(schema.members.iter().map(|member| (member.name.to_owned(), member_value(body, member))).collect())
}

fn member_value(parent: &Body, member: &Member) -> Value {
    let expression = parent.attributes().find(|attribute| attribute.key.as_str() == member.name).map(|a| &a.expr);
    match &member.kind {
        MemberKind::Attribute { value_type, .. } => {
            expression.map_or(Value::Null, |expression| value(expression, value_type))
        }
        MemberKind::Block { .. } if expression.is_some_and(is_unknown) => Value::Unknown,
        MemberKind::Block { nesting, schema, .. } => {
            let blocks = parent.blocks().filter(|block| block.identifier.as_str() == member.name);
            let mut blocks: Vec<_> = blocks.map(|block| body(block.body(), schema)).collect();
            match nesting {
                Nesting::List => Value::List(blocks),
                Nesting::Single => {
                    assert!(blocks.len() <= 1, "at most one block {} is allowed", member.name);
                    blocks.pop().unwrap_or(Value::Null)
                }
            }
        }
    }
}

fn is_unknown(expression: &Expression) -> bool {
    matches!(expression, Expression::Variable(variable) if variable.as_str() == "unknown")
}

fn value(expression: &Expression, kind: &Type) -> Value {
    match (expression, kind) {
        (unknown, _) if is_unknown(unknown) => Value::Unknown,
        (Expression::Traversal(_), _) => Value::Unknown,
        (Expression::Null, _) => Value::Null,
        (Expression::Bool(b), Type::Bool) => Value::Bool(*b),
        (Expression::Number(number), Type::Number) => {
            Value::Number(Number::parse(&number.to_string()).expect("number"))
        }
        (minus @ Expression::Operation(_), Type::Number) => {
            Value::Number(Number::parse(&hcl::format::to_string(minus).expect("HCL")).expect("number"))
        }
        (Expression::String(text), Type::String) => Value::string(text),
        (Expression::FuncCall(call), Type::String) if call.name.name.as_str() == "jsonencode" => {
            let [argument] = call.args.as_slice() else { panic!("jsonencode takes one argument") };
            Value::String(serde_json::to_string(&hcl::Value::from(argument.clone())).expect("JSON"))
        }
        (Expression::Array(items), Type::List(element)) => {
            Value::List(items.iter().map(|item| value(item, element)).collect())
        }
        (Expression::Array(items), Type::Set(element)) => {
            let mut items: Vec<_> = items.iter().map(|item| value(item, element)).collect();
            items.sort_by_key(|item| format!("{item:?}"));
            items.dedup();
            Value::List(items)
        }
        (Expression::Object(members), Type::Map(element)) => Value::Map(
            members.iter().map(|(key, item)| (key.to_string(), value(item, element))).collect::<BTreeMap<_, _>>(),
        ),
        (other, kind) => panic!("{other:?} isn't a {kind}"),
    }
}

/// A value in the notation of Terraform's plans.
pub(super) fn plan_notation(value: &Value) -> String {
    match value {
        Value::Unknown => "(known after apply)".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(plan_notation).collect::<Vec<_>>().join(", ")),
        Value::Map(members) => {
            let members = members
                .iter()
                .filter(|(_, value)| **value != Value::Null)
                .map(|(name, value)| format!("{name} = {}", plan_notation(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Dynamic(typed) => plan_notation(&typed.1),
    }
}
