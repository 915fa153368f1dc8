//! References to callers, destinations and objects: what is accepted is shown in the form in which it is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use terraform_provider_mesh::{
    mesh::{
        duration::Duration,
        percent::Percent,
        reference::{Caller, Destination, NamespacedName},
        text::Text,
    },
    object::Key,
};

fn assert_round_trip<T: Text + std::fmt::Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = T::parse(text) {
        assert_eq!(T::parse(&value.to_string()).as_ref(), Ok(&value));
    }
}

fuzz_target!(|text: &str| {
    assert_round_trip::<Caller>(text);
    assert_round_trip::<Destination>(text);
    assert_round_trip::<NamespacedName>(text);
    assert_round_trip::<Duration>(text);
    if let Some(percent) = Percent::parse(text) {
        assert_eq!(Percent::parse(&percent.to_string()), Some(percent));
    }
    if let Ok(key) = text.parse::<Key>() {
        assert_eq!(key.to_string(), text);
    }
});
