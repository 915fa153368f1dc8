//! Live checks of a service: what the cluster shows to be wrong with it. Pure: facts in, findings out.
//!
//! The checks look at the objects that the plan would write, so what isn't written (a kind that something else makes, a
//! policy that is off) isn't checked. A fact that nobody could see is unknown like any other part: its checks say nothing.
//!
//! | file | looks at |
//! | --- | --- |
//! | [`namespace`] | injection, ambient mode |
//! | [`workload`] | pods, the service account |
//! | [`service`] | the live Service: ports, selector, type |
//! | [`visibility`] | who sees the service today, and won't any more |
//! | [`calls`] | what the service calls |
//! | [`conflicts`] | others' objects for the same host or workload |
//! | [`references`] | what rules, routes and gateways name: issuers, providers, Gateways, versions |

mod calls;
mod conflicts;
mod namespace;
mod references;
mod service;
mod visibility;
mod workload;

use serde_json::Value as Json;

use super::{Management, Service, ServiceContext};
use crate::{
    diagnostics::Path,
    json_path::text,
    known::{Known, as_known},
    mesh::{
        Mesh, Rendered,
        checks::{Code, Findings, LiveQuery},
        live_objects::{self, is_pod_active, labels, name, selector_matches_object},
        manifest::StringMap,
    },
    object::{Key, Kind, Object, annotation, kind, resource_name, resource_type},
    query::{Query, QueryResults},
};

impl Service {
    /// What the live checks want to know.
    pub fn live_queries(&self, mesh: &Mesh, rendered: &Rendered) -> Vec<LiveQuery> {
        let found = QueryResults::default();
        let Ok(view) = View::of(self, mesh, rendered, &found) else { return Vec::new() };
        let mut wants = LiveQueries(Vec::new());
        for ask in QUESTIONS {
            ask(&view, &mut wants);
        }
        wants.0
    }

    /// The live checks.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        let Ok(view) = View::of(self, mesh, rendered, found) else { return };
        if matches!(view.namespace(), Ok(None)) {
            // Where there is no namespace, there is nothing to look at; that it is missing is told with the objects.
            return;
        }
        for judge in CHECKS {
            judge(&view, out);
        }
    }
}

/// Each file's questions: what isn't known yet isn't asked about.
const QUESTIONS: [fn(&View, &mut LiveQueries); 6] = [
    namespace::live_queries,
    workload::live_queries,
    service::live_queries,
    calls::live_queries,
    conflicts::live_queries,
    references::live_queries,
];

/// Each file's checks, in the order in which findings are told.
const CHECKS: [fn(&View, &mut Findings); 7] = [
    namespace::live_checks,
    workload::live_checks,
    service::live_checks,
    visibility::live_checks,
    calls::live_checks,
    conflicts::live_checks,
    references::live_checks,
];

/// Questions, as they come together.
struct LiveQueries(Vec<LiveQuery>);

impl LiveQueries {
    fn one(&mut self, key: Key, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::Get(key), checks });
    }

    fn all(&mut self, kind: &'static Kind, namespace: &str, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::list(kind, namespace), checks });
    }

    fn everywhere(&mut self, kind: &'static Kind, checks: &'static [Code]) {
        self.0.push(LiveQuery { query: Query::list_all_namespaces(kind), checks });
    }
}

/// A service, what the plan would write for it, and what was found.
struct View<'a> {
    site: ServiceContext<'a>,
    /// Those that are known.
    objects: Vec<&'a Object>,
    /// Of all, also of those that come at apply.
    keys: Vec<&'a Key>,
    /// Objects of others that go once ours are there.
    displaced: Vec<Key>,
    found: &'a QueryResults,
}

impl<'a> View<'a> {
    fn of(service: &'a Service, mesh: &'a Mesh, rendered: &'a Rendered, found: &'a QueryResults) -> Known<Self> {
        let rendered = as_known(rendered)?;
        let keys = rendered.iter().map(|(key, _)| key).collect();
        let objects = rendered.iter().filter_map(|(_, object)| object.as_ref().ok()).collect();
        let displaced = service.takeover().replaced_objects.into_keys().collect();
        Ok(Self { site: service.context(mesh)?, objects, keys, displaced, found })
    }

    /// `pci/payments`
    fn id(&self) -> String {
        format!("{}/{}", self.site.namespace, self.site.name)
    }

    /// The live Namespace.
    fn namespace(&self) -> Known<Option<&Json>> {
        self.found.get(&self.namespace_key())
    }

    fn namespace_key(&self) -> Key {
        Key { kind: &kind::NAMESPACE, namespace: None, name: self.site.namespace.to_owned() }
    }

    /// Every live object of a kind in the namespace.
    fn here(&self, kind: &'static Kind) -> Known<Vec<&Json>> {
        self.found.list(kind, self.site.namespace)
    }

    /// The live Service, where the service has one.
    fn service(&self) -> Known<Option<&Json>> {
        Ok(self.here(&kind::SERVICE)?.into_iter().find(|live| name(live) == self.site.name))
    }

    /// A chart that brings Service, pods and account hasn't been installed yet, which is told with the Service's annotation.
    fn awaits_its_chart(&self) -> bool {
        self.site.service.management() == Ok(Management::Existing) && matches!(self.service(), Ok(None))
    }

    /// The live pods of the service.
    fn pods(&self) -> Known<Vec<&Json>> {
        let selector = self.site.selector()?;
        Ok(self
            .here(&kind::POD)?
            .into_iter()
            .filter(|pod| is_pod_active(pod) && selector_matches_object(&selector, pod))
            .collect())
    }

    /// What would be written of a kind.
    fn wanted(&self, kind: &'static Kind) -> impl Iterator<Item = &Object> {
        self.objects.iter().copied().filter(move |object| object.key.kind == kind)
    }

    /// Whether something of a kind would be written.
    fn writes(&self, kind: &'static Kind) -> bool {
        self.keys.iter().any(|key| key.kind == kind)
    }

    /// Whether a live object is this resource's, by its stamp or because the plan writes it (whose it is then, the engine
    /// judges), or goes with this plan.
    fn belongs_to_resource(&self, kind: &'static Kind, live: &Json) -> bool {
        let resource = text(live, &["metadata", "annotations", annotation::RESOURCE]);
        resource == Some(&resource_name(resource_type::SERVICE, &self.id()))
            || self.keys.iter().copied().chain(&self.displaced).any(|key| {
                key.kind == kind
                    && key.name == name(live)
                    && key.namespace.as_deref() == text(live, &["metadata", "namespace"])
            })
    }

    /// Whether somebody's selector meets the pods of the service: some of them where they can be seen, else its labels.
    fn overlaps(&self, theirs: &StringMap) -> Known<bool> {
        let ours = self.site.selector()?;
        if theirs.iter().all(|(key, value)| ours.get(key) == Some(value)) {
            return Ok(true);
        }
        Ok(self.pods().is_ok_and(|pods| pods.iter().any(|pod| selector_matches_object(theirs, pod))))
    }

    /// The labels of a pod of the service, as far as is known without one.
    fn labels(&self) -> Known<StringMap> {
        let mut labels = self.site.selector()?;
        if let Some(pod) = self.pods().ok().and_then(|pods| pods.first().copied()) {
            labels.extend(self::labels(pod));
        }
        Ok(labels)
    }
}

/// The argument that a field of a wanted object comes from.
fn blamed(object: &Object, field: &str) -> Path {
    let origins = object.origins.iter().filter(|(prefix, _)| field.starts_with(prefix.as_str()));
    origins.max_by_key(|(prefix, _)| prefix.len()).map(|(_, path)| path.clone()).unwrap_or_default()
}
