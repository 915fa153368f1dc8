//! The rules by which Terraform core proposes a new state, and by which it rejects a provider's plans and apply
//! results. They are implemented separately here; every plan and apply of the tests is checked by them.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        Schema,
        schema::{Block as Message, nested_block::NestingMode},
    },
    schema::{Number, Type, Value, json},
};

/// The string that stands for an unknown value in the tests' JSON.
pub const UNKNOWN: &str = "<unknown>";

/// The attributes and nested blocks of a schema.
#[derive(Clone, Debug)]
pub struct Block {
    pub attributes: BTreeMap<String, Attribute>,
    pub blocks: BTreeMap<String, NestedBlock>,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub kind: Type,
    pub computed: bool,
}

#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Whether the block nests as a list; otherwise it occurs at most once.
    pub list: bool,
    pub block: Block,
}

impl Block {
    pub fn of(schema: &Schema) -> Self {
        Self::of_block(schema.block.as_ref().expect("every schema has a block"))
    }

    fn of_block(block: &Message) -> Self {
        let attributes = block.attributes.iter().map(|attribute| {
            let kind = json::read_type(str::from_utf8(&attribute.r#type).unwrap()).unwrap();
            (attribute.name.clone(), Attribute { kind, computed: attribute.computed })
        });
        let blocks = block.block_types.iter().map(|nested| {
            let list = match nested.nesting() {
                NestingMode::List => true,
                NestingMode::Single => false,
                other => panic!("no block nests as {other:?}"),
            };
            let block = Self::of_block(nested.block.as_ref().expect("every nested block has a block"));
            (nested.type_name.clone(), NestedBlock { list, block })
        });
        Self { attributes: attributes.collect(), blocks: blocks.collect() }
    }

    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.kind.clone()));
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let kind = nested.block.object_type();
            (name.clone(), if nested.list { Type::list(kind) } else { kind })
        });
        Type::Object(attributes.chain(blocks).collect())
    }

    /// A configuration from JSON. Missing attributes are null, and missing blocks are absent. Unknown names are a
    /// mistake of the test.
    pub fn config(&self, written: &Json) -> Value {
        if written.is_null() {
            return Value::Null;
        }
        let Json::Object(members) = written else { panic!("not an object: {written}") };
        for name in members.keys() {
            assert!(self.attributes.contains_key(name) || self.blocks.contains_key(name), "no {name:?} in the schema");
        }
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            (name.clone(), members.get(name).map_or(Value::Null, |written| typed_value(written, &attribute.kind)))
        });
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let value = match members.get(name) {
                Some(Json::String(text)) if text == UNKNOWN => Value::Unknown,
                Some(Json::Array(items)) => Value::List(items.iter().map(|item| nested.block.config(item)).collect()),
                Some(written) => nested.block.config(written),
                None if nested.list => Value::List(Vec::new()),
                None => Value::Null,
            };
            (name.clone(), value)
        });
        Value::Map(attributes.chain(blocks).collect())
    }
}

/// A value of `kind` from the tests' JSON.
pub fn typed_value(written: &Json, kind: &Type) -> Value {
    match (written, kind) {
        (Json::Null, _) => Value::Null,
        (Json::String(text), _) if text == UNKNOWN => Value::Unknown,
        (Json::String(text), Type::String) => Value::string(text),
        (Json::Bool(b), Type::Bool) => Value::Bool(*b),
        (Json::Number(n), Type::Number) => Value::Number(Number::parse(&n.to_string()).unwrap()),
        (Json::Array(items), Type::List(kind) | Type::Set(kind)) => {
            Value::List(items.iter().map(|item| typed_value(item, kind)).collect())
        }
        (Json::Object(members), Type::Map(kind)) => {
            Value::Map(members.iter().map(|(key, item)| (key.clone(), typed_value(item, kind))).collect())
        }
        (Json::Object(members), Type::Object(kinds)) => {
            Value::Map(kinds.iter().map(|(name, kind)| (name.clone(), typed_value(&members[name], kind))).collect())
        }
        (written, kind) => panic!("{written} isn't a {kind}"),
    }
}

// === ProposedNew ===

/// The state that core proposes: the configuration, with the prior values of computed attributes.
pub fn proposed_new_state(block: &Block, prior: &Value, config: &Value) -> Value {
    let Value::Map(members) = config else { return config.clone() };
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let keeps_prior = attribute.computed && members[name] == Value::Null;
        (name.clone(), if keeps_prior { cloned_member(prior, name) } else { members[name].clone() })
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let before = cloned_member(prior, name);
        let value = match (&members[name], before) {
            (Value::List(items), Value::List(before)) if nested.list => {
                let items = items.iter().enumerate();
                let prior = |i: usize| before.get(i).unwrap_or(&Value::Null);
                Value::List(items.map(|(i, item)| proposed_new_state(&nested.block, prior(i), item)).collect())
            }
            (Value::List(items), _) => {
                Value::List(items.iter().map(|item| proposed_new_state(&nested.block, &Value::Null, item)).collect())
            }
            (one, before) => proposed_new_state(&nested.block, &before, one),
        };
        (name.clone(), value)
    });
    Value::Map(attributes.chain(blocks).collect())
}

fn cloned_member(value: &Value, name: &str) -> Value {
    value.member(name).clone()
}

// === AssertPlanValid ===

/// The rules that a plan breaks. Core would fail with "Provider produced invalid plan".
pub fn plan_violations(block: &Block, prior: &Value, config: &Value, planned: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    check_planned_block(block, prior, config, planned, "", &mut violations);
    violations
}

fn check_planned_block(
    block: &Block,
    prior: &Value,
    config: &Value,
    planned: &Value,
    at: &str,
    violations: &mut Vec<String>,
) {
    match (config, planned) {
        (Value::Null, Value::Null) | (Value::Unknown, Value::Unknown) => return,
        (Value::Null, _) => return violations.push(format!("{at}: planned for existence but config wants absence")),
        (_, Value::Null) => return violations.push(format!("{at}: planned for absence but config wants existence")),
        (_, Value::Unknown) => return violations.push(format!("{at}: a block must not be unknown itself")),
        _ => {}
    }
    for (name, attribute) in &block.attributes {
        let at = format!("{at}.{name}");
        let (prior, config, planned) = (prior.member(name), config.member(name), planned.member(name));
        let instance = planned == prior && *prior != Value::Null && *config != Value::Null;
        if planned == config || instance || (attribute.computed && *config == Value::Null) {
            continue;
        }
        if *config == Value::Null {
            violations.push(format!("{at}: planned value {planned:?} for a non-computed attribute"));
        } else {
            violations.push(format!("{at}: planned value {planned:?} does not match config value {config:?}"));
        }
    }
    for (name, nested) in &block.blocks {
        let at = format!("{at}.{name}");
        let (prior, config, planned) = (prior.member(name), config.member(name), planned.member(name));
        match (config, planned) {
            _ if !nested.list => check_planned_block(&nested.block, prior, config, planned, &at, violations),
            (Value::Unknown, Value::Unknown) => {}
            (Value::List(config), Value::List(planned)) if config.len() == planned.len() => {
                for (i, (config, planned)) in config.iter().zip(planned).enumerate() {
                    let prior = item(prior, i);
                    check_planned_block(&nested.block, prior, config, planned, &format!("{at}[{i}]"), violations);
                }
            }
            (_, Value::Null) => violations.push(format!("{at}: a list of nested blocks must be empty, not null")),
            _ => violations.push(format!("{at}: block count in plan disagrees with count in config")),
        }
    }
}

fn item(list: &Value, index: usize) -> &Value {
    match list {
        Value::List(items) => items.get(index).unwrap_or(&Value::Null),
        _ => &Value::Null,
    }
}

// === AssertObjectCompatible ===

/// The planned values that differ after an apply or in a later plan. Core would fail with "Provider produced
/// inconsistent result".
pub fn result_violations(block: &Block, planned: &Value, actual: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    check_compatible(&block.object_type(), planned, actual, "", &mut violations);
    violations
}

fn check_compatible(kind: &Type, planned: &Value, actual: &Value, at: &str, violations: &mut Vec<String>) {
    match (kind, planned, actual) {
        (_, Value::Unknown, _) | (_, Value::Null, Value::Null) => {}
        (_, Value::Null, actual) => violations.push(format!("{at}: was null, but now {actual:?}")),
        (_, planned, Value::Null) => violations.push(format!("{at}: was {planned:?}, but now null")),
        (_, _, Value::Unknown) => violations.push(format!("{at}: was known, but now unknown")),
        (Type::Object(kinds), planned, actual) => {
            for (name, kind) in kinds {
                check_compatible(kind, planned.member(name), actual.member(name), &format!("{at}.{name}"), violations);
            }
        }
        (Type::Map(kind), Value::Map(planned), Value::Map(actual)) => {
            for (key, value) in planned {
                match actual.get(key) {
                    Some(actual) => check_compatible(kind, value, actual, &format!("{at}[{key:?}]"), violations),
                    None => violations.push(format!("{at}: element {key:?} has vanished")),
                }
            }
            for key in actual.keys().filter(|key| !planned.contains_key(*key)) {
                violations.push(format!("{at}: new element {key:?} has appeared"));
            }
        }
        (Type::List(kind), Value::List(planned), Value::List(actual)) => {
            if planned.len() != actual.len() {
                return violations.push(format!("{at}: length changed from {} to {}", planned.len(), actual.len()));
            }
            for (i, (planned, actual)) in planned.iter().zip(actual).enumerate() {
                check_compatible(kind, planned, actual, &format!("{at}[{i}]"), violations);
            }
        }
        (Type::Set(kind), Value::List(planned), Value::List(actual)) => {
            let certain = !planned.contains(&Value::Unknown);
            if actual.len() > planned.len() || (certain && actual.len() < planned.len()) {
                return violations.push(format!("{at}: length changed from {} to {}", planned.len(), actual.len()));
            }
            for planned in planned {
                let correlates = actual.iter().any(|actual| {
                    let mut violations = Vec::new();
                    check_compatible(kind, planned, actual, at, &mut violations);
                    violations.is_empty()
                });
                if !correlates {
                    violations
                        .push(format!("{at}: planned set element {planned:?} does not correlate with any element"));
                }
            }
        }
        (_, planned, actual) if planned == actual => {}
        (_, planned, actual) => violations.push(format!("{at}: was {planned:?}, but now {actual:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn block() -> Block {
        let attribute = |kind: Type, computed: bool| Attribute { kind, computed };
        let inner =
            Block { attributes: [("key".to_owned(), attribute(Type::String, false))].into(), blocks: [].into() };
        Block {
            attributes: [
                ("name".to_owned(), attribute(Type::String, false)),
                ("id".to_owned(), attribute(Type::String, true)),
                ("tags".to_owned(), attribute(Type::set(Type::String), false)),
            ]
            .into(),
            blocks: [("item".to_owned(), NestedBlock { list: true, block: inner })].into(),
        }
    }

    /// Each row is (prior, config, planned) and a part of the expected violation, if there is one.
    #[test]
    fn plans_that_core_rejects_are_violations() {
        let null = json!(null);
        for (prior, config, planned, expected) in [
            (null.clone(), json!({"name": "a"}), json!({"name": "a", "id": UNKNOWN}), None),
            (json!({"name": "A"}), json!({"name": "a"}), json!({"name": "A"}), None),
            (null.clone(), json!({"name": "a"}), json!({"name": "A"}), Some("does not match config value")),
            (null.clone(), json!({}), json!({"name": "a"}), Some("for a non-computed attribute")),
            (null.clone(), json!({"name": "a"}), json!(null), Some("planned for absence")),
            (null.clone(), json!(null), json!({"name": "a"}), Some("planned for existence")),
            (null.clone(), json!({"item": [{"key": "a"}]}), json!({}), Some("block count")),
            (null.clone(), json!({"item": UNKNOWN}), json!({"item": UNKNOWN}), None),
            (null.clone(), json!({}), json!({"item": UNKNOWN}), Some("block count")),
            (
                null,
                json!({"item": [{"key": "a"}]}),
                json!({"item": [{"key": "b"}]}),
                Some("does not match config value"),
            ),
        ] {
            let (block, text) = (block(), format!("{config} → {planned}"));
            let violations =
                plan_violations(&block, &block.config(&prior), &block.config(&config), &block.config(&planned));
            match expected {
                None => assert_eq!(violations, Vec::<String>::new(), "{text}"),
                Some(expected) => {
                    assert!(violations.iter().any(|violation| violation.contains(expected)), "{text}: {violations:?}");
                }
            }
        }
    }

    /// Each row is (planned, actual) and a part of the expected violation, if there is one.
    #[test]
    fn results_that_core_rejects_are_violations() {
        for (planned, actual, expected) in [
            (json!({"id": UNKNOWN}), json!({"id": "x"}), None),
            (json!({"id": "x"}), json!({"id": "y"}), Some("but now")),
            (json!({"id": null}), json!({"id": "y"}), Some("was null")),
            (json!({"id": "x"}), json!({"id": null}), Some("but now null")),
            (json!({"id": "x"}), json!({"id": UNKNOWN}), Some("but now unknown")),
            (json!({"tags": ["a", UNKNOWN]}), json!({"tags": ["a"]}), None),
            (json!({"tags": ["a"]}), json!({"tags": ["a", "b"]}), Some("length changed")),
            (json!({"tags": ["a"]}), json!({"tags": ["b"]}), Some("does not correlate")),
            (json!({"item": [{"key": "a"}]}), json!({}), Some("length changed")),
        ] {
            let (block, text) = (block(), format!("{planned} → {actual}"));
            let violations = result_violations(&block, &block.config(&planned), &block.config(&actual));
            match expected {
                None => assert_eq!(violations, Vec::<String>::new(), "{text}"),
                Some(expected) => {
                    assert!(violations.iter().any(|violation| violation.contains(expected)), "{text}: {violations:?}");
                }
            }
        }
    }
}
