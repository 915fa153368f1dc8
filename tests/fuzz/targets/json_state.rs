//! States as core stores them: what is decoded is encoded to a value that decodes to the same. The arguments recorded in an
//! annotation are decoded from the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::{
    resources::{global_defaults::GlobalDefaults, service::Service},
    schema::{Type, json, model::Model as _, recorded},
};

fuzz_target!(|text: &str| {
    let kind = match text.len() % 5 {
        0 => Service::schema().object_type().clone(),
        1 => GlobalDefaults::schema().object_type().clone(),
        2 => Type::Dynamic,
        3 => Type::set(Type::Number),
        _ => Type::list(Type::map(Type::String)),
    };
    if let Ok(value) = json::decode(text.as_bytes(), &kind) {
        let encoded = json::encode(&value, &kind).expect("a decoded value has its type");
        assert_eq!(json::decode(encoded.as_bytes(), &kind).expect("encoded values decode"), value);
    }
    if let Ok(kind) = json::read_type(text) {
        assert_eq!(json::read_type(&json::write_type(&kind)).expect("written types are read"), kind);
    }
    let _ = recorded::decode_arguments(Service::schema(), text);
});
