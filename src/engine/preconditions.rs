//! Preconditions of a write in the body of a server-side apply: the server answers 409 if they don't hold.

use serde_json::{Value as Json, json};

use crate::json_path::{at, set};

/// Makes an apply fail if the live object was deleted meanwhile. Without a uid, the apply would create it.
pub(super) fn require_uid(body: &mut Json, live: &Json) {
    set(body, &["metadata", "uid"], at(live, &["metadata", "uid"]).clone());
}

/// Makes an apply fail if the live object has changed meanwhile.
pub(super) fn require_resource_version(body: &mut Json, live: &Json) {
    set(body, &["metadata", "resourceVersion"], at(live, &["metadata", "resourceVersion"]).clone());
}

/// Makes an apply fail if the object exists. The server compares the version with that of an existing object only; a new one
/// gets its own. No object has the version 1: revisions of etcd begin with 1, which is the empty store.
pub(super) fn require_absence(body: &mut Json) {
    set(body, &["metadata", "resourceVersion"], json!("1"));
}
