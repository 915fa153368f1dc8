//! Helpers for the tests of live checks: they get the objects of a cluster as YAML, and return the findings as text.

use std::{fmt::Write as _, sync::Arc};

use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::{Mesh, checks::Findings},
    object::kind,
    query::{Query, QueryError, QueryResult, QueryResults},
    resources::ResourceType,
};

use super::{hcl, mesh};

/// The objects in a YAML text of several documents.
pub(super) fn objects(text: &str) -> Vec<Json> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

/// The result of a query in a cluster with these objects, whose user has no right to read the kinds `forbidden`.
pub(super) fn query_result(query: &Query, objects: &[Json], forbidden: &[&str]) -> QueryResult {
    let (kind, namespace, name) = match query {
        Query::Get(key) => (key.kind, Some(key.namespace.as_deref()), Some(key.name.as_str())),
        Query::List { kind, namespace } => (*kind, namespace.as_deref().map(Some), None),
        // A document is written as an object with the field `path`.
        Query::Document(path) => {
            let document = objects.iter().find(|object| object["path"].as_str() == Some(path));
            return document.map(|document| vec![Arc::new(document.clone())]).ok_or(QueryError::NotServed);
        }
    };
    if forbidden.contains(&kind.kind) {
        return Err(QueryError::Forbidden);
    }
    let matches = |live: &&Json| {
        live["kind"] == kind.kind
            && namespace.is_none_or(|namespace| live["metadata"]["namespace"].as_str() == namespace)
            && name.is_none_or(|name| live["metadata"]["name"] == name)
    };
    Ok(objects.iter().filter(matches).cloned().map(Arc::new).collect())
}

/// Decodes the arguments of a valid configuration.
pub(super) fn config<R: ResourceType>(text: &str) -> R {
    let value = hcl::resource(text, R::schema());
    let mut out = Diagnostics::default();
    let config = R::decode(&value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    assert!(!out.has_errors(), "{out}");
    config
}

/// The findings of the checks of a resource with the configuration `text`, in a cluster with these objects, whose user has no
/// right to read the kinds `forbidden`.
pub(super) fn findings<R: ResourceType>(text: &str, live_objects: &str, forbidden: &[&str]) -> String {
    findings_in::<R>(&mesh(), text, live_objects, forbidden)
}

/// The findings of [`findings`], in `mesh`.
pub(super) fn findings_in<R: ResourceType>(mesh: &Mesh, text: &str, live_objects: &str, forbidden: &[&str]) -> String {
    let config = config::<R>(text);
    let objects = objects(live_objects);
    for object in &objects {
        let kinds = [kind::MANAGED, kind::READ_ONLY].concat();
        assert!(kinds.iter().any(|kind| object["kind"] == kind.kind), "unknown kind: {object}");
    }
    let queries = R::live_queries(&config, mesh, &config.render(mesh)).into_iter().map(|live| live.query);
    let results: QueryResults =
        queries.map(|query| (query.clone(), query_result(&query, &objects, forbidden))).collect();
    let mut findings = Findings::default();
    R::live_checks(&config, mesh, &config.render(mesh), &results, &mut findings);
    format_findings(findings)
}

/// The findings as text.
pub(super) fn format_findings(findings: Findings) -> String {
    let mut text = String::new();
    for finding in findings {
        let at = if finding.at == Path::root() { String::new() } else { format!(" at {}", finding.at) };
        assert!(finding.summary.chars().count() <= 60, "too long: {}", finding.summary);
        assert!(finding.detail.ends_with(&format!("({})", finding.code)), "{}", finding.detail);
        writeln!(text, "{}{at}: {}\n  {}", finding.level, finding.summary, finding.detail).unwrap();
    }
    text
}
