//! Checks of a plan against the cluster: whether the apply would be allowed to write and to delete the objects.

use tokio_util::sync::CancellationToken;

use super::{
    LIVE_CHECK_TIMEOUT, Managed, PLAN_CHECK_TIMEOUT,
    desired::{Desired, decode_state},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{OwnerIdentity, Record},
    json_path::text,
    kubernetes::Deadline,
    mesh::Mesh,
    object::annotation,
    plugin::interface::{Call, ResourceState},
    resources::{Context, ResourceType, state},
};

impl<R: ResourceType> Managed<R> {
    /// Checks the objects that the plan would write.
    pub(super) async fn check_in_cluster(
        context: &Context,
        desired: &Desired<'_, R>,
        prior: Option<&ResourceState>,
        call: &Call<Context>,
        out: &mut Diagnostics,
    ) {
        let (Ok(id), Ok(owner)) = (desired.id.clone(), &context.owner) else { return };
        let record = prior.map(|prior| Record::decode(&prior.private)).unwrap_or_default();
        let prior_objects = prior.map(|prior| state::objects(&prior.state)).unwrap_or_default();
        let mut identity = Self::owner_identity(&id, owner, &record);
        if context.record_arguments {
            // A stand-in: some arguments may be unknown.
            "{}".clone_into(&mut identity.arguments);
        }
        identity.takeover = desired.arguments.takeover();
        let timeout = desired.arguments.timeouts().read.min(PLAN_CHECK_TIMEOUT);
        let deadline = Deadline::within(timeout, call.stop.clone());
        if R::ONE_PER_MESH
            && prior.is_none()
            && !Self::check_single_owner(context, desired.mesh, &id, &identity, &deadline, out).await
        {
            return;
        }
        context.writer(&identity, &record, deadline).check_plan(&desired.changed(&prior_objects), out).await;
        if !out.has_errors() {
            let reader = context.reader(&record, Deadline::within(LIVE_CHECK_TIMEOUT, call.stop.clone()));
            Self::run_live_checks(&reader, &identity.resource, &context.checks, desired, out).await;
        }
    }

    /// Whether no other owner has the resource, of which a mesh has at most one, except the owner that it is adopted from.
    /// Objects that can't be read don't fail the check, since the check of each written object follows.
    async fn check_single_owner(
        context: &Context,
        mesh: &Mesh,
        id: &str,
        identity: &OwnerIdentity,
        deadline: &Deadline,
        out: &mut Diagnostics,
    ) -> bool {
        let live = Self::annotated_objects(context, mesh, id, deadline, &mut Diagnostics::default()).await;
        let live = live.unwrap_or_default();
        let mut owners =
            live.iter().filter_map(|(_, live)| text(live, &["metadata", "annotations", annotation::OWNER]));
        let is_other =
            |owner: &&str| *owner != identity.owner && Some(*owner) != identity.takeover.adopt_from_owner.as_deref();
        let Some(other) = owners.find(is_other) else { return true };
        out.error(
            &Path::root(),
            format!("{} exists already", R::NAME),
            format!(
                "There is one in a mesh, and owner {other:?} has it in {}. Change it there; or remove it from that state, and \
                 import it here or set adopt_from_owner = {other:?}.",
                mesh.root_namespace
            ),
        );
        false
    }

    /// Refuses a delete that would delete more than the resource's own objects. The apply checks it again.
    pub(super) async fn check_deletion(
        context: &Context,
        prior: &ResourceState,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        let (Ok(owner), record) = (&context.owner, Record::decode(&prior.private)) else { return Ok(()) };
        let mut identity = Self::owner_identity(&state::id(&prior.state), owner, &record);
        identity.takeover = decode_state::<R>(&prior.state).takeover();
        let deadline = Deadline::within(PLAN_CHECK_TIMEOUT, stop.clone());
        context.writer(&identity, &record, deadline).check_deletion(out).await;
        out.no_errors()
    }
}
