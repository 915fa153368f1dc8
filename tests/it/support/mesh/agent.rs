//! pilot-agent with the Envoy that it runs, as a sidecar or as a gateway.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use tokio::{io::copy_bidirectional, net::TcpListener, net::TcpStream, task::AbortHandle};

use super::{client::Client, dns, mesh_config::mesh_config, network::NetworkThread, pod::Pod, sandbox::Sandbox, tool};
use crate::support::api::spawn;

/// The user and group of the agent and Envoy, which the redirection to Envoy exempts.
const USER: &str = "1337";

/// Time within which an agent gets its certificate and Envoy its configuration. A loaded machine needs most of it.
const READY_TIMEOUT: Duration = Duration::from_secs(90);

/// The role of an Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// All traffic of the application goes through it.
    Sidecar,
    /// It is the workload.
    Gateway,
}

/// A sandbox for a workload: its mount namespace has the programs where Envoy's user can read them, and resolv.conf of a
/// pod.
pub(super) fn sandbox(pod: &Pod, folder: &Path, tools: &Path) -> Sandbox {
    let mounted = folder.join("tools");
    fs::create_dir_all(&mounted).expect("making a folder");
    let resolv_conf = folder.join("resolv.conf");
    fs::write(&resolv_conf, dns::resolv_conf(&pod.namespace)).expect("writing resolv.conf");
    let mounts = "mount --bind \"$1\" \"$2\"\nmount --bind \"$3\" /etc/resolv.conf";
    Sandbox::start(mounts, "", &[tools, &mounted, &resolv_conf], true)
}

/// A running agent with its Envoy.
pub(super) struct Agent {
    folder: PathBuf,
    relay: AbortHandle,
    _process: Child,
}

impl Agent {
    /// Starts the agent of `pod`, and waits until Envoy is ready.
    pub(super) fn start(
        role: Role,
        pod: &Pod,
        (sandbox, network, address): (&Sandbox, &NetworkThread, Ipv4Addr),
        folder: &Path,
        (token, root_certificate): (&str, &str),
        istiod_port: u16,
    ) -> Self {
        write_files(pod, folder, token, root_certificate);
        if role == Role::Sidecar {
            redirect(sandbox, folder);
        }
        sandbox.run(&["chown", "-R", &format!("{USER}:{USER}"), &folder.display().to_string()]);
        let relay = relay(network, istiod_port);
        let log = File::create(folder.join("agent.log")).expect("making a file");
        let process = sandbox
            .command(folder)
            .args(["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"])
            .arg(folder.join("tools/pilot-agent"))
            .args(["proxy", if role == Role::Sidecar { "sidecar" } else { "router" }])
            .args(["--domain", &format!("{}.svc.cluster.local", pod.namespace), "--meshConfig", "mesh.json"])
            .args(["--proxyLogLevel", "warning"])
            .envs(environment(role, pod, folder, address))
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("running pilot-agent");
        Self { folder: folder.to_owned(), relay, _process: process }
    }

    /// Waits until Envoy has its configuration and listens.
    pub(super) fn wait_until_ready(&self, client: &Client) {
        let deadline = Instant::now() + READY_TIMEOUT;
        while client.get("http://127.0.0.1:15021/healthz/ready").code() != 200 {
            assert!(Instant::now() < deadline, "Envoy isn't ready after {READY_TIMEOUT:?}:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the agent and Envoy have written so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// Redirects all traffic of the namespace to Envoy, and DNS to the agent, by the program that Istio's init container
/// runs.
fn redirect(sandbox: &Sandbox, folder: &Path) {
    let agent = folder.join("tools/pilot-agent").display().to_string();
    let arguments = "istio-iptables -p 15001 -z 15006 -m REDIRECT -i * -x  -b * -d 15090,15021,15020 --redirect-dns -u";
    let arguments = arguments.split(' ').chain([USER]);
    sandbox.run(&[agent.as_str()].into_iter().chain(arguments).collect::<Vec<_>>());
}

fn write_files(pod: &Pod, folder: &Path, token: &str, root_certificate: &str) {
    let labels = pod.labels.as_object().expect("labels");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let template = fs::read_to_string(tool("envoy_bootstrap.json")).expect("`make tools` has run");
    for (path, text) in [
        ("var/run/secrets/tokens/istio-token", token),
        ("var/run/secrets/istio/root-cert.pem", root_certificate),
        ("var/lib/istio/envoy/envoy_bootstrap_tmpl.json", &template),
        ("etc/istio/pod/labels", &labels.join("\n")),
        ("etc/istio/pod/annotations", ""),
        ("mesh.json", &mesh_config(&json!({})).to_string()),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        fs::write(path, text).expect("writing a file of the agent");
    }
}

/// The environment of the agent, which the injected sidecar of a pod has.
fn environment(role: Role, pod: &Pod, folder: &Path, address: Ipv4Addr) -> Vec<(&'static str, String)> {
    let proxy_config = json!({
        "binaryPath": folder.join("tools/envoy").display().to_string(),
        "discoveryAddress": "127.0.0.1:15012",
        "gatewayTopology": { "numTrustedProxies": pod.trusted_proxies },
    });
    let ports: Vec<Json> = pod.ports.iter().map(|port| json!({ "containerPort": port, "protocol": "TCP" })).collect();
    let workload = pod.labels["app"].as_str().unwrap_or(&pod.name);
    let mut environment = vec![
        ("POD_NAME", pod.name.clone()),
        ("POD_NAMESPACE", pod.namespace.clone()),
        ("INSTANCE_IP", address.to_string()),
        ("SERVICE_ACCOUNT", pod.service_account.clone()),
        ("HOST_IP", "127.0.0.1".to_owned()),
        ("TRUST_DOMAIN", "cluster.local".to_owned()),
        ("ISTIO_META_CLUSTER_ID", "Kubernetes".to_owned()),
        ("ISTIO_META_MESH_ID", "cluster.local".to_owned()),
        ("ISTIO_META_WORKLOAD_NAME", workload.to_owned()),
        ("ISTIO_META_POD_PORTS", Json::from(ports).to_string()),
        ("PILOT_CERT_PROVIDER", "istiod".to_owned()),
        ("CA_ADDR", "127.0.0.1:15012".to_owned()),
        ("ISTIOD_SAN", "istiod.istio-system.svc".to_owned()),
        ("JWT_POLICY", "third-party-jwt".to_owned()),
        // Its extension of Envoy's bootstrap exists only in Istio's own build of Envoy.
        ("PEER_METADATA_DISCOVERY", "false".to_owned()),
        ("PROXY_CONFIG", proxy_config.to_string()),
    ];
    if role == Role::Sidecar {
        environment.extend([
            ("ISTIO_META_INTERCEPTION_MODE", "REDIRECT".to_owned()),
            ("ISTIO_META_APP_CONTAINERS", "app".to_owned()),
            ("ISTIO_META_DNS_CAPTURE", "true".to_owned()),
        ]);
    }
    environment
}

/// Forwards connections to 127.0.0.1:15012 in the namespace to istiod, which listens on the host's loopback.
fn relay(network: &NetworkThread, istiod_port: u16) -> AbortHandle {
    let listener = network.run(|| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 15012)).expect("a free port"));
    listener.set_nonblocking(true).expect("a socket");
    let accept = async move {
        let listener = TcpListener::from_std(listener).expect("a socket");
        while let Ok((mut inside, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut istiod) = TcpStream::connect((Ipv4Addr::LOCALHOST, istiod_port)).await {
                    let _ = copy_bidirectional(&mut inside, &mut istiod).await;
                }
            });
        }
    };
    spawn(accept).abort_handle()
}
