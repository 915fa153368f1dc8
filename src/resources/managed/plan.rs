//! Plans. Values come from the configuration alone; the cluster is asked for objections.

use tokio_util::sync::CancellationToken;

use super::{
    CHECKS_WITHIN, LOOKS_WITHIN, Managed, configured,
    desired::{Desired, decode, decode_state},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::Record,
    json_path::text,
    known::Unknown,
    kubernetes::Deadline,
    mesh::Mesh,
    object::{ManagementScope, annotation},
    plugin::interface::{Call, PlannedChange, ResourceState},
    resources::{Context, ResourceType, state},
    schema::{Value, model::Model},
};

impl<R: ResourceType> Managed<R> {
    pub(super) async fn plan_write(
        call: Call<Context>,
        prior: Option<ResourceState>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported> {
        let context = configured(&call, out)?;
        let arguments = state::arguments(R::schema(), &config);
        let model: R = decode(&arguments, out);
        out.no_errors()?;
        if !call.replaced_private.is_empty() {
            Self::may_go(&Record::decode(&call.replaced_private), out)?;
        }
        let (planned, desired) = if let Ok(mesh) = &context.mesh {
            let desired = Desired::validated(model.clone(), mesh, out)?;
            (desired.planned(&arguments), Some(desired))
        } else {
            let id = model.id(Err(Unknown)).map_or(Value::Unknown, Value::String);
            (state::unknown(&arguments, R::Outputs::schema(), id), None)
        };
        let id = state::id(&planned);
        let requires_replace =
            prior.as_ref().map(|prior| state::replaced(R::schema(), &prior.state, &arguments)).unwrap_or_default();
        if call.replaced_private.is_empty() {
            Self::once_a_run(&context, &id, prior.is_none(), &call.stop, out).await?;
        }
        if let Some(desired) = &desired {
            Self::each_object_once(&context, &id, desired, out)?;
        }
        let unchanged = prior.as_ref().is_some_and(|prior| prior.state == planned);
        if let (Some(prior), false) = (&prior, unchanged) {
            R::warn_of_change(&decode_state(&prior.state), &model, out);
        }
        if let (Some(desired), false, true) = (&desired, unchanged, requires_replace.is_empty()) {
            Self::ask(&context, desired, prior.as_ref(), &call, out).await;
            out.no_errors()?;
        }
        if let (Some(prior), false) = (&prior, requires_replace.is_empty()) {
            Self::may_be_deleted(&context, prior, &call.stop, out).await?;
        }
        // While the id isn't known, the resource is the one that it was.
        let known = (!id.is_empty()).then(|| Self::identity_of(&id));
        let identity = known.or_else(|| prior.as_ref().and_then(|prior| prior.identity.clone()));
        let private = match prior {
            Some(prior) => prior.private,
            None => {
                Record { id, replaces: Some(Box::new(Record::decode(&call.replaced_private))), ..Record::default() }
                    .encode()
            }
        };
        Ok(PlannedChange { after: ResourceState { state: planned, private, identity }, requires_replace })
    }

    pub(super) async fn plan_remove(
        call: Call<Context>,
        prior: ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Vec<u8>, Reported> {
        let context = configured(&call, out)?;
        Self::may_go(&Record::decode(&prior.private), out)?;
        let id = state::id(&prior.state);
        let resource = Self::resource(&id);
        decode_state::<R>(&prior.state).warn_of_destroy(out);
        context.run.doom(&resource, Record::decode(&prior.private));
        if context.run.is_planned(&resource) {
            Self::not_renamed(&context, &id, &call.stop, out).await?;
        }
        Self::may_be_deleted(&context, &prior, &call.stop, out).await?;
        Ok(prior.private)
    }

    /// What is protected goes only after an apply without the protection. What a failed create left was never protected: the
    /// replacement that Terraform makes of it finishes it.
    fn may_go(record: &Record, out: &mut Diagnostics) -> Result<(), Reported> {
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

    /// What would go with a resource, and mustn't, ends a plan; apply looks again.
    async fn may_be_deleted(
        context: &Context,
        prior: &ResourceState,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        let (Ok(owner), record) = (&context.owner, Record::decode(&prior.private)) else { return Ok(()) };
        let mut identity = Self::owner_identity(&state::id(&prior.state), owner, &record);
        identity.takeover = decode_state::<R>(&prior.state).takeover();
        let limits = Deadline::within(CHECKS_WITHIN, stop.clone());
        context.writer(&identity, &record, limits).check_deletion(out).await;
        out.no_errors()
    }

    /// Each resource stands once in a configuration.
    async fn once_a_run(
        context: &Context,
        id: &str,
        create: bool,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        if id.is_empty() {
            return Ok(());
        }
        if !context.run.plan(&Self::resource(id)) {
            return Err(out.error(
                &Path::root(),
                format!("{} {id} is declared twice", R::NAME),
                "Two resources of this configuration mean the same objects, and would undo each other's work. Remove one of \
                 them, or give it another name.",
            ));
        }
        if create { Self::not_renamed(context, id, stop, out).await } else { Ok(()) }
    }

    /// No two resources of a configuration make the same object: both would win in turn.
    fn each_object_once(
        context: &Context,
        id: &str,
        desired: &Desired<'_, R>,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        for object in desired.objects().filter(|object| !id.is_empty() && object.scope == ManagementScope::Whole) {
            if let Some(other) = context.run.register_object(&object.key, &Self::resource(id)) {
                let named = object.origins.iter().rfind(|(field, _)| field == "metadata.name");
                out.error(
                    &named.map_or_else(Path::root, |(_, at)| at.clone()),
                    format!("{} is made twice", object.key.kind.kind),
                    format!(
                        "{} is {other}'s as well, and each would undo the other's work. Give one of them another name.",
                        object.key
                    ),
                );
            }
        }
        out.no_errors()
    }

    /// A resource that goes at one address and comes at another in one run: whichever half is done last wins, and may leave
    /// nothing. What is left of a failed `create_before_destroy` looks alike, but there something newer lives.
    async fn not_renamed(
        context: &Context,
        id: &str,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        let (Some(record), Ok(owner)) = (context.run.doomed(&Self::resource(id)), &context.owner) else {
            return Ok(());
        };
        let identity = Self::owner_identity(id, owner, &record);
        let limits = Deadline::within(CHECKS_WITHIN, stop.clone());
        let newer = context.reader(&record, limits).has_newer_instance(&identity).await;
        if newer {
            return Ok(());
        }
        Err(out.error(
            &Path::root(),
            format!("{} {id} changes its address", R::NAME),
            "This run would delete it at one address and create it at another, and between the two its objects would be gone. \
             Tell Terraform that it is the same resource:\n\n  moved {\n    from = <old address>\n    to   = <new address>\n  }",
        ))
    }

    /// Whether no other owner has this resource. What can't be seen is no objection: each object is judged as well.
    async fn is_only_one(
        context: &Context,
        mesh: &Mesh,
        id: &str,
        owner: &str,
        limits: &Deadline,
        out: &mut Diagnostics,
    ) -> bool {
        let found = Self::stamped(context, mesh, id, limits, &mut Diagnostics::default()).await;
        let owners = found.unwrap_or_default();
        let mut owners =
            owners.iter().filter_map(|(_, live)| text(live, &["metadata", "annotations", annotation::OWNER]));
        let Some(other) = owners.find(|other| *other != owner) else { return true };
        out.error(
            &Path::root(),
            format!("{} exists already", R::NAME),
            format!(
                "There is one in a mesh, and owner {other:?} has it in {}. Change it there, or import it here after it was \
                 removed from that state.",
                mesh.root_namespace
            ),
        );
        false
    }

    /// The plan's questions to the cluster, of what it would write.
    async fn ask(
        context: &Context,
        desired: &Desired<'_, R>,
        prior: Option<&ResourceState>,
        call: &Call<Context>,
        out: &mut Diagnostics,
    ) {
        let (Ok(id), Ok(owner)) = (desired.id.clone(), &context.owner) else { return };
        let record = prior.map(|prior| Record::decode(&prior.private)).unwrap_or_default();
        let before = prior.map(|prior| state::live(&prior.state)).unwrap_or_default();
        let wanted = desired.changed(&before);
        let mut identity = Self::owner_identity(&id, owner, &record);
        identity.takeover = desired.arguments.takeover();
        let limits = Deadline::within(desired.arguments.timeouts().read.min(CHECKS_WITHIN), call.stop.clone());
        if R::ONE_PER_MESH
            && prior.is_none()
            && !Self::is_only_one(context, desired.mesh, &id, owner, &limits, out).await
        {
            return;
        }
        context.writer(&identity, &record, limits).check_plan(&wanted, out).await;
        if !out.has_errors() {
            let limits = Deadline::within(LOOKS_WITHIN, call.stop.clone());
            Self::look_around(&context.reader(&record, limits), &identity.resource, &context.checks, desired, out)
                .await;
        }
    }
}
