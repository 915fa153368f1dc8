//! Server-side apply of one object.

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::{
    drift::{exclusive_ownership_patch, has_no_managers, owned_fields, release_patch, shared_ownership_patch},
    journal::{Journal, JournalEntry},
    messages::{report_conflict, warn_absent, warn_if_mutated},
    ownership::{Ownership, classify, conflicting_owner, has_owning_resource, is_adopted},
    ownership_metadata::{Marks, with_ownership_metadata},
    preconditions::{require_absence, require_resource_version, require_uid},
    record::RecordedObject,
    writer::{MAX_CONFLICT_RETRIES, Writer},
};
use crate::{
    diagnostics::Diagnostics,
    kubernetes::{ApplyOptions, Deadline, Error, Freshness},
    object::{FieldOwnership, ManagementScope, Object},
};

/// How long an apply waits for a namespace or a CRD that another resource of the same run creates.
const NOT_FOUND_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two attempts while the namespace or the CRD doesn't exist.
const NOT_FOUND_PAUSE: Duration = Duration::from_secs(1);

/// How long the look-up of an object may take after a write without an answer.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// What an apply writes.
pub(super) struct Target<'a> {
    /// The desired object.
    pub(super) object: &'a Object,
    /// The body to write now, which may be an intermediate one.
    pub(super) body: &'a Json,
    /// Whether the object carries the arguments of its resource.
    pub(super) carries_arguments: bool,
    /// What earlier applies recorded of the object.
    pub(super) recorded: Option<&'a RecordedObject>,
}

impl Writer<'_> {
    /// Applies one object, given its live state. On a conflict it reads the live object and decides again.
    pub(super) async fn apply_object(
        &self,
        target: &Target<'_>,
        live: Option<Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let Target { object, recorded, .. } = *target;
        let mut live = live;
        let (mut conflicts, mut waited) = (0, Duration::ZERO);
        loop {
            if object.scope == ManagementScope::Fields && live.is_none() {
                // The object was deleted after the first read, and another tool has to create it.
                warn_absent(object, out);
                return Ok(());
            }
            if let Some(live) = live.as_deref()
                && let Some(owner) = conflicting_owner(object, live, self.identity, recorded)
            {
                // Another client created the object after the first read.
                report_conflict(object, &owner, self.identity, out);
                return Ok(());
            }
            let ownership = live.as_deref().map(|live| classify(live, self.identity, recorded));
            let adopting = object.scope == ManagementScope::Whole
                && ownership.as_ref().is_some_and(|ownership| ownership.other_owner().is_some());
            let takes_over = adopting || recorded.is_some_and(|recorded| recorded.moved);
            let adopted = live.as_deref().is_some_and(|live| is_adopted(object, live, self.identity, recorded));
            self.reader.deadline.check_not_stopped()?;
            let marks = Marks { carries_arguments: target.carries_arguments, adopted };
            match self.apply_once(target, live.as_deref(), takes_over, marks).await {
                Ok(applied) => {
                    let owned = owned_fields(&applied, Some(&object.body), &object.key);
                    warn_if_mutated(&owned, target.body, &object.key, out);
                    journal.insert(&object.key, JournalEntry::written(&applied, owned, object, adopted));
                    return Ok(());
                }
                Err(error) if error.has_unknown_outcome() => {
                    self.look_up_write(target, adopted, journal).await;
                    return Err(error);
                }
                Err(error) if error.is_stale() && !error.is_field_conflict() && conflicts < MAX_CONFLICT_RETRIES => {
                    conflicts += 1;
                }
                Err(error) if error.is_missing_prerequisite() && live.is_none() && waited < NOT_FOUND_TIMEOUT => {
                    self.reader.deadline.sleep(NOT_FOUND_PAUSE).await?;
                    waited += NOT_FOUND_PAUSE;
                }
                Err(error) => return Err(error),
            }
            live = self.reader.cluster.get(&object.key, Freshness::Now, &self.reader.deadline).await?;
        }
    }

    /// Enters the object into the journal where a write without an answer was carried out. Stop and the time limit of the
    /// operation have passed, so this has a time limit of its own.
    async fn look_up_write(&self, target: &Target<'_>, adopted: bool, journal: &Journal) {
        let object = target.object;
        let deadline = Deadline::within(LOOK_UP_TIMEOUT, CancellationToken::new());
        let Ok(Some(live)) = self.reader.cluster.get(&object.key, Freshness::Now, &deadline).await else { return };
        let owned = owned_fields(&live, Some(target.body), &object.key);
        let is_ours = match object.scope {
            ManagementScope::Whole => classify(&live, self.identity, None) == Ownership::Ours,
            ManagementScope::Fields => owned == *target.body,
        };
        if is_ours {
            journal.insert(&object.key, JournalEntry::written(&live, owned, object, adopted));
        }
    }

    async fn apply_once(
        &self,
        target: &Target<'_>,
        live: Option<&Json>,
        takes_over: bool,
        marks: Marks,
    ) -> Result<Json, Error> {
        let object = target.object;
        let mut body = match object.scope {
            ManagementScope::Whole => with_ownership_metadata(target.body, self.identity, marks),
            ManagementScope::Fields => target.body.clone(),
        };
        if let Some(live) = live {
            let live = self.take_ownership(object, &body, live.clone(), takes_over).await?;
            require_resource_version(&mut body, &live);
            if object.scope == ManagementScope::Fields {
                require_uid(&mut body, &live);
            }
        } else {
            require_absence(&mut body);
        }
        let how = ApplyOptions { dry_run: false, force: self.force_conflicts };
        Ok(self.reader.cluster.apply(&object.key, &body, how, &self.reader.deadline).await?.object)
    }

    /// Makes the provider the only manager of the fields that the resource owns, and returns the live object after that. No
    /// value changes. In shared kinds this is done only if the object becomes the resource's (`takes_over`). An object of
    /// which the resource keeps only some fields is released.
    async fn take_ownership(
        &self,
        object: &Object,
        body: &Json,
        mut live: Json,
        takes_over: bool,
    ) -> Result<Json, Error> {
        let key = &object.key;
        let (cluster, deadline) = (self.reader.cluster, &self.reader.deadline);
        let patch = match (object.scope, key.kind.field_ownership) {
            (ManagementScope::Whole, FieldOwnership::Exclusive) => {
                if has_no_managers(&live) {
                    // On the first apply, the server attributes all fields of an object without managers to a manager
                    // "before-first-apply", from which the patch takes them.
                    let how = ApplyOptions { dry_run: false, force: true };
                    let mut body = body.clone();
                    require_resource_version(&mut body, &live);
                    live = cluster.apply(key, &body, how, deadline).await?.object;
                }
                exclusive_ownership_patch(&live, body, key)
            }
            (ManagementScope::Whole, FieldOwnership::Shared) if takes_over => shared_ownership_patch(&live, body, key),
            // The resource managed the whole object: applying only some fields would remove the others.
            (ManagementScope::Fields, _) if has_owning_resource(&live) => Some(release_patch(&live)),
            _ => None,
        };
        match patch {
            Some(patch) => Ok(cluster.patch(key, &patch, false, deadline).await?.object),
            None => Ok(live),
        }
    }
}
