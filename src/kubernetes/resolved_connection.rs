//! The API server and the user that the connection arguments lead to. Whichever arguments name them, they are represented like
//! a kubeconfig's cluster and user from here on. Credentials in files and plugins are left to `credentials`, which reads them
//! again when they expire.

use std::{collections::HashMap, fs, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use kube::config::{AuthInfo, Cluster, ExecConfig};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    connection::{Connection, Exec, InClusterConfig},
    error::Error,
    kubeconfig,
    proxy::{self, without_credentials},
    secret::Secret,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One API server, the way to it, and a user.
pub(super) struct ResolvedConnection {
    pub(super) server: Uri,
    /// The server's certificate authority and TLS settings.
    pub(super) cluster: Cluster,
    /// The user, whose credentials may be in files and plugins.
    pub(super) user: AuthInfo,
    pub(super) proxy: Option<Uri>,
}

impl ResolvedConnection {
    /// Reads the kubeconfig files. Nothing is sent to the network and no plugin is run.
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        if connection.offline {
            return Err(Error::Offline);
        }
        let (mut cluster, mut user) = match (&connection.in_cluster, &connection.host) {
            (Some(pod), _) => in_cluster(pod)?,
            (None, _) if !connection.config_paths.is_empty() => kubeconfig::cluster_and_user(connection)?,
            (None, Some(_)) => (Cluster::default(), AuthInfo::default()),
            (None, None) => return Err(Error::NotConfigured),
        };
        override_cluster(connection, &mut cluster);
        override_user(connection, &mut user);
        validate_user(&user)?;
        let server = parse_server(cluster.server.as_deref().unwrap_or_default())?;
        let proxy = proxy::select(cluster.proxy_url.as_deref(), connection.environment_proxy.as_ref(), &server)?;
        Ok(Self { server, cluster, user, proxy })
    }

    /// The server and the proxy as messages show them.
    pub(super) fn display_name(&self) -> String {
        let server = without_credentials(&self.server);
        match &self.proxy {
            Some(proxy) => format!("{server} (through the proxy {})", without_credentials(proxy)),
            None => server,
        }
    }

    /// The configuration of an HTTP client. `user` is the connection's user with credentials that are no longer in files and
    /// plugins.
    pub(super) fn client_config(&self, user: AuthInfo) -> Result<kube::Config, Error> {
        let mut config = kube::Config::new(self.server.clone());
        config.accept_invalid_certs = self.cluster.insecure_skip_tls_verify.unwrap_or(false);
        config.root_cert = root_certificates(&self.cluster)?;
        let has_certificate = |uri: &Uri| uri.scheme_str() == Some("https");
        let verifies = !config.accept_invalid_certs
            && (has_certificate(&self.server) || self.proxy.as_ref().is_some_and(has_certificate));
        if config.root_cert.is_none() && !verifies {
            // kube would read the authorities that this machine trusts, and fail where there are none, as in a bare image.
            config.root_cert = Some(Vec::new());
        }
        config.tls_server_name.clone_from(&self.cluster.tls_server_name);
        config.disable_compression = self.cluster.disable_compression.unwrap_or(false);
        config.proxy_url.clone_from(&self.proxy);
        config.auth_info = user;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // `retry` sends requests again: it logs that, is bounded by the resource's timeouts, and ends on Stop.
        config.default_retry = false;
        Ok(config)
    }
}

/// The cluster of a pod, and its service account.
fn in_cluster(pod: &InClusterConfig) -> Result<(Cluster, AuthInfo), Error> {
    let (Some(host), Some(port)) = (&pod.host, &pod.port) else {
        return Err(Error::InvalidConnection(
            "in_cluster is set, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT aren't: this process doesn't run in \
             a pod. Name the cluster by config_path or host."
                .to_owned(),
        ));
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let file = |name: &str| Some(pod.service_account_dir.join(name).to_string_lossy().into_owned());
    let cluster = Cluster {
        server: Some(format!("https://{host}:{port}")),
        certificate_authority: file("ca.crt"),
        ..Cluster::default()
    };
    Ok((cluster, AuthInfo { token_file: file("token"), ..AuthInfo::default() }))
}

/// Overrides the kubeconfig's cluster by single arguments.
fn override_cluster(connection: &Connection, cluster: &mut Cluster) {
    if let Some(host) = &connection.host {
        cluster.server = Some(if host.contains("://") { host.clone() } else { format!("https://{host}") });
    }
    if let Some(pem) = &connection.cluster_ca_certificate {
        cluster.certificate_authority_data = Some(STANDARD.encode(pem));
    }
    cluster.insecure_skip_tls_verify = connection.insecure.or(cluster.insecure_skip_tls_verify);
    cluster.tls_server_name = connection.tls_server_name.clone().or(cluster.tls_server_name.take());
    let proxy_url = connection.proxy_url.as_ref().map(|url| url.expose().to_owned());
    cluster.proxy_url = proxy_url.or(cluster.proxy_url.take());
}

/// Overrides the kubeconfig's user by credential arguments. A token or plugin replaces all of the user's credentials but its
/// client certificate.
fn override_user(connection: &Connection, user: &mut AuthInfo) {
    if connection.token.is_some() || connection.exec.is_some() {
        (user.username, user.password, user.auth_provider) = (None, None, None);
        (user.token, user.token_file, user.exec) = (None, None, None);
    }
    user.token = connection.token.clone().map(Into::into).or(user.token.take());
    user.exec = connection.exec.as_ref().map(exec_config).or(user.exec.take());
    if let Some(pem) = &connection.client_certificate {
        user.client_certificate_data = Some(STANDARD.encode(pem));
    }
    if let Some(pem) = &connection.client_key {
        user.client_key_data = Some(STANDARD.encode(pem.expose()).into());
    }
}

fn exec_config(exec: &Exec) -> ExecConfig {
    let variable = |(name, value): (&String, &Secret)| {
        HashMap::from([("name".to_owned(), name.clone()), ("value".to_owned(), value.expose().to_owned())])
    };
    ExecConfig {
        api_version: Some(exec.api_version.clone()),
        command: Some(exec.command.clone()),
        args: Some(exec.args.clone()),
        env: Some(exec.env.iter().map(variable).collect()),
        ..ExecConfig::default()
    }
}

/// Rejects users who can't authenticate, as far as that is known without a request.
fn validate_user(user: &AuthInfo) -> Result<(), Error> {
    if user.auth_provider.is_some() {
        return Err(Error::InvalidConnection(
            "The kubeconfig's user has an auth-provider, which Kubernetes 1.26 has removed. Use exec in place of it."
                .into(),
        ));
    }
    let has_certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let has_key = user.client_key.is_some() || user.client_key_data.is_some();
    if has_certificate != has_key {
        let (has, lacks) =
            if has_certificate { ("client_certificate", "client_key") } else { ("client_key", "client_certificate") };
        return Err(Error::InvalidConnection(format!("There is a {has}, but no {lacks}: each needs the other.")));
    }
    Ok(())
}

/// Parses the address of an API server. An address that has no host is rejected here, with the arguments to check, because a
/// request to it would only fail as unreachable.
fn parse_server(server: &str) -> Result<Uri, Error> {
    let uri = server.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    uri.ok_or_else(|| {
        // A user and a password before the `@` aren't shown.
        let server = server.rsplit('@').next().unwrap_or_default();
        Error::InvalidConnection(format!(
            "{server:?} is no address of an API server, like https://10.0.0.1:6443. Check host (or KUBE_HOST), or server of \
             the kubeconfig's cluster."
        ))
    })
}

/// The certificates of the cluster's certificate authority, in DER. `None` stands for the authorities that this machine trusts.
fn root_certificates(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let (pem, source) = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => (STANDARD.decode(data).map_err(|e| e.to_string()), "cluster_ca_certificate"),
        (None, Some(path)) => (fs::read(path).map_err(|e| format!("can't be read: {e}")), path.as_str()),
        (None, None) => return Ok(None),
    };
    pem.and_then(|pem| parse_certificates(&pem)).map(Some).map_err(|why| {
        Error::InvalidConnection(format!(
            "The certificate authority of the API server can't be used: {source} {why}. Check cluster_ca_certificate (or \
             KUBE_CLUSTER_CA_CERT_DATA), which is PEM: use base64decode() on what is base64; or certificate-authority of the \
             kubeconfig."
        ))
    })
}

fn parse_certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).map(|result| result.map(|der| der.to_vec()));
    match certificates.collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::kubernetes::kubeconfig::tests::write_kubeconfig;

    fn error(connection: &Connection) -> String {
        ResolvedConnection::new(connection).err().unwrap().to_string()
    }

    #[test]
    fn there_is_no_default_cluster() {
        let empty = Connection::default().with_environment(|_| None);
        assert!(matches!(ResolvedConnection::new(&empty), Err(Error::NotConfigured)));
    }

    #[test]
    fn kubeconfig_gives_server_and_proxy() {
        let (_directory, connection) = write_kubeconfig();
        let connection = ResolvedConnection::new(&connection).unwrap();
        assert_eq!(connection.server.to_string(), "https://eu:6443/");
        assert_eq!(connection.proxy.unwrap().to_string(), "http://proxy:1/");
    }

    #[test]
    fn invalid_server_or_user_is_reported() {
        let (_directory, connection) = write_kubeconfig();
        for (context, expected) in [
            ("us", ["\"us\" is no address", "host"]),
            ("old", ["auth-provider", "exec"]),
            ("half", ["a client_key, but no client_certificate", "needs"]),
        ] {
            let message = error(&Connection { config_context: Some(context.into()), ..connection.clone() });
            assert!(expected.iter().all(|text| message.contains(text)), "{expected:?} isn't in: {message}");
        }
    }

    #[test]
    fn token_argument_replaces_the_plugin_of_the_kubeconfig() {
        let (_directory, connection) = write_kubeconfig();
        let user = ResolvedConnection::new(&Connection { token: Some("t".into()), ..connection }).unwrap().user;
        assert!(user.token.is_some() && user.exec.is_none());
    }

    #[test]
    fn in_cluster_uses_the_service_account_of_the_pod() {
        let in_cluster =
            InClusterConfig { service_account_dir: PathBuf::from("/mounted"), ..InClusterConfig::default() };
        let pod = Connection { in_cluster: Some(in_cluster), ..Connection::default() };
        assert!(error(&pod.clone().with_environment(|_| None)).contains("KUBERNETES_SERVICE_HOST"));
        let environment = |name: &str| match name {
            "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
            _ => None,
        };
        let connection = ResolvedConnection::new(&pod.with_environment(environment)).unwrap();
        assert_eq!(connection.server.to_string(), "https://[fd00::1]:443/");
        assert_eq!(connection.user.token_file.as_deref(), Some("/mounted/token"));
        assert_eq!(connection.cluster.certificate_authority.as_deref(), Some("/mounted/ca.crt"));
    }

    #[test]
    fn authorities_of_the_machine_are_read_only_to_verify_a_certificate() {
        let reads_them = |host: &str, insecure: bool, proxy: Option<&str>| {
            let connection = Connection {
                host: Some(host.into()),
                insecure: Some(insecure),
                proxy_url: proxy.map(Into::into),
                ..Connection::default()
            };
            let config = ResolvedConnection::new(&connection).unwrap().client_config(AuthInfo::default()).unwrap();
            // None stands for the authorities of the machine.
            config.root_cert.is_none()
        };
        assert!(reads_them("https://lab:6443", false, None));
        assert!(reads_them("http://lab:8080", false, Some("https://proxy:3128")));
        assert!(!reads_them("https://lab:6443", true, None));
        assert!(!reads_them("https://lab:6443", true, Some("https://proxy:3128")));
        assert!(!reads_them("http://lab:8080", false, Some("http://proxy:3128")));
    }

    #[test]
    fn certificate_authority_without_pem_is_reported() {
        let host = |pem: &str| Connection {
            host: Some("eu".into()),
            cluster_ca_certificate: Some(pem.into()),
            ..Connection::default()
        };
        // PEM that is still encoded in base64.
        for pem in ["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", ""] {
            let connection = ResolvedConnection::new(&host(pem)).unwrap();
            let message = connection.client_config(AuthInfo::default()).unwrap_err().to_string();
            assert!(
                message.contains("cluster_ca_certificate holds no certificate") && message.contains("base64decode"),
                "{message}"
            );
        }
    }
}
