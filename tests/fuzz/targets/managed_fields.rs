//! Live objects, with any `managedFields`, beside any desired ones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    engine::drift,
    object::{Key, kind::MANAGED},
};

fuzz_target!(|input: &str| {
    let Some((live, desired)) = input.split_once('\0') else { return };
    let kind = MANAGED[input.len() % MANAGED.len()];
    let (Ok(live), Ok(desired)) = (serde_json::from_str::<Json>(live), serde_json::from_str::<Json>(desired)) else {
        return;
    };
    let key = Key::new(kind, "a", "b");
    let owned = drift::owned_fields(&live, Some(&desired), &key);
    assert_eq!(drift::differences(&owned, &owned), Vec::<String>::new());
    let _ = drift::owned_fields(&live, None, &key);
    let _ = drift::conflicting_managers(&live, &desired, &key);
    let _ = drift::shared_ownership_patch(&live, &desired, &key);
    let _ = drift::release_patch(&live);
    let _ = drift::differences(&live, &desired);
    if let Some(patch) = drift::exclusive_ownership_patch(&live, &desired, &key) {
        // The patch leaves nothing to take.
        let mut taken = live.clone();
        taken["metadata"]["managedFields"] = patch[0]["value"].clone();
        assert_eq!(drift::exclusive_ownership_patch(&taken, &desired, &key), None);
        assert_eq!(drift::conflicting_managers(&taken, &desired, &key), Vec::new());
    }
});
