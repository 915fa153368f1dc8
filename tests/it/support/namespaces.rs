//! What a controller manager would do, which the control plane of the tests hasn't: a Namespace that is deleted stays until
//! somebody says that it is done with.

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

/// Watches, until it is dropped.
pub(crate) struct Finalizing {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Lets these Namespaces go once they are deleted.
pub(crate) fn finalize(names: Vec<String>) -> Finalizing {
    finalize_on(control_plane().api(), names)
}

/// Likewise, on other servers.
pub(crate) fn finalize_on(api: Api, names: Vec<String>) -> Finalizing {
    let done = Arc::new(AtomicBool::new(false));
    let watched = done.clone();
    let thread = thread::spawn(move || {
        while !watched.load(Relaxed) {
            for name in &names {
                let path = format!("/api/v1/namespaces/{name}");
                let Ok(mut live) = api.request(Method::GET, &path, None) else { continue };
                if live["metadata"]["deletionTimestamp"].is_string() {
                    live["spec"]["finalizers"] = json!([]);
                    // It may be gone, or newer, by now: the next look tells.
                    let _ = api.request(Method::PUT, &format!("{path}/finalize"), Some(("application/json", &live)));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    Finalizing { done, thread: Some(thread) }
}

impl Drop for Finalizing {
    fn drop(&mut self) {
        self.done.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
