//! Exec plugins: programs that print an `ExecCredential`, as client-go runs them.
//!
//! kube can run them too, but it shows the plugin's command, environment and output in its errors, blocks the thread that
//! builds the client, never renews a client certificate or a token without expiry, and doesn't say when credentials expire.
//! So the plugin is run here, and kube gets the token or the certificate.
//!
//! A plugin gets no stdin, because Terraform's stdin belongs to Terraform. Its output may contain secrets, on stderr too, so
//! it is neither logged nor shown in errors.

use std::{
    io::ErrorKind,
    process::{ExitStatus, Stdio},
    time::{Duration, SystemTime},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig};
use serde::Deserialize;
use serde_json::json;
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use super::{error::Error, secret::Secret};

/// How long a plugin may run. One that takes longer most likely waits for a login, which can't happen without a terminal.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(45);

/// Longest output that is read; a token and a certificate chain take a few kilobytes.
const MAX_OUTPUT_BYTES: u64 = 1 << 20;

/// The object that a plugin prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    kind: String,
    api_version: String,
    status: Option<ExecCredentialStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExecCredentialStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Time>,
}

/// The credential that a plugin printed: a token, a client certificate, or both.
pub(super) struct Credential {
    /// Bearer token.
    pub(super) token: Option<Secret>,
    /// Client certificate and its private key, both in PEM.
    pub(super) client_certificate: Option<(String, Secret)>,
    /// When the plugin has to run again, if the server doesn't answer 401 before.
    pub(super) expires_at: Option<SystemTime>,
}

/// Runs a plugin once. `cluster` is passed to plugins whose configuration asks for it (`provideClusterInfo`).
pub(super) async fn run(exec: &ExecConfig, cluster: &Cluster) -> Result<Credential, Error> {
    let program = exec.command.as_deref().unwrap_or_default();
    if program.is_empty() {
        return Err(Error::ExecPlugin("The kubeconfig's exec has no command.".to_owned()));
    }
    let api_version = exec.api_version.as_deref().unwrap_or_default();
    tracing::debug!(command = program, "exec plugin");
    let command = command(exec, program, api_version, cluster)?;
    let output = timeout(PLUGIN_TIMEOUT, read_output(command)).await.map_err(|_| {
        Error::ExecPlugin(format!(
            "The exec plugin {program} was ended after {} seconds. It gets no stdin: if it waits for an answer, log in by \
             hand first.",
            PLUGIN_TIMEOUT.as_secs()
        ))
    })?;
    let output = output.map_err(|error| Error::ExecPlugin(error.message(program, exec.install_hint.as_deref())))?;
    parse_credential(&output, api_version).map_err(|why| {
        Error::ExecPlugin(format!(
            "What the exec plugin {program} prints {why}. It isn't shown here, since it may hold secrets."
        ))
    })
}

fn command(exec: &ExecConfig, program: &str, api_version: &str, cluster: &Cluster) -> Result<Command, Error> {
    let mut spec = json!({ "interactive": false });
    if exec.provide_cluster_info {
        let info = ExecAuthCluster::try_from(cluster).map_err(|_| {
            Error::InvalidConnection("The certificate-authority of the kubeconfig's cluster can't be read.".to_owned())
        })?;
        spec = json!({ "interactive": false, "cluster": info });
    }
    let info = json!({ "kind": "ExecCredential", "apiVersion": api_version, "spec": spec });
    let variables = exec.env.iter().flatten().filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    let mut command = Command::new(program);
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

async fn read_output(mut command: Command) -> Result<Vec<u8>, OutputError> {
    let mut child = command.spawn().map_err(OutputError::Io)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut output).await.map_err(OutputError::Io)?;
    }
    if u64::try_from(output.len()).is_ok_and(|length| length >= MAX_OUTPUT_BYTES) {
        return Err(OutputError::TooLong);
    }
    let status = child.wait().await.map_err(OutputError::Io)?;
    if status.success() { Ok(output) } else { Err(OutputError::ExitStatus(status)) }
}

/// Why a plugin has no output.
enum OutputError {
    Io(std::io::Error),
    ExitStatus(ExitStatus),
    TooLong,
}

impl OutputError {
    fn message(&self, program: &str, install_hint: Option<&str>) -> String {
        match self {
            Self::Io(error) if error.kind() == ErrorKind::NotFound => {
                let hint = install_hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
                format!(
                    "The exec plugin {program} isn't there. Install it, or correct command of the exec block.{hint}"
                )
            }
            Self::Io(error) => {
                format!("The exec plugin {program} can't be run: {error}. Check command of the exec block.")
            }
            Self::ExitStatus(status) => format!(
                "The exec plugin {program} failed ({status}). Run it by hand to see why: what it prints isn't shown here, \
                 since it may hold secrets."
            ),
            Self::TooLong => format!("What the exec plugin {program} prints has no end, so it is no ExecCredential."),
        }
    }
}

/// Parses an `ExecCredential` in JSON or YAML, which client-go accepts both. An error completes "What the plugin prints …".
fn parse_credential(output: &[u8], api_version: &str) -> Result<Credential, String> {
    let credential: ExecCredential = serde_saphyr::from_slice(output).map_err(|_| "isn't an ExecCredential")?;
    if credential.kind != "ExecCredential" {
        return Err("isn't an ExecCredential".to_owned());
    }
    if credential.api_version != api_version {
        return Err(format!("isn't of api_version {api_version}: set api_version to what it prints"));
    }
    let status = credential.status.unwrap_or_default();
    let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let client_certificate = match (non_empty(status.client_certificate_data), non_empty(status.client_key_data)) {
        (Some(certificate), Some(key)) => Some((certificate, key.into())),
        (None, None) => None,
        _ => return Err("has only one of client certificate and key".to_owned()),
    };
    let token = non_empty(status.token).map(Secret::from);
    if token.is_none() && client_certificate.is_none() {
        return Err("has neither token nor client certificate".to_owned());
    }
    Ok(Credential { token, client_certificate, expires_at: status.expiration_timestamp.map(|Time(at)| at.into()) })
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

    fn exec_credential(status: &str) -> String {
        format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}","status":{status}}}"#)
    }

    async fn run_script(script: &str) -> Result<Credential, String> {
        run(&plugin(script), &Cluster::default()).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn plugin_gets_no_stdin_and_knows_it() {
        let script = format!(
            r#"test -z "$(cat)" || exit 1
            echo "$KUBERNETES_EXEC_INFO" | grep -q '"interactive":false' || exit 2
            echo '{}'"#,
            exec_credential(r#"{"token":"t","expirationTimestamp":"1970-01-02T01:00:00Z"}"#)
        );
        let credential = run_script(&script).await.unwrap();
        assert_eq!(credential.token, Some("t".into()));
        assert_eq!(credential.expires_at, Some(SystemTime::UNIX_EPOCH + Duration::from_hours(25)));
    }

    #[tokio::test]
    async fn client_certificate_in_yaml_is_accepted() {
        let yaml = format!(
            "cat <<'EOF'\nkind: ExecCredential\napiVersion: {V1}\nstatus:\n  clientCertificateData: c\n  clientKeyData: k\nEOF"
        );
        let credential = run_script(&yaml).await.unwrap();
        assert_eq!(credential.client_certificate, Some(("c".to_owned(), "k".into())));
        assert!(credential.token.is_none() && credential.expires_at.is_none());
    }

    #[tokio::test]
    async fn errors_contain_no_output() {
        let incomplete = format!("echo '{}'", exec_credential(r#"{"clientCertificateData":"hunter2"}"#));
        let old_version = format!("echo '{}'", exec_credential(r#"{"token":"hunter2"}"#).replace("/v1", "/v1beta1"));
        for (script, expected) in [
            ("echo hunter2; echo hunter2 >&2; exit 3", "exit status: 3"),
            ("echo hunter2", "isn't an ExecCredential"),
            ("echo '{\"kind\":\"hunter2\",\"apiVersion\":\"hunter2\"}'", "isn't an ExecCredential"),
            (&format!("echo '{}'", exec_credential("{}")), "neither token nor client certificate"),
            (&incomplete, "only one of"),
            (&old_version, "isn't of api_version client.authentication.k8s.io/v1"),
            ("yes hunter2", "has no end"),
        ] {
            let message = run_script(script).await.err().unwrap();
            assert!(message.contains(expected) && !message.contains("hunter2"), "{script}: {message}");
        }
    }

    #[tokio::test]
    async fn missing_program_is_named_with_its_install_hint() {
        let missing = ExecConfig {
            command: Some("/nowhere/aws".to_owned()),
            install_hint: Some("brew install it".to_owned()),
            ..plugin("")
        };
        let message = run(&missing, &Cluster::default()).await.err().unwrap().to_string();
        assert!(message.contains("/nowhere/aws isn't there") && message.contains("brew install it"), "{message}");
    }
}
