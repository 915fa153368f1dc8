//! Stands in for the namespace controller, which the tests' control plane doesn't run: a deleted Namespace stays
//! `Terminating` until its finalizer is removed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use http::Method;
use serde_json::json;

use super::{api::Api, control_plane::control_plane};

/// Removes the finalizers of deleted Namespaces in the background, until it is dropped.
pub(crate) struct NamespaceFinalizer {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Finalizes these Namespaces on the shared control plane once they are deleted.
pub(crate) fn finalize_namespaces(names: Vec<String>) -> NamespaceFinalizer {
    finalize_namespaces_on(control_plane().api(), names)
}

/// Finalizes these Namespaces on the server of `api` once they are deleted.
pub(crate) fn finalize_namespaces_on(api: Api, names: Vec<String>) -> NamespaceFinalizer {
    let stopped = Arc::new(AtomicBool::new(false));
    let is_stopped = stopped.clone();
    let thread = thread::spawn(move || {
        while !is_stopped.load(Relaxed) {
            for name in &names {
                let path = format!("/api/v1/namespaces/{name}");
                let Ok(mut live) = api.request(Method::GET, &path, None) else { continue };
                if live["metadata"]["deletionTimestamp"].is_string() {
                    live["spec"]["finalizers"] = json!([]);
                    // A failure means that the Namespace is gone or has changed: the next round reads it again.
                    let _ = api.request(Method::PUT, &format!("{path}/finalize"), Some(("application/json", &live)));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    NamespaceFinalizer { stopped, thread: Some(thread) }
}

impl Drop for NamespaceFinalizer {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
