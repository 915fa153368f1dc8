//! Managed resources.

use super::{encoded, own_fault};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        from_proto,
        offer::{Call, Foreign, ImportId, Outcome, Planned, Resource, Stored},
        proto::tfplugin5::{
            DynamicValue, RawState, ResourceIdentityData, apply_resource_change, import_resource_state,
            move_resource_state, plan_resource_change, read_resource, upgrade_resource_identity,
            upgrade_resource_state, validate_resource_type_config,
        },
        session::Session,
        state::{Certainty, settled},
        to_proto, upgrade,
    },
    schema::{Schema, Value},
};

/// A [`Stored`] on the wire.
#[derive(Default)]
struct Wire {
    state: Option<DynamicValue>,
    private: Vec<u8>,
    identity: Option<ResourceIdentityData>,
}

impl Wire {
    fn of<C>(
        resource: &dyn Resource<C>,
        stored: &Stored,
        certainty: Certainty,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        let identity = wire_identity(stored.identity.as_ref(), resource.identity().as_ref(), out)?;
        let state = Some(encoded(&resource.schema(), &stored.state, certainty, out)?);
        Ok(Self { state, private: stored.private.clone(), identity })
    }

    /// "Gone": null of the schema's type.
    fn gone() -> Self {
        Self { state: Some(null()), ..Self::default() }
    }
}

/// Null of any type.
fn null() -> DynamicValue {
    DynamicValue { msgpack: vec![0xc0], json: Vec::new() }
}

fn is_null(message: Option<&DynamicValue>) -> bool {
    message.is_none_or(|value| match (value.msgpack.as_slice(), value.json.as_slice()) {
        ([], json) => matches!(json, [] | b"null"),
        (msgpack, _) => msgpack == [0xc0],
    })
}

// === where nobody knows better ===

/// Read failed: nothing has changed.
pub(in crate::plugin) fn read_as_before(request: &read_resource::Request) -> read_resource::Response {
    read_resource::Response {
        new_state: request.current_state.clone(),
        private: request.private.clone(),
        new_identity: request.current_identity.clone(),
        ..read_resource::Response::default()
    }
}

/// Plan failed: nothing is planned.
pub(in crate::plugin) fn planned_as_before(request: &plan_resource_change::Request) -> plan_resource_change::Response {
    plan_resource_change::Response {
        planned_state: request.prior_state.clone(),
        planned_private: request.prior_private.clone(),
        planned_identity: request.prior_identity.clone(),
        ..plan_resource_change::Response::default()
    }
}

impl<C> Session<C> {
    /// Apply failed in a way that tells nothing: of an update or a delete the prior state stands. A create may have written
    /// something, so what was planned is stored, which taints it; with nothing stored its objects would be orphans.
    pub(in crate::plugin) fn applied_as_before(
        &self,
        request: &apply_resource_change::Request,
    ) -> apply_resource_change::Response {
        let before = if is_null(request.prior_state.as_ref()) {
            self.settled_plan(request).unwrap_or_else(null)
        } else {
            request.prior_state.clone().unwrap_or_else(null)
        };
        apply_resource_change::Response {
            new_state: Some(before),
            private: request.planned_private.clone(),
            new_identity: request.planned_identity.clone(),
            ..apply_resource_change::Response::default()
        }
    }

    fn settled_plan(&self, request: &apply_resource_change::Request) -> Option<DynamicValue> {
        let mut unheard = Diagnostics::default();
        let schema = self.resource(&request.type_name, &mut unheard).ok()?.schema();
        let planned = from_proto::value(request.planned_state.as_ref(), &schema.kind(), &mut unheard).ok()?;
        to_proto::value(&settled(&schema, &planned), &schema.kind()).ok()
    }
}

// === calls ===

impl<C> Session<C> {
    pub(in crate::plugin) fn validate_resource(
        &self,
        request: &validate_resource_type_config::Request,
        out: &mut Diagnostics,
    ) -> Result<validate_resource_type_config::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let config = from_proto::value(request.config.as_ref(), &resource.schema().kind(), out)?;
        resource.validate(&config, out);
        Ok(validate_resource_type_config::Response::default())
    }

    pub(in crate::plugin) fn upgrade_state(
        &self,
        request: &upgrade_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<upgrade_resource_state::Response, Reported> {
        let schema = self.resource(&request.type_name, out)?.schema();
        let state = upgrade::upgrade(request.raw_state.as_ref(), &schema, out)?;
        let upgraded_state = Some(encoded(&schema, &state, Certainty::Final, out)?);
        Ok(upgrade_resource_state::Response { upgraded_state, diagnostics: Vec::new() })
    }

    /// Identities have had one version so far; core asks for states that have none, too.
    pub(in crate::plugin) fn upgrade_identity(
        &self,
        request: &upgrade_resource_identity::Request,
        out: &mut Diagnostics,
    ) -> Result<upgrade_resource_identity::Response, Reported> {
        let schema = self.resource(&request.type_name, out)?.identity();
        let identity = from_proto::raw_identity(request.raw_identity.as_ref(), schema.as_ref(), out)?;
        let upgraded_identity = wire_identity(identity.as_ref(), schema.as_ref(), out)?;
        Ok(upgrade_resource_identity::Response { upgraded_identity, diagnostics: Vec::new() })
    }

    pub(in crate::plugin) async fn read(
        &self,
        request: read_resource::Request,
        out: &mut Diagnostics,
    ) -> Result<read_resource::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let identity = request.current_identity.as_ref();
        let before = stored(resource, request.current_state.as_ref(), request.private, identity, out)?;
        let after = match before {
            // Core never asks about what isn't there.
            None => Wire::gone(),
            Some(before) => wire(resource, resource.read(self.call(), before).await, out)?,
        };
        Ok(read_resource::Response {
            new_state: after.state,
            private: after.private,
            new_identity: after.identity,
            ..read_resource::Response::default()
        })
    }

    pub(in crate::plugin) async fn plan(
        &self,
        request: plan_resource_change::Request,
        out: &mut Diagnostics,
    ) -> Result<plan_resource_change::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let identity = request.prior_identity.as_ref();
        let private = request.prior_private;
        let prior = stored(resource, request.prior_state.as_ref(), private.clone(), identity, out)?;
        if is_null(request.proposed_new_state.as_ref()) {
            let planned_private = match prior {
                Some(prior) => resource.plan_delete(self.call(), prior, out).await?,
                None => private,
            };
            return Ok(plan_resource_change::Response {
                planned_state: Some(null()),
                planned_private,
                planned_identity: request.prior_identity,
                ..plan_resource_change::Response::default()
            });
        }
        let config = from_proto::value(request.config.as_ref(), &resource.schema().kind(), out)?;
        let replaced = if prior.is_none() { private } else { Vec::new() };
        let call = Call { replaced, ..self.call() };
        let Planned { after, requires_replace } = resource.plan(call, prior, config, out).await?;
        let after = Wire::of(resource, &after, Certainty::Planned, out)?;
        Ok(plan_resource_change::Response {
            planned_state: after.state,
            planned_private: after.private,
            planned_identity: after.identity,
            requires_replace: requires_replace.iter().map(to_proto::path).collect(),
            ..plan_resource_change::Response::default()
        })
    }

    pub(in crate::plugin) async fn apply(
        &self,
        request: apply_resource_change::Request,
        out: &mut Diagnostics,
    ) -> Result<apply_resource_change::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let private = request.planned_private;
        let identity = request.planned_identity.as_ref();
        // Core sends the private data of the plan alone, and it stands for both.
        let prior = stored(resource, request.prior_state.as_ref(), private.clone(), identity, out)?;
        let planned = stored(resource, request.planned_state.as_ref(), private.clone(), identity, out)?;
        let outcome = match (prior, planned) {
            (Some(prior), None) => resource.delete(self.call(), prior, private).await,
            (prior, Some(planned)) => {
                let config = from_proto::value(request.config.as_ref(), &resource.schema().kind(), out)?;
                resource.apply(self.call(), prior, planned, config).await
            }
            (None, None) => Outcome { after: None, diagnostics: Diagnostics::default() },
        };
        let after = wire(resource, outcome, out)?;
        Ok(apply_resource_change::Response {
            new_state: after.state,
            private: after.private,
            new_identity: after.identity,
            ..apply_resource_change::Response::default()
        })
    }

    pub(in crate::plugin) async fn import(
        &self,
        request: import_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<import_resource_state::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        let schema = resource.identity();
        let id = match from_proto::identity(request.identity.as_ref(), schema.as_ref(), out)? {
            Some(identity) => ImportId::Identity(identity),
            None if request.id.is_empty() => {
                return Err(out.error(
                    &Path::root(),
                    "Nothing to import by",
                    format!("{} is imported by its id or, where it has one, its identity.", request.type_name),
                ));
            }
            None => ImportId::Id(request.id),
        };
        let found = resource.import(self.call(), id, out).await?;
        let found = Wire::of(resource, &found, Certainty::Final, out)?;
        let imported = import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: found.state,
            private: found.private,
            identity: found.identity,
        };
        Ok(import_resource_state::Response {
            imported_resources: vec![imported],
            ..import_resource_state::Response::default()
        })
    }

    /// A state of one of our own types, under another registry's name or address, is upgraded; another provider's is
    /// adopted.
    pub(in crate::plugin) fn move_state(
        &self,
        request: move_resource_state::Request,
        out: &mut Diagnostics,
    ) -> Result<move_resource_state::Response, Reported> {
        let resource = self.resource(&request.target_type_name, out)?;
        let ours = same_provider(&request.source_provider_address, self.address);
        let stored = if ours && request.source_type_name == request.target_type_name {
            let identity =
                from_proto::raw_identity(request.source_identity.as_ref(), resource.identity().as_ref(), out)?;
            let state = upgrade::upgrade(request.source_state.as_ref(), &resource.schema(), out)?;
            Stored { state, private: request.source_private, identity }
        } else {
            resource.adopt(foreign(request, out)?, out)?
        };
        let after = Wire::of(resource, &stored, Certainty::Final, out)?;
        Ok(move_resource_state::Response {
            target_state: after.state,
            target_private: after.private,
            target_identity: after.identity,
            diagnostics: Vec::new(),
        })
    }
}

/// `registry.opentofu.org/a/b` and `registry.terraform.io/a/b` are the same provider.
fn same_provider(address: &str, ours: &str) -> bool {
    address == ours || address.strip_suffix(ours).is_some_and(|registry| registry.ends_with('/'))
}

fn foreign(request: move_resource_state::Request, out: &mut Diagnostics) -> Result<Foreign, Reported> {
    let json = request.source_state.map(|RawState { json, .. }| json).unwrap_or_default();
    let state = serde_json::from_slice(&json).map_err(|error| {
        out.error(
            &Path::root(),
            "Unreadable state",
            format!("The state of the {} to move isn't JSON: {error}.", request.source_type_name),
        )
    })?;
    Ok(Foreign {
        provider: request.source_provider_address,
        kind: request.source_type_name,
        version: request.source_schema_version,
        state,
    })
}

/// What the three parts of a request hold together, unless its state is null.
fn stored<C>(
    resource: &dyn Resource<C>,
    state: Option<&DynamicValue>,
    private: Vec<u8>,
    identity: Option<&ResourceIdentityData>,
    out: &mut Diagnostics,
) -> Result<Option<Stored>, Reported> {
    let state = from_proto::value(state, &resource.schema().kind(), out)?;
    let identity = from_proto::identity(identity, resource.identity().as_ref(), out)?;
    Ok((state != Value::Null).then_some(Stored { state, private, identity }))
}

/// What is stored after a call, which has told its diagnostics.
fn wire<C>(resource: &dyn Resource<C>, outcome: Outcome, out: &mut Diagnostics) -> Result<Wire, Reported> {
    out.extend(outcome.diagnostics);
    match outcome.after {
        None => Ok(Wire::gone()),
        Some(after) => Wire::of(resource, &after, Certainty::Final, out),
    }
}

fn wire_identity(
    value: Option<&Value>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<ResourceIdentityData>, Reported> {
    let (Some(value), Some(schema)) = (value, schema) else { return Ok(None) };
    to_proto::identity(value, &schema.kind()).map(Some).map_err(|fault| own_fault(&fault, out))
}
