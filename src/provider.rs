//! The provider block, and the one list of everything offered.

use std::collections::BTreeMap;

use crate::{plugin::offer, schema::Schema};

/// Without a registry: each registry serves the same provider.
pub const ADDRESS: &str = "mesh-provider/mesh";

/// What Configure makes.
#[derive(Debug)]
pub struct Context;

/// The provider.
pub fn provider() -> offer::Provider<Context> {
    offer::Provider {
        schema: Schema { doc: "Istio behind intent.".to_owned(), slots: Vec::new() },
        validate: |_, _| {},
        configure: |_, _| Ok(Context),
        resources: BTreeMap::new(),
        data_sources: BTreeMap::new(),
        functions: BTreeMap::new(),
    }
}
