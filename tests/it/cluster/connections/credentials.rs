//! Credentials that end: plugins are run again and files read again, when they expire and when the server says 401. The
//! server is the real one, and so is its 401 for a token that it doesn't know.

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
    cluster::{CART, connections::by_certificate, provider},
    support::{
        api::wait,
        control_plane::control_plane,
        proxy::{Asked, Fault, Proxy},
        terraform::{Tool, Workspace},
        users::{Authority, Credential},
    },
};

const V1: &str = "client.authentication.k8s.io/v1";

/// A plugin that prints one answer after the other, the last one for ever, and counts how often it was run.
struct Plugin {
    folder: TempDir,
}

/// Where it stays is where its files are; it reads its stdin to the end, and would wait there for ever if it had one.
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

    /// How often it was run.
    fn runs(&self) -> usize {
        self.text("runs").lines().count()
    }

    /// As the engine gets it.
    fn connection(&self) -> Connection {
        let args = vec![self.path("plugin")];
        let exec = Exec { api_version: V1.to_owned(), command: "sh".to_owned(), args, env: [].into() };
        Connection { exec: Some(exec), ..host(&control_plane().server) }
    }

    /// As a user writes it.
    fn hcl(&self) -> String {
        let arguments = format!("[{:?}, \"get-token\"]", self.path("plugin"));
        format!(
            "exec {{\n    api_version = {V1:?}\n    command     = \"sh\"\n    args        = {arguments}\n    \
             env         = {{ EXTRA = \"surplus\" }}\n  }}"
        )
    }
}

/// An answer of `status`.
fn answer(status: &Json) -> String {
    json!({ "kind": "ExecCredential", "apiVersion": V1, "status": status }).to_string()
}

fn token(token: &str) -> String {
    answer(&json!({ "token": token }))
}

/// The administrator's.
fn right() -> String {
    let Credential::Token(token) = &control_plane().admin.credential else { panic!("the admin has a token") };
    token.clone()
}

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

/// One request that the administrator may make.
async fn ask(cluster: &Cluster) -> Result<(), Error> {
    let limits = Deadline::within(Duration::from_secs(20), CancellationToken::new());
    let key = Key::new(&kind::SERVICE_ACCOUNT, "default", "nobody");
    cluster.get(&key, Freshness::Now, &limits).await.map(|_| ())
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_plugin_is_run_once_for_all() {
    let plugin = Plugin::new(&[token(&right())]);
    let cluster = connected(plugin.connection());
    assert_eq!(plugin.runs(), 0, "not before it is needed");
    for asked in wait(join_all((0..10).map(|_| ask(&cluster)))) {
        asked.expect("it is let in");
    }
    assert_eq!((plugin.runs(), plugin.text("stdin").as_str()), (1, ""));
    let info: Json = serde_json::from_str(&plugin.text("info")).expect("JSON");
    assert_eq!(info, json!({ "kind": "ExecCredential", "apiVersion": V1, "spec": { "interactive": false } }));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_plugin_is_run_again_when_its_token_expires() {
    let right = right();
    let until = Timestamp::try_from(SystemTime::now() + Duration::from_secs(4)).expect("a time");
    let short = answer(&json!({ "token": right, "expirationTimestamp": until.to_string() }));
    let plugin = Plugin::new(&[short, token(&right)]);
    let cluster = connected(plugin.connection());
    for _ in 0..3 {
        wait(ask(&cluster)).expect("it is let in");
    }
    assert_eq!(plugin.runs(), 1);
    std::thread::sleep(Duration::from_secs(4));
    for _ in 0..3 {
        wait(ask(&cluster)).expect("it is let in");
    }
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_plugin_is_run_again_when_the_server_says_401() {
    let plugin = Plugin::new(&[token("stale"), token(&right())]);
    let cluster = connected(plugin.connection());
    for asked in wait(join_all((0..10).map(|_| ask(&cluster)))) {
        asked.expect("it is let in");
    }
    assert_eq!(plugin.runs(), 2, "ten refusals are one reason to run it again");

    let (strange, known) = (Authority::new().user("operator", &["system:masters"]), by_certificate());
    let certificates = [strange, known].map(|user| {
        let Credential::Certificate { certificate, key } = user.credential else { panic!("it has a certificate") };
        answer(&json!({ "clientCertificateData": certificate, "clientKeyData": key }))
    });
    let plugin = Plugin::new(&certificates);
    let cluster = connected(plugin.connection());
    wait(ask(&cluster)).expect("it is let in");
    wait(ask(&cluster)).expect("it is let in");
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn credentials_that_are_never_good_are_asked_for_twice() {
    let plugin = Plugin::new(&[token("stale")]);
    let cluster = connected(plugin.connection());
    for _ in 0..5 {
        assert!(wait(ask(&cluster)).is_err_and(|error| error.is_unauthorized()));
    }
    assert_eq!(plugin.runs(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_token_file_is_read_again() {
    let plane = control_plane();
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut kubeconfig: Json = serde_json::from_str(&plane.kubeconfig(&plane.admin)).expect("JSON");
    kubeconfig["users"][0]["user"] = json!({ "tokenFile": "token" });
    fs::write(path("config"), kubeconfig.to_string()).expect("writing a kubeconfig");
    // As `echo` writes it.
    fs::write(path("token"), "stale\n").expect("writing a token");
    let cluster = connected(Connection { config_paths: vec![path("config")], ..Connection::default() });
    assert!(wait(ask(&cluster)).is_err_and(|error| error.is_unauthorized()));

    fs::write(path("token"), right() + "\n").expect("writing a token");
    let proxy = Proxy::start(plane);
    kubeconfig["clusters"][0]["cluster"] = json!({ "server": proxy.url() });
    fs::write(path("config"), kubeconfig.to_string()).expect("writing a kubeconfig");
    let cluster = Cluster::new(Ok(Connection { config_paths: vec![path("config")], ..Connection::default() }));
    wait(ask(&cluster)).expect("it is let in");
    fs::write(path("token"), "stale").expect("writing a token");
    wait(ask(&cluster)).expect("a file isn't read for each request");
    proxy.rule(0, 1, Fault::Answer(401), |_| true);
    assert!(wait(ask(&cluster)).is_err_and(|error| error.is_unauthorized()), "it read what the file says now");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_pod_is_known_by_its_service_account() {
    let plane = control_plane();
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("token"), right()).expect("writing a token");
    fs::write(folder.path().join("ca.crt"), &plane.certificate_authority).expect("writing a certificate");
    let pod = InClusterConfig { service_account_dir: folder.path().to_owned(), ..InClusterConfig::default() };
    let (address, port) = plane.server.trim_start_matches("https://").split_once(':').expect("a port");
    let environment = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some(address.to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some(port.to_owned()),
        // Another cluster, which in_cluster keeps out.
        "KUBE_HOST" => Some("https://127.0.0.1:1".to_owned()),
        _ => None,
    };
    let connection = Connection { in_cluster: Some(pod), ..Connection::default() }.with_environment(environment);
    wait(ask(&Cluster::new(Ok(connection)))).expect("it is let in");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_apply_outlives_its_credentials() {
    let proxy = Proxy::start(control_plane());
    for tool in Tool::ALL {
        proxy.reset();
        let namespace = control_plane().namespace("renewed");
        let plugin = Plugin::new(&[token(&right())]);
        let workspace = Workspace::new(tool);
        let arguments = format!("host = {:?}\n  {}", proxy.url(), plugin.hcl());
        workspace.configure(&provider(&namespace, "istio-system", &arguments, CART));
        workspace.run(&["validate"]).succeeded();
        assert_eq!(plugin.runs(), 0, "{tool}: validating needs no credentials");
        assert!(!workspace.plan().is_empty);
        assert_eq!(plugin.runs(), 1, "{tool}");
        // Between two writes of one apply.
        proxy.rule(1, 1, Fault::Answer(401), Asked::writes);
        let before = plugin.runs();
        let run = workspace.apply().succeeded();
        let runs = plugin.runs() - before;
        assert!((2..=3).contains(&runs), "{tool}: {runs}: one for plan and apply each at most, and one for the 401");
        assert!(!run.to_string().contains("secret on stderr"), "{run}");
        assert_eq!(
            (plugin.text("stdin").as_str(), plugin.text("runs").lines().next()),
            ("", Some("get-token surplus"))
        );
        assert!(workspace.plan().is_empty);
        let made = control_plane().api().objects(&namespace.name);
        assert!(made.len() >= 5, "{made:?}");

        // A second 401 is the end.
        proxy.rule(0, usize::MAX, Fault::Answer(401), |_| true);
        let told = workspace.plan_run().errors();
        assert!(told.contains("The API server doesn't know us") && told.contains("exec"), "{told}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_plugin_of_a_kubeconfig_is_never_interactive() {
    let plane = control_plane();
    let plugin = Plugin::new(&[token(&right())]);
    let mut kubeconfig: Json = serde_json::from_str(&plane.kubeconfig(&plane.admin)).expect("JSON");
    kubeconfig["users"][0]["user"] = json!({ "exec": {
        "apiVersion": V1, "command": "sh", "args": [plugin.path("plugin"), "login"], "interactiveMode": "Always",
        "env": [{ "name": "EXTRA", "value": "surplus" }], "provideClusterInfo": true,
    } });
    let files = [("right", kubeconfig.to_string())];
    super::reaches("exec of a kubeconfig", Tool::Tofu, r#"config_path = "right""#, &[], &files);
    assert_eq!((plugin.text("stdin").as_str(), plugin.text("runs").lines().next()), ("", Some("login surplus")));
    let info: Json = serde_json::from_str(&plugin.text("info")).expect("JSON");
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], plane.server.as_str());
}
