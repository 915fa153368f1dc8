//! [`Writer`]: changes a resource's objects for its owner.

use super::{ownership::OwnerIdentity, reader::Reader};

/// Changes the objects of one resource, and checks at plan time what a change would meet.
pub struct Writer<'a> {
    /// Reads the same resource's objects.
    pub reader: Reader<'a>,
    /// The owner and the resource on whose behalf objects are written.
    pub identity: &'a OwnerIdentity,
    /// Whether fields of shared kinds are taken from other field managers (`force_conflicts`).
    pub force_conflicts: bool,
}
