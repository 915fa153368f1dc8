//! Renewal of credentials: exec plugins run again and token files are read again when credentials expire and when the
//! server answers 401. The tests use a real server, which answers 401 for unknown tokens.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use terraform_provider_mesh::{
    kubernetes::{Cluster, Connection, Deadline, Error, Exec, Freshness, InClusterConfig},
    object::{Key, kind},
};
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{CART, connections::certificate_user, provider},
    support::{
        api::block_on,
        control_plane::control_plane,
        polling::wait_until,
        proxy::{Fault, Proxy, RecordedRequest},
        terraform::{Tool, Workspace},
        users::{Credential, UserAuthority},
    },
};

const V1: &str = "client.authentication.k8s.io/v1";

/// An exec plugin that prints the given answers in turn, repeats the last one, and counts its runs.
struct Plugin {
    folder: TempDir,
}

/// The plugin keeps its files in its own folder. It reads its stdin to the end, so it would hang if stdin were a
/// terminal.
const SCRIPT: &str = r#"
cd "$(dirname "$0")"
cat >stdin
echo "$* $EXTRA" >>runs
echo "$KUBERNETES_EXEC_INFO" >info
echo "a secret on stderr" >&2
n=$(wc -l <runs)
while [ ! -f "answer.$n" ]; do n=$((n - 1)); done
cat "answer.$n"
"#;

impl Plugin {
    fn new(answers: &[String]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("plugin"), SCRIPT).expect("writing the plugin");
        for (n, answer) in answers.iter().enumerate() {
            fs::write(folder.path().join(format!("answer.{}", n + 1)), answer).expect("writing an answer");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Number of runs so far.
    fn runs(&self) -> usize {
        self.text("runs").lines().count()
    }

    /// A connection that uses the plugin.
    fn connection(&self) -> Connection {
        let args = vec![self.path("plugin")];
        let exec = Exec { api_version: V1.to_owned(), command: "sh".to_owned(), args, env: [].into() };
        Connection { exec: Some(exec), ..host(&control_plane().server) }
    }

    /// The plugin as an `exec` block.
    fn hcl(&self) -> String {
        let arguments = format!("[{:?}, \"get-token\"]", self.path("plugin"));
        format!(
            "exec {{\n    api_version = {V1:?}\n    command     = \"sh\"\n    args        = {arguments}\n    \
             env         = {{ EXTRA = \"surplus\" }}\n  }}"
        )
    }
}

/// An ExecCredential with this status.
fn exec_credential(status: &Json) -> String {
    json!({ "kind": "ExecCredential", "apiVersion": V1, "status": status }).to_string()
}

/// An ExecCredential with this token.
fn token(token: &str) -> String {
    exec_credential(&json!({ "token": token }))
}

/// The administrator's token.
fn valid_token() -> String {
    let Credential::Token(token) = &control_plane().admin.credential else { panic!("the admin has a token") };
    token.clone()
}

/// A connection without credentials.
fn host(server: &str) -> Connection {
    Connection {
        host: Some(server.to_owned()),
        cluster_ca_certificate: Some(control_plane().certificate_authority.clone()),
        ..Connection::default()
    }
}

fn connected(connection: Connection) -> Cluster {
    Cluster::new(Ok(connection.with_environment(|_| None)))
}

/// Sends a request that the administrator may make.
async fn send_request(cluster: &Cluster) -> Result<(), Error> {
    let deadline = Deadline::within(Duration::from_secs(20), CancellationToken::new());
    let key = Key::new(&kind::SERVICE_ACCOUNT, "default", "missing");
    cluster.get(&key, Freshness::Now, &deadline).await.map(|_| ())
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn exec_plugin_runs_once_for_concurrent_requests() {
    let plugin = Plugin::new(&[token(&valid_token())]);
    let cluster = connected(plugin.connection());
    assert_eq!(plugin.runs(), 0, "the plugin runs only when credentials are needed");
    for response in block_on(join_all((0..10).map(|_| send_request(&cluster)))) {
        response.expect("an authenticated request");
    }
    assert_eq!((plugin.runs(), plugin.text("stdin").as_str()), (1, ""));
    let info: Json = serde_json::from_str(&plugin.text("info")).expect("JSON");
    assert_eq!(info, json!({ "kind": "ExecCredential", "apiVersion": V1, "spec": { "interactive": false } }));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn exec_plugin_runs_again_after_token_expiry() {
    let valid = valid_token();
    let until = Timestamp::try_from(SystemTime::now() + Duration::from_secs(10)).expect("a time");
    let short = exec_credential(&json!({ "token": valid, "expirationTimestamp": until.to_string() }));
    let plugin = Plugin::new(&[short, token(&valid)]);
    let cluster = connected(plugin.connection());
    for _ in 0..3 {
        block_on(send_request(&cluster)).expect("an authenticated request");
    }
    assert_eq!(plugin.runs(), 1);
    wait_until(Duration::from_mins(1), "the plugin runs again", || {
        block_on(send_request(&cluster)).expect("an authenticated request");
        plugin.runs() > 1
    });
    for _ in 0..3 {
        block_on(send_request(&cluster)).expect("an authenticated request");
    }
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn exec_plugin_runs_again_after_401() {
    let plugin = Plugin::new(&[token("stale"), token(&valid_token())]);
    let cluster = connected(plugin.connection());
    for response in block_on(join_all((0..10).map(|_| send_request(&cluster)))) {
        response.expect("an authenticated request");
    }
    assert_eq!(plugin.runs(), 2, "ten 401 responses lead to one more run");

    let (unknown, known) = (UserAuthority::new().user("operator", &["system:masters"]), certificate_user());
    let certificates = [unknown, known].map(|user| {
        let Credential::Certificate { certificate, key } = user.credential else {
            panic!("the user has a certificate")
        };
        exec_credential(&json!({ "clientCertificateData": certificate, "clientKeyData": key }))
    });
    let plugin = Plugin::new(&certificates);
    let cluster = connected(plugin.connection());
    block_on(send_request(&cluster)).expect("an authenticated request");
    block_on(send_request(&cluster)).expect("an authenticated request");
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn exec_plugin_with_a_bad_token_runs_twice_at_most() {
    let plugin = Plugin::new(&[token("stale")]);
    let cluster = connected(plugin.connection());
    for _ in 0..5 {
        assert!(block_on(send_request(&cluster)).is_err_and(|error| error.is_unauthorized()));
    }
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn token_file_is_read_again_after_401() {
    let plane = control_plane();
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut kubeconfig: Json = serde_json::from_str(&plane.kubeconfig(&plane.admin)).expect("JSON");
    kubeconfig["users"][0]["user"] = json!({ "tokenFile": "token" });
    fs::write(path("config"), kubeconfig.to_string()).expect("writing a kubeconfig");
    // The line end, as `echo` writes it, isn't part of the token.
    fs::write(path("token"), "stale\n").expect("writing a token");
    let cluster = connected(Connection { config_paths: vec![path("config")], ..Connection::default() });
    assert!(block_on(send_request(&cluster)).is_err_and(|error| error.is_unauthorized()));

    fs::write(path("token"), valid_token() + "\n").expect("writing a token");
    let proxy = Proxy::start(plane);
    kubeconfig["clusters"][0]["cluster"] = json!({ "server": proxy.url() });
    fs::write(path("config"), kubeconfig.to_string()).expect("writing a kubeconfig");
    let cluster = Cluster::new(Ok(Connection { config_paths: vec![path("config")], ..Connection::default() }));
    block_on(send_request(&cluster)).expect("an authenticated request");
    fs::write(path("token"), "stale").expect("writing a token");
    block_on(send_request(&cluster)).expect("the token is cached");
    proxy.inject_fault(0, 1, Fault::Status(401), |_| true);
    assert!(block_on(send_request(&cluster)).is_err_and(|error| error.is_unauthorized()), "the file is read again");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn in_cluster_uses_the_service_account_of_the_pod() {
    let plane = control_plane();
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("token"), valid_token()).expect("writing a token");
    fs::write(folder.path().join("ca.crt"), &plane.certificate_authority).expect("writing a certificate");
    let pod = InClusterConfig { service_account_dir: folder.path().to_owned(), ..InClusterConfig::default() };
    let (address, port) = plane.server.trim_start_matches("https://").split_once(':').expect("a port");
    let environment = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some(address.to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some(port.to_owned()),
        // Another cluster, which in_cluster overrides.
        "KUBE_HOST" => Some("https://127.0.0.1:1".to_owned()),
        _ => None,
    };
    let connection = Connection { in_cluster: Some(pod), ..Connection::default() }.with_environment(environment);
    block_on(send_request(&Cluster::new(Ok(connection)))).expect("an authenticated request");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn apply_continues_with_renewed_credentials() {
    let proxy = Proxy::start(control_plane());
    for tool in Tool::ALL {
        proxy.reset();
        let namespace = control_plane().namespace("renewed");
        let plugin = Plugin::new(&[token(&valid_token())]);
        let workspace = Workspace::new(tool);
        let arguments = format!("host = {:?}\n  {}", proxy.url(), plugin.hcl());
        workspace.configure(&provider(&namespace, "istio-system", &arguments, CART));
        workspace.run(&["validate"]).expect_success();
        assert_eq!(plugin.runs(), 0, "{tool}: validating needs no credentials");
        assert!(!workspace.plan().is_empty);
        assert_eq!(plugin.runs(), 1, "{tool}");
        // The second write of the apply gets a 401.
        proxy.inject_fault(1, 1, Fault::Status(401), RecordedRequest::is_write);
        let before = plugin.runs();
        let run = workspace.apply().expect_success();
        let runs = plugin.runs() - before;
        assert!(
            (2..=3).contains(&runs),
            "{tool}: {runs} runs, but at most one each for plan, apply and the 401 are needed"
        );
        assert!(!run.to_string().contains("secret on stderr"), "{run}");
        assert_eq!(
            (plugin.text("stdin").as_str(), plugin.text("runs").lines().next()),
            ("", Some("get-token surplus"))
        );
        workspace.assert_empty_plan();
        let created = control_plane().api().objects(&namespace.name);
        assert!(created.len() >= 5, "{created:?}");

        // A 401 with renewed credentials is an error.
        proxy.inject_fault(0, usize::MAX, Fault::Status(401), |_| true);
        let errors = workspace.try_plan().errors();
        assert!(errors.contains("Authentication failed (401 Unauthorized)") && errors.contains("exec"), "{errors}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn exec_plugin_of_a_kubeconfig_is_not_interactive() {
    let plane = control_plane();
    let plugin = Plugin::new(&[token(&valid_token())]);
    let mut kubeconfig: Json = serde_json::from_str(&plane.kubeconfig(&plane.admin)).expect("JSON");
    kubeconfig["users"][0]["user"] = json!({ "exec": {
        "apiVersion": V1, "command": "sh", "args": [plugin.path("plugin"), "login"], "interactiveMode": "Always",
        "env": [{ "name": "EXTRA", "value": "surplus" }], "provideClusterInfo": true,
    } });
    let files = [("kubeconfig", kubeconfig.to_string())];
    super::assert_connects("exec of a kubeconfig", Tool::Tofu, r#"config_path = "kubeconfig""#, &[], &files);
    assert_eq!((plugin.text("stdin").as_str(), plugin.text("runs").lines().next()), ("", Some("login surplus")));
    let info: Json = serde_json::from_str(&plugin.text("info")).expect("JSON");
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], plane.server.as_str());
}
