//! The JSON encoding of values, in which states are stored, and of types. Numbers are parsed from their digits, so they
//! stay exact.

use std::collections::BTreeMap;

use serde_json::{Value as Json, value::RawValue};

use super::{
    Number, Type, Value,
    codec::{InvalidValue, MAX_DEPTH, normalize_set},
};
use crate::diagnostics::Path;

/// Decodes a value of the type `kind`. Missing attributes become null, and attributes that `kind` doesn't have are
/// dropped, since another version of the provider may have stored the state. It returns an error, and never panics, on
/// malformed input.
pub fn decode(bytes: &[u8], kind: &Type) -> Result<Value, InvalidValue> {
    let root = Path::root();
    let raw: &RawValue =
        serde_json::from_slice(bytes).map_err(|error| InvalidValue::new(&root, format!("not JSON: {error}")))?;
    read(raw, kind, &root, 0)
}

/// Encodes a value of the type `kind` that has no unknown parts.
pub fn encode(value: &Value, kind: &Type) -> Result<String, InvalidValue> {
    write(value, kind, &Path::root())
}

// === values ===

fn read(raw: &RawValue, kind: &Type, at: &Path, depth: usize) -> Result<Value, InvalidValue> {
    if depth > MAX_DEPTH {
        return Err(InvalidValue::too_deep(at));
    }
    let invalid = || InvalidValue::wrong_type(at, kind);
    if raw.get() == "null" {
        return Ok(Value::Null);
    }
    match kind {
        Type::Bool => parse(raw).map(Value::Bool).ok_or_else(invalid),
        Type::String => parse(raw).map(Value::String).ok_or_else(invalid),
        Type::Number => {
            let quoted: Option<String> = parse(raw);
            Number::parse(quoted.as_deref().unwrap_or(raw.get())).map(Value::Number).map_err(|_| invalid())
        }
        Type::List(element) => elements(raw, element, at, depth).map(Value::List),
        Type::Set(element) => elements(raw, element, at, depth).map(normalize_set).map(Value::List),
        Type::Tuple(kinds) => {
            let items: Vec<&RawValue> =
                parse(raw).filter(|items: &Vec<_>| items.len() == kinds.len()).ok_or_else(invalid)?;
            let each = items.into_iter().zip(kinds).enumerate();
            each.map(|(i, (item, kind))| read(item, kind, &at.index(i), depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        Type::Map(element) => {
            let members: BTreeMap<String, &RawValue> = parse(raw).ok_or_else(invalid)?;
            let each = members.into_iter();
            each.map(|(key, item)| Ok((key.clone(), read(item, element, &at.key(&key), depth + 1)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map)
        }
        Type::Object(kinds) => {
            let members: BTreeMap<String, &RawValue> = parse(raw).ok_or_else(invalid)?;
            let member = |(name, kind): (&String, &Type)| {
                let found = members.get(name).map(|item| read(item, kind, &at.attribute(name), depth + 1));
                Ok((name.clone(), found.transpose()?.unwrap_or(Value::Null)))
            };
            kinds.iter().map(member).collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Dynamic => dynamic(raw, at, depth),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn elements(raw: &RawValue, kind: &Type, at: &Path, depth: usize) -> Result<Vec<Value>, InvalidValue> {
    let items: Vec<&RawValue> = parse(raw).ok_or_else(|| InvalidValue::new(at, "an array is required"))?;
    items.into_iter().enumerate().map(|(i, item)| read(item, kind, &at.index(i), depth + 1)).collect()
}

fn dynamic(raw: &RawValue, at: &Path, depth: usize) -> Result<Value, InvalidValue> {
    let invalid = || InvalidValue::new(at, "an object of \"value\" and \"type\" is required");
    let members: BTreeMap<String, &RawValue> = parse(raw).ok_or_else(invalid)?;
    let (Some(value), Some(kind)) = (members.get("value"), members.get("type")) else { return Err(invalid()) };
    let kind = read_type(kind.get()).map_err(|error| InvalidValue::new(at, error.message))?;
    let value = read(value, &kind, at, depth + 1)?;
    Ok(if kind == Type::Dynamic { value } else { Value::Dynamic(Box::new((kind, value))) })
}

fn write(value: &Value, kind: &Type, at: &Path) -> Result<String, InvalidValue> {
    if at.steps().len() > MAX_DEPTH {
        return Err(InvalidValue::too_deep(at));
    }
    let join_items = |items: Vec<String>| format!("[{}]", items.join(","));
    Ok(match (kind, value) {
        (_, Value::Null) => "null".to_owned(),
        (_, Value::Unknown) => return Err(InvalidValue::new(at, "the value is not known")),
        (Type::Bool, Value::Bool(b)) => b.to_string(),
        (Type::Number, Value::Number(n)) => n.to_string(),
        (Type::String, Value::String(text)) => quoted(text),
        (Type::List(element), Value::List(items)) => {
            let each = items.iter().enumerate();
            join_items(each.map(|(i, item)| write(item, element, &at.index(i))).collect::<Result<_, _>>()?)
        }
        (Type::Set(element), Value::List(items)) => join_items(
            normalize_set(items.clone()).iter().map(|item| write(item, element, at)).collect::<Result<_, _>>()?,
        ),
        (Type::Tuple(kinds), Value::List(items)) if kinds.len() == items.len() => {
            let each = items.iter().zip(kinds).enumerate();
            join_items(each.map(|(i, (item, kind))| write(item, kind, &at.index(i))).collect::<Result<_, _>>()?)
        }
        (Type::Map(element), Value::Map(members)) => {
            join_members(members.iter().map(|(key, item)| Ok((key, write(item, element, &at.key(key))?))))?
        }
        (Type::Object(kinds), Value::Map(members)) if kinds.len() == members.len() => {
            join_members(kinds.iter().map(|(name, kind)| {
                let missing = || InvalidValue::new(at, format!("attribute {name:?} is missing"));
                Ok((name, write(members.get(name).ok_or_else(missing)?, kind, &at.attribute(name))?))
            }))?
        }
        (Type::Dynamic, Value::Dynamic(inner)) => {
            let (kind, value) = &**inner;
            format!(r#"{{"value":{},"type":{}}}"#, write(value, kind, at)?, write_type(kind))
        }
        (kind, _) => return Err(InvalidValue::wrong_type(at, kind)),
    })
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn join_members<'a>(
    members: impl Iterator<Item = Result<(&'a String, String), InvalidValue>>,
) -> Result<String, InvalidValue> {
    let members = members.map(|member| member.map(|(name, value)| format!("{}:{value}", quoted(name))));
    Ok(format!("{{{}}}", members.collect::<Result<Vec<_>, _>>()?.join(",")))
}

// === types ===

/// Parses a type: `"string"`, `["list","string"]`, `["object",{"a":"bool"}]`. The third element of an object type, the
/// names of its optional attributes, is dropped: they are optional only in conversions, and encoded values have them
/// all.
pub fn read_type(text: &str) -> Result<Type, InvalidValue> {
    let json =
        serde_json::from_str(text).map_err(|error| InvalidValue::new(&Path::root(), format!("not a type: {error}")))?;
    type_from_json(&json).ok_or_else(|| InvalidValue::new(&Path::root(), format!("not a type: {json}")))
}

/// Converts a type from JSON. The recursion is bounded, since serde_json parses at most 128 levels.
fn type_from_json(json: &Json) -> Option<Type> {
    let of = |element: &Json| type_from_json(element).map(Box::new);
    if let Json::String(name) = json {
        return match name.as_str() {
            "bool" => Some(Type::Bool),
            "number" => Some(Type::Number),
            "string" => Some(Type::String),
            "dynamic" => Some(Type::Dynamic),
            _ => None,
        };
    }
    match (json.get(0)?.as_str()?, json.as_array()?.get(1..)?) {
        ("list", [element]) => of(element).map(Type::List),
        ("set", [element]) => of(element).map(Type::Set),
        ("map", [element]) => of(element).map(Type::Map),
        ("tuple", [Json::Array(kinds)]) => kinds.iter().map(type_from_json).collect::<Option<_>>().map(Type::Tuple),
        ("object", [Json::Object(kinds)] | [Json::Object(kinds), Json::Array(_)]) => {
            let each = kinds.iter().map(|(name, json)| Some((name.clone(), type_from_json(json)?)));
            each.collect::<Option<_>>().map(Type::Object)
        }
        _ => None,
    }
}

/// Formats a type in the form of Terraform. It is the inverse of [`read_type`].
pub fn write_type(kind: &Type) -> String {
    let of = |constructor: &str, inner: &str| format!("[\"{constructor}\",{inner}]");
    match kind {
        Type::Bool => "\"bool\"".to_owned(),
        Type::Number => "\"number\"".to_owned(),
        Type::String => "\"string\"".to_owned(),
        Type::Dynamic => "\"dynamic\"".to_owned(),
        Type::List(element) => of("list", &write_type(element)),
        Type::Set(element) => of("set", &write_type(element)),
        Type::Map(element) => of("map", &write_type(element)),
        Type::Tuple(kinds) => of("tuple", &format!("[{}]", kinds.iter().map(write_type).collect::<Vec<_>>().join(","))),
        Type::Object(kinds) => {
            let members: Vec<_> =
                kinds.iter().map(|(name, kind)| format!("{}:{}", quoted(name), write_type(kind))).collect();
            of("object", &format!("{{{}}}", members.join(",")))
        }
    }
}
