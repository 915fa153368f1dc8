//! The queries of the data source, and the outputs made of their results.

use super::{
    ClusterReport, Outputs,
    data_plane::{data_plane, injection_label},
    findings, installation,
    installation::ControlPlane,
    observed::{Observed, Scope},
};
use crate::{
    json_path::text,
    mesh::{Mesh, live_objects::name, mesh_config},
    query::{Query, QueryResults},
    schema::Attr,
};

impl ClusterReport {
    /// The first queries.
    pub fn queries(&self, mesh: &Mesh) -> Vec<Query> {
        installation::document_queries().chain(Scope::of(self, mesh).queries(mesh)).collect()
    }

    /// The queries that follow from the results of the first ones: the kinds of Istio's groups, and the configurations of revisions
    /// that the provider block doesn't name.
    pub fn further_queries(&self, mesh: &Mesh, results: &QueryResults) -> Vec<Query> {
        let observed = Observed { mesh, results, scope: &Scope::of(self, mesh) };
        let known: Vec<_> = mesh_config::keys(mesh).collect();
        let all = installation::with_seen_revisions(&observed);
        let configs = mesh_config::keys(&all).filter(|key| !known.contains(key)).map(Query::Get);
        installation::kind_queries(results).into_iter().chain(configs).collect()
    }

    /// The outputs where the API server doesn't answer.
    pub fn unreachable(reason: &str) -> Outputs {
        Outputs {
            reachable: Attr::Known(false),
            not_visible: Attr::Known([format!("the API server: {reason}")].into_iter().collect()),
            istio_versions: Attr::Known([].into_iter().collect()),
            kinds: Attr::Known([].into()),
            revisions: Attr::Known([].into()),
            injection_labels: Attr::Known([].into()),
            data_planes: Attr::Known([].into()),
            findings: Attr::Known(Vec::new()),
            ..Outputs::default()
        }
    }

    /// The outputs by the results of all queries.
    pub fn report(&self, mesh: &Mesh, results: &QueryResults) -> Outputs {
        let scope = Scope::of(self, mesh);
        let mesh = &installation::with_seen_revisions(&Observed { mesh, results, scope: &scope });
        let observed = Observed { mesh, results, scope: &scope };
        let namespaces = observed.namespaces();
        let version = results.document(installation::VERSION).ok();
        let control_planes = ControlPlane::all(&observed).unwrap_or_default();
        let injection_labels = namespaces.iter().filter_map(|namespace| {
            let (key, value) = injection_label(namespace)?;
            Some((name(namespace).to_owned(), Attr::Known(format!("{key}={value}"))))
        });
        let data_planes = namespaces
            .iter()
            .map(|namespace| (name(namespace).to_owned(), Attr::Known(data_plane(namespace).as_str().to_owned())));
        let versions = control_planes.into_iter().filter_map(ControlPlane::version);
        Outputs {
            reachable: Attr::Known(true),
            kubernetes_version: version
                .and_then(|version| text(version, &["gitVersion"]))
                .map_or(Attr::Null, |version| Attr::Known(version.to_owned())),
            istio_versions: Attr::Known(versions.map(str::to_owned).collect()),
            kinds: Attr::Known(installation::kinds(results)),
            revisions: Attr::Known(installation::revisions(&observed)),
            injection_labels: Attr::Known(injection_labels.collect()),
            data_planes: Attr::Known(data_planes.collect()),
            third_party_tokens: installation::has_token_requests(results).map_or(Attr::Null, Attr::Known),
            findings: Attr::Known(findings::all(&observed, self.fips.or(false) == Ok(true))),
            not_visible: Attr::Known(results.failures().chain(installation::missing_configs(&observed)).collect()),
        }
    }
}
