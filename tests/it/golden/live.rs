//! Live checks: facts of a cluster in, findings out.

use std::{fmt::Write as _, sync::Arc};

use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    object::kind,
    query::{Query, QueryError, QueryResult, QueryResults},
    resources::ResourceType,
};

use super::{hcl, mesh};

/// The documents of YAML.
pub(super) fn documents(text: &str) -> Vec<Json> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

/// What a cluster with these objects answers, and nothing where a kind is `hidden`.
pub(super) fn answer(query: &Query, objects: &[Json], hidden: &[&str]) -> QueryResult {
    let (kind, namespace, name) = match query {
        Query::Get(key) => (key.kind, Some(key.namespace.as_deref()), Some(key.name.as_str())),
        Query::List { kind, namespace } => (*kind, namespace.as_deref().map(Some), None),
    };
    if hidden.contains(&kind.kind) {
        return Err(QueryError::Forbidden);
    }
    let is_meant = |live: &&Json| {
        live["kind"] == kind.kind
            && namespace.is_none_or(|namespace| live["metadata"]["namespace"].as_str() == namespace)
            && name.is_none_or(|name| live["metadata"]["name"] == name)
    };
    Ok(objects.iter().filter(is_meant).cloned().map(Arc::new).collect())
}

/// The configuration, which is sound.
pub(super) fn config<R: ResourceType>(text: &str) -> R {
    let value = hcl::resource(text, R::schema());
    let mut out = Diagnostics::default();
    let config = R::decode(&value, &Path::root(), &mut out);
    R::validate(&config, &mut out);
    R::validate_in_mesh(&config, &mesh(), &config.render(&mesh()), &mut out);
    assert!(!out.has_errors(), "{out}");
    config
}

/// What the checks of a resource say in a cluster of these objects.
pub(super) fn told<R: ResourceType>(text: &str, facts: &str, hidden: &[&str]) -> String {
    let config = config::<R>(text);
    let objects = documents(facts);
    for object in &objects {
        let known = [kind::MANAGED, kind::READ_ONLY].concat();
        assert!(known.iter().any(|kind| object["kind"] == kind.kind), "a typo? {object}");
    }
    let queries = R::live_queries(&config, &mesh(), &config.render(&mesh())).into_iter().map(|want| want.query);
    let found: QueryResults = queries.map(|query| (query.clone(), answer(&query, &objects, hidden))).collect();
    let mut findings = Findings::default();
    R::live_checks(&config, &mesh(), &config.render(&mesh()), &found, &mut findings);
    let mut text = String::new();
    for finding in findings {
        let at = if finding.at == Path::root() { String::new() } else { format!(" at {}", finding.at) };
        assert!(finding.summary.chars().count() <= 60, "too long: {}", finding.summary);
        assert!(finding.detail.ends_with(&format!("({})", finding.code)), "{}", finding.detail);
        writeln!(text, "{}{at}: {}\n  {}", finding.code.level(), finding.summary, finding.detail).unwrap();
    }
    text
}
