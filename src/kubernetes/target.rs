//! The one cluster and the one user that a connection leads to. Whichever way they are named, they are a kubeconfig's from
//! here on. Files of the kubeconfig are read once: a context that somebody switches meanwhile moves no apply to another
//! cluster. What proves who we are is read again by [`super::session`].

use std::{collections::HashMap, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Uri;
use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig, KubeconfigError};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    connection::{Connection, Exec, InClusterConfig},
    error::Error,
    proxy,
    secret::Secret,
    transport,
};

/// Where to go and who to be.
pub(super) struct Target {
    /// The API server.
    pub(super) server: Uri,
    /// Its certificate authority and name.
    pub(super) cluster: Cluster,
    /// The user, whose credentials may be files and plugins.
    pub(super) user: AuthInfo,
    proxy: Option<Uri>,
}

impl Target {
    /// Reads the kubeconfig files; asks nothing of a network, and runs nothing.
    pub(super) fn of(connection: &Connection) -> Result<Self, Error> {
        let (mut cluster, mut user) = match (&connection.in_cluster, &connection.host) {
            (Some(pod), _) => of_pod(pod)?,
            (None, _) if !connection.config_paths.is_empty() => chosen(&read(connection)?, connection)?,
            (None, Some(_)) => (Cluster::default(), AuthInfo::default()),
            (None, None) => return Err(Error::NotConfigured),
        };
        override_cluster(connection, &mut cluster);
        override_user(connection, &mut user);
        sound(&user)?;
        let server = address(cluster.server.as_deref().unwrap_or_default())?;
        let proxy = proxy::of(cluster.proxy_url.as_deref(), connection.environment_proxy.as_ref(), &server)?;
        Ok(Self { server, cluster, user, proxy })
    }

    /// The way to the server, as messages show it.
    pub(super) fn place(&self) -> String {
        let server = transport::place(&self.server);
        match &self.proxy {
            Some(proxy) => format!("{server} (through the proxy {})", transport::place(proxy)),
            None => server,
        }
    }

    /// What a client needs; `user` has its credentials in itself, no longer in files and plugins.
    pub(super) fn config(&self, user: AuthInfo) -> Result<kube::Config, Error> {
        let mut config = kube::Config::new(self.server.clone());
        config.root_cert = authority(&self.cluster)?;
        config.accept_invalid_certs = self.cluster.insecure_skip_tls_verify.unwrap_or(false);
        config.tls_server_name.clone_from(&self.cluster.tls_server_name);
        config.disable_compression = self.cluster.disable_compression.unwrap_or(false);
        config.proxy_url.clone_from(&self.proxy);
        config.auth_info = user;
        config.connect_timeout = Some(std::time::Duration::from_secs(10));
        // Retries are ours: they are logged, bounded by the resource's timeouts, and end on Stop.
        config.default_retry = false;
        Ok(config)
    }
}

fn of_pod(pod: &InClusterConfig) -> Result<(Cluster, AuthInfo), Error> {
    let (Some(host), Some(port)) = (&pod.host, &pod.port) else {
        return Err(Error::Connection(
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

fn read(connection: &Connection) -> Result<Kubeconfig, Error> {
    connection.config_paths.iter().try_fold(Kubeconfig::default(), |merged, path| {
        // A YAML error quotes the line, which may hold a token.
        let read = Kubeconfig::read_from(at_home(path)).map_err(|error| match error {
            KubeconfigError::ReadConfig(io, _) => format!("can't be read: {io}"),
            _ => "isn't a kubeconfig in YAML".to_owned(),
        });
        let merged = read.and_then(|read| {
            merged.merge(read).map_err(|_| "is of another kind or apiVersion than the one before it".to_owned())
        });
        merged.map_err(|why| {
            Error::Connection(format!("The kubeconfig {path} {why}. Check config_path (or KUBE_CONFIG_PATH)."))
        })
    })
}

/// The context's cluster and user, or those that are named in place of them.
fn chosen(kubeconfig: &Kubeconfig, connection: &Connection) -> Result<(Cluster, AuthInfo), Error> {
    let missing = |what: &str, name: &str, there: Vec<&str>, check: &str| {
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Error::Connection(format!(
            "The kubeconfig {} has no {what} {name:?}; it has: {there}. Check {check}.",
            connection.config_paths.join(", ")
        ))
    };
    let current = kubeconfig.current_context.as_ref().filter(|name| !name.is_empty());
    let context = match connection.config_context.as_ref().or(current) {
        None => None,
        Some(name) => {
            let named = kubeconfig.contexts.iter().find(|context| context.name == *name);
            let there = || kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
            Some(named.and_then(|context| context.context.as_ref()).ok_or_else(|| {
                missing("context", name, there(), "config_context (or KUBE_CTX), or the file's current-context")
            })?)
        }
    };
    let Some(name) = connection.config_context_cluster.as_ref().or(context.map(|context| &context.cluster)) else {
        return Err(Error::Connection(format!(
            "The kubeconfig {} has no current-context. Set config_context (or KUBE_CTX).",
            connection.config_paths.join(", ")
        )));
    };
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *name);
    let there = || kubeconfig.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let cluster = cluster.and_then(|cluster| cluster.cluster.clone()).ok_or_else(|| {
        missing("cluster", name, there(), "config_context_cluster (or KUBE_CTX_CLUSTER), or the context")
    })?;
    let user = match connection.config_context_auth_info.as_ref().or(context.and_then(|context| context.user.as_ref()))
    {
        None => AuthInfo::default(),
        Some(name) if name.is_empty() => AuthInfo::default(),
        Some(name) => {
            let user = kubeconfig.auth_infos.iter().find(|user| user.name == *name);
            let there = || kubeconfig.auth_infos.iter().map(|user| user.name.as_str()).collect();
            let user = user.ok_or_else(|| {
                missing("user", name, there(), "config_context_auth_info (or KUBE_CTX_AUTH_INFO), or the context")
            })?;
            user.auth_info.clone().unwrap_or_default()
        }
    };
    Ok((cluster, user))
}

/// Single arguments over what the kubeconfig says.
fn override_cluster(connection: &Connection, cluster: &mut Cluster) {
    if let Some(host) = &connection.host {
        cluster.server = Some(if host.contains("://") { host.clone() } else { format!("https://{host}") });
    }
    if let Some(pem) = &connection.cluster_ca_certificate {
        cluster.certificate_authority_data = Some(STANDARD.encode(pem));
    }
    cluster.insecure_skip_tls_verify = connection.insecure.or(cluster.insecure_skip_tls_verify);
    cluster.tls_server_name = connection.tls_server_name.clone().or(cluster.tls_server_name.take());
    cluster.proxy_url = connection.proxy_url.as_ref().map(|url| url.expose().to_owned()).or(cluster.proxy_url.take());
}

/// A credential in the provider block replaces those of the kubeconfig that do the same.
fn override_user(connection: &Connection, user: &mut AuthInfo) {
    if connection.token.is_some() || connection.exec.is_some() {
        (user.username, user.password, user.auth_provider) = (None, None, None);
        (user.token, user.token_file, user.exec) = (None, None, None);
    }
    user.token = connection.token.clone().map(Into::into).or(user.token.take());
    user.exec = connection.exec.as_ref().map(plugin).or(user.exec.take());
    if let Some(pem) = &connection.client_certificate {
        user.client_certificate_data = Some(STANDARD.encode(pem));
    }
    if let Some(pem) = &connection.client_key {
        user.client_key_data = Some(STANDARD.encode(pem.expose()).into());
    }
}

fn plugin(exec: &Exec) -> ExecConfig {
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

/// What can be said of a user without asking anybody.
fn sound(user: &AuthInfo) -> Result<(), Error> {
    if user.auth_provider.is_some() {
        return Err(Error::Connection(
            "The kubeconfig's user has an auth-provider, which Kubernetes 1.26 has removed. Use exec in place of it."
                .into(),
        ));
    }
    let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let key = user.client_key.is_some() || user.client_key_data.is_some();
    if certificate != key {
        let (has, lacks) =
            if certificate { ("client_certificate", "client_key") } else { ("client_key", "client_certificate") };
        return Err(Error::Connection(format!("There is a {has}, but no {lacks}: each needs the other.")));
    }
    Ok(())
}

/// The address of an API server; what is no address is told as that, never tried.
fn address(server: &str) -> Result<Uri, Error> {
    let uri = server.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    uri.ok_or_else(|| {
        Error::Connection(format!(
            "{server:?} is no address of an API server, like https://10.0.0.1:6443. Check host (or KUBE_HOST), or server of \
             the kubeconfig's cluster."
        ))
    })
}

/// The certificate authority; `None`: those that this machine trusts.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let (pem, whence) = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => (STANDARD.decode(data).map_err(|e| e.to_string()), "cluster_ca_certificate".to_owned()),
        (None, Some(path)) => (fs::read(path).map_err(|e| format!("can't be read: {e}")), path.clone()),
        (None, None) => return Ok(None),
    };
    let certificates = pem.and_then(|pem| {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
        }
    });
    match certificates {
        Ok(certificates) => Ok(Some(certificates.into_iter().map(|certificate| certificate.to_vec()).collect())),
        Err(why) => Err(Error::Connection(format!(
            "The certificate authority of the API server can't be used: {whence} {why}. Check cluster_ca_certificate (or \
             KUBE_CLUSTER_CA_CERT_DATA), which is PEM: use base64decode() on what is base64; or certificate-authority of the \
             kubeconfig."
        ))),
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

    const KUBECONFIG: &str = r#"{
        "current-context": "eu",
        "clusters": [{ "name": "eu", "cluster": { "server": "https://eu:6443", "proxy-url": "http://proxy:1" } },
                     { "name": "us", "cluster": { "server": "us" } }],
        "users": [{ "name": "me", "user": { "exec": { "command": "./plugin" } } },
                  { "name": "old", "user": { "auth-provider": { "name": "gcp" } } },
                  { "name": "half", "user": { "client-key": "key.pem" } }],
        "contexts": [{ "name": "eu", "context": { "cluster": "eu", "user": "me" } },
                     { "name": "us", "context": { "cluster": "us", "user": "me" } },
                     { "name": "lost", "context": { "cluster": "eu", "user": "nobody" } },
                     { "name": "old", "context": { "cluster": "eu", "user": "old" } },
                     { "name": "half", "context": { "cluster": "eu", "user": "half" } }]
    }"#;

    /// A kubeconfig in a folder of its own, and the connection that names it.
    fn kubeconfig(text: &str) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, text).unwrap();
        (folder, Connection { config_paths: vec![path.to_string_lossy().into_owned()], ..Connection::default() })
    }

    fn error(connection: &Connection) -> String {
        Target::of(connection).err().unwrap().to_string()
    }

    #[test]
    fn with_nothing_said_nothing_is_guessed() {
        let nothing = Connection::default().with_environment(|_| None);
        assert!(matches!(Target::of(&nothing), Err(Error::NotConfigured)));
    }

    #[test]
    fn the_context_names_cluster_and_user() {
        let (folder, connection) = kubeconfig(KUBECONFIG);
        let target = Target::of(&connection).unwrap();
        assert_eq!(target.server.to_string(), "https://eu:6443/");
        assert_eq!(target.proxy.unwrap().to_string(), "http://proxy:1/");
        let command = target.user.exec.unwrap().command.unwrap();
        assert_eq!(PathBuf::from(command), folder.path().join("./plugin"), "relative to the file, as kubectl has it");
    }

    #[test]
    fn what_a_kubeconfig_lacks_is_named_with_what_it_has() {
        let (_folder, whole) = kubeconfig(KUBECONFIG);
        let named = |context: &str| Connection { config_context: Some(context.into()), ..whole.clone() };
        for (connection, words) in [
            (named("asia"), ["no context \"asia\"; it has: eu, us, lost", "config_context"]),
            (named("lost"), ["no user \"nobody\"; it has: me, old, half", "config_context_auth_info"]),
            (named("us"), ["\"us\" is no address", "host"]),
            (named("old"), ["auth-provider", "exec"]),
            (named("half"), ["a client_key, but no client_certificate", "needs"]),
            (
                Connection { config_context_cluster: Some("asia".into()), ..whole.clone() },
                ["no cluster \"asia\"; it has: eu, us", "config_context_cluster"],
            ),
            (
                Connection { config_paths: vec!["/nowhere/config".into()], ..Connection::default() },
                ["/nowhere/config can't be read", "config_path"],
            ),
        ] {
            let told = error(&connection);
            assert!(words.iter().all(|word| told.contains(word)), "{words:?} isn't in: {told}");
        }
        let (_empty, connection) = kubeconfig("clusters: []");
        assert!(error(&connection).contains("no current-context"));
        let (_junk, connection) = kubeconfig("users: [hunter2: {hunter2");
        let told = error(&connection);
        assert!(told.contains("isn't a kubeconfig in YAML") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn credentials_of_the_block_replace_those_of_the_kubeconfig() {
        let (_folder, connection) = kubeconfig(KUBECONFIG);
        let token = Connection { token: Some(Secret::from("t")), ..connection };
        let user = Target::of(&token).unwrap().user;
        assert!(user.token.is_some() && user.exec.is_none());
    }

    #[test]
    fn a_pod_is_its_service_account() {
        let folder = PathBuf::from("/mounted");
        let pod = Connection {
            in_cluster: Some(InClusterConfig { service_account_dir: folder, ..InClusterConfig::default() }),
            ..Connection::default()
        };
        assert!(error(&pod.clone().with_environment(|_| None)).contains("KUBERNETES_SERVICE_HOST"));
        let environment = |name: &str| match name {
            "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
            _ => None,
        };
        let target = Target::of(&pod.with_environment(environment)).unwrap();
        assert_eq!(target.server.to_string(), "https://[fd00::1]:443/");
        assert_eq!(target.user.token_file.as_deref(), Some("/mounted/token"));
        assert_eq!(target.cluster.certificate_authority.as_deref(), Some("/mounted/ca.crt"));
    }

    #[test]
    fn a_certificate_authority_that_is_none_is_told() {
        let host = |pem: &str| Connection {
            host: Some("eu".into()),
            cluster_ca_certificate: Some(pem.into()),
            ..Connection::default()
        };
        // Base64 of PEM, which somebody forgot to decode.
        for pem in ["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", ""] {
            let target = Target::of(&host(pem)).unwrap();
            let told = target.config(AuthInfo::default()).unwrap_err().to_string();
            assert!(
                told.contains("cluster_ca_certificate holds no certificate") && told.contains("base64decode"),
                "{told}"
            );
        }
    }
}
