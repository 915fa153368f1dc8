//! Certificates and keys in PEM, as the provider block has them: any text makes a client or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::kubernetes::{Connection, fuzzing};

fuzz_target!(|input: &str| {
    let mut parts = input.split('\0');
    let mut next = || parts.next().filter(|text| !text.is_empty()).map(str::to_owned);
    fuzzing::client(&Connection {
        host: Some("https://127.0.0.1:9".to_owned()),
        cluster_ca_certificate: next(),
        client_certificate: next(),
        client_key: next().map(Into::into),
        ..Connection::default()
    });
});
