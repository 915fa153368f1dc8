//! The arguments of the provider block that say which cluster to use and as which user, and the environment variables in place
//! of them (`KUBE_*`). They have the names that the provider hashicorp/kubernetes uses. There are no other defaults: neither
//! `~/.kube/config`, nor localhost, nor the cluster that this process runs in.

use std::{collections::BTreeMap, path::PathBuf};

use super::secret::Secret;

/// The connection arguments. `None` stands for an argument that isn't set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Whether no server is asked, whatever the other fields say.
    pub offline: bool,
    /// Paths of kubeconfig files, which are merged as kubectl merges them. `~/` is the home directory.
    pub config_paths: Vec<String>,
    /// Context of the kubeconfig. Defaults to its `current-context`.
    pub config_context: Option<String>,
    /// User of the kubeconfig, instead of the context's.
    pub config_context_auth_info: Option<String>,
    /// Cluster of the kubeconfig, instead of the context's.
    pub config_context_cluster: Option<String>,
    /// Address of the API server, for example `https://10.0.0.1:6443`.
    pub host: Option<String>,
    /// Bearer token.
    pub token: Option<Secret>,
    /// Certificate authority of the API server, in PEM.
    pub cluster_ca_certificate: Option<String>,
    /// Client certificate, in PEM.
    pub client_certificate: Option<String>,
    /// Private key of the client certificate, in PEM.
    pub client_key: Option<Secret>,
    /// Whether to skip the verification of the server's certificate.
    pub insecure: Option<bool>,
    /// Name to verify in the server's certificate, instead of the host.
    pub tls_server_name: Option<String>,
    /// Exec plugin that provides the credentials.
    pub exec: Option<Exec>,
    /// Set to connect as the service account of the pod that this process runs in. It is used only if the provider block asks
    /// for it.
    pub in_cluster: Option<InClusterConfig>,
    /// Proxy for this cluster: an `http://`, `https://` or `socks5://` URL, which may contain a password.
    pub proxy_url: Option<Secret>,
    /// Proxy of the environment, which is used if neither `proxy_url` nor the kubeconfig names one.
    pub environment_proxy: Option<EnvironmentProxy>,
}

/// An exec plugin (a client-go credential plugin): a program that prints an `ExecCredential`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// API version of the `ExecCredential`: `client.authentication.k8s.io/v1` or `client.authentication.k8s.io/v1beta1`.
    pub api_version: String,
    /// Path of the program, or a name to look up in `PATH`.
    pub command: String,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Environment variables in addition to those of this process.
    pub env: BTreeMap<String, Secret>,
}

/// What the kubelet gives to every pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InClusterConfig {
    /// Value of `KUBERNETES_SERVICE_HOST`.
    pub host: Option<String>,
    /// Value of `KUBERNETES_SERVICE_PORT`.
    pub port: Option<String>,
    /// Directory with the files `token` and `ca.crt`.
    pub service_account_dir: PathBuf,
}

impl Default for InClusterConfig {
    fn default() -> Self {
        let service_account_dir = PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount");
        Self { host: None, port: None, service_account_dir }
    }
}

/// The proxy that all programs on this machine use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentProxy {
    /// Value of `HTTPS_PROXY`, which may contain a password.
    pub url: Secret,
    /// Value of `NO_PROXY`: servers that are reached without a proxy, for example `.example.com,10.0.0.0/8`.
    pub no_proxy: String,
}

impl Connection {
    /// Adds what the environment variables set. Arguments of the provider block take precedence, and the two are not mixed:
    ///
    /// - If the block names a host, the environment's kubeconfig is ignored, and the other way round.
    /// - If the block names a kubeconfig, the environment's credentials are ignored.
    /// - If the block has credentials of one kind, the environment's credentials of the other kinds are ignored.
    /// - If the block sets `in_cluster`, only the variables of the pod are used.
    ///
    /// Proxies of the environment apply in every case, since any cluster may be behind one.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        self.proxy_url = self.proxy_url.or_else(|| variable("KUBE_PROXY_URL").map(Secret::from));
        self.environment_proxy =
            variable("HTTPS_PROXY").or_else(|| variable("https_proxy")).map(|url| EnvironmentProxy {
                url: url.into(),
                no_proxy: variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default(),
            });
        if let Some(pod) = &mut self.in_cluster {
            pod.host = variable("KUBERNETES_SERVICE_HOST");
            pod.port = variable("KUBERNETES_SERVICE_PORT");
            return self;
        }
        let (has_kubeconfig, has_host) = (!self.config_paths.is_empty(), self.host.is_some());
        if !has_host {
            self.add_kubeconfig(&variable);
        }
        if !has_kubeconfig {
            self.add_credentials(&variable);
            self.add_host(&variable);
        }
        self
    }

    fn add_kubeconfig(&mut self, variable: &impl Fn(&str) -> Option<String>) {
        if self.config_paths.is_empty() {
            self.config_paths = match (variable("KUBE_CONFIG_PATHS"), variable("KUBE_CONFIG_PATH")) {
                (Some(paths), _) => {
                    std::env::split_paths(&paths).map(|path| path.to_string_lossy().into_owned()).collect()
                }
                (None, path) => path.into_iter().collect(),
            };
        }
        set_default(&mut self.config_context, || variable("KUBE_CTX"));
        set_default(&mut self.config_context_auth_info, || variable("KUBE_CTX_AUTH_INFO"));
        set_default(&mut self.config_context_cluster, || variable("KUBE_CTX_CLUSTER"));
    }

    fn add_host(&mut self, variable: &impl Fn(&str) -> Option<String>) {
        set_default(&mut self.host, || variable("KUBE_HOST"));
        set_default(&mut self.cluster_ca_certificate, || variable("KUBE_CLUSTER_CA_CERT_DATA"));
        set_default(&mut self.tls_server_name, || variable("KUBE_TLS_SERVER_NAME"));
        set_default(&mut self.insecure, || variable("KUBE_INSECURE").map(|value| value == "true" || value == "1"));
    }

    fn add_credentials(&mut self, variable: &impl Fn(&str) -> Option<String>) {
        let (has_exec, has_token) = (self.exec.is_some(), self.token.is_some());
        let has_certificate = self.client_certificate.is_some() || self.client_key.is_some();
        if !has_exec && !has_certificate {
            set_default(&mut self.token, || variable("KUBE_TOKEN").map(Secret::from));
        }
        if !has_exec && !has_token {
            set_default(&mut self.client_certificate, || variable("KUBE_CLIENT_CERT_DATA"));
            set_default(&mut self.client_key, || variable("KUBE_CLIENT_KEY_DATA").map(Secret::from));
        }
    }
}

/// Sets an argument that the provider block doesn't set.
fn set_default<T>(argument: &mut Option<T>, default: impl FnOnce() -> Option<T>) {
    if argument.is_none() {
        *argument = default();
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
    fn host_argument_excludes_the_kubeconfig_of_the_environment() {
        let arguments = Connection { host: Some("https://a".into()), ..Connection::default() };
        let merged = arguments.with_environment(environment);
        assert_eq!(merged.host.as_deref(), Some("https://a"));
        assert!(merged.config_paths.is_empty() && merged.config_context.is_none());
        assert_eq!(merged.token, Some(Secret::from("t")));
    }

    #[test]
    fn kubeconfig_argument_excludes_host_and_token_of_the_environment() {
        let arguments = Connection { config_paths: vec!["/a".into()], ..Connection::default() };
        let merged = arguments.with_environment(environment);
        assert_eq!((merged.host, merged.token), (None, None));
        assert_eq!(merged.config_context.as_deref(), Some("ctx"));
    }

    #[test]
    fn credential_arguments_exclude_the_token_of_the_environment() {
        let exec = Exec { api_version: String::new(), command: "x".into(), args: vec![], env: BTreeMap::new() };
        let with_exec = Connection { exec: Some(exec), ..Connection::default() }.with_environment(environment);
        assert_eq!((with_exec.host.is_some(), with_exec.token), (true, None), "a token takes precedence over a plugin");
        let certificate = Connection { client_certificate: Some("pem".into()), ..Connection::default() };
        assert_eq!(certificate.with_environment(environment).token, None);
    }

    #[test]
    fn in_cluster_excludes_other_clusters_of_the_environment() {
        let pod = Connection { in_cluster: Some(InClusterConfig::default()), ..Connection::default() }
            .with_environment(environment);
        assert_eq!((pod.host, pod.token, pod.config_paths), (None, None, vec![]));
    }

    #[test]
    fn proxies_of_the_environment_always_apply() {
        let environment = |name: &str| match name {
            "KUBE_PROXY_URL" => Some("http://kube:1".to_owned()),
            "HTTPS_PROXY" => Some("http://user:hunter2@all:1".to_owned()),
            "NO_PROXY" => Some(".internal".to_owned()),
            _ => None,
        };
        let file =
            Connection { config_paths: vec!["/a".into()], ..Connection::default() }.with_environment(environment);
        assert_eq!(file.proxy_url, Some(Secret::from("http://kube:1")));
        assert_eq!(file.environment_proxy.as_ref().map(|proxy| proxy.no_proxy.as_str()), Some(".internal"));
        assert!(!format!("{file:?}").contains("hunter2"));
        let own = Connection { proxy_url: Some(Secret::from("http://own:1")), ..Connection::default() };
        assert_eq!(own.with_environment(environment).proxy_url, Some(Secret::from("http://own:1")));
    }

    #[test]
    fn debug_output_contains_no_secret() {
        let connection = Connection { token: Some(Secret::from("hunter2")), ..Connection::default() };
        assert!(!format!("{connection:?}").contains("hunter2"));
    }
}
