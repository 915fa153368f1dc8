//! [`Writer`]: changes a resource's objects on behalf of its owner.

use super::{ownership::OwnerIdentity, reader::Reader};

/// How often a write is repeated because the object has changed since it was read.
pub(super) const MAX_CONFLICT_RETRIES: usize = 4;

/// Changes the objects of one resource, and checks at plan time what a change would meet.
pub struct Writer<'a> {
    /// Reads the objects of the same resource.
    pub reader: Reader<'a>,
    /// The owner and the resource on whose behalf objects are written.
    pub identity: &'a OwnerIdentity,
    /// Whether fields of shared kinds are taken from other field managers (`force_conflicts`).
    pub force_conflicts: bool,
}
