//! Plans. PlannedChange values come from the configuration alone; the cluster can only add diagnostics.

use super::{
    Managed,
    desired::{Desired, decode, decode_state},
    live_checks::report_findings,
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::Record,
    known::Unknown,
    mesh::checks::Findings,
    plugin::interface::{Call, PlannedChange, ResourceState},
    resources::{Context, ResourceType, configured_context, state},
    schema::{Value, model::Model, recorded::encode_arguments},
};

impl<R: ResourceType> Managed<R> {
    pub(super) async fn plan_create_or_update(
        call: Call<Context>,
        prior: Option<ResourceState>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported> {
        let context = configured_context(&call, out)?;
        let arguments = state::arguments(R::schema(), &config);
        let model: R = decode(&arguments, out);
        out.no_errors()?;
        if context.record_arguments {
            check_recorded_size(&encode_arguments(R::schema(), &arguments), out);
        }
        let is_replacement = !call.replaced_private.is_empty();
        if is_replacement {
            Self::check_deletion_protection(&Record::decode(&call.replaced_private), out)?;
        }
        let (planned, desired) = if let Ok(mesh) = &context.mesh {
            let desired = Desired::validated(model.clone(), mesh, out)?;
            (desired.planned(&arguments), Some(desired))
        } else {
            let id = model.id(Err(Unknown)).map_or(Value::Unknown, Value::String);
            (state::with_unknown_outputs(&arguments, R::Outputs::schema(), id), None)
        };
        out.no_errors()?;
        let id = state::id(&planned);
        if !is_replacement {
            let instance = prior.as_ref().map(|prior| Record::decode(&prior.private).instance).unwrap_or_default();
            Self::check_declared_once(&context, &id, &instance, &call.stop, out).await?;
        }
        if let Some(desired) = &desired {
            Self::check_unique_objects(&context, &id, desired, out)?;
            Self::check_distinct_gateway_matches(&context, &id, desired, out)?;
        }
        let requires_replace = prior
            .as_ref()
            .map(|prior| state::requires_replace(R::schema(), &prior.state, &arguments))
            .unwrap_or_default();
        if prior.as_ref().is_none_or(|prior| prior.state != planned) {
            let prior_model = prior.as_ref().map(|prior| decode_state::<R>(&prior.state));
            if let Some(prior) = &prior_model {
                R::warn_of_change(prior, &model, out);
            }
            if let Some(desired) = &desired {
                let mut findings = Findings::default();
                R::checks_of_change(prior_model.as_ref(), &desired.arguments, desired.mesh, &mut findings);
                report_findings(findings, &context.checks, out);
                out.no_errors()?;
            }
            if let (Some(desired), true) = (&desired, requires_replace.is_empty()) {
                if let Some(prior) = prior_model {
                    desired.validate_policy_changes(|| prior, out);
                    out.no_errors()?;
                }
                // Core plans a create once more inside apply. After a delete has handed over its objects, an error there would leave
                // them in no state, since the create is never called.
                if !call.deferred && (prior.is_some() || !context.run.has_handed_over(&Self::resource(&id))) {
                    Self::check_in_cluster(&context, desired, prior.as_ref(), &call, out).await;
                    out.no_errors()?;
                }
            }
        }
        if let (Some(prior), false) = (&prior, requires_replace.is_empty()) {
            Self::check_deletion(&context, prior, &call.stop, out).await?;
        }
        Ok(PlannedChange { after: Self::stored_plan(planned, id, prior, &call.replaced_private), requires_replace })
    }

    /// The planned state with the identity and the private data. A planned create carries the record of the resource that it
    /// replaces. The private data is never empty, because by it core's second plan of a replacement is distinguished from another
    /// resource with the same id.
    fn stored_plan(planned: Value, id: String, prior: Option<ResourceState>, replaced: &[u8]) -> ResourceState {
        // While the id isn't known, the identity stays the prior one.
        let identity = (!id.is_empty()).then(|| Self::identity_of(&id));
        let identity = identity.or_else(|| prior.as_ref().and_then(|prior| prior.identity.clone()));
        let private = prior.map_or_else(
            || Record { id, replaces: Some(Box::new(Record::decode(replaced))), ..Record::default() }.encode(),
            |prior| Record::of_state(&prior.private, &state::id(&prior.state)).encode(),
        );
        ResourceState { state: planned, private, identity }
    }

    pub(super) async fn plan_destroy(
        call: Call<Context>,
        prior: ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Vec<u8>, Reported> {
        let context = configured_context(&call, out)?;
        let id = state::id(&prior.state);
        let record = Record::of_state(&prior.private, &id);
        Self::check_deletion_protection(&record, out)?;
        let resource = Self::resource(&id);
        decode_state::<R>(&prior.state).warn_of_destroy(out);
        let private = Record { planned_in: Some(context.run.id().to_owned()), ..record.clone() }.encode();
        context.run.add_planned_deletion(&resource, record);
        if context.run.planned_instance(&resource).is_some() {
            Self::check_address_unchanged(&context, &id, &call.stop, out).await?;
        }
        Self::check_deletion(&context, &prior, &call.stop, out).await?;
        Ok(private)
    }

    /// Refuses to delete a protected resource: an apply without the protection comes first. A resource whose create failed
    /// isn't protected yet, so that Terraform can replace it.
    fn check_deletion_protection(record: &Record, out: &mut Diagnostics) -> Result<(), Reported> {
        if !record.protected {
            return Ok(());
        }
        Err(out.error(
            &Path::root().attribute("deletion_protection"),
            "Protected from deletion",
            format!(
                "This plan would delete or replace {} {}, which deletion_protection forbids. If that is meant, apply \
                 deletion_protection = false first, then plan again.",
                R::NAME,
                record.id
            ),
        ))
    }
}

/// The largest size of recorded arguments. The annotations of an object have at most 256 KiB together.
const MAX_RECORDED_BYTES: usize = 200 * 1024;

/// Reports arguments that are too large for the annotation that records them. Arguments with unknown values have no size yet.
fn check_recorded_size(recorded: &str, out: &mut Diagnostics) {
    if recorded.len() > MAX_RECORDED_BYTES {
        out.error(
            &Path::root(),
            "Arguments too large to be recorded",
            format!(
                "The arguments have {} KiB as JSON. An annotation records them, and Kubernetes allows 256 KiB of annotations on \
                 an object, so at most {} KiB are accepted. Divide the resource, replace many similar blocks by one with several \
                 values, or set record_arguments = false in the provider block.",
                recorded.len().div_ceil(1024),
                MAX_RECORDED_BYTES / 1024
            ),
        );
    }
}
