//! The parts that the objects of one external service share.

use std::collections::BTreeSet;

use super::{ExternalService, Host};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{Mesh, manifest::Metadata},
    object::{Key, Kind},
    schema::Attr,
};

/// An external service with the name and namespace of its objects.
#[derive(Clone, Debug)]
pub(super) struct ObjectContext<'a> {
    /// The arguments.
    pub(super) external: &'a ExternalService,
    /// The name of the ServiceEntry, such as `api-example-com`.
    pub(super) name: String,
    /// The namespace of all objects.
    pub(super) namespace: &'a str,
    /// The mesh.
    pub(super) mesh: &'a Mesh,
}

/// One host and the name of its own objects.
#[derive(Clone, Debug)]
pub(super) struct NamedHost {
    /// The name, which may be known although the host is not.
    pub(super) name: String,
    /// The host.
    pub(super) host: Known<Host>,
}

impl<'a> ObjectContext<'a> {
    /// Gives the objects of `external` their name and namespace.
    pub(super) fn new(external: &'a ExternalService, mesh: &'a Mesh) -> Known<Self> {
        Ok(Self { external, name: external.object_name()?, namespace: external.namespace(mesh)?, mesh })
    }

    /// The key of an object.
    pub(super) fn key(&self, kind: &'static Kind, name: &str) -> Key {
        Key::new(kind, self.namespace, name)
    }

    /// The hosts. Each has objects of its own: a route names its destination, and a TLS policy the name in the certificate.
    pub(super) fn named_hosts(&self) -> Known<Vec<NamedHost>> {
        let Some(hosts) = self.external.hosts.elements()? else {
            return Ok(vec![NamedHost { name: self.name.clone(), host: self.external.single_host() }]);
        };
        let named =
            |host: &Host| NamedHost { name: format!("{}-{}", self.name, host.object_name()), host: Ok(host.clone()) };
        Ok(hosts.iter().map(named).collect())
    }

    /// The labels and annotations of every object.
    pub(super) fn metadata(&self) -> Known<Metadata> {
        let (labels, annotations) = (&self.external.labels, &self.external.annotations);
        Ok(Metadata::from_mesh(self.mesh).merged_with(&labels.elements_or_empty()?, &annotations.elements_or_empty()?))
    }

    /// The namespaces that see the objects.
    pub(super) fn export_to(&self) -> Known<BTreeSet<String>> {
        self.external.export_to.required_elements().cloned()
    }

    /// The arguments of the fields that all objects share and of the `own` fields of one, as pairs of a field and an argument.
    pub(super) fn origins(&self, own: &[(&str, &str)]) -> Vec<(String, Path)> {
        let shared = [
            ("metadata.name", if self.external.name == Attr::Null { "host" } else { "name" }),
            ("metadata.namespace", "namespace"),
            ("metadata.labels", "labels"),
            ("metadata.annotations", "annotations"),
            ("spec.exportTo", "export_to"),
        ];
        let at = |(field, argument): &(&str, &str)| ((*field).to_owned(), Path::root().attribute(argument));
        shared.iter().chain(own).map(at).collect()
    }
}
