//! The msgpack encoding of values, which Terraform prefers in messages. The type determines the form at each level: an
//! object is a map with exactly its attributes, a value of the type `any` is a pair of type and value, and an unknown
//! value is an extension.

use std::collections::BTreeMap;

use rmpv::{Value as Raw, decode::read_value_with_max_depth, encode::write_value};

use super::{
    Number, Type, Value,
    codec::{InvalidValue, MAX_DEPTH, exact_float, normalize_set, number_from_float},
    json::{read_type, write_type},
};
use crate::diagnostics::Path;

/// Decodes a value of the type `kind`. It returns an error, and never panics, on malformed input.
pub fn decode(bytes: &[u8], kind: &Type) -> Result<Value, InvalidValue> {
    let root = Path::root();
    let mut rest = bytes;
    let raw = read_value_with_max_depth(&mut rest, MAX_DEPTH)
        .map_err(|error| InvalidValue::new(&root, format!("not msgpack: {error}")))?;
    if !rest.is_empty() {
        return Err(InvalidValue::new(&root, "bytes follow the value"));
    }
    read(raw, kind, &root)
}

/// Encodes a value of the type `kind` to the same bytes as Terraform.
pub fn encode(value: &Value, kind: &Type) -> Result<Vec<u8>, InvalidValue> {
    let root = Path::root();
    let mut bytes = Vec::new();
    write_value(&mut bytes, &write(value, kind, &root)?)
        .map_err(|error| InvalidValue::new(&root, format!("can't be written: {error}")))?;
    Ok(bytes)
}

// === read ===

fn read(raw: Raw, kind: &Type, at: &Path) -> Result<Value, InvalidValue> {
    if at.steps().len() > MAX_DEPTH {
        return Err(InvalidValue::too_deep(at));
    }
    match (kind, raw) {
        (_, Raw::Nil) => Ok(Value::Null),
        // Terraform refines unknown values by other codes and payloads. A provider may always answer with a plain
        // unknown.
        (_, Raw::Ext(..)) => Ok(Value::Unknown),
        (Type::Bool, Raw::Boolean(b)) => Ok(Value::Bool(b)),
        (Type::Number, raw) => number(raw, at).map(Value::Number),
        (Type::String, raw) => text(raw).map(Value::String).ok_or_else(|| InvalidValue::wrong_type(at, kind)),
        (Type::List(element), Raw::Array(items)) => elements(items, element, at).map(Value::List),
        (Type::Set(element), Raw::Array(items)) => elements(items, element, at).map(normalize_set).map(Value::List),
        (Type::Tuple(kinds), Raw::Array(items)) => {
            if items.len() != kinds.len() {
                return Err(InvalidValue::new(at, format!("a tuple of length {} is required", kinds.len())));
            }
            let each = items.into_iter().zip(kinds).enumerate();
            each.map(|(i, (item, kind))| read(item, kind, &at.index(i))).collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Map(element), Raw::Map(members)) => {
            map(members, at, |key, item| read(item, element, &at.key(key))).map(Value::Map)
        }
        (Type::Object(kinds), Raw::Map(members)) => object(members, kinds, at),
        (Type::Dynamic, Raw::Array(pair)) => dynamic(pair, at),
        (kind, _) => Err(InvalidValue::wrong_type(at, kind)),
    }
}

fn number(raw: Raw, at: &Path) -> Result<Number, InvalidValue> {
    let invalid = || InvalidValue::wrong_type(at, &Type::Number);
    match raw {
        Raw::Integer(n) => n.as_i64().map(Number::from).or_else(|| n.as_u64().map(Number::from)).ok_or_else(invalid),
        Raw::F32(f) => number_from_float(f64::from(f)).ok_or_else(invalid),
        Raw::F64(f) => number_from_float(f).ok_or_else(invalid),
        raw => Number::parse(&text(raw).ok_or_else(invalid)?).map_err(|_| invalid()),
    }
}

/// Converts a string or binary to text, if it is UTF-8.
fn text(raw: Raw) -> Option<String> {
    match raw {
        Raw::String(text) => text.into_str(),
        Raw::Binary(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn elements(items: Vec<Raw>, kind: &Type, at: &Path) -> Result<Vec<Value>, InvalidValue> {
    let values =
        items.into_iter().enumerate().map(|(i, item)| read(item, kind, &at.index(i))).collect::<Result<Vec<_>, _>>()?;
    if *kind == Type::Dynamic {
        check_same_type(&values, at)?;
    }
    Ok(values)
}

/// Checks that the elements of a list of `any` have the same type. Terraform crashes on a list of different types.
fn check_same_type(values: &[Value], at: &Path) -> Result<(), InvalidValue> {
    let mut kinds = values.iter().filter_map(|value| match value {
        Value::Dynamic(inner) => Some(&inner.0),
        _ => None,
    });
    let Some(first) = kinds.next() else { return Ok(()) };
    if kinds.all(|kind| kind == first) { Ok(()) } else { Err(InvalidValue::new(at, "the elements' types differ")) }
}

fn map(
    members: Vec<(Raw, Raw)>,
    at: &Path,
    read: impl Fn(&str, Raw) -> Result<Value, InvalidValue>,
) -> Result<BTreeMap<String, Value>, InvalidValue> {
    let mut values = BTreeMap::new();
    for (key, item) in members {
        let key = text(key).ok_or_else(|| InvalidValue::new(at, "a key isn't a string"))?;
        let value = read(&key, item)?;
        if values.insert(key.clone(), value).is_some() {
            return Err(InvalidValue::new(at, format!("{key:?} occurs twice")));
        }
    }
    Ok(values)
}

fn object(members: Vec<(Raw, Raw)>, kinds: &BTreeMap<String, Type>, at: &Path) -> Result<Value, InvalidValue> {
    let values = map(members, at, |name, item| {
        let kind = kinds.get(name).ok_or_else(|| InvalidValue::new(at, format!("unexpected attribute {name:?}")))?;
        read(item, kind, &at.attribute(name))
    })?;
    match kinds.keys().find(|name| !values.contains_key(*name)) {
        Some(name) => Err(InvalidValue::new(at, format!("attribute {name:?} is missing"))),
        None => Ok(Value::Map(values)),
    }
}

fn dynamic(pair: Vec<Raw>, at: &Path) -> Result<Value, InvalidValue> {
    let invalid = || InvalidValue::new(at, "a pair of type and value is required");
    let [kind, value] = <[Raw; 2]>::try_from(pair).map_err(|_| invalid())?;
    let kind = read_type(&text(kind).ok_or_else(invalid)?).map_err(|error| InvalidValue::new(at, error.message))?;
    let value = read(value, &kind, at)?;
    Ok(if kind == Type::Dynamic { value } else { Value::Dynamic(Box::new((kind, value))) })
}

// === write ===

fn write(value: &Value, kind: &Type, at: &Path) -> Result<Raw, InvalidValue> {
    if at.steps().len() > MAX_DEPTH {
        return Err(InvalidValue::too_deep(at));
    }
    Ok(match (kind, value) {
        (_, Value::Null) => Raw::Nil,
        (_, Value::Unknown) => Raw::Ext(0, vec![0]),
        (Type::Bool, Value::Bool(b)) => Raw::Boolean(*b),
        (Type::Number, Value::Number(n)) => write_number(n),
        (Type::String, Value::String(text)) => Raw::from(text.as_str()),
        (Type::List(element), Value::List(items)) => write_items(items, element, at)?,
        (Type::Set(element), Value::List(items)) => write_items(&normalize_set(items.clone()), element, at)?,
        (Type::Tuple(kinds), Value::List(items)) if kinds.len() == items.len() => {
            let each = items.iter().zip(kinds).enumerate();
            Raw::Array(each.map(|(i, (item, kind))| write(item, kind, &at.index(i))).collect::<Result<_, _>>()?)
        }
        (Type::Map(element), Value::Map(members)) => {
            let each = members.iter();
            Raw::Map(
                each.map(|(key, item)| Ok((Raw::from(key.as_str()), write(item, element, &at.key(key))?)))
                    .collect::<Result<_, _>>()?,
            )
        }
        (Type::Object(kinds), Value::Map(members)) => write_object(members, kinds, at)?,
        (Type::Dynamic, Value::Dynamic(inner)) => {
            let (kind, value) = &**inner;
            Raw::Array(vec![Raw::Binary(write_type(kind).into_bytes()), write(value, kind, at)?])
        }
        (kind, _) => return Err(InvalidValue::wrong_type(at, kind)),
    })
}

/// Encodes a number: an integer of 64 bits as the shortest integer, an exact binary fraction as a float, and any other
/// number as text.
fn write_number(number: &Number) -> Raw {
    let text = number.as_str();
    match (text.parse::<i64>(), exact_float(number)) {
        (Ok(n), _) => Raw::from(n),
        (_, Some(f)) => Raw::F64(f),
        _ => Raw::from(text),
    }
}

fn write_items(items: &[Value], kind: &Type, at: &Path) -> Result<Raw, InvalidValue> {
    if *kind == Type::Dynamic {
        check_same_type(items, at)?;
    }
    items.iter().enumerate().map(|(i, item)| write(item, kind, &at.index(i))).collect::<Result<_, _>>().map(Raw::Array)
}

fn write_object(
    members: &BTreeMap<String, Value>,
    kinds: &BTreeMap<String, Type>,
    at: &Path,
) -> Result<Raw, InvalidValue> {
    if let Some(name) = members.keys().find(|name| !kinds.contains_key(*name)) {
        return Err(InvalidValue::new(at, format!("unexpected attribute {name:?}")));
    }
    let each = kinds.iter().map(|(name, kind)| {
        let value = members.get(name).ok_or_else(|| InvalidValue::new(at, format!("attribute {name:?} is missing")))?;
        Ok((Raw::from(name.as_str()), write(value, kind, &at.attribute(name))?))
    });
    each.collect::<Result<_, _>>().map(Raw::Map)
}
