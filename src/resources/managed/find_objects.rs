//! The search for the live objects of a resource by the annotation that names it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Managed;
use crate::{
    diagnostics::{Diagnostics, Reported},
    engine::{Record, record::RecordedObject},
    json_path::text,
    kubernetes::{
        Deadline, Error, Freshness,
        error_report::{ApiOperation, report_error},
    },
    mesh::{Mesh, stage},
    object::{FieldOwnership, Key, Kind, Stage, annotation, kind, label},
    resources::{Context, ResourceType},
};

impl<R: ResourceType> Managed<R> {
    /// The live objects whose annotation names the resource: in its namespace those of the kinds that it may render, and
    /// cluster-scoped ones by the names of `possible_objects`. Annotations of objects of other kinds aren't read: everyone who
    /// may write an object may write its annotations.
    /// Where none is found and a read was forbidden, that is an error, except for the kinds of `OTHER_KINDS`, which not every
    /// user needs.
    pub(super) async fn annotated_objects(
        context: &Context,
        mesh: &Mesh,
        id: &str,
        deadline: &Deadline,
        out: &mut Diagnostics,
    ) -> Result<Vec<(Key, Json)>, Reported> {
        let mut search = Search {
            context,
            deadline,
            resource: Self::resource(id),
            possible_objects: R::possible_objects(id, mesh),
            other_kinds: R::OTHER_KINDS,
            found: Vec::new(),
            forbidden: None,
        };
        search.get_cluster_scoped(out).await?;
        search.list_namespaced(mesh, out).await?;
        search.result(out)
    }
}

impl<R: ResourceType> Managed<R> {
    /// The objects that name the resource or its instance and are in no record, because the run that made them was killed. What
    /// can't be read is left out: the search only adds to what the record has.
    pub(super) async fn unrecorded_objects(
        context: &Context,
        mesh: &Mesh,
        record: &Record,
        deadline: &Deadline,
    ) -> BTreeMap<String, RecordedObject> {
        let possible = R::possible_objects(&record.id, mesh);
        let namespaces: BTreeSet<&str> = possible.iter().filter_map(|(key, _)| key.namespace.as_deref()).collect();
        let kinds = kind::MANAGED.iter().copied().filter(|kind| {
            kind.namespaced && (possible.iter().any(|(key, _)| key.kind == *kind) || R::OTHER_KINDS.contains(kind))
        });
        let collections = kinds.flat_map(|kind| namespaces.iter().map(move |namespace| (kind, *namespace)));
        let reader = context.reader(record, deadline.clone());
        let found = reader.search(collections.collect(), &Self::resource(&record.id)).await;
        let unrecorded = found.into_iter().filter(|(key, _)| record.object(key).is_none());
        let with_stage = |(key, uid): (Key, String)| {
            let stage = stage_of_kin(&key, &possible);
            (key.to_string(), RecordedObject { uid, ..RecordedObject::inherited(stage) })
        };
        unrecorded.map(with_stage).collect()
    }
}

/// The stage of an object whose name is none of the possible ones: that of the possible object with the same kind whose name it
/// begins with, else of any with its kind.
pub(super) fn stage_of_kin(key: &Key, possible: &[(Key, Stage)]) -> Stage {
    let kin = || possible.iter().filter(|(other, _)| other.kind == key.kind);
    let namesake = kin().find(|(other, _)| key.name.starts_with(&other.name));
    namesake.or_else(|| kin().next()).map_or(stage::OPENING, |(_, stage)| *stage)
}

struct Search<'a> {
    context: &'a Context,
    deadline: &'a Deadline,
    resource: String,
    possible_objects: Vec<(Key, Stage)>,
    other_kinds: &'static [&'static Kind],
    found: Vec<(Key, Json)>,
    /// The last read that was forbidden.
    forbidden: Option<(Error, Key)>,
}

impl Search<'_> {
    fn names_resource(&self, live: &Json) -> bool {
        text(live, &["metadata", "annotations", annotation::RESOURCE]) == Some(&self.resource)
    }

    fn is_possible_kind(&self, kind: &Kind) -> bool {
        self.possible_objects.iter().any(|(key, _)| key.kind == kind)
    }

    async fn get_cluster_scoped(&mut self, out: &mut Diagnostics) -> Result<(), Reported> {
        let keys = self.possible_objects.iter().map(|(key, _)| key.clone()).filter(|key| !key.kind.namespaced);
        for key in keys.collect::<Vec<_>>() {
            match self.context.cluster.get(&key, Freshness::Now, self.deadline).await {
                Ok(live) => {
                    let live = live.filter(|live| self.names_resource(live));
                    self.found.extend(live.map(|live| (key, Json::clone(&live))));
                }
                // Only users who write kinds of the API server itself, such as admission policies, need the right to read them.
                Err(error) if error.is_forbidden() && key.kind.field_ownership == FieldOwnership::Exclusive => {}
                Err(error) if error.is_forbidden() => self.forbidden = Some((error, key)),
                Err(error) => return Err(report_error(&error, ApiOperation::Read, &key, None, out)),
            }
        }
        Ok(())
    }

    async fn list_namespaced(&mut self, mesh: &Mesh, out: &mut Diagnostics) -> Result<(), Reported> {
        let namespace = self.possible_objects.iter().find_map(|(key, _)| key.namespace.clone());
        let namespace = namespace.unwrap_or_else(|| mesh.root_namespace.clone());
        let label = format!("{}=true", label::MANAGED);
        for kind in kind::MANAGED.iter().copied().filter(|kind| kind.namespaced) {
            let is_possible = self.is_possible_kind(kind);
            if !is_possible && !self.other_kinds.contains(&kind) {
                continue;
            }
            let key = |name: &str| Key::new(kind, &namespace, name);
            match self.context.cluster.list(kind, &namespace, &label, self.deadline).await {
                Ok(live) => {
                    let own = live.into_iter().filter(|live| self.names_resource(live));
                    let own = own.filter_map(|live| Some((key(text(&live, &["metadata", "name"])?), live)));
                    let own: Vec<_> = own.collect();
                    self.found.extend(own);
                }
                Err(error) if error.is_forbidden() && !is_possible => {}
                Err(error) if error.is_forbidden() => self.forbidden = Some((error, key(""))),
                Err(error) => return Err(report_error(&error, ApiOperation::Read, &key(""), None, out)),
            }
        }
        Ok(())
    }

    fn result(self, out: &mut Diagnostics) -> Result<Vec<(Key, Json)>, Reported> {
        match self.forbidden {
            Some((error, key)) if self.found.is_empty() => {
                report_error(&error, ApiOperation::Read, &key, None, out);
                out.no_errors().map(|()| self.found)
            }
            _ => Ok(self.found),
        }
    }
}
