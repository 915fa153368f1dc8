//! Removal of one object: a delete, or the release of what belongs to another tool.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};

use super::{
    drift::release_patch,
    journal::{Journal, JournalEntry},
    messages::warn_not_deleted,
    namespace_contents::Allowed,
    ownership::{Ownership, classify, has_owning_resource, is_released},
    preconditions::{require_resource_version, require_uid},
    record::RecordedObject,
    writer::{MAX_CONFLICT_RETRIES, Writer},
};
use crate::{
    diagnostics::Diagnostics,
    json_path::{at, set, text},
    kubernetes::{ApplyOptions, Error, Freshness},
    object::{Key, ManagementScope},
};

/// How often an object is read that waits for its finalizers.
const FINALIZER_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Why an object is removed, with what earlier applies recorded of it.
#[derive(Clone, Copy)]
pub(super) enum Removal<'a> {
    /// The object isn't desired any more.
    Unwanted(&'a RecordedObject),
    /// An apply creates the object again, since it can't change in place.
    Recreation(Option<&'a RecordedObject>),
}

impl Writer<'_> {
    /// Removes one object, given its live state. On a conflict it reads the live object and decides again.
    pub(super) async fn remove_object(
        &self,
        key: &Key,
        removal: Removal<'_>,
        live: Option<Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let mut live = live;
        let mut conflicts = 0;
        while let Some(found) = live {
            if !self.may_remove(key, removal, &found, out).await {
                return Ok(());
            }
            match self.remove_once(key, removal, &found, out).await {
                Ok(()) => break,
                Err(error) if error.is_stale() && conflicts < MAX_CONFLICT_RETRIES => conflicts += 1,
                Err(error) => return Err(error),
            }
            live = self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await?;
        }
        journal.insert(key, JournalEntry::Removed);
        Ok(())
    }

    /// Whether the removal goes on with what is live. Otherwise the object stays recorded.
    async fn may_remove(&self, key: &Key, removal: Removal<'_>, live: &Json, out: &mut Diagnostics) -> bool {
        match removal {
            Removal::Unwanted(recorded) => {
                !self.deletes_namespace(key, recorded, live)
                    || self.check_namespace_contents(key, Allowed::Nothing, out).await
            }
            // If another client has made the object since it was read, the apply that follows reports it.
            Removal::Recreation(recorded) => {
                classify(live, self.identity, recorded).allows_recreation(&self.identity.takeover)
            }
        }
    }

    async fn remove_once(
        &self,
        key: &Key,
        removal: Removal<'_>,
        live: &Json,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let Removal::Unwanted(recorded) = removal else { return self.delete_object(key, live).await };
        if recorded.scope() == ManagementScope::Fields {
            // The fields belong to the resource that manages the whole object by now.
            return if has_owning_resource(live) { Ok(()) } else { self.release_fields(key, live).await };
        }
        let ownership = classify(live, self.identity, Some(recorded));
        if ownership.allows_delete(self.identity, recorded) {
            return self.delete_or_release(key, recorded, live).await;
        }
        match ownership {
            // A newer instance of the resource has the object. This is how create_before_destroy ends.
            Ownership::OtherInstance => {
                tracing::info!(object = %key, "left to a newer resource of the same name");
            }
            other => {
                if let Some(owner) = other.other_owner().filter(|_| !recorded.inherited) {
                    warn_not_deleted(key, owner, out);
                }
            }
        }
        Ok(())
    }

    /// Whether the removal of an object that isn't desired any more deletes it.
    pub(super) fn is_deleted(&self, key: &Key, recorded: &RecordedObject, live: &Json) -> bool {
        recorded.scope() == ManagementScope::Whole
            && classify(live, self.identity, Some(recorded)) == Ownership::Ours
            && !self.is_released(key, recorded, live)
    }

    /// Whether an object of the resource is released and not deleted.
    fn is_released(&self, key: &Key, recorded: &RecordedObject, live: &Json) -> bool {
        is_released(key, recorded, live) || self.identity.takeover.unmanaged_kinds.contains(&key.kind)
    }

    /// Deletes an object of the resource. An object of a kind that is now unmanaged is released instead, and so is an object of a shared kind that the resource adopted or got by a `moved` block.
    pub(super) async fn delete_or_release(
        &self,
        key: &Key,
        recorded: &RecordedObject,
        live: &Json,
    ) -> Result<(), Error> {
        let (cluster, deadline) = (self.reader.cluster, &self.reader.deadline);
        if self.is_released(key, recorded, live) {
            return cluster.patch(key, &release_patch(live), false, deadline).await.map(|_| ());
        }
        self.delete_object(key, live).await
    }

    /// Deletes exactly the object that was read, and waits until its finalizers are done.
    async fn delete_object(&self, key: &Key, live: &Json) -> Result<(), Error> {
        let (cluster, deadline) = (self.reader.cluster, &self.reader.deadline);
        let metadata = |name: &str| text(live, &["metadata", name]).unwrap_or_default().to_owned();
        let (uid, resource_version) = (metadata("uid"), metadata("resourceVersion"));
        let terminating = if at(live, &["metadata", "deletionTimestamp"]).is_null() {
            cluster.delete(key, &uid, &resource_version, deadline).await?.map(Arc::new)
        } else {
            // The object is being deleted already. A second DELETE of a Namespace answers 409, so none is sent.
            Some(Arc::new(live.clone()))
        };
        let mut blocked = terminating.filter(|object| !finalizers(object).is_empty());
        while let Some(object) = blocked {
            deadline.sleep(FINALIZER_POLL_INTERVAL).await.map_err(|error| match error {
                Error::TimedOut(_) => Error::TimedOut(format!(
                    "it is being deleted, but its finalizers aren't done: {}{}",
                    finalizers(&object).join(", "),
                    blocking_conditions(&object)
                )),
                other => other,
            })?;
            let live = cluster.get(key, Freshness::Now, deadline).await?;
            blocked = live.filter(|live| text(live, &["metadata", "uid"]) == Some(&uid));
        }
        Ok(())
    }

    /// Gives up the fields that the resource set in an object of another tool: the server prunes the fields that an apply of
    /// the bare object doesn't name any more.
    async fn release_fields(&self, key: &Key, live: &Json) -> Result<(), Error> {
        let mut body = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind, "metadata": { "name": key.name },
        });
        require_uid(&mut body, live);
        require_resource_version(&mut body, live);
        if let Some(namespace) = &key.namespace {
            set(&mut body, &["metadata", "namespace"], json!(namespace));
        }
        self.reader.cluster.apply(key, &body, ApplyOptions::default(), &self.reader.deadline).await.map(|_| ())
    }
}

/// The finalizers that have to be removed before the object is. A Namespace has some in its spec as well.
fn finalizers(object: &Json) -> Vec<&str> {
    let lists = [&["metadata", "finalizers"], &["spec", "finalizers"]];
    lists.iter().flat_map(|path| at(object, *path).as_array().into_iter().flatten()).filter_map(Json::as_str).collect()
}

/// The messages of a terminating Namespace's conditions, which name the objects that block its deletion.
fn blocking_conditions(object: &Json) -> String {
    let conditions = at(object, &["status", "conditions"]).as_array().into_iter().flatten();
    let blocking = conditions.filter(|condition| at(condition, &["status"]) == "True");
    let messages = blocking.filter_map(|condition| text(condition, &["message"]));
    std::iter::once("").chain(messages).collect::<Vec<_>>().join("; ")
}
