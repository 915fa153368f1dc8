//! The controller that makes EndpointSlices of Services and ready pods, as the controller manager of a cluster does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::api::Api;

/// Time between two looks at the Services, which Terraform may create at any moment.
const INTERVAL: Duration = Duration::from_millis(200);

/// A running controller, which ends when it is dropped.
pub(super) struct EndpointController {
    controller: Arc<Controller>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Controller {
    api: Api,
    /// The slices as they were written, by namespace and Service.
    written: Mutex<BTreeMap<(String, String), Json>>,
}

impl EndpointController {
    /// Starts the controller.
    pub(super) fn start(api: Api) -> Self {
        let controller = Arc::new(Controller { api, written: Mutex::default() });
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&controller), Arc::clone(&is_stopped));
        let thread = thread::spawn(move || {
            while !stopped.load(Relaxed) {
                shared.reconcile();
                thread::sleep(INTERVAL);
            }
        });
        Self { controller, is_stopped, thread: Some(thread) }
    }

    /// Writes the slices that the Services and pods of this moment need.
    pub(super) fn reconcile(&self) {
        self.controller.reconcile();
    }
}

impl Drop for EndpointController {
    fn drop(&mut self) {
        self.is_stopped.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Controller {
    /// A failure is left to the next round.
    fn reconcile(&self) {
        let mut written = self.written.lock().expect("no thread panics with the lock");
        let (Some(services), Some(pods)) = (self.list("services"), self.list("pods")) else { return };
        let wanted: BTreeMap<_, _> = services.iter().filter_map(|service| slice(service, &pods)).collect();
        let vanished: Vec<_> = written.keys().filter(|key| !wanted.contains_key(key)).cloned().collect();
        for key in vanished {
            let _ = self.api.request(Method::DELETE, &path(&key), None);
            written.remove(&key);
        }
        for (key, slice) in wanted {
            if written.get(&key) != Some(&slice) {
                let path = format!("{}?fieldManager=tests&force=true", path(&key));
                let applied = self.api.request(Method::PATCH, &path, Some(("application/apply-patch+yaml", &slice)));
                if applied.is_ok() {
                    written.insert(key, slice);
                }
            }
        }
    }

    fn list(&self, plural: &str) -> Option<Vec<Json>> {
        let list = self.api.request(Method::GET, &format!("/api/v1/{plural}"), None).ok()?;
        list["items"].as_array().cloned()
    }
}

fn path((namespace, service): &(String, String)) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/{service}")
}

/// The EndpointSlice of a Service with a selector.
fn slice(service: &Json, pods: &[Json]) -> Option<((String, String), Json)> {
    let metadata = &service["metadata"];
    let (namespace, name) = (metadata["namespace"].as_str()?, metadata["name"].as_str()?);
    let selector = service["spec"]["selector"].as_object()?;
    let selected = pods.iter().filter(|pod| {
        pod["metadata"]["namespace"] == namespace
            && selector.iter().all(|(label, value)| pod["metadata"]["labels"][label] == *value)
    });
    let endpoints: Vec<&Json> = selected.filter(|pod| is_ready(pod)).collect();
    let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let ports = ports.iter().map(|port| {
        let mut slice_port = json!({ "port": target_port(port, &endpoints), "protocol": "TCP" });
        if let Some(name) = port.get("name") {
            slice_port["name"] = name.clone();
        }
        slice_port
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": name, "namespace": namespace, "labels": { "kubernetes.io/service-name": name } },
        "ports": ports.collect::<Vec<_>>(),
        "endpoints": endpoints.iter().map(|pod| json!({
            "addresses": [pod["status"]["podIP"]],
            "conditions": { "ready": true, "serving": true, "terminating": false },
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": { "kind": "Pod", "name": pod["metadata"]["name"], "namespace": namespace },
        })).collect::<Vec<_>>(),
    });
    Some(((namespace.to_owned(), name.to_owned()), slice))
}

fn is_ready(pod: &Json) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The number of a Service port's target, which may be a name that the pods' containers declare.
fn target_port(port: &Json, pods: &[&Json]) -> Json {
    let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
    let declared = pods.iter().flat_map(|pod| pod["spec"]["containers"].as_array().into_iter().flatten());
    let mut declared = declared.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    if target.is_string() {
        declared.find(|declared| declared["name"] == *target).map_or(Json::Null, |port| port["containerPort"].clone())
    } else {
        target.clone()
    }
}
