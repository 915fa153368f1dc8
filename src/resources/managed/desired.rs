//! The arguments of one call, decoded once, and the objects that are rendered from them once.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::Known,
    mesh::{Mesh, Rendered, provider_change},
    object::{Key, Object},
    resources::{ResourceType, state},
    schema::{Value, model::Model},
};

/// The arguments of a configuration and the objects that they render.
pub(super) struct Desired<'a, R> {
    /// The provider's arguments.
    pub(super) mesh: &'a Mesh,
    /// The arguments of the resource.
    pub(super) arguments: R,
    /// The id of the resource.
    pub(super) id: Known<String>,
    /// The objects of the resource.
    pub(super) rendered: Rendered,
}

impl<'a, R: ResourceType> Desired<'a, R> {
    /// Renders the arguments and validates them together with what they render.
    pub(super) fn validated(arguments: R, mesh: &'a Mesh, out: &mut Diagnostics) -> Result<Self, Reported> {
        let desired = Self::of(arguments, mesh);
        desired.arguments.validate_in_mesh(mesh, &desired.rendered, out);
        out.no_errors()?;
        Ok(desired)
    }

    /// Renders the arguments.
    pub(super) fn of(arguments: R, mesh: &'a Mesh) -> Self {
        Self { mesh, id: arguments.id(Ok(mesh)), rendered: arguments.render(mesh), arguments }
    }

    /// The planned state: the configured arguments and the computed attributes.
    pub(super) fn planned(&self, config: &Value) -> Value {
        let id = self.id.clone().map_or(Value::Unknown, Value::String);
        state::with_computed(
            config,
            self.arguments.outputs(self.mesh).encode(),
            id,
            state::planned_objects(&self.rendered),
        )
    }

    /// The objects that are known.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.rendered.iter().flatten().filter_map(|(_, object)| object.as_ref().ok())
    }

    /// Reports changes of policies that have no order without a gap. `prior` are the arguments before.
    pub(super) fn validate_policy_changes(&self, prior: impl FnOnce() -> R, out: &mut Diagnostics) {
        if provider_change::asks_provider(self.objects()) {
            provider_change::validate(Self::of(prior(), self.mesh).objects(), self.objects(), out);
        }
    }

    /// The known objects that differ from those of the prior state.
    pub(super) fn changed(&self, prior: &BTreeMap<Key, Json>) -> Vec<Object> {
        self.objects().filter(|object| prior.get(&object.key) != Some(&object.body)).cloned().collect()
    }
}

/// Decodes the arguments of a value of the resource's schema.
pub(super) fn decode<R: ResourceType>(value: &Value, out: &mut Diagnostics) -> R {
    R::decode(value, &Path::root(), out)
}

/// Decodes the arguments of a state, whose faults were reported when it was planned.
pub(super) fn decode_state<R: ResourceType>(state: &Value) -> R {
    decode(&state::arguments(R::schema(), state), &mut Diagnostics::default())
}
