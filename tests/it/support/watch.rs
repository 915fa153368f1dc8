//! Records the changes of objects in the order in which the server made them.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use http::Request;
use kube::{Client, core::WatchEvent};
use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, Kind};

use super::{
    api::{block_on, collection},
    polling::wait_until,
};

/// A change of one object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// When the event arrived.
    pub(crate) received_at: Instant,
    /// The object's `resourceVersion`. It counts over all kinds, since they share one etcd.
    pub(crate) revision: u64,
    /// Key of the changed object.
    pub(crate) key: Key,
    /// The object after the change, or `None` if it was deleted.
    pub(crate) object: Option<Json>,
}

/// A watch of all objects of some kinds in a namespace, which ends with the process.
pub(crate) struct Watch {
    changes: Arc<Mutex<Vec<Change>>>,
}

impl Watch {
    /// Starts to watch. Objects that exist already are recorded as changes, too.
    pub(super) fn start(client: &Client, kinds: &[&'static Kind], namespace: &str) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        for kind in kinds.iter().copied() {
            let path = format!("{}?watch=true", collection(&kind.api_version(), namespace, kind.plural));
            let (client, changes, namespace) = (client.clone(), Arc::clone(&changes), namespace.to_owned());
            let request = Request::get(path).body(Vec::new()).expect("a request");
            let events = block_on(async move { client.request_events::<Json>(request).await }).expect("a watch");
            let mut events = Box::pin(events);
            block_on(async move {
                tokio::spawn(async move {
                    while let Some(event) = events.try_next().await.expect("the watch goes on") {
                        let (object, exists) = match event {
                            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                            WatchEvent::Deleted(object) => (object, false),
                            WatchEvent::Bookmark(_) => continue,
                            WatchEvent::Error(error) => panic!("{error:?}"),
                        };
                        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                        let change = Change {
                            received_at: Instant::now(),
                            revision: revision(&object),
                            key: Key::new(kind, &namespace, &name),
                            object: exists.then_some(object),
                        };
                        changes.lock().expect("no thread panics while it holds the lock").push(change);
                    }
                });
            });
        }
        Self { changes }
    }

    /// The changes received so far, in the server's order.
    pub(crate) fn received(&self) -> Vec<Change> {
        let mut changes = self.changes.lock().expect("no thread panics while it holds the lock").clone();
        changes.sort_by_key(|change| change.revision);
        changes
    }

    /// All changes in the server's order, after the latest changes of `keys` have arrived. `get` reads the live object.
    pub(crate) fn changes(&self, keys: &[Key], get: impl Fn(&Key) -> Option<Json>) -> Vec<Change> {
        for key in keys {
            let last = || self.received().into_iter().rev().find(|change| change.key == *key);
            // The object is read in each round, because it may change meanwhile.
            wait_until(Duration::from_secs(30), &format!("the watch receives the last change of {key}"), || {
                last().and_then(|change| change.object.as_ref().map(revision)) == get(key).as_ref().map(revision)
            });
        }
        self.received()
    }
}

fn revision(object: &Json) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}
