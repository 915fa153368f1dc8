//! Where the cluster is and who we are: provider arguments and `KUBE_*`, under the names that hashicorp/kubernetes uses.
//! Nothing is guessed: no default kubeconfig, no localhost, no cluster that this process happens to run in.

use std::{fmt, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use serde_json::json;

use super::errors::Error;

/// A text that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is written in the provider block, or, per way of connecting, in the environment. `None`: not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Kubeconfig files, merged as kubectl does; `~` is the home folder.
    pub config_paths: Vec<String>,
    /// Context; else the file's current one.
    pub config_context: Option<String>,
    /// User of the file instead of the context's.
    pub config_context_auth_info: Option<String>,
    /// Cluster of the file instead of the context's.
    pub config_context_cluster: Option<String>,
    /// `https://host:port`
    pub host: Option<String>,
    /// Bearer token.
    pub token: Option<Secret>,
    /// PEM.
    pub cluster_ca_certificate: Option<String>,
    /// PEM.
    pub client_certificate: Option<String>,
    /// PEM.
    pub client_key: Option<Secret>,
    /// No verification of the server's certificate.
    pub insecure: Option<bool>,
    /// Name to verify in the server's certificate.
    pub tls_server_name: Option<String>,
}

impl Connection {
    /// Adds what the environment says. HCL beats it: where the block names a kubeconfig or a host, the environment's other
    /// way of connecting is not looked at, and with a kubeconfig neither are its credentials.
    #[must_use]
    pub fn or_environment(mut self, environment: impl Fn(&str) -> Option<String>) -> Self {
        let said = |name: &str| environment(name).filter(|value| !value.is_empty());
        let (from_file, from_host) = (!self.config_paths.is_empty(), self.host.is_some());
        if !from_host {
            if !from_file {
                self.config_paths = match (said("KUBE_CONFIG_PATHS"), said("KUBE_CONFIG_PATH")) {
                    (Some(paths), _) => {
                        std::env::split_paths(&paths).map(|path| path.to_string_lossy().into_owned()).collect()
                    }
                    (None, path) => path.into_iter().collect(),
                };
            }
            self.config_context = self.config_context.or_else(|| said("KUBE_CTX"));
            self.config_context_auth_info = self.config_context_auth_info.or_else(|| said("KUBE_CTX_AUTH_INFO"));
            self.config_context_cluster = self.config_context_cluster.or_else(|| said("KUBE_CTX_CLUSTER"));
        }
        if !from_file {
            self.host = self.host.or_else(|| said("KUBE_HOST"));
            self.token = self.token.or_else(|| said("KUBE_TOKEN").map(Secret));
            self.cluster_ca_certificate = self.cluster_ca_certificate.or_else(|| said("KUBE_CLUSTER_CA_CERT_DATA"));
            self.client_certificate = self.client_certificate.or_else(|| said("KUBE_CLIENT_CERT_DATA"));
            self.client_key = self.client_key.or_else(|| said("KUBE_CLIENT_KEY_DATA").map(Secret));
            self.insecure =
                self.insecure.or_else(|| said("KUBE_INSECURE").map(|value| value == "true" || value == "1"));
            self.tls_server_name = self.tls_server_name.or_else(|| said("KUBE_TLS_SERVER_NAME"));
        }
        self
    }

    /// The configuration of a client. Reads the kubeconfig files; asks nothing of a network.
    pub async fn config(&self) -> Result<kube::Config, Error> {
        let (kubeconfig, options) = match (self.config_paths.is_empty(), &self.host) {
            (true, None) => return Err(Error::NotConfigured),
            (true, Some(host)) => (Self::kubeconfig_of(host)?, KubeConfigOptions::default()),
            (false, _) => (self.kubeconfig()?, self.options()),
        };
        let kubeconfig = self.overridden(kubeconfig, &options);
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|e| Error::Connection(format!("The kubeconfig can't be used: {e}.")))?;
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
        // Retries are ours: they are logged, bounded by the resource's timeouts, and end on Stop.
        config.default_retry = false;
        Ok(config)
    }

    fn options(&self) -> KubeConfigOptions {
        KubeConfigOptions {
            context: self.config_context.clone(),
            cluster: self.config_context_cluster.clone(),
            user: self.config_context_auth_info.clone(),
        }
    }

    fn kubeconfig(&self) -> Result<Kubeconfig, Error> {
        self.config_paths.iter().try_fold(Kubeconfig::default(), |merged, path| {
            let read = Kubeconfig::read_from(at_home(path)).map_err(|e| {
                Error::Connection(format!(
                    "The kubeconfig {path} can't be read: {e}. Check config_path (or KUBE_CONFIG_PATH)."
                ))
            })?;
            merged.merge(read).map_err(|e| Error::Connection(format!("The kubeconfig {path} can't be merged: {e}.")))
        })
    }

    /// A kubeconfig of one cluster, so that both ways of connecting are one from here on.
    fn kubeconfig_of(host: &str) -> Result<Kubeconfig, Error> {
        let server = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
        serde_json::from_value(json!({
            "clusters": [{ "name": "host", "cluster": { "server": server } }],
            "users": [{ "name": "host", "user": {} }],
            "contexts": [{ "name": "host", "context": { "cluster": "host", "user": "host" } }],
            "current-context": "host",
        }))
        .map_err(|e| Error::Connection(format!("The host {host} can't be used: {e}.")))
    }

    /// Single arguments over what the kubeconfig says.
    fn overridden(&self, mut kubeconfig: Kubeconfig, options: &KubeConfigOptions) -> Kubeconfig {
        let context = options.context.as_ref().or(kubeconfig.current_context.as_ref());
        let context = kubeconfig.contexts.iter().find(|c| Some(&c.name) == context).and_then(|c| c.context.clone());
        let cluster = options.cluster.clone().or_else(|| context.as_ref().map(|c| c.cluster.clone()));
        let user = options.user.clone().or_else(|| context.and_then(|c| c.user));
        let clusters = kubeconfig.clusters.iter_mut().filter(|c| Some(&c.name) == cluster.as_ref());
        for cluster in clusters.filter_map(|c| c.cluster.as_mut()) {
            if let (Some(host), false) = (&self.host, self.config_paths.is_empty()) {
                cluster.server = Some(if host.contains("://") { host.clone() } else { format!("https://{host}") });
            }
            if let Some(pem) = &self.cluster_ca_certificate {
                cluster.certificate_authority_data = Some(STANDARD.encode(pem));
            }
            cluster.insecure_skip_tls_verify = self.insecure.or(cluster.insecure_skip_tls_verify);
            cluster.tls_server_name = self.tls_server_name.clone().or(cluster.tls_server_name.take());
        }
        let users = kubeconfig.auth_infos.iter_mut().filter(|u| Some(&u.name) == user.as_ref());
        for user in users.filter_map(|u| u.auth_info.as_mut()) {
            if let Some(Secret(token)) = &self.token {
                user.token = Some(token.clone().into());
            }
            if let Some(pem) = &self.client_certificate {
                user.client_certificate_data = Some(STANDARD.encode(pem));
            }
            if let Some(Secret(pem)) = &self.client_key {
                user.client_key_data = Some(STANDARD.encode(pem).into());
            }
            if let Some(exec) = &mut user.exec {
                // stdin is the host's.
                exec.interactive_mode = Some(ExecInteractiveMode::Never);
            }
        }
        kubeconfig
    }
}

/// `~/x` in the home folder.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "KUBE_HOST" => Some("https://from-environment:6443".into()),
            "KUBE_TOKEN" => Some("t".into()),
            "KUBE_CONFIG_PATH" => Some("/from/environment".into()),
            "KUBE_CTX" => Some("ctx".into()),
            _ => None,
        }
    }

    #[test]
    fn a_host_in_hcl_is_not_mixed_with_the_environments_kubeconfig() {
        let written = Connection { host: Some("https://a".into()), ..Connection::default() };
        let merged = written.or_environment(environment);
        assert_eq!(merged.host.as_deref(), Some("https://a"));
        assert!(merged.config_paths.is_empty() && merged.config_context.is_none());
        assert_eq!(merged.token, Some(Secret("t".into())));
    }

    #[test]
    fn a_kubeconfig_in_hcl_is_not_mixed_with_the_environments_host_or_credentials() {
        let written = Connection { config_paths: vec!["/a".into()], ..Connection::default() };
        let merged = written.or_environment(environment);
        assert_eq!((merged.host, merged.token), (None, None));
        assert_eq!(merged.config_context.as_deref(), Some("ctx"));
    }

    #[tokio::test]
    async fn with_nothing_said_nothing_is_guessed() {
        let config = Connection::default().or_environment(|_| None).config().await;
        assert!(matches!(config, Err(Error::NotConfigured)), "{config:?}");
    }

    #[test]
    fn a_secret_never_shows_itself() {
        let connection = Connection { token: Some(Secret("hunter2".into())), ..Connection::default() };
        assert!(!format!("{connection:?}").contains("hunter2"));
    }
}
