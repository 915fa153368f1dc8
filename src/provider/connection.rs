//! The connection to the cluster, as the provider block describes it.

use super::{ExecPlugin, ProviderConfig};
use crate::{
    known::Known,
    kubernetes::{Connection, Exec, InClusterConfig},
};

/// The connection, without the environment variables that may complete it.
pub(super) fn connection(config: &ProviderConfig) -> Known<Connection> {
    Ok(Connection {
        offline: config.offline()?,
        config_paths: match config.config_path.known()? {
            Some(path) => vec![path.clone()],
            None => config.config_paths.elements()?.unwrap_or_default(),
        },
        config_context: config.config_context.known()?.cloned(),
        config_context_auth_info: config.config_context_auth_info.known()?.cloned(),
        config_context_cluster: config.config_context_cluster.known()?.cloned(),
        host: config.host.known()?.cloned(),
        token: config.token.known()?.cloned(),
        cluster_ca_certificate: config.cluster_ca_certificate.known()?.cloned(),
        client_certificate: config.client_certificate.known()?.cloned(),
        client_key: config.client_key.known()?.cloned(),
        insecure: config.insecure.copied()?,
        tls_server_name: config.tls_server_name.known()?.cloned(),
        exec: config.exec.known()?.map(|plugin| plugin.exec()).transpose()?,
        in_cluster: config.in_cluster()?.then(InClusterConfig::default),
        proxy_url: config.proxy_url.known()?.cloned(),
        environment_proxy: None,
    })
}

impl ExecPlugin {
    fn exec(&self) -> Known<Exec> {
        Ok(Exec {
            api_version: self.api_version.required()?.clone(),
            command: self.command.required()?.clone(),
            args: self.args.elements()?.unwrap_or_default(),
            env: self.env.elements_or_empty()?,
        })
    }
}
