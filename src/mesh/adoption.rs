//! The arguments `adopt_existing` and `adopt_from_owner`, which all resources have.

use crate::{object::Takeover, schema::Attr};

/// The permission of a resource to take over existing objects: none by default. The arguments are unknown only in a plan whose objects are
/// not compared with the cluster.
pub fn takeover(adopt_existing: &Attr<bool>, adopt_from_owner: &Attr<String>) -> Takeover {
    Takeover {
        adopt_existing: adopt_existing.or(false).unwrap_or(false),
        adopt_from_owner: adopt_from_owner.known().ok().flatten().cloned(),
        ..Takeover::default()
    }
}
