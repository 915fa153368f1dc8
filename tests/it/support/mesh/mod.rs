//! A real mesh in the tests: istiod with its webhook, and workloads with real Envoys in network namespaces.
//!
//! # How to write a scenario
//!
//! ```ignore
//! let mesh = Mesh::start(&json!({ "outboundTrafficPolicy": { "mode": "REGISTRY_ONLY" } }));
//! mesh.create_namespaces(["photo"]);
//! let workspace = mesh.workspace();
//! workspace.configure("…"); // HCL with a provider block; the connection comes from KUBE_CONFIG_PATH
//! workspace.converge();
//! let [frontend, backend] = start_all([mesh.workload("photo", "photo-frontend"), mesh.workload("photo", "photo-backend")]);
//! let answer = frontend.request(Method::GET, "http://photo-backend/photos").becomes(200);
//! assert_eq!(answer.served_by(), Some(backend.pod()));
//! assert_eq!(answer.identity(), Some(frontend.identity()));
//! ```
//!
//! - Everything under test is applied by Terraform with the provider. [`Mesh::api`] is for what other teams and tools do.
//! - A workload is a pod with the labels and the ServiceAccount of a Deployment of that name. Its application answers
//!   HTTP on 8080 with the request as JSON; [`Workload::behave`] changes how. Services are Terraform's or
//!   [`Mesh::service`]; the harness makes their EndpointSlices from the pods that are ready, as a cluster does. Several
//!   workloads with the same labels are several endpoints. Gateways and clients without a sidecar are workloads, too.
//!   ServiceAccounts that Terraform manages must exist before the workloads start, as in a cluster: apply first.
//! - Servers outside of the mesh are workloads without a sidecar, which may serve HTTPS; [`Mesh::add_names`] gives them names. An
//!   Envoy that has looked a name up in vain does so again only after a minute, so add names before workloads start.
//! - Never assert on the first answer after a change: poll with [`client::Request::becomes`] or [`client::Request::becomes_answer`],
//!   which want the answer twice in a row. An assertion that something *stays* as it is comes after a change that could
//!   be observed.
//! - A test that sends many requests a second begins with [`take_turn`].
//! - Each scenario has a negative control: without the object under test, the same request is answered differently.
//! - [`Mesh::assert_sound`] runs when the mesh is dropped: no proxy has refused a configuration.
//! - A mesh takes a few seconds of two cores, and each workload about one: start what a test needs by one
//!   [`start_all`]. A mesh belongs to one test, so that tests may change mesh-wide settings.
//! - Envoy is the upstream release. Istio's own extensions of it are switched off: metrics and metadata exchange can't be
//!   tested with requests.
//! - Everything ends with the test process, even if it is killed. Nothing outside of a temporary folder and of namespaces
//!   is changed.

mod agent;
mod answer;
mod application;
mod certificate;
mod client;
mod dns;
mod endpoints;
mod istiod;
mod load;
mod mesh_config;
mod name_server;
mod network;
mod pod;
mod sandbox;
mod tcp_client;
mod tls;
mod token;
mod webhook;
mod wire;
mod workload;

use std::{
    fs::{self, Permissions},
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use http::Method;
use serde_json::{Value as Json, json};

pub(crate) use self::{
    answer::Answer,
    application::Behavior,
    certificate::Certificate,
    client::Request,
    load::{Load, take_turn},
    tls::TlsVersion,
    token::TokenIssuer,
    wire::{Capture, Traffic},
    workload::{Workload, WorkloadBuilder, start_all},
};
use self::{
    endpoints::EndpointController, istiod::Istiod, name_server::NameServer, network::Network, sandbox::Sandbox,
};
use super::{
    api::Api,
    control_plane::{ControlPlane, tools_folder},
    polling::wait_until,
    proxy::Proxy,
    terraform::{Tool, Workspace},
};

/// Repeated, because proxies whose test process was killed may write for another moment.
const REMOVE_FOLDER: &str = "for _ in 1 2 3 4 5; do rm -rf \"$1\" && break; sleep 0.2; done";

/// A running mesh.
pub(crate) struct Mesh {
    inner: Arc<Inner>,
    /// Whether the configurations that proxies refused don't matter any more.
    is_checked: bool,
}

/// What the workloads of a mesh share with it. Fields are dropped in this order.
struct Inner {
    endpoints: EndpointController,
    name_server: NameServer,
    network: Network,
    istiod: Istiod,
    api: Api,
    /// Ends istiod, and removes the folder.
    _sandbox: Sandbox,
    plane: ControlPlane,
    /// Contains the files of istiod and of all workloads.
    folder: PathBuf,
    /// The folder of the built tools, without symbolic links.
    tools: PathBuf,
    /// Number of workloads so far.
    workloads: AtomicU32,
}

impl Mesh {
    /// Starts a control plane and an istiod whose `meshConfig` has the top-level fields of `mesh_config` in addition to
    /// those that the tests need.
    pub(crate) fn start(mesh_config: &Json) -> Self {
        Self::start_with_environment(mesh_config, &[])
    }

    /// Like [`Self::start`], with more variables in the environment of istiod.
    pub(crate) fn start_with_environment(mesh_config: &Json, environment: &[(&str, &str)]) -> Self {
        let tools = tools_folder().canonicalize().expect("`make tools` has run");
        let plane = ControlPlane::start();
        let api = plane.api();
        let folder = tempfile::Builder::new().prefix("mesh.").tempdir().expect("a temporary folder").keep();
        // Envoy's user passes through it.
        fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("changing permissions");
        let sandbox = Sandbox::start("", REMOVE_FOLDER, &[&folder], false);
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, plane.kubeconfig(&plane.admin)).expect("writing a kubeconfig");
        plane.create_namespace("istio-system");
        write_mesh_config(&api, mesh_config);
        let istiod = Istiod::start(&sandbox, &folder, &kubeconfig, environment);
        webhook::register(&api, istiod.webhook_port());
        let endpoints = EndpointController::start(plane.api());
        let (network, workloads) = (Network::new(), AtomicU32::new(0));
        let name_server = NameServer::start(network.thread());
        let inner =
            Inner { endpoints, name_server, network, istiod, api, _sandbox: sandbox, plane, folder, tools, workloads };
        Self { inner: Arc::new(inner), is_checked: false }
    }

    /// A client of the API server with all rights.
    pub(crate) fn api(&self) -> &Api {
        &self.inner.api
    }

    /// The control plane.
    pub(crate) fn plane(&self) -> &ControlPlane {
        &self.inner.plane
    }

    /// Changes `meshConfig`, as [`Self::start`] sets it. istiod follows.
    pub(crate) fn change_config(&self, mesh_config: &Json) {
        write_mesh_config(self.api(), mesh_config);
    }

    /// The `meshConfig` in effect, as istiod tells it for debugging.
    pub(crate) fn config_in_effect(&self) -> Json {
        serde_json::from_str(&self.inner.istiod.debug("mesh")).expect("JSON")
    }

    /// The lines that istiod has written so far.
    pub(crate) fn istiod_log(&self) -> String {
        self.inner.istiod.log()
    }

    /// Creates namespaces with injection of sidecars.
    pub(crate) fn create_namespaces<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let metadata = json!({ "name": name, "labels": { "istio-injection": "enabled" } });
            self.api().apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }), "tests");
        }
    }

    /// Creates a Service as another tool would, which selects the label `app`. Ports are name, number and target.
    pub(crate) fn service(&self, namespace: &str, name: &str, ports: &[(&str, u16, u16)]) {
        let ports =
            ports.iter().map(|(name, port, target)| json!({ "name": name, "port": port, "targetPort": target }));
        let spec = json!({ "selector": { "app": name }, "ports": ports.collect::<Vec<_>>() });
        let metadata = json!({ "name": name, "namespace": namespace });
        self.api().apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }), "helm");
        self.inner.endpoints.reconcile();
    }

    /// A workload that isn't started yet.
    pub(crate) fn workload(&self, namespace: &str, name: &str) -> WorkloadBuilder {
        WorkloadBuilder::new(Arc::clone(&self.inner), namespace, name)
    }

    /// A Terraform workspace whose provider connects to this mesh with all rights.
    pub(crate) fn workspace(&self) -> Workspace {
        let workspace = Workspace::new(Tool::Terraform).env("KUBE_CONFIG_PATH", "kubeconfig");
        workspace.write_file("kubeconfig", &self.inner.plane.kubeconfig(&self.inner.plane.admin));
        workspace
    }

    /// A workspace like that of [`Self::workspace`], whose provider connects through a proxy.
    pub(crate) fn workspace_with_proxy(&self) -> (Workspace, Proxy) {
        self.through_proxy(self.workspace())
    }

    /// Lets the provider of a workspace connect through a proxy.
    pub(crate) fn through_proxy(&self, workspace: Workspace) -> (Workspace, Proxy) {
        let proxy = Proxy::start(self.plane());
        workspace.write_file("kubeconfig", &proxy.kubeconfig(&self.inner.plane.admin));
        (workspace, proxy)
    }

    /// A workspace with the configuration of examples/`folder`.
    pub(crate) fn example(&self, folder: &str) -> Workspace {
        let workspace = self.workspace();
        workspace.copy_example(folder);
        workspace
    }

    /// Adds names outside of the mesh to the cluster's DNS server. `*` at the start of a name stands for any text.
    pub(crate) fn add_names(&self, names: &[(&str, Ipv4Addr)]) {
        self.inner.name_server.add(names);
    }

    /// A file as the pods of all workloads mount it. Returns its path.
    pub(crate) fn mounted_file(&self, name: &str, text: &str) -> String {
        let path = self.inner.folder.join(name);
        fs::write(&path, text).expect("writing a file");
        path.display().to_string()
    }

    /// Starts to record what travels between the workloads.
    pub(crate) fn capture(&self) -> Capture {
        Capture::start(self.inner.network.thread())
    }

    /// Ends the mesh without [`Self::assert_sound`].
    pub(crate) fn end_unchecked(mut self) {
        self.is_checked = true;
    }

    /// The configurations that proxies have refused so far.
    pub(crate) fn rejections(&self) -> Vec<String> {
        self.inner.istiod.rejections()
    }

    /// Panics if a proxy has refused a configuration.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let rejections = self.rejections();
        assert!(rejections.is_empty(), "proxies refused configurations:\n{}", rejections.join("\n"));
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if !self.is_checked && !thread::panicking() {
            self.assert_sound();
        }
    }
}

impl Inner {
    fn next_number(&self) -> u32 {
        self.workloads.fetch_add(1, Ordering::Relaxed)
    }

    /// The certificate of istiod's CA, which istiod writes into every namespace.
    fn root_certificate(&self, namespace: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/istio-ca-root-cert");
        let mut certificate = String::new();
        wait_until(Duration::from_secs(30), "istiod writes its CA certificate into the namespace", || {
            let live = self.api.request(Method::GET, &path, None).unwrap_or_default();
            live["data"]["root-cert.pem"].as_str().unwrap_or_default().clone_into(&mut certificate);
            !certificate.is_empty()
        });
        certificate
    }
}

/// Writes the ConfigMap that istiod follows, and that the provider's live checks read.
fn write_mesh_config(api: &Api, changes: &Json) {
    let metadata = json!({ "name": "istio", "namespace": "istio-system" });
    let data = json!({ "mesh": mesh_config::mesh_config(changes).to_string() });
    api.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }), "tests");
}

/// Path of a program that `make tools` builds.
fn tool(name: &str) -> PathBuf {
    tools_folder().join(name)
}
