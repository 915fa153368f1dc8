//! The functions for expressions in HCL. They are pure, and need neither a provider block nor a cluster.
//!
//! | file | functions |
//! | --- | --- |
//! | [`names`] | `object_name`, `host`, `principal`, `global_name` |
//! | [`parse_principal`] | `parse_principal` |
//! | [`resiliency_preset`] | `resiliency_preset` |
//! | [`render_yaml`] | `render_yaml` |
//! | [`arguments`] | none: arguments of calls |

mod arguments;
mod names;
mod parse_principal;
mod render_yaml;
mod resiliency_preset;

use std::collections::BTreeMap;

use crate::plugin::interface::Function;

/// All functions by name.
pub fn functions() -> BTreeMap<&'static str, Function> {
    [
        names::object_name(),
        names::host(),
        names::principal(),
        names::global_name(),
        parse_principal::parse_principal(),
        resiliency_preset::resiliency_preset(),
        render_yaml::render_yaml(),
    ]
    .into_iter()
    .map(|function| (function.name, function))
    .collect()
}
