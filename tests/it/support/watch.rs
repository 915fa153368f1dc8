//! What happened to objects, in the order in which the server did it.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use http::Request;
use kube::{Client, core::WatchEvent};
use serde_json::Value as Json;
use terraform_provider_mesh::object::{Key, Kind};

use super::api::{collection, wait};

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// When we heard of it.
    pub(crate) at: Instant,
    /// The server's number of it: one store has one count for all kinds.
    pub(crate) revision: u64,
    /// Of which object.
    pub(crate) key: Key,
    /// What it became; `None`: it went.
    pub(crate) live: Option<Json>,
}

/// A watch of all objects of some kinds in a namespace; it ends with the process.
pub(crate) struct Watch {
    changes: Arc<Mutex<Vec<Change>>>,
}

impl Watch {
    /// From now on; what is there already counts as a change, too.
    pub(super) fn start(client: &Client, kinds: &[&'static Kind], namespace: &str) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        for kind in kinds.iter().copied() {
            let path = format!("{}?watch=true", collection(&kind.api_version(), namespace, kind.plural));
            let (client, changes, namespace) = (client.clone(), Arc::clone(&changes), namespace.to_owned());
            let request = Request::get(path).body(Vec::new()).expect("a request");
            let events = wait(async move { client.request_events::<Json>(request).await }).expect("a watch");
            let mut events = Box::pin(events);
            wait(async move {
                tokio::spawn(async move {
                    while let Some(event) = events.try_next().await.expect("a watch that goes on") {
                        let (object, is_there) = match event {
                            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                            WatchEvent::Deleted(object) => (object, false),
                            WatchEvent::Bookmark(_) => continue,
                            WatchEvent::Error(error) => panic!("{error:?}"),
                        };
                        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                        let change = Change {
                            at: Instant::now(),
                            revision: revision(&object),
                            key: Key::new(kind, &namespace, &name),
                            live: is_there.then_some(object),
                        };
                        changes.lock().expect("nobody panics while holding it").push(change);
                    }
                });
            });
        }
        Self { changes }
    }

    /// All changes so far that we heard of, in the server's order.
    pub(crate) fn heard(&self) -> Vec<Change> {
        let mut changes = self.changes.lock().expect("nobody panics while holding it").clone();
        changes.sort_by_key(|change| change.revision);
        changes
    }

    /// All changes of `keys` up to now, in the server's order; `live` is how to read one.
    pub(crate) fn changes(&self, keys: &[Key], live: impl Fn(&Key) -> Option<Json>) -> Vec<Change> {
        let patience = Instant::now() + Duration::from_secs(30);
        for key in keys {
            let last = || self.heard().into_iter().rev().find(|change| change.key == *key);
            // It may change while we look.
            while last().and_then(|change| change.live.as_ref().map(revision)) != live(key).as_ref().map(revision) {
                assert!(Instant::now() < patience, "the watch never told the last change of {key}");
                thread::sleep(Duration::from_millis(10));
            }
        }
        self.heard()
    }
}

fn revision(object: &Json) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}
