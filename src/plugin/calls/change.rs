//! The life of a managed resource: read, plan, apply; and what stands where one of them fails without an answer.

use super::wire::{Wire, is_null, null, stored};
use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        interface::{Call, Outcome, Planned, Resource, Stored},
        proto::tfplugin5::{DynamicValue, apply_resource_change, plan_resource_change, read_resource},
        session::Session,
        state::{Certainty, settled},
        to_proto,
    },
    schema::Value,
};

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

/// Apply hasn't begun: nothing has changed.
fn applied_nothing(request: &apply_resource_change::Request) -> apply_resource_change::Response {
    apply_resource_change::Response {
        new_state: Some(request.prior_state.clone().unwrap_or_else(null)),
        private: request.planned_private.clone(),
        new_identity: request.planned_identity.clone(),
        ..apply_resource_change::Response::default()
    }
}

impl<C> Session<C> {
    /// Apply failed in a way that tells nothing: of an update or a delete the prior state stands. A create may have written
    /// something, so what was planned is stored, which taints it; with nothing stored its objects would be orphans.
    pub(in crate::plugin) fn applied_as_before(
        &self,
        request: &apply_resource_change::Request,
    ) -> apply_resource_change::Response {
        let mut answer = applied_nothing(request);
        if is_null(request.prior_state.as_ref()) {
            answer.new_state = Some(self.settled_plan(request).unwrap_or_else(null));
        }
        answer
    }

    fn settled_plan(&self, request: &apply_resource_change::Request) -> Option<DynamicValue> {
        let mut unheard = Diagnostics::default();
        let schema = self.resource(&request.type_name, &mut unheard).ok()?.schema();
        let planned = from_proto::value(request.planned_state.as_ref(), &schema.kind(), &mut unheard).ok()?;
        to_proto::value(&settled(schema, &planned), &schema.kind()).ok()
    }
}

// === calls ===

impl<C> Session<C> {
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
            Some(before) => Wire::after(resource, resource.read(self.call(), before).await, out)?,
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
        let change = self.resource(&request.type_name, out).and_then(|r| Ok((r, Change::of(r, &request, out)?)));
        let Ok((resource, change)) = change else { return Ok(applied_nothing(&request)) };
        let outcome = match change {
            Change::Delete(prior) => resource.delete(self.call(), prior, request.planned_private).await,
            Change::Write { prior, planned, config } => resource.apply(self.call(), prior, planned, config).await,
            Change::Nothing => Outcome { after: None, diagnostics: Diagnostics::default() },
        };
        let after = Wire::after(resource, outcome, out)?;
        Ok(apply_resource_change::Response {
            new_state: after.state,
            private: after.private,
            new_identity: after.identity,
            ..apply_resource_change::Response::default()
        })
    }
}

/// What an apply asks for.
enum Change {
    Delete(Stored),
    Write { prior: Option<Stored>, planned: Stored, config: Value },
    Nothing,
}

impl Change {
    fn of<C>(
        resource: &dyn Resource<C>,
        request: &apply_resource_change::Request,
        out: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        // Core sends the private data and the identity of the plan alone, and they stand for both.
        let mut read = |state: &Option<DynamicValue>| {
            let identity = request.planned_identity.as_ref();
            stored(resource, state.as_ref(), request.planned_private.clone(), identity, out)
        };
        Ok(match (read(&request.prior_state)?, read(&request.planned_state)?) {
            (Some(prior), None) => Self::Delete(prior),
            (prior, Some(planned)) => {
                let config = from_proto::value(request.config.as_ref(), &resource.schema().kind(), out)?;
                Self::Write { prior, planned, config }
            }
            (None, None) => Self::Nothing,
        })
    }
}
