//! Tests of both encodings: values that Terraform's own encoder has encoded, malformed input, and properties of random
//! values.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};

use super::{InvalidValue, Number, Type, Value, json, msgpack};
use crate::diagnostics::Path;

const VECTORS: &str = include_str!("testdata/vectors.txt");

/// A line of the test vectors.
struct Row {
    name: &'static str,
    kind: Type,
    bytes: Vec<u8>,
    json: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let fields: Vec<_> = line.splitn(4, '|').map(str::trim).collect();
        Row { name: fields[0], kind: kind(fields[1]), bytes: bytes(fields[2]), json: fields[3] }
    };
    VECTORS.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn kind(text: &str) -> Type {
    json::read_type(text).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap())
}

#[test]
fn every_row_encodes_and_decodes() {
    let rows = rows();
    assert_eq!(rows.len(), 70);
    for Row { name, kind, bytes, json } in rows {
        let decoded = msgpack::decode(&bytes, &kind);
        if name == "num +inf" {
            assert!(decoded.unwrap_err().message.contains("number is required"));
            continue;
        }
        let value = decoded.unwrap_or_else(|invalid| panic!("{name}: {invalid}"));
        let expected = match name {
            // Refinements are dropped.
            _ if name.starts_with("unk ") => vec![0xd4, 0, 0],
            // Terraform has two encodings of this value, depending on how it was computed.
            "num float64(0.1)" => b"\xa30.1".to_vec(),
            _ => bytes,
        };
        assert_eq!(msgpack::encode(&value, &kind).unwrap(), expected, "{name}");
        if json.starts_with("ERR") {
            assert!(json::encode(&value, &kind).unwrap_err().message.contains("not known"), "{name}");
        } else {
            assert_eq!(json::encode(&value, &kind).unwrap(), json, "{name}");
            assert_eq!(json::decode(json.as_bytes(), &kind).unwrap(), value, "{name}");
        }
    }
}

/// Terraform's own decoder accepts some of these inputs, and crashes on others.
#[test]
fn malformed_input_is_refused_or_read_safely() {
    let object = r#"["object",{"a":"string","b":"number"}]"#;
    let refused = [
        ("no attributes", object, "80", "is missing"),
        ("missing attribute", object, "81a161a178", "attribute \"b\" is missing"),
        ("extra attribute", object, "83a161a178a16201a16301", "unexpected attribute \"c\""),
        ("attribute twice", object, "82a161a178a161a179", "\"a\" occurs twice"),
        ("NaN", r#""number""#, "cb7ff8000000000000", "a number is required"),
        ("garbage for a number", r#""number""#, "a3616263", "a number is required"),
        ("number for a string", r#""string""#, "01", "a string is required"),
        ("string for a bool", r#""bool""#, "a474727565", "a bool is required"),
        ("invalid UTF-8", r#""string""#, "a1ff", "a string is required"),
        ("bytes after the value", r#""number""#, "01ff", "bytes follow the value"),
        (
            "list of any, mixed",
            r#"["list","dynamic"]"#,
            "9292c40822737472696e6722a17892c408226e756d6265722201",
            "differ",
        ),
        ("key twice", r#"["map","number"]"#, "82a16101a16102", "\"a\" occurs twice"),
        ("key that is no string", r#"["map","number"]"#, "810101", "a key isn't a string"),
        ("any of an unknown type", r#""dynamic""#, "92c40322782201", "not a type"),
        ("any without a type", r#""dynamic""#, "91c0", "a pair of type and value"),
        ("short tuple", r#"["tuple",["string","number"]]"#, "91a161", "a tuple of length 2 is required"),
        ("nothing", r#""string""#, "", "not msgpack"),
        ("cut off", r#""string""#, "a568656c", "not msgpack"),
        ("string for a list", r#"["list","string"]"#, "a161", "a list of string is required"),
    ];
    for (name, of, hex, why) in refused {
        let invalid = msgpack::decode(&bytes(hex), &kind(of)).unwrap_err();
        assert!(invalid.to_string().contains(why), "{name}: {invalid}");
    }
    let text = |text: &str| Value::string(text);
    let read = [
        ("f32", r#""number""#, "ca3dcccccd", number("0.10000000149011612")),
        ("f64", r#""number""#, "cb3fb999999999999a", number("0.1")),
        ("number as a string", r#""number""#, "a3302e31", number("0.1")),
        ("binary for a string", r#""string""#, "c40161", text("a")),
        ("set with a duplicate", r#"["set","string"]"#, "92a161a161", Value::List(vec![text("a")])),
        ("set out of order", r#"["set","number"]"#, "930a0901", Value::List(["1", "9", "10"].map(number).into())),
        (
            "type as a string",
            r#""dynamic""#,
            "92a822737472696e6722a178",
            Value::Dynamic(Box::new((Type::String, text("x")))),
        ),
        ("array of 16 bit length", r#"["list","string"]"#, "dc0001a161", Value::List(vec![text("a")])),
        // Core normalizes texts to NFC before it sends them. The decoder doesn't change other texts.
        ("text that isn't normalised", r#""string""#, "a365cc81", text("e\u{301}")),
    ];
    for (name, of, hex, value) in read {
        assert_eq!(msgpack::decode(&bytes(hex), &kind(of)), Ok(value), "{name}");
    }
}

#[test]
fn every_integer_width_decodes_to_the_same_number() {
    for hex in ["2a", "cc2a", "cd002a", "ce0000002a", "cf000000000000002a", "d02a", "d1002a", "d20000002a"] {
        assert_eq!(msgpack::decode(&bytes(hex), &Type::Number), Ok(number("42")), "{hex}");
    }
    for hex in ["d3000000000000002a", "ca42280000", "cb4045000000000000", "a23432", "c4023432", "a434322e30"] {
        assert_eq!(msgpack::decode(&bytes(hex), &Type::Number), Ok(number("42")), "{hex}");
    }
    let largest = number("18446744073709551615");
    assert_eq!(msgpack::decode(&bytes("cfffffffffffffffff"), &Type::Number), Ok(largest));
}

#[test]
fn numbers_stay_exact() {
    let long = "123456789012345678901234567890123456789.000000000000000000000000000000000001";
    for text in ["0.1", "0.0000001", "9007199254740993", "18446744073709551616", long, "0"] {
        let bytes = msgpack::encode(&number(text), &Type::Number).unwrap();
        assert_eq!(msgpack::decode(&bytes, &Type::Number), Ok(number(text)));
        let json = json::encode(&number(text), &Type::Number).unwrap();
        assert_eq!((json.as_str(), json::decode(json.as_bytes(), &Type::Number)), (text, Ok(number(text))));
    }
    assert_eq!(number("-0"), number("0"));
}

/// The rows contain the refinements that Terraform sends. No host sends these.
#[test]
fn every_extension_is_an_unknown_value() {
    for hex in ["d40500", "c70000", "d5000000", "c7010c80", "c7030c8163c2", "c7016300", "c7020cffff"] {
        for of in [r#""string""#, r#"["list","number"]"#, r#"["object",{"a":"bool"}]"#, r#""dynamic""#] {
            assert_eq!(msgpack::decode(&bytes(hex), &kind(of)), Ok(Value::Unknown), "{hex} {of}");
        }
    }
}

#[test]
fn any_is_a_pair_of_type_and_value() {
    let of = |kind: Type, value: Value| Value::Dynamic(Box::new((kind, value)));
    let object = Type::Object([("a".to_owned(), Type::Tuple(vec![Type::Bool]))].into());
    let inside = Value::Map([("a".to_owned(), Value::List(vec![Value::Bool(true)]))].into());
    for (hex, value) in [
        ("c0", Value::Null),
        ("d40000", Value::Unknown),
        ("92c40822737472696e6722c0", of(Type::String, Value::Null)),
        ("92c40822737472696e6722d40000", of(Type::String, Value::Unknown)),
        ("92c4235b226f626a656374222c7b2261223a5b227475706c65222c5b22626f6f6c225d5d7d5d81a16191c3", of(object, inside)),
    ] {
        assert_eq!(msgpack::decode(&bytes(hex), &Type::Dynamic), Ok(value.clone()), "{hex}");
        assert_eq!(msgpack::encode(&value, &Type::Dynamic), Ok(bytes(hex)), "{hex}");
    }
}

#[test]
fn nested_unknown_values_stay_in_place() {
    let of =
        kind(r#"["object",{"any":"dynamic","list":["list","string"],"map":["map","number"],"set":["set","string"]}]"#);
    let value = Value::Map(
        [
            ("any", Value::Dynamic(Box::new((Type::list(Type::String), Value::List(vec![Value::Unknown]))))),
            ("list", Value::List(vec![Value::string("a"), Value::Unknown])),
            ("map", Value::Map([("k".to_owned(), Value::Unknown)].into())),
            ("set", Value::List(vec![Value::string("a"), Value::Unknown, Value::Unknown])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
    );
    let bytes = msgpack::encode(&value, &of).unwrap();
    assert_eq!(msgpack::decode(&bytes, &of), Ok(value));
}

#[test]
fn objects_encode_only_with_exactly_their_attributes() {
    let of = kind(r#"["object",{"a":"string","b":"number"}]"#);
    let object = |names: &[&str]| Value::Map(names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect());
    for names in [&[][..], &["a"], &["a", "b", "c"]] {
        assert!(msgpack::encode(&object(names), &of).is_err(), "{names:?}");
    }
    assert_eq!(msgpack::encode(&object(&["b", "a"]), &of), Ok(bytes("82a161c0a162c0")));
}

#[test]
fn errors_have_a_path() {
    let of = kind(r#"["object",{"a":["list",["map","bool"]]}]"#);
    let invalid = msgpack::decode(&bytes("81a1619181a16b01"), &of).unwrap_err();
    let at = Path::root().attribute("a").index(0).key("k");
    assert_eq!(invalid, InvalidValue { at, message: "a bool is required".to_owned() });
    assert_eq!(invalid.to_string(), "a[0][\"k\"]: a bool is required");
    let invalid = json::decode(br#"{"a":[{"k":1}]}"#, &of).unwrap_err();
    assert_eq!(invalid.to_string(), "a[0][\"k\"]: a bool is required");
}

#[test]
fn invalid_utf8_is_refused() {
    assert!(msgpack::decode(&bytes("a1ff"), &Type::String).is_err());
    assert!(json::decode(b"\"\xff\"", &Type::String).is_err());
}

#[test]
fn deep_nesting_is_refused() {
    // any in a list of any in a list of any …
    let mut deep = vec![0xc0];
    let mut stored = "null".to_owned();
    for _ in 0..300 {
        deep = [&bytes("92c4125b226c697374222c2264796e616d6963225d91"), deep.as_slice()].concat();
        stored = format!(r#"{{"value":[{stored}],"type":["list","dynamic"]}}"#);
    }
    assert!(msgpack::decode(&deep, &Type::Dynamic).is_err());
    assert!(json::decode(stored.as_bytes(), &Type::Dynamic).is_err());
    let type_json = format!("{}\"string\"{}", "[\"list\",".repeat(5000), "]".repeat(5000));
    assert!(json::read_type(&type_json).is_err());
    assert!(msgpack::decode(&vec![0x91; 100_000], &Type::Dynamic).is_err());
    assert!(json::decode("[".repeat(100_000).as_bytes(), &Type::Dynamic).is_err());
}

#[test]
fn states_of_other_schema_versions_decode() {
    let of = kind(r#"["object",{"n":"number","new":"string","l":["list","number"]}]"#);
    let state = br#"{"n": 123456789012345678901234567890.125, "gone": {"x": 1}, "l": [1e3, -0.50, "7"]}"#;
    let expected = [
        ("l", Value::List(["1000", "-0.5", "7"].map(number).into())),
        ("n", number("123456789012345678901234567890.125")),
        ("new", Value::Null),
    ];
    let expected = Value::Map(expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(json::decode(state, &of), Ok(expected));
}

#[test]
fn types_parse_and_format() {
    for text in [
        r#""string""#,
        r#"["set",["tuple",["bool","number","dynamic"]]]"#,
        r#"["object",{"a":["map","string"],"b\"":"bool"}]"#,
    ] {
        assert_eq!(json::write_type(&kind(text)), text);
    }
    // Encoded values have optional attributes like all others.
    let optional = kind(r#"["object",{"a":"string","b":"number"},["b"]]"#);
    assert_eq!(optional, kind(r#"["object",{"a":"string","b":"number"}]"#));
    for text in
        ["", "1", "\"text\"", "[]", "[\"list\"]", "[\"list\",\"x\"]", "[\"object\",[]]", "[\"capsule\",\"string\"]"]
    {
        assert!(json::read_type(text).is_err(), "{text}");
    }
}

// === properties ===

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String), Just(Type::Dynamic)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            // The order of a set of collections is undefined, so equal sets could compare as different.
            prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String)].prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            btree_map("[a-z]{1,3}", inner, 0..4).prop_map(Type::Object),
        ]
    })
}

fn values(kind: &Type) -> BoxedStrategy<Value> {
    let known = match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => prop_oneof![
            any::<i64>().prop_map(|n| Value::Number(n.into())),
            any::<u64>().prop_map(|n| Value::Number(n.into())),
            "-?[0-9]{1,40}(\\.[0-9]{1,40})?".prop_map(|text| number(&text)),
            any::<i32>().prop_map(|n| number(&(f64::from(n) / 1024.0).to_string())),
        ]
        .boxed(),
        Type::String => ".*".prop_map(Value::String).boxed(),
        // The elements of a list of any must have the same type.
        Type::Dynamic => {
            values(&Type::String).prop_map(|value| Value::Dynamic(Box::new((Type::String, value)))).boxed()
        }
        Type::Set(element) => {
            vec(values(element), 0..5).prop_map(|items| Value::List(super::codec::normalize_set(items))).boxed()
        }
        Type::List(element) => vec(values(element), 0..4).prop_map(Value::List).boxed(),
        Type::Map(element) => btree_map(".{0,4}", values(element), 0..4).prop_map(Value::Map).boxed(),
        Type::Tuple(kinds) => kinds.iter().map(values).collect::<Vec<_>>().prop_map(Value::List).boxed(),
        Type::Object(kinds) => {
            let names: Vec<_> = kinds.keys().cloned().collect();
            let members: Vec<_> = kinds.values().map(values).collect();
            members.prop_map(move |values| Value::Map(names.iter().cloned().zip(values).collect())).boxed()
        }
    };
    prop_oneof![8 => known, 1 => Just(Value::Null), 1 => Just(Value::Unknown)].boxed()
}

proptest! {
    #[test]
    fn encoded_values_decode_to_themselves((kind, value) in types().prop_flat_map(|kind| (Just(kind.clone()), values(&kind)))) {
        prop_assert_eq!(json::read_type(&json::write_type(&kind)), Ok(kind.clone()));
        let bytes = msgpack::encode(&value, &kind).unwrap();
        prop_assert_eq!(msgpack::decode(&bytes, &kind), Ok(value.clone()));
        match json::encode(&value, &kind) {
            Ok(text) => prop_assert_eq!(json::decode(text.as_bytes(), &kind).and_then(|v| json::encode(&v, &kind)), Ok(text)),
            Err(_) => prop_assert!(!value.is_wholly_known()),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), kind in types()) {
        if let Ok(value) = msgpack::decode(&bytes, &kind) {
            prop_assert!(msgpack::encode(&value, &kind).is_ok());
        }
        let _ = json::decode(&bytes, &kind);
        let _ = json::read_type(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_bytes_never_panic(
        (kind, value) in types().prop_flat_map(|kind| (Just(kind.clone()), values(&kind))),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = msgpack::encode(&value, &kind).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = msgpack::decode(&bytes, &kind);
    }
}
