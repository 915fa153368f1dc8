//! The msgpack of Terraform core: what is decoded is encoded to a value that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::{
    resources::{global_defaults::GlobalDefaults, service::Service},
    schema::{Type, model::Model as _, msgpack},
};

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let kind = match choice % 6 {
        0 => Service::schema().object_type().clone(),
        1 => GlobalDefaults::schema().object_type().clone(),
        2 => Type::Dynamic,
        3 => Type::set(Type::Number),
        4 => Type::list(Type::Dynamic),
        _ => Type::map(Type::String),
    };
    if let Ok(value) = msgpack::decode(bytes, &kind) {
        let encoded = msgpack::encode(&value, &kind).expect("a decoded value has its type");
        assert_eq!(msgpack::decode(&encoded, &kind).expect("encoded values decode"), value);
    }
});
