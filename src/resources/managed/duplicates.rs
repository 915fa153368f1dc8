//! Checks of a plan that two resources of one run don't have the same id or the same objects.

use tokio_util::sync::CancellationToken;

use super::{Managed, PLAN_CHECK_TIMEOUT, desired::Desired};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    kubernetes::Deadline,
    mesh::gateway_matches::{GatewayMatch, gateway_matches},
    object::{ManagementScope, Object, kind},
    resources::{Context, ResourceType},
};

impl<R: ResourceType> Managed<R> {
    /// Refuses a second resource with the id. `instance` is empty for a resource that is created.
    pub(super) async fn check_declared_once(
        context: &Context,
        id: &str,
        instance: &str,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        if id.is_empty() {
            return Ok(());
        }
        if !context.run.add_planned_resource(&Self::resource(id), instance) {
            return Err(out.error(
                &Path::root(),
                format!("{} {id} is declared twice", R::NAME),
                "Two resources of this configuration mean the same objects, and would undo each other's work. Remove one of \
                 them, or give it another name.",
            ));
        }
        Self::check_address_unchanged(context, id, stop, out).await
    }

    /// Refuses objects that another resource of the run renders as well: each apply would overwrite the other's fields.
    pub(super) fn check_unique_objects(
        context: &Context,
        id: &str,
        desired: &Desired<'_, R>,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        for object in desired.objects().filter(|object| !id.is_empty() && object.scope == ManagementScope::Whole) {
            if let Some(other) = context.run.register_object(&object.key, &Self::resource(id)) {
                let name_origin = object.origins.iter().rfind(|(field, _)| field == "metadata.name");
                out.error(
                    &name_origin.map_or_else(Path::root, |(_, at)| at.clone()),
                    format!("{} is made twice", object.key.kind.kind),
                    format!(
                        "{} is {other}'s as well, and each would undo the other's work. Give one of them another name.",
                        object.key
                    ),
                );
            }
        }
        out.no_errors()
    }

    /// Refuses routes of gateways that another resource of the run has as well: which of them are tried first would depend on the ages
    /// of the objects.
    pub(super) fn check_distinct_gateway_matches(
        context: &Context,
        id: &str,
        desired: &Desired<'_, R>,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        let objects = desired.objects().filter(|object| object.key.kind == &kind::VIRTUAL_SERVICE);
        let matches: Vec<GatewayMatch> = objects.flat_map(|object| gateway_matches(&object.body)).collect();
        if id.is_empty() {
            return Ok(());
        }
        let Some((own, their, other)) = context.run.register_gateway_matches(&Self::resource(id), matches) else {
            return Ok(());
        };
        let routed_by = |object: &&Object| gateway_matches(&object.body).contains(&own);
        let object = desired.objects().find(routed_by);
        let hosts = object.and_then(|object| object.origins.iter().rfind(|(field, _)| field == "spec.hosts"));
        Err(out.error(
            &hosts.map_or_else(Path::root, |(_, at)| at.clone()),
            "Two services at a gateway overlap",
            format!(
                "{other} routes {their}, and this resource routes {own}. Istio sends requests that match both to the older \
                 VirtualService, so the result would depend on their ages. Write hosts or paths that don't overlap. One \
                 service per host may omit paths: it gets the requests that no path of the other services matches."
            ),
        ))
    }

    /// Refuses a run that deletes the resource at one address and creates it at another: the order of the two is undefined, and
    /// the objects may be gone in the end. The deposed object of `create_before_destroy` looks the same to the provider, but
    /// there a newer instance of the resource exists: this run has applied it, its state is planned, or objects name it.
    pub(super) async fn check_address_unchanged(
        context: &Context,
        id: &str,
        stop: &CancellationToken,
        out: &mut Diagnostics,
    ) -> Result<(), Reported> {
        let resource = Self::resource(id);
        let (Some(record), Ok(owner)) = (context.run.planned_deletion(&resource), &context.owner) else {
            return Ok(());
        };
        let planned = context.run.planned_instance(&resource).unwrap_or_default();
        if context.run.applied_fields(&resource).is_some() || !planned.is_empty() && planned != record.instance {
            return Ok(());
        }
        let identity = Self::owner_identity(id, owner, &record);
        let deadline = Deadline::within(PLAN_CHECK_TIMEOUT, stop.clone());
        if context.reader(&record, deadline).has_newer_instance(&identity).await {
            return Ok(());
        }
        Err(out.error(
            &Path::root(),
            format!("{} {id} changes its address", R::NAME),
            "This run would delete it at one address and create it at another, and between the two its objects would be gone. \
             Tell Terraform that it is the same resource:\n\n  moved {\n    from = <old address>\n    to   = <new address>\n  }",
        ))
    }
}
