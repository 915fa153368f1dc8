//! The view that the live checks of a service have of it: its arguments, its rendered objects and the live objects.

use std::cell::OnceCell;

use serde_json::Value as Json;

use crate::{
    json_path::text,
    known::{Known, as_known},
    mesh::{
        Mesh, Rendered,
        live_objects::{
            annotation_value, is_pod_active, labels, name, selector_matches_labels, selector_matches_object,
        },
        manifest::StringMap,
        service::{Service, ServiceContext, ServiceManagement},
    },
    object::{Key, Kind, Object, annotation, kind, resource_name, resource_type},
    query::QueryResults,
};

/// A service, the objects that the plan would write for it, and the live objects.
pub(super) struct ServiceView<'a> {
    /// The service in its mesh.
    pub(super) context: ServiceContext<'a>,
    /// The name of the resource in the annotation of its objects.
    resource: String,
    /// The results of the queries.
    pub(super) results: &'a QueryResults,
    /// The rendered objects that are known.
    objects: Vec<&'a Object>,
    /// The keys of all rendered objects, known or unknown.
    keys: Vec<&'a Key>,
    /// The objects of other tools that the apply deletes (`replaces`).
    replaced_objects: Vec<Key>,
    /// The result of [`Self::pods`], which checks need for each of many other objects.
    pods: OnceCell<Known<Vec<&'a Json>>>,
}

impl<'a> ServiceView<'a> {
    pub(super) fn new(
        service: &'a Service,
        mesh: &'a Mesh,
        rendered: &'a Rendered,
        results: &'a QueryResults,
    ) -> Known<Self> {
        let rendered = as_known(rendered)?;
        let context = service.context(mesh)?;
        Ok(Self {
            resource: resource_name(resource_type::SERVICE, &id(&context)),
            context,
            results,
            objects: rendered.iter().filter_map(|(_, object)| object.as_ref().ok()).collect(),
            keys: rendered.iter().map(|(key, _)| key).collect(),
            replaced_objects: service.takeover().replaced_objects.into_keys().collect(),
            pods: OnceCell::new(),
        })
    }

    /// The id of the resource, which is also how findings name its Service: `pci/payments`.
    pub(super) fn id(&self) -> String {
        id(&self.context)
    }

    // === rendered objects ===

    /// The rendered objects of a kind that are known.
    pub(super) fn rendered(&self, kind: &'static Kind) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().copied().filter(move |object| object.key.kind == kind)
    }

    /// The bodies of the rendered ALLOW policies that are known, also of a dry run: they will refuse callers once they are enforced.
    pub(super) fn allow_policies(&self) -> impl Iterator<Item = &'a Json> {
        let policies = self.rendered(&kind::AUTHORIZATION_POLICY).map(|object| &object.body);
        policies.filter(|body| text(body, &["spec", "action"]) == Some("ALLOW"))
    }

    /// Whether an object of a kind is rendered, known or unknown.
    pub(super) fn renders(&self, kind: &'static Kind) -> bool {
        self.keys.iter().any(|key| key.kind == kind)
    }

    // === live objects ===

    /// The key of the Namespace.
    pub(super) fn namespace_key(&self) -> Key {
        Key { kind: &kind::NAMESPACE, namespace: None, name: self.context.namespace.to_owned() }
    }

    /// The live Namespace, or `None` if it doesn't exist.
    pub(super) fn live_namespace(&self) -> Known<Option<&'a Json>> {
        self.results.get(&self.namespace_key())
    }

    /// The live objects of a kind in the namespace of the service.
    pub(super) fn live_objects(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        self.results.list(kind, self.context.namespace)
    }

    /// The live Service, or `None` if it doesn't exist.
    pub(super) fn live_service(&self) -> Known<Option<&'a Json>> {
        Ok(self.live_objects(&kind::SERVICE)?.into_iter().find(|live| name(live) == self.context.name))
    }

    /// Whether another tool manages the Service and hasn't created it yet. Then it hasn't created the pods and the
    /// ServiceAccount either, and the missing Service is reported with the annotation that is set on it. A Service that gets no
    /// annotation isn't reported, so its missing pods are.
    pub(super) fn is_undeployed(&self) -> bool {
        self.context.service.management() == Ok(ServiceManagement::Existing)
            && self.renders(&kind::SERVICE)
            && matches!(self.live_service(), Ok(None))
    }

    /// The live pods of the service that are running or will run.
    pub(super) fn pods(&self) -> Known<Vec<&'a Json>> {
        let find = || {
            let selector = self.context.selector()?;
            let mut pods = self.live_objects(&kind::POD)?;
            pods.retain(|pod| is_pod_active(pod) && selector_matches_object(&selector, pod));
            Ok(pods)
        };
        self.pods.get_or_init(find).clone()
    }

    /// The labels of the pods of the service: those of the first live pod, or of the selector if there is no pod.
    pub(super) fn pod_labels(&self) -> Known<StringMap> {
        let mut all = self.context.selector()?;
        if let Some(pod) = self.pods().unwrap_or_default().first() {
            all.extend(labels(pod));
        }
        Ok(all)
    }

    /// Whether another selector selects pods of the service: by the labels that all of them have, or a live pod.
    pub(super) fn shares_pods_with(&self, other: &StringMap) -> Known<bool> {
        if selector_matches_labels(other, &self.context.selector()?) {
            return Ok(true);
        }
        Ok(self.pods().is_ok_and(|pods| pods.iter().any(|pod| selector_matches_object(other, pod))))
    }

    /// The live objects of a kind in the namespace that may be in conflict with those of this resource.
    pub(super) fn conflict_candidates(&self, kind: &'static Kind) -> Known<Vec<&'a Json>> {
        let mut live = self.live_objects(kind)?;
        live.retain(|live| self.may_conflict(kind, live));
        Ok(live)
    }

    /// Whether a live object may be in conflict with those of this resource: it is none of them, the apply doesn't delete
    /// it, and it has none of their keys. The engine reports the owner of an object that has.
    pub(super) fn may_conflict(&self, kind: &'static Kind, live: &Json) -> bool {
        let mut own_keys = self.keys.iter().copied().chain(&self.replaced_objects);
        annotation_value(live, annotation::RESOURCE) != Some(&self.resource)
            && !own_keys.any(|key| key.is_of(kind, live))
    }
}

fn id(context: &ServiceContext) -> String {
    format!("{}/{}", context.namespace, context.name)
}
