//! State, private data and identity on the wire: the three that core stores, and loses where an answer leaves one out.

use super::{encoded, own_fault};
use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Outcome, Resource, Stored},
        proto::tfplugin5::{DynamicValue, ResourceIdentityData},
        state::Certainty,
        to_proto,
    },
    schema::{Schema, Value},
};

/// A [`Stored`] on the wire.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) state: Option<DynamicValue>,
    pub(super) private: Vec<u8>,
    pub(super) identity: Option<ResourceIdentityData>,
}

impl Wire {
    /// What is to be stored.
    pub(super) fn of<C>(
        resource: &dyn Resource<C>,
        stored: &Stored,
        certainty: Certainty,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        let identity = identity(stored.identity.as_ref(), resource.identity(), out)?;
        let state = Some(encoded(resource.schema(), &stored.state, certainty, out)?);
        Ok(Self { state, private: stored.private.clone(), identity })
    }

    /// What is stored after a call, which has told its diagnostics.
    pub(super) fn after<C>(
        resource: &dyn Resource<C>,
        outcome: Outcome,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        out.extend(outcome.diagnostics);
        match outcome.after {
            None => Ok(Self::gone()),
            Some(after) => Self::of(resource, &after, Certainty::Final, out),
        }
    }

    /// "Gone": null of the schema's type.
    pub(super) fn gone() -> Self {
        Self { state: Some(null()), ..Self::default() }
    }
}

/// What the three parts of a request hold together, unless its state is null.
pub(super) fn stored<C>(
    resource: &dyn Resource<C>,
    state: Option<&DynamicValue>,
    private: Vec<u8>,
    identity: Option<&ResourceIdentityData>,
    out: &mut Diagnostics,
) -> Result<Option<Stored>, Reported> {
    let state = from_proto::value(state, &resource.schema().kind(), out)?;
    let identity = from_proto::identity(identity, resource.identity(), out)?;
    Ok((state != Value::Null).then_some(Stored { state, private, identity }))
}

/// An identity, of a resource that has one: core can't take it of another.
pub(super) fn identity(
    value: Option<&Value>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<ResourceIdentityData>, Reported> {
    let (Some(value), Some(schema)) = (value, schema) else { return Ok(None) };
    to_proto::identity(value, &schema.kind()).map(Some).map_err(|fault| own_fault(&fault, out))
}

/// Null of any type.
pub(super) fn null() -> DynamicValue {
    DynamicValue { msgpack: vec![0xc0], json: Vec::new() }
}

/// Also what is absent or empty.
pub(super) fn is_null(message: Option<&DynamicValue>) -> bool {
    message.is_none_or(|value| match (value.msgpack.as_slice(), value.json.as_slice()) {
        ([], json) => matches!(json, [] | b"null"),
        (msgpack, _) => msgpack == [0xc0],
    })
}
