//! The context of later calls, made of the arguments of the provider block.

use std::env;

use super::{ProviderConfig, connection::connection};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::ReportedMessages,
    known::Known,
    kubernetes::Cluster,
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
    Ok(Context {
        mesh: mesh(&config),
        owner: config.owner.required().cloned(),
        cluster: Cluster::new(connection),
        force_conflicts: config.force_conflicts(),
        on_unreadable: config.on_unreadable(),
        checks: levels(&config.checks),
        reported: ReportedMessages::default(),
        run: RunState::default(),
    })
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
    })
}

/// The levels of checks. An unknown level counts as not set, so that no check is off before the configuration is known.
fn levels(checks: &Map<Level>) -> Levels {
    let levels = checks.known().ok().flatten().into_iter().flatten();
    let level = |(code, level): (&String, &Attr<Level>)| Some((Code::parse(code).ok()?, *level.required().ok()?));
    Levels(levels.filter_map(level).collect())
}
