//! State, private data and identity of a resource in messages. Core stores all three, and drops what a response leaves
//! out.

use super::encode::{encode_identity, encode_object};
use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Outcome, Resource, ResourceState},
        proto::tfplugin5::{DynamicValue, ResourceIdentityData},
        state::UnknownValues,
    },
    schema::Value,
};

/// A [`ResourceState`] as the parts of a response.
#[derive(Default)]
pub(super) struct EncodedState {
    pub(super) state: Option<DynamicValue>,
    pub(super) private: Vec<u8>,
    pub(super) identity: Option<ResourceIdentityData>,
}

impl EncodedState {
    /// Encodes a state that exists.
    pub(super) fn encode<C>(
        resource: &dyn Resource<C>,
        state: &ResourceState,
        unknown_values: UnknownValues,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        let identity = encode_identity(state.identity.as_ref(), resource.identity(), out)?;
        let value = Some(encode_object(resource.schema(), &state.state, unknown_values, out)?);
        Ok(Self { state: value, private: state.private.clone(), identity })
    }

    /// Encodes the state after a read, an apply or a delete, and adds the diagnostics of that call to `out`.
    pub(super) fn encode_outcome<C>(
        resource: &dyn Resource<C>,
        outcome: Outcome,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        out.extend(outcome.diagnostics);
        match outcome.after {
            None => Ok(Self::removed()),
            Some(after) => Self::encode(resource, &after, UnknownValues::Forbidden, out),
        }
    }

    /// The parts of a response that removes the resource from the state: its value is null.
    pub(super) fn removed() -> Self {
        Self { state: Some(null_value()), ..Self::default() }
    }
}

/// Decodes the three parts of a request. The result is `None` if the value is null, which means that there is no
/// resource.
pub(super) fn decode_state<C>(
    resource: &dyn Resource<C>,
    state: Option<&DynamicValue>,
    private: Vec<u8>,
    identity: Option<&ResourceIdentityData>,
    out: &mut Diagnostics,
) -> Result<Option<ResourceState>, Reported> {
    let state = from_proto::value(state, resource.schema().object_type(), out)?;
    let identity = from_proto::identity(identity, resource.identity(), out)?;
    Ok((state != Value::Null).then_some(ResourceState { state, private, identity }))
}

/// Returns null, which has the same encoding for every type.
pub(super) fn null_value() -> DynamicValue {
    DynamicValue { msgpack: vec![0xc0], json: Vec::new() }
}

/// Whether a message holds null, is empty, or is missing.
pub(super) fn is_null(message: Option<&DynamicValue>) -> bool {
    message.is_none_or(|value| match (value.msgpack.as_slice(), value.json.as_slice()) {
        ([], json) => matches!(json, [] | b"null"),
        (msgpack, _) => msgpack == [0xc0],
    })
}
