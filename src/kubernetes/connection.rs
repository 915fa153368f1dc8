//! Where the cluster is and who we are: provider arguments and `KUBE_*`, under the names that hashicorp/kubernetes uses.
//! Nothing is guessed: no default kubeconfig, no localhost, no cluster that this process happens to run in.

use std::{collections::BTreeMap, path::PathBuf};

use super::secret::Secret;

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
    /// A program that gives the credentials.
    pub exec: Option<Exec>,
    /// The pod that this process runs in, which has a service account; only where it is written.
    pub in_cluster: Option<InClusterConfig>,
    /// `http://`, `https://` or `socks5://`
    pub proxy_url: Option<Secret>,
    /// `HTTPS_PROXY`, which holds where neither `proxy_url` nor the kubeconfig says anything.
    pub environment_proxy: Option<EnvironmentProxy>,
}

/// An exec plugin, as client-go has them: it prints an `ExecCredential`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// `client.authentication.k8s.io/v1` or `…/v1beta1`
    pub api_version: String,
    /// A path, or a name to be found in `PATH`.
    pub command: String,
    /// In order.
    pub args: Vec<String>,
    /// Added to this process's environment.
    pub env: BTreeMap<String, Secret>,
}

/// What the kubelet gives to every pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InClusterConfig {
    /// `KUBERNETES_SERVICE_HOST`
    pub host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`
    pub port: Option<String>,
    /// Where `token` and `ca.crt` are.
    pub service_account_dir: PathBuf,
}

impl Default for InClusterConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            service_account_dir: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
        }
    }
}

/// The proxy that every program of this machine uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentProxy {
    /// `HTTPS_PROXY`; may hold a password.
    pub url: Secret,
    /// `NO_PROXY`: `.example.com,10.0.0.0/8`
    pub except: String,
}

impl Connection {
    /// Adds what the environment says. HCL beats it: where the block names a kubeconfig or a host, the environment's other
    /// way of connecting is not looked at, and with a kubeconfig neither are its credentials. Of the credentials, one kind in
    /// HCL keeps the other kinds out. Proxies lead to any cluster, so they are looked at in every case.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Fn(&str) -> Option<String>) -> Self {
        let said = |name: &str| environment(name).filter(|value| !value.is_empty());
        self.proxy_url = self.proxy_url.or_else(|| said("KUBE_PROXY_URL").map(Secret::from));
        self.environment_proxy = said("HTTPS_PROXY").or_else(|| said("https_proxy")).map(|url| EnvironmentProxy {
            url: url.into(),
            except: said("NO_PROXY").or_else(|| said("no_proxy")).unwrap_or_default(),
        });
        if let Some(pod) = &mut self.in_cluster {
            pod.host = said("KUBERNETES_SERVICE_HOST");
            pod.port = said("KUBERNETES_SERVICE_PORT");
            return self;
        }
        let (by_exec, by_token) = (self.exec.is_some(), self.token.is_some());
        let by_certificate = self.client_certificate.is_some() || self.client_key.is_some();
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
            self.cluster_ca_certificate = self.cluster_ca_certificate.or_else(|| said("KUBE_CLUSTER_CA_CERT_DATA"));
            if !by_exec && !by_certificate {
                self.token = self.token.or_else(|| said("KUBE_TOKEN").map(Secret::from));
            }
            if !by_exec && !by_token {
                self.client_certificate = self.client_certificate.or_else(|| said("KUBE_CLIENT_CERT_DATA"));
                self.client_key = self.client_key.or_else(|| said("KUBE_CLIENT_KEY_DATA").map(Secret::from));
            }
            self.insecure =
                self.insecure.or_else(|| said("KUBE_INSECURE").map(|value| value == "true" || value == "1"));
            self.tls_server_name = self.tls_server_name.or_else(|| said("KUBE_TLS_SERVER_NAME"));
        }
        self
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
        let merged = written.with_environment(environment);
        assert_eq!(merged.host.as_deref(), Some("https://a"));
        assert!(merged.config_paths.is_empty() && merged.config_context.is_none());
        assert_eq!(merged.token, Some(Secret::from("t")));
    }

    #[test]
    fn a_kubeconfig_in_hcl_is_not_mixed_with_the_environments_host_or_credentials() {
        let written = Connection { config_paths: vec!["/a".into()], ..Connection::default() };
        let merged = written.with_environment(environment);
        assert_eq!((merged.host, merged.token), (None, None));
        assert_eq!(merged.config_context.as_deref(), Some("ctx"));
    }

    #[test]
    fn credentials_in_hcl_are_not_mixed_with_the_environments() {
        let exec = Exec { api_version: String::new(), command: "x".into(), args: vec![], env: BTreeMap::new() };
        let by_exec = Connection { exec: Some(exec), ..Connection::default() }.with_environment(environment);
        assert_eq!((by_exec.host.is_some(), by_exec.token), (true, None), "a token would beat the plugin");
        let certificate = Connection { client_certificate: Some("pem".into()), ..Connection::default() };
        assert_eq!(certificate.with_environment(environment).token, None);
    }

    #[test]
    fn in_a_pod_no_other_cluster_of_the_environment_counts() {
        let pod = Connection { in_cluster: Some(InClusterConfig::default()), ..Connection::default() }
            .with_environment(environment);
        assert_eq!((pod.host, pod.token, pod.config_paths), (None, None, vec![]));
    }

    #[test]
    fn proxies_of_the_environment_lead_to_any_cluster() {
        let environment = |name: &str| match name {
            "KUBE_PROXY_URL" => Some("http://kube:1".to_owned()),
            "HTTPS_PROXY" => Some("http://user:hunter2@all:1".to_owned()),
            "NO_PROXY" => Some(".internal".to_owned()),
            _ => None,
        };
        let file =
            Connection { config_paths: vec!["/a".into()], ..Connection::default() }.with_environment(environment);
        assert_eq!(file.proxy_url, Some(Secret::from("http://kube:1")));
        assert_eq!(file.environment_proxy.as_ref().map(|proxy| proxy.except.as_str()), Some(".internal"));
        assert!(!format!("{file:?}").contains("hunter2"));
        let own = Connection { proxy_url: Some(Secret::from("http://own:1")), ..Connection::default() };
        assert_eq!(own.with_environment(environment).proxy_url, Some(Secret::from("http://own:1")));
    }

    #[test]
    fn a_secret_never_shows_itself() {
        let connection = Connection { token: Some(Secret::from("hunter2")), ..Connection::default() };
        assert!(!format!("{connection:?}").contains("hunter2"));
    }
}
