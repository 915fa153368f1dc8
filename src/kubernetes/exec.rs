//! Exec plugins: programs that print an `ExecCredential`, as client-go runs them. kube can run them too, but it would have
//! to be fenced in on every side: it shows command, environment and output in its errors, blocks the thread that builds the
//! client, never renews a token without expiry or a client certificate, and gives no word of when to renew. Running a program
//! and reading its answer is less than that fence, so we run it, and kube gets the token or the certificate that it gave.
//!
//! A plugin gets no stdin, which is the host's. What it prints is a secret, on stderr as well: none of it is told or logged.

use std::{
    io::ErrorKind,
    process::Stdio,
    time::{Duration, SystemTime},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig};
use serde::Deserialize;
use serde_json::json;
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use super::error::Error;

/// Without a terminal nobody can be asked, so a plugin that takes longer waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(45);
/// Far more than a token and a certificate chain.
const LONGEST_ANSWER: u64 = 1 << 20;

/// What a plugin gave.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    kind: String,
    api_version: String,
    status: Option<Status>,
}

/// `status` of an `ExecCredential`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Time>,
}

/// What a plugin says of us.
pub(super) struct Credential {
    /// Bearer token.
    pub(super) token: Option<String>,
    /// Client certificate and its key, PEM.
    pub(super) certificate: Option<(String, String)>,
    /// When to run the plugin again, unless the server says 401 before.
    pub(super) until: Option<SystemTime>,
}

/// Runs the plugin once. `cluster` is told to plugins that want to know it (`provideClusterInfo`).
pub(super) async fn run(exec: &ExecConfig, cluster: &Cluster) -> Result<Credential, Error> {
    let name = exec.command.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err(Error::Plugin("The kubeconfig's exec has no command.".to_owned()));
    }
    let version = exec.api_version.as_deref().unwrap_or_default();
    tracing::debug!(command = name, "exec plugin");
    let output = timeout(PATIENCE, output(command(exec, name, version, cluster)?)).await.map_err(|_| {
        Error::Plugin(format!(
            "The exec plugin {name} was ended after {} seconds. It gets no stdin: if it waits for an answer, log in by \
             hand first.",
            PATIENCE.as_secs()
        ))
    })?;
    let answer = output.map_err(|failed| Error::Plugin(told(name, &failed, exec.install_hint.as_deref())))?;
    credential(&answer, version).map_err(|why| {
        Error::Plugin(format!(
            "What the exec plugin {name} prints {why}. It isn't shown here, since it may hold secrets."
        ))
    })
}

/// Why there is no output.
enum Failed {
    Start(std::io::Error),
    Ended(std::process::ExitStatus),
    TooLong,
}

fn command(exec: &ExecConfig, name: &str, version: &str, cluster: &Cluster) -> Result<Command, Error> {
    let mut spec = json!({ "interactive": false });
    if exec.provide_cluster_info {
        let info = ExecAuthCluster::try_from(cluster).map_err(|_| {
            Error::Connection("The certificate-authority of the kubeconfig's cluster can't be read.".to_owned())
        })?;
        spec = json!({ "interactive": false, "cluster": info });
    }
    let info = json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec });
    let variables = exec.env.iter().flatten().filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    let mut command = Command::new(name);
    command
        .args(exec.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

async fn output(mut command: Command) -> Result<Vec<u8>, Failed> {
    let mut child = command.spawn().map_err(Failed::Start)?;
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST_ANSWER).read_to_end(&mut answer).await.map_err(Failed::Start)?;
    }
    if u64::try_from(answer.len()).is_ok_and(|length| length >= LONGEST_ANSWER) {
        return Err(Failed::TooLong);
    }
    let status = child.wait().await.map_err(Failed::Start)?;
    if status.success() { Ok(answer) } else { Err(Failed::Ended(status)) }
}

fn told(name: &str, failed: &Failed, install_hint: Option<&str>) -> String {
    match failed {
        Failed::Start(error) if error.kind() == ErrorKind::NotFound => {
            let hint = install_hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
            format!("The exec plugin {name} isn't there. Install it, or correct command of the exec block.{hint}")
        }
        Failed::Start(error) => {
            format!("The exec plugin {name} can't be run: {error}. Check command of the exec block.")
        }
        Failed::Ended(status) => format!(
            "The exec plugin {name} failed ({status}). Run it by hand to see why: what it prints isn't shown here, since it \
             may hold secrets."
        ),
        Failed::TooLong => format!("What the exec plugin {name} prints has no end, so it is no ExecCredential."),
    }
}

/// Reads an `ExecCredential`; JSON is YAML, and client-go takes both.
fn credential(answer: &[u8], version: &str) -> Result<Credential, String> {
    let answer: Answer = serde_saphyr::from_slice(answer).map_err(|_| "isn't an ExecCredential")?;
    if answer.kind != "ExecCredential" {
        return Err("isn't an ExecCredential".to_owned());
    }
    if answer.api_version != version {
        return Err(format!("isn't of api_version {version}: set api_version to what it prints"));
    }
    let status = answer.status.unwrap_or_default();
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let certificate = match (said(status.client_certificate_data), said(status.client_key_data)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("has only one of client certificate and key".to_owned()),
    };
    let token = said(status.token);
    if token.is_none() && certificate.is_none() {
        return Err("has neither token nor client certificate".to_owned());
    }
    Ok(Credential { token, certificate, until: status.expiration_timestamp.map(|Time(at)| at.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "client.authentication.k8s.io/v1";

    fn plugin(script: &str) -> ExecConfig {
        ExecConfig {
            api_version: Some(V1.to_owned()),
            command: Some("sh".to_owned()),
            args: Some(vec!["-c".to_owned(), script.to_owned()]),
            ..ExecConfig::default()
        }
    }

    fn answer(status: &str) -> String {
        format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}","status":{status}}}"#)
    }

    async fn given(script: &str) -> Result<Credential, String> {
        run(&plugin(script), &Cluster::default()).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn it_gets_no_stdin_and_is_told_so() {
        let script = format!(
            r#"test -z "$(cat)" || exit 1
            echo "$KUBERNETES_EXEC_INFO" | grep -q '"interactive":false' || exit 2
            echo '{}'"#,
            answer(r#"{"token":"t","expirationTimestamp":"1970-01-02T01:00:00Z"}"#)
        );
        let credential = given(&script).await.unwrap();
        assert_eq!(credential.token.as_deref(), Some("t"));
        assert_eq!(credential.until, Some(SystemTime::UNIX_EPOCH + Duration::from_hours(25)));
    }

    #[tokio::test]
    async fn a_certificate_or_yaml_will_do() {
        let yaml = format!(
            "cat <<'EOF'\nkind: ExecCredential\napiVersion: {V1}\nstatus:\n  clientCertificateData: c\n  clientKeyData: k\nEOF"
        );
        let credential = given(&yaml).await.unwrap();
        assert_eq!(credential.certificate, Some(("c".to_owned(), "k".to_owned())));
        assert!(credential.token.is_none() && credential.until.is_none());
    }

    #[tokio::test]
    async fn what_it_prints_is_never_told() {
        let half = format!("echo '{}'", answer(r#"{"clientCertificateData":"hunter2"}"#));
        let old = format!("echo '{}'", answer(r#"{"token":"hunter2"}"#).replace("/v1", "/v1beta1"));
        for (script, words) in [
            ("echo hunter2; echo hunter2 >&2; exit 3", "exit status: 3"),
            ("echo hunter2", "isn't an ExecCredential"),
            ("echo '{\"kind\":\"hunter2\",\"apiVersion\":\"hunter2\"}'", "isn't an ExecCredential"),
            (&format!("echo '{}'", answer("{}")), "neither token nor client certificate"),
            (&half, "only one of"),
            (&old, "isn't of api_version client.authentication.k8s.io/v1"),
            ("yes hunter2", "has no end"),
        ] {
            let told = given(script).await.err().unwrap();
            assert!(told.contains(words) && !told.contains("hunter2"), "{script}: {told}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_there_is_named() {
        let missing = ExecConfig {
            command: Some("/nowhere/aws".to_owned()),
            install_hint: Some("brew install it".to_owned()),
            ..plugin("")
        };
        let told = run(&missing, &Cluster::default()).await.err().unwrap().to_string();
        assert!(told.contains("/nowhere/aws isn't there") && told.contains("brew install it"), "{told}");
    }
}
