//! ReadResource, PlanResourceChange and ApplyResourceChange, and the fallback responses if one of them fails.

use super::encoded_state::{EncodedState, decode_state, is_null, null_value};
use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Call, Outcome, PlannedChange, Resource, ResourceState},
        proto::tfplugin5::{DynamicValue, apply_resource_change, plan_resource_change, read_resource},
        session::PluginSession,
        state::{UnknownValues, replace_unknowns},
        to_proto,
    },
    schema::Value,
};

// === fallback responses ===

/// Returns the response of a read that has failed: the state stays as it is.
pub(in crate::plugin) fn read_fallback(request: &read_resource::Request) -> read_resource::Response {
    read_resource::Response {
        new_state: request.current_state.clone(),
        private: request.private.clone(),
        new_identity: request.current_identity.clone(),
        ..read_resource::Response::default()
    }
}

/// Returns the response of a plan that has failed: the prior state is planned.
pub(in crate::plugin) fn plan_fallback(request: &plan_resource_change::Request) -> plan_resource_change::Response {
    plan_resource_change::Response {
        planned_state: request.prior_state.clone(),
        planned_private: request.prior_private.clone(),
        planned_identity: request.prior_identity.clone(),
        ..plan_resource_change::Response::default()
    }
}

/// Returns the response of an apply that hasn't begun: the prior state stays.
fn unchanged_state(request: &apply_resource_change::Request) -> apply_resource_change::Response {
    apply_resource_change::Response {
        new_state: Some(request.prior_state.clone().unwrap_or_else(null_value)),
        private: request.planned_private.clone(),
        new_identity: request.planned_identity.clone(),
        ..apply_resource_change::Response::default()
    }
}

impl<C> PluginSession<C> {
    /// Returns the response of an apply that has failed without a result. After an update or a delete the prior state
    /// stays. A create may have written objects, so the planned state is stored, and core marks the resource as
    /// tainted. With no state these objects would be orphans.
    pub(in crate::plugin) fn apply_fallback(
        &self,
        request: &apply_resource_change::Request,
    ) -> apply_resource_change::Response {
        let mut response = unchanged_state(request);
        if is_null(request.prior_state.as_ref()) {
            response.new_state = Some(self.planned_state(request).unwrap_or_else(null_value));
        }
        response
    }

    /// Returns the planned state with nulls in place of its unknown values, which a state may not have.
    fn planned_state(&self, request: &apply_resource_change::Request) -> Option<DynamicValue> {
        let mut ignored = Diagnostics::default();
        let schema = self.resource(&request.type_name, &mut ignored).ok()?.schema();
        let planned = from_proto::value(request.planned_state.as_ref(), schema.object_type(), &mut ignored).ok()?;
        to_proto::value(&replace_unknowns(schema, &planned), schema.object_type()).ok()
    }
}

// === handlers ===

impl<C> PluginSession<C> {
    pub(in crate::plugin) async fn read(
        &self,
        request: read_resource::Request,
        out: &mut Diagnostics,
    ) -> Result<read_resource::Response, Reported> {
        let resource = self.resource(&request.type_name, out)?;
        if let Some(deferred) = self.deferral(request.client_capabilities) {
            return Ok(read_resource::Response { deferred: Some(deferred), ..read_fallback(&request) });
        }
        let identity = request.current_identity.as_ref();
        let before = decode_state(resource, request.current_state.as_ref(), request.private, identity, out)?;
        let after = match before {
            // Core never reads a resource that has no state.
            None => EncodedState::removed(),
            Some(before) => EncodedState::encode_outcome(resource, resource.read(self.call(), before).await, out)?,
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
        let deferred = self.deferral(request.client_capabilities);
        let call = Call { deferred: deferred.is_some(), ..self.call() };
        let identity = request.prior_identity.as_ref();
        let private = request.prior_private;
        let prior = decode_state(resource, request.prior_state.as_ref(), private.clone(), identity, out)?;
        if is_null(request.proposed_new_state.as_ref()) {
            let planned_private = match prior {
                Some(prior) => resource.plan_delete(call, prior, out).await?,
                None => private,
            };
            return Ok(plan_resource_change::Response {
                planned_state: Some(null_value()),
                planned_private,
                planned_identity: request.prior_identity,
                deferred,
                ..plan_resource_change::Response::default()
            });
        }
        let config = from_proto::value(request.config.as_ref(), resource.schema().object_type(), out)?;
        let replaced_private = if prior.is_none() { private } else { Vec::new() };
        let call = Call { replaced_private, ..call };
        let PlannedChange { after, requires_replace } = resource.plan(call, prior, config, out).await?;
        let after = EncodedState::encode(resource, &after, UnknownValues::Allowed, out)?;
        Ok(plan_resource_change::Response {
            planned_state: after.state,
            planned_private: after.private,
            planned_identity: after.identity,
            requires_replace: requires_replace.iter().map(to_proto::path).collect(),
            deferred,
            ..plan_resource_change::Response::default()
        })
    }

    pub(in crate::plugin) async fn apply(
        &self,
        request: apply_resource_change::Request,
        out: &mut Diagnostics,
    ) -> Result<apply_resource_change::Response, Reported> {
        let change =
            self.resource(&request.type_name, out).and_then(|r| Ok((r, Change::from_request(r, &request, out)?)));
        let Ok((resource, change)) = change else { return Ok(unchanged_state(&request)) };
        let outcome = match change {
            Change::Delete(prior) => resource.delete(self.call(), prior, request.planned_private).await,
            Change::Write { prior, planned, config } => resource.apply(self.call(), prior, planned, config).await,
            Change::Nothing => Outcome { after: None, diagnostics: Diagnostics::default() },
        };
        let after = EncodedState::encode_outcome(resource, outcome, out)?;
        Ok(apply_resource_change::Response {
            new_state: after.state,
            private: after.private,
            new_identity: after.identity,
            ..apply_resource_change::Response::default()
        })
    }
}

/// The change that a request to apply asks for.
enum Change {
    Delete(ResourceState),
    /// A create or an update.
    Write {
        prior: Option<ResourceState>,
        planned: ResourceState,
        config: Value,
    },
    Nothing,
}

impl Change {
    fn from_request<C>(
        resource: &dyn Resource<C>,
        request: &apply_resource_change::Request,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        // The request has one private data and one identity, both from the plan, which belong to both states.
        let mut decode = |state: &Option<DynamicValue>| {
            let identity = request.planned_identity.as_ref();
            decode_state(resource, state.as_ref(), request.planned_private.clone(), identity, out)
        };
        Ok(match (decode(&request.prior_state)?, decode(&request.planned_state)?) {
            (Some(prior), None) => Self::Delete(prior),
            (prior, Some(planned)) => {
                let config = from_proto::value(request.config.as_ref(), resource.schema().object_type(), out)?;
                Self::Write { prior, planned, config }
            }
            (None, None) => Self::Nothing,
        })
    }
}
