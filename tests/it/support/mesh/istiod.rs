//! istiod, outside of the cluster and on loopback ports.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{client::Client, mesh_config::ISTIOD_ENVIRONMENT, sandbox::Sandbox, tool};

/// A running istiod.
pub(super) struct Istiod {
    ports: Ports,
    log: PathBuf,
}

/// istiod's loopback ports.
#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    webhook: u16,
    plain_xds: u16,
    xds: u16,
    metrics: u16,
}

impl Ports {
    /// Free ports. They are free only most probably when istiod opens them.
    fn free() -> Self {
        let listeners: [TcpListener; 5] =
            std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [http, webhook, plain_xds, xds, metrics] =
            listeners.map(|listener| listener.local_addr().expect("it is bound").port());
        Self { http, webhook, plain_xds, xds, metrics }
    }
}

impl Istiod {
    /// Starts istiod in `sandbox`, and waits until it is ready. The mesh configuration is in the cluster.
    pub(super) fn start(sandbox: &Sandbox, folder: &Path, kubeconfig: &Path, environment: &[(&str, &str)]) -> Self {
        for _ in 0..3 {
            let ports = Ports::free();
            if let Some(istiod) = Self::start_on(ports, sandbox, folder, kubeconfig, environment) {
                return istiod;
            }
        }
        panic!("istiod didn't become ready: {}", fs::read_to_string(folder.join("istiod.log")).unwrap_or_default());
    }

    fn start_on(
        ports: Ports,
        sandbox: &Sandbox,
        folder: &Path,
        kubeconfig: &Path,
        environment: &[(&str, &str)],
    ) -> Option<Self> {
        let log = folder.join("istiod.log");
        let output = File::create(&log).expect("making a file");
        let mut istiod = sandbox
            .command(folder)
            .arg(tool("pilot-discovery"))
            .args(["discovery", "--ctrlz_port", "0", "--keepaliveMaxServerConnectionAge", "24h", "--kubeconfig"])
            .arg(kubeconfig)
            .args(["--httpAddr".to_owned(), format!("127.0.0.1:{}", ports.http)])
            .args(["--httpsAddr".to_owned(), format!("127.0.0.1:{}", ports.webhook)])
            .args(["--grpcAddr".to_owned(), format!("127.0.0.1:{}", ports.plain_xds)])
            .args(["--secureGRPCAddr".to_owned(), format!("127.0.0.1:{}", ports.xds)])
            .args(["--monitoringAddr".to_owned(), format!("127.0.0.1:{}", ports.metrics)])
            .envs(ISTIOD_ENVIRONMENT.iter().chain(environment).copied())
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .expect("running istiod");
        let deadline = Instant::now() + Duration::from_mins(1);
        let ready = format!("http://127.0.0.1:{}/ready", ports.http);
        while Instant::now() < deadline && istiod.try_wait().expect("waiting for istiod").is_none() {
            if Client::of_host().get(&ready).code() == 200 {
                return Some(Self { ports, log });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = istiod.kill();
        let _ = istiod.wait();
        None
    }

    /// Port of the validating webhook.
    pub(super) fn webhook_port(&self) -> u16 {
        self.ports.webhook
    }

    /// Port of configuration and certificates for proxies, by TLS.
    pub(super) fn xds_port(&self) -> u16 {
        self.ports.xds
    }

    /// What istiod has written so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A page of istiod's interface for debugging.
    pub(super) fn debug(&self, page: &str) -> String {
        let answer = Client::of_host().get(&format!("http://127.0.0.1:{}/debug/{page}", self.ports.http));
        assert_eq!(answer.code(), 200, "{page}: {answer}");
        answer.body().to_owned()
    }

    /// istiod's metrics in Prometheus' format.
    pub(super) fn metrics(&self) -> String {
        Client::of_host().get(&format!("http://127.0.0.1:{}/metrics", self.ports.metrics)).body().to_owned()
    }

    /// The configurations that a proxy refused so far. Such a proxy goes on with its old configuration, so what it does
    /// afterwards shows nothing.
    pub(super) fn rejections(&self) -> Vec<String> {
        let (log, metrics) = (self.log(), self.metrics());
        assert!(metrics.contains("pilot_services"), "istiod has no metrics: {metrics}");
        let refused = log.lines().filter(|line| line.contains("ACK ERROR"));
        let counted = metrics.lines().filter(|line| line.starts_with("pilot_total_xds_rejects"));
        refused.chain(counted).map(str::to_owned).collect()
    }
}
