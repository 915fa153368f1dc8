//! Private data as core returns it: any bytes are a record, and a record is encoded to bytes that decode to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::engine::Record;

fuzz_target!(|bytes: &[u8]| {
    let record = Record::decode(bytes);
    for (key, recorded) in record.recorded_objects() {
        assert_eq!(key.to_string().parse().ok(), Some(key));
        let _ = recorded.deletion();
    }
    let again = Record::decode(&record.encode());
    assert_eq!(Record { version: again.version, ..record }, again);
});
