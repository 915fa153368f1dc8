//! The context of later calls, made of the arguments of the provider block.

use std::env;

use super::{ProviderConfig, connection::connection};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::ReportedMessages,
    known::Known,
    kubernetes::{Cluster, ConnectionRisk},
    mesh::{
        Mesh,
        checks::{Code, Level, Levels},
        text::Text,
    },
    resources::{Context, RunState},
    schema::{Attr, Map, Value, model::Model},
};

/// Makes the context. It sends no request: the cluster is connected to on first use.
pub(super) fn configure(config: &Value, out: &mut Diagnostics) -> Result<Context, Reported> {
    let config = ProviderConfig::decode(config, &Path::root(), out);
    out.no_errors()?;
    let connection = connection(&config).map(|connection| connection.with_environment(|name| env::var(name).ok()));
    if let Some(risk) = connection.as_ref().ok().and_then(ConnectionRisk::of) {
        warn_of_risk(&risk, &config, out);
    }
    Ok(Context {
        mesh: mesh(&config),
        owner: config.owner.required().cloned(),
        cluster: Cluster::new(connection),
        force_conflicts: config.force_conflicts(),
        record_arguments: config.record_arguments(),
        on_unreadable: config.on_unreadable(),
        checks: levels(&config.checks),
        reported: ReportedMessages::default(),
        run: RunState::default(),
    })
}

/// Warns of a weak connection, on the argument that allows it, or on the one that names the kubeconfig that allows it. What
/// comes from the environment has no argument.
fn warn_of_risk(risk: &ConnectionRisk, config: &ProviderConfig, out: &mut Diagnostics) {
    let kubeconfig = [("config_path", config.config_path.is_set()), ("config_paths", config.config_paths.is_set())];
    let (argument, summary, detail) = match risk {
        ConnectionRisk::ClearTextCredentials { server } => (
            ("host", config.host.is_set()),
            "Credentials are sent in clear text",
            format!(
                "The API server is {server}, and any host on the network path can read the credentials in each request. Use \
                 its https:// address in host (or KUBE_HOST, or server of the kubeconfig's cluster)."
            ),
        ),
        ConnectionRisk::UnverifiedServer { server } => (
            ("insecure", config.insecure.is_set()),
            "The API server's certificate isn't verified",
            format!(
                "insecure (or KUBE_INSECURE, or insecure-skip-tls-verify of the kubeconfig's cluster) is set, so any server that \
                 takes the place of {server} gets the credentials. Set cluster_ca_certificate to the cluster's certificate \
                 authority instead, and tls_server_name where its certificate is for another name."
            ),
        ),
    };
    let argument = [argument].into_iter().chain(kubeconfig).find(|(_, is_set)| *is_set);
    out.warn(&argument.map_or(Path::root(), |(name, _)| Path::root().attribute(name)), summary, detail);
}

fn mesh(config: &ProviderConfig) -> Known<Mesh> {
    Ok(Mesh {
        root_namespace: config.root_namespace()?,
        cluster_domain: config.cluster_domain()?,
        trust_domain: config.trust_domain()?,
        global_name_template: config.global_name_template.known()?.cloned(),
        global_names: config.global_names()?,
        gateway_namespaces: config.gateway_namespaces.elements_or_empty()?,
        platform_hosts: config.platform_hosts.elements_or_empty()?,
        revisions: config.revisions()?,
        labels: config.labels.elements_or_empty()?,
        annotations: config.annotations.elements_or_empty()?,
        defaults: config.service_defaults()?,
        installed: config.installed()?,
    })
}

/// The levels of checks. An unknown level counts as not set, so that no check is off before the configuration is known.
fn levels(checks: &Map<Level>) -> Levels {
    let levels = checks.known().ok().flatten().into_iter().flatten();
    let level = |(code, level): (&String, &Attr<Level>)| Some((Code::parse(code).ok()?, *level.required().ok()?));
    Levels(levels.filter_map(level).collect())
}
