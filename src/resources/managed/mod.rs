//! [`Managed`]: a [`ResourceType`] as a Terraform resource. A configuration is decoded to arguments, which render objects. The
//! planned state is the configuration as it is written, with the computed attributes; the arguments are never encoded again.
//! Live objects only affect the attribute `objects`, and only in a refresh.
//!
//! | file | calls |
//! | --- | --- |
//! | [`desired`] | none: the decoded arguments and the rendered objects |
//! | [`plan`] | plans of create, update and delete |
//! | [`duplicates`] | checks of a plan against other resources of the run |
//! | [`plan_preflight`], [`live_checks`] | checks of a plan against the cluster |
//! | [`apply`] | create and update |
//! | [`delete`] | delete, and the first half of a replacement |
//! | [`read`] | refresh |
//! | [`import`], [`find_objects`], [`recorded_resource`] | import and `moved` |

mod apply;
mod delete;
mod desired;
mod duplicates;
mod find_objects;
mod import;
mod import_search;
mod live_checks;
mod plan;
mod plan_preflight;
mod read;
mod recorded_resource;

use std::{marker::PhantomData, time::Duration};

use async_trait::async_trait;

use self::desired::decode;
use super::{Context, ResourceType, common::CommonOutputs, state};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{OwnerIdentity, Reader, Record, Writer},
    kubernetes::Deadline,
    object::{Takeover, resource_name},
    plugin::interface::{Call, ImportId, MoveSource, Outcome, PlannedChange, Resource, ResourceState},
    schema::{Schema, Value, model::Model},
};

/// The time limit of checks that a plan makes in advance. The apply makes them again.
const PLAN_CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// The time limit of live checks.
const LIVE_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The implementation of the plugin's [`Resource`] for every [`ResourceType`].
pub struct Managed<R> {
    schema: Schema,
    identity: Schema,
    resource_type: PhantomData<fn() -> R>,
}

/// A [`ResourceType`] as a resource of the plugin.
pub fn managed<R: ResourceType>() -> Box<dyn Resource<Context>> {
    Box::new(Managed::<R> {
        schema: R::schema().clone().and(R::Outputs::schema()).and(CommonOutputs::schema()),
        identity: state::identity_schema(R::IDENTITY),
        resource_type: PhantomData,
    })
}

impl Context {
    pub(super) fn reader<'a>(&'a self, record: &'a Record, deadline: Deadline) -> Reader<'a> {
        Reader { cluster: &self.cluster, record, deadline, reported: &self.reported }
    }

    pub(super) fn writer<'a>(
        &'a self,
        identity: &'a OwnerIdentity,
        record: &'a Record,
        deadline: Deadline,
    ) -> Writer<'a> {
        Writer { reader: self.reader(record, deadline), identity, force_conflicts: self.force_conflicts }
    }
}

impl<R: ResourceType> Managed<R> {
    /// The name of a resource in the annotation of its objects, such as `mesh_service/pci/payments`.
    fn resource(id: &str) -> String {
        resource_name(R::NAME, id)
    }

    fn owner_identity(id: &str, owner: &str, record: &Record) -> OwnerIdentity {
        OwnerIdentity {
            owner: owner.to_owned(),
            former_owner: Some(record.owner.clone()).filter(|former| !former.is_empty() && former != owner),
            resource: Self::resource(id),
            instance: record.instance.clone(),
            arguments: String::new(),
            takeover: Takeover::default(),
            is_current: false,
        }
    }

    fn identity_of(id: &str) -> Value {
        let parts = R::IDENTITY.iter().zip(id.splitn(R::IDENTITY.len(), '/'));
        Value::Map(parts.map(|((name, _), part)| ((*name).to_owned(), Value::string(part))).collect())
    }
}

#[async_trait]
impl<R: ResourceType> Resource<Context> for Managed<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> Option<&Schema> {
        Some(&self.identity)
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        // Decoding the computed attributes reports those that are set.
        let _ = R::Outputs::decode(config, &Path::root(), out);
        let _ = CommonOutputs::decode(config, &Path::root(), out);
        decode::<R>(config, out).validate(out);
    }

    async fn plan(
        &self,
        call: Call<Context>,
        prior: Option<ResourceState>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported> {
        Self::plan_create_or_update(call, prior, config, out).await
    }

    async fn plan_delete(
        &self,
        call: Call<Context>,
        prior: ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Vec<u8>, Reported> {
        Self::plan_destroy(call, prior, out).await
    }

    async fn apply(
        &self,
        call: Call<Context>,
        prior: Option<ResourceState>,
        planned: ResourceState,
        _: Value,
    ) -> Outcome {
        let mut out = Diagnostics::default();
        let after = Self::create_or_update(call, prior.as_ref(), &planned, &mut out).await;
        Outcome { after: after.unwrap_or(prior), diagnostics: out }
    }

    async fn delete(&self, call: Call<Context>, prior: ResourceState, private: Vec<u8>) -> Outcome {
        let mut out = Diagnostics::default();
        let after = Self::destroy(call, &prior, &private, &mut out).await;
        Outcome { after: after.unwrap_or(Some(prior)), diagnostics: out }
    }

    async fn read(&self, call: Call<Context>, stored: ResourceState) -> Outcome {
        let mut out = Diagnostics::default();
        let after = match Self::refresh(call, &stored, &mut out).await {
            Ok(refreshed) => {
                refreshed.map(|(state, record)| ResourceState { state, private: record.encode(), ..stored })
            }
            Err(_) => Some(stored),
        };
        Outcome { after, diagnostics: out }
    }

    async fn import(
        &self,
        call: Call<Context>,
        id: ImportId,
        out: &mut Diagnostics,
    ) -> Result<ResourceState, Reported> {
        let id = Self::import_id(id, out)?;
        self.import_state(call, &id, out).await
    }

    fn move_state(&self, source: MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        self.moved_state(&source, out)
    }
}
