//! Workloads: an application with its sidecar, a client without one, or a gateway.

use std::{net::Ipv4Addr, ops::Deref, path::PathBuf, sync::Arc, thread};

use serde_json::{Value as Json, json};

use super::{
    Inner,
    agent::{self, Agent, Role},
    application::{Application, Behavior, Protocol, ReceivedRequest},
    certificate::Certificate,
    client::Client,
    dns::Resolver,
    network::NetworkThread,
    pod::Pod,
    sandbox::Sandbox,
    tls,
};

/// A workload that isn't started yet, described as a Deployment describes a pod.
pub(crate) struct WorkloadBuilder {
    mesh: Arc<Inner>,
    namespace: String,
    name: String,
    service_account: String,
    labels: Json,
    locality: (String, String),
    ports: Vec<(u16, Protocol)>,
    role: Option<Role>,
    reads_secrets: bool,
    trusted_proxies: u32,
}

impl WorkloadBuilder {
    /// A workload with the label `app` and the ServiceAccount of its name.
    pub(super) fn new(mesh: Arc<Inner>, namespace: &str, name: &str) -> Self {
        Self {
            mesh,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            service_account: name.to_owned(),
            labels: json!({ "app": name }),
            locality: ("region".to_owned(), "zone".to_owned()),
            ports: Vec::new(),
            role: Some(Role::Sidecar),
            reads_secrets: false,
            trusted_proxies: 0,
        }
    }

    /// The application serves HTTP on this port. Without any port, it serves HTTP on 8080.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.ports.push((port, Protocol::Http));
        self
    }

    /// The application serves HTTPS on this port. Clients must show a certificate of the authority of `clients`, if there is one.
    pub(crate) fn https_port(mut self, port: u16, certificate: &Certificate, clients: Option<&Certificate>) -> Self {
        self.ports.push((port, Protocol::Https(tls::acceptor(certificate, clients))));
        self
    }

    /// The application answers lines of text on this port.
    pub(crate) fn tcp_port(mut self, port: u16) -> Self {
        self.ports.push((port, Protocol::Tcp));
        self
    }

    /// Sets a label of the pod.
    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        self.labels[name] = value.into();
        self
    }

    /// Sets the ServiceAccount, which otherwise has the workload's name.
    pub(crate) fn service_account(mut self, name: &str) -> Self {
        name.clone_into(&mut self.service_account);
        self
    }

    /// Sets where the pod's node is.
    pub(crate) fn locality(mut self, region: &str, zone: &str) -> Self {
        self.locality = (region.to_owned(), zone.to_owned());
        self
    }

    /// The workload isn't in the mesh: its traffic goes as it is.
    pub(crate) fn without_sidecar(mut self) -> Self {
        self.role = None;
        self
    }

    /// The ServiceAccount may read the Secrets of its namespace, as that of a gateway.
    pub(crate) fn reads_secrets(mut self) -> Self {
        self.reads_secrets = true;
        self
    }

    /// Sets how many proxies before it its Envoy trusts (`gatewayTopology.numTrustedProxies`).
    pub(crate) fn trusted_proxies(mut self, number: u32) -> Self {
        self.trusted_proxies = number;
        self
    }

    /// The workload is a gateway: an Envoy without an application.
    pub(crate) fn gateway(mut self) -> Self {
        self.role = Some(Role::Gateway);
        self.reads_secrets = true;
        self
    }

    /// Starts the workload, and waits until its Envoy has a configuration.
    pub(crate) fn start(mut self) -> Workload {
        if self.role == Some(Role::Sidecar) {
            // Injection adds it. It tells callers that this pod takes mutual TLS.
            self.labels["security.istio.io/tlsMode"] = "istio".into();
        }
        if self.ports.is_empty() && self.role != Some(Role::Gateway) {
            self.ports.push((8080, Protocol::Http));
        }
        let mesh = &self.mesh;
        let pod = Pod {
            name: format!("{}-{}", self.name, mesh.next_number()),
            namespace: self.namespace,
            service_account: self.service_account,
            labels: self.labels,
            locality: self.locality,
            ports: self.ports.iter().map(|(port, _)| *port).collect(),
            has_sidecar: self.role == Some(Role::Sidecar),
            trusted_proxies: self.trusted_proxies,
        };
        pod.create(&mesh.api);
        if self.reads_secrets {
            pod.grant_secrets(&mesh.api);
        }
        let folder = mesh.folder.join(format!("{}.{}", pod.name, pod.namespace));
        let sandbox = agent::sandbox(&pod, &folder, &mesh.tools);
        let (network, address) = mesh.network.attach(&sandbox);
        // Gateways open the ports of their servers, which may be lower than 1024.
        network
            .run(|| std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0").expect("writing a setting"));
        let network = Arc::new(network);
        let mut application = Application::new(&pod.name);
        if self.role != Some(Role::Gateway) {
            for (port, protocol) in &self.ports {
                application.listen(&network, *port, protocol);
            }
        }
        let client = Client::new(Arc::clone(&network), Resolver::of(&sandbox));
        pod.report(&mesh.api, address, false);
        let agent = self.role.map(|role| {
            let identity = (pod.istio_token(&mesh.api), mesh.root_certificate(&pod.namespace));
            let place = (&sandbox, &*network, address);
            Agent::start(role, &pod, place, &folder, (&identity.0, &identity.1), mesh.istiod.xds_port())
        });
        if let Some(agent) = &agent {
            agent.wait_until_ready(&client);
        }
        let workload = Workload {
            mesh: self.mesh,
            pod,
            address,
            folder,
            client,
            ports: self.ports,
            application,
            network,
            _agent: agent,
            sandbox,
        };
        workload.set_ready(true);
        workload
    }
}

/// Starts several workloads at the same time.
pub(crate) fn start_all<const N: usize>(workloads: [WorkloadBuilder; N]) -> [Workload; N] {
    thread::scope(|scope| {
        let starting = workloads.map(|workload| scope.spawn(|| workload.start()));
        starting.map(|workload| workload.join().expect("the workload starts"))
    })
}

/// A running workload. It ends, and its pod is deleted, when it is dropped.
///
/// It dereferences to its [`Client`], so `workload.get("http://photo-backend/")` is a request of its application.
pub(crate) struct Workload {
    pod: Pod,
    address: Ipv4Addr,
    folder: PathBuf,
    client: Client,
    ports: Vec<(u16, Protocol)>,
    application: Application,
    network: Arc<NetworkThread>,
    _agent: Option<Agent>,
    sandbox: Sandbox,
    /// Dropped last: the folder of the mesh is removed when nothing writes into it any more.
    mesh: Arc<Inner>,
}

impl Deref for Workload {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Workload {
    /// Name of the pod, which is unique in the mesh.
    pub(crate) fn pod(&self) -> &str {
        &self.pod.name
    }

    /// Address of the pod.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The SPIFFE identity of the workload.
    pub(crate) fn identity(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/{}", self.pod.namespace, self.pod.service_account)
    }

    /// Adds the pod to the endpoints of its Services, or removes it, as a readiness probe does.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.pod.report(&self.mesh.api, self.address, is_ready);
        self.mesh.endpoints.reconcile();
    }

    /// Sends connections to a Service's address and port, as far as Envoy doesn't take them elsewhere, to a pod's address
    /// and port. On the nodes of a cluster, kube-proxy does so.
    pub(crate) fn forward_service(&self, service: (Ipv4Addr, u16), pod: (Ipv4Addr, u16)) {
        let ((from, from_port), (to, to_port)) = (service, pod);
        let rule = format!(
            "iptables -t nat -A OUTPUT -p tcp -d {from} --dport {from_port} -j DNAT --to-destination {to}:{to_port}"
        );
        self.sandbox.run(&rule.split(' ').collect::<Vec<_>>());
    }

    /// From now on, the application answers like this.
    pub(crate) fn behave(&self, behavior: Behavior) {
        self.application.behave(behavior);
    }

    /// The requests that arrived at the application since the last call.
    pub(crate) fn take_requests(&self) -> Vec<ReceivedRequest> {
        self.application.take_requests()
    }

    /// Closes the application's ports. The pod stays an endpoint, like one whose process has crashed.
    pub(crate) fn stop_application(&mut self) {
        self.application.stop();
    }

    /// Opens the application's ports again.
    pub(crate) fn start_application(&mut self) {
        for (port, protocol) in &self.ports {
            self.application.listen(&self.network, *port, protocol);
        }
    }

    /// Reads a path of Envoy's admin interface, for example `/clusters?format=json` or `/stats`.
    #[track_caller]
    pub(crate) fn envoy(&self, path: &str) -> String {
        let answer = self.client.get(&format!("http://127.0.0.1:15000{path}"));
        assert_eq!(answer.code(), 200, "{path}: {answer}");
        answer.body().to_owned()
    }

    /// Envoy's whole configuration, with the endpoints.
    #[track_caller]
    pub(crate) fn config_dump(&self) -> Json {
        serde_json::from_str(&self.envoy("/config_dump?include_eds")).expect("JSON")
    }

    /// The lines of Envoy's access log so far. Envoy writes them with a delay of up to a second.
    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("access.log")).unwrap_or_default()
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.pod.delete(&self.mesh.api);
    }
}
