//! Checks at plan time what an apply would meet: objects of other owners, errors of schema, CEL or webhooks, and conflicts
//! between field managers. They only produce diagnostics: no value of the cluster becomes a planned value.

use futures_util::FutureExt;
use serde_json::{Value as Json, json};

use super::{
    drift::{content, exclusive_ownership_patch, has_no_managers, owned_fields},
    messages::{report_conflict, warn_absent, warn_adoption, warn_drift, warn_if_mutated, warn_release},
    ownership::{Ownership, classify, conflicting_owner},
    ownership_metadata::{Marks, arguments_object, with_ownership_metadata},
    preconditions::require_uid,
    reader::UNREACHABLE,
    run_bounded::run_bounded,
    writer::Writer,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    kubernetes::{
        ApplyOptions, Error, Freshness, WriteResponse,
        error_report::{ApiOperation, report_error},
    },
    object::{FieldOwnership, ManagementScope, Object, kind},
};

/// How an object would be written.
#[derive(Clone, Copy)]
struct DryRun {
    /// Whether the object carries the arguments of its resource.
    carries_arguments: bool,
    /// Whether the apply makes the object the resource's, so that other managers lose its fields.
    takes_over: bool,
}

impl Writer<'_> {
    /// Checks the objects that a plan would write. If the cluster can't be reached, one warning per run says so.
    pub async fn check_plan(&self, desired: &[Object], out: &mut Diagnostics) {
        if self.reader.reported.contains(UNREACHABLE) || self.reader.is_known_unanswered() {
            return;
        }
        if let Err(error) = self.reader.cluster.uid(&self.reader.deadline).await
            && error.is_cluster_unavailable()
        {
            return self.warn_unreachable(&error, out);
        }
        if self.reader.check_cluster_identity(out).await.is_err() {
            return;
        }
        let arguments_object = arguments_object(desired.iter().map(|object| &object.key));
        let creates_namespace_of = |object: &Object| {
            desired.iter().any(|other| {
                other.key.kind == &kind::NAMESPACE
                    && other.scope == ManagementScope::Whole
                    && Some(&other.key.name) == object.key.namespace.as_ref()
            })
        };
        let checks = desired.iter().map(|object| {
            let carries_arguments = arguments_object == Some(&object.key);
            self.check_object(object, carries_arguments, creates_namespace_of(object)).boxed()
        });
        for diagnostics in run_bounded(checks.collect()).await {
            out.extend(diagnostics);
        }
        self.check_replaced_objects(out).await;
        self.check_unmanaged_kinds(out);
    }

    /// Checks one object. `namespace_is_planned`: the resource itself creates the object's namespace, so its absence is no
    /// finding.
    async fn check_object(&self, object: &Object, carries_arguments: bool, namespace_is_planned: bool) -> Diagnostics {
        let mut out = Diagnostics::default();
        let live = match self.reader.cluster.get(&object.key, Freshness::Recent, &self.reader.deadline).await {
            Ok(live) => live,
            Err(error) => {
                self.report_failed_check(&error, ApiOperation::Read, object, &mut out);
                return out;
            }
        };
        if object.scope == ManagementScope::Fields {
            match live {
                Some(live) => self.check_fields(object, &live, &mut out).await,
                None => warn_absent(object, &mut out),
            }
            return out;
        }
        let recorded = self.reader.record.object(&object.key);
        let mut takes_over = recorded.is_some_and(|recorded| recorded.moved);
        if let Some(live) = &live {
            match classify(live, self.identity, recorded) {
                // The object wasn't the resource's, so its differences are no drift. The plan shows them.
                Ownership::Ours | Ownership::OtherInstance if takes_over => {}
                Ownership::Ours | Ownership::OtherInstance => warn_drift(live, object, &mut out),
                other if other.is_adoptable(&self.identity.takeover) => {
                    takes_over = true;
                    warn_adoption(live, object, &other, &mut out);
                }
                other => {
                    report_conflict(object, &other, self.identity, &mut out);
                    return out;
                }
            }
        }
        if self.reader.reported.contains(&webhook_unavailable(object)) {
            return out;
        }
        match self.dry_run(object, live.as_deref(), DryRun { carries_arguments, takes_over }).await {
            Ok(applied) => self.report_dry_run(object, applied, &mut out),
            // Apply creates the object again, but a dry run can only change it in place.
            Err(error) if error.is_immutable_field() && is_recreated(object, live.as_deref()) => {}
            Err(error) if namespace_is_planned && error.is_missing_prerequisite() && !error.is_kind_not_served() => {}
            Err(error) => self.report_failed_check(&error, ApiOperation::DryRun, object, &mut out),
        }
        out
    }

    /// Checks whether the fields could be set in the object of another tool.
    async fn check_fields(&self, object: &Object, live: &Json, out: &mut Diagnostics) {
        match classify(live, self.identity, None) {
            // The resource managed the whole object, so no other manager has its fields.
            Ownership::Ours | Ownership::OtherInstance => {
                return warn_release(&object.key, Some(ManagementScope::Fields), out);
            }
            Ownership::OtherTool(_) | Ownership::OtherResource { .. } => {}
        }
        if let Some(owner) = conflicting_owner(object, live, self.identity, None) {
            return report_conflict(object, &owner, self.identity, out);
        }
        let mut body = object.body.clone();
        require_uid(&mut body, live);
        let how = ApplyOptions { dry_run: true, force: self.force_conflicts };
        match self.reader.cluster.apply(&object.key, &body, how, &self.reader.deadline).await {
            Ok(_) => {}
            // The object was deleted after it was read. Apply reports that.
            Err(error) if error.is_stale() && !error.is_field_conflict() => {}
            Err(error) => self.report_failed_check(&error, ApiOperation::DryRun, object, out),
        }
    }

    async fn dry_run(&self, object: &Object, live: Option<&Json>, dry_run: DryRun) -> Result<WriteResponse, Error> {
        let (cluster, deadline) = (self.reader.cluster, &self.reader.deadline);
        let marks = Marks { carries_arguments: dry_run.carries_arguments, ..Marks::default() };
        let body = with_ownership_metadata(&object.body, self.identity, marks);
        match live {
            // A dry run can't take the ownership first, so an apply would validate the fields of other managers merged with
            // the desired ones. The patch replaces the content, as the apply will in the end.
            Some(live)
                if object.key.kind.field_ownership == FieldOwnership::Exclusive
                    && (has_no_managers(live) || exclusive_ownership_patch(live, &body, &object.key).is_some()) =>
            {
                let operations = content(&body)
                    .map(|(name, value)| json!({ "op": "add", "path": format!("/{name}"), "value": value }));
                cluster.patch(&object.key, &Json::Array(operations.collect()), true, deadline).await
            }
            _ => {
                let how = ApplyOptions { dry_run: true, force: self.force_conflicts || dry_run.takes_over };
                cluster.apply(&object.key, &body, how, deadline).await
            }
        }
    }

    /// Reports what the server would change in the object, and its warnings.
    fn report_dry_run(&self, object: &Object, applied: WriteResponse, out: &mut Diagnostics) {
        let content = |body: &Json| content(body).map(|(name, value)| (name.clone(), value.clone())).collect::<Json>();
        let owned = owned_fields(&applied.object, Some(&object.body), &object.key);
        warn_if_mutated(&content(&owned), &content(&object.body), &object.key, out);
        for warning in applied.warnings {
            if self.reader.reported.insert(&format!("{} {warning}", object.key)) {
                out.warn(
                    &Path::root(),
                    format!("Kubernetes warns of {}", object.key.kind.kind),
                    format!("{}: {warning}", object.key),
                );
            }
        }
    }

    fn warn_unreachable(&self, error: &Error, out: &mut Diagnostics) {
        if self.reader.reported.insert(UNREACHABLE) && !matches!(error, Error::Offline) {
            out.warn(
                &Path::root(),
                "Planned without a cluster",
                format!(
                    "{error}.\nThe planned objects are exact. Apply will show whether the API server accepts them, and whether an object of another owner has the same name."
                ),
            );
        }
    }

    /// Reports a failed check. It is an error only if the server refuses the object; a check that couldn't be made is a
    /// warning, once per run.
    fn report_failed_check(&self, error: &Error, operation: ApiOperation, object: &Object, out: &mut Diagnostics) {
        if operation == ApiOperation::DryRun && (error.is_missing_prerequisite() || error.is_webhook_unavailable()) {
            self.warn_deferred_check(error, object, out);
        } else if error.is_cluster_unavailable() {
            self.warn_unreachable(error, out);
        } else if operation == ApiOperation::DryRun && error.is_forbidden() {
            if self.reader.reported.insert("dry run forbidden") {
                out.warn(
                    &Path::root(),
                    "Planned without the server's validation",
                    format!(
                        "{error}.\nThe dry run needs the right to patch. The API server validates the objects at apply."
                    ),
                );
            }
        } else {
            report_error(error, operation, &object.key, Some(object), out);
        }
    }

    /// Warns that a check needs a namespace, CRD or webhook that the same run may create.
    fn warn_deferred_check(&self, error: &Error, object: &Object, out: &mut Diagnostics) {
        let kind = object.key.kind;
        let cause = if error.is_kind_not_served() {
            format!("The cluster doesn't serve {} of {}", kind.plural, kind.api_version())
        } else {
            error.to_string()
        };
        if error.is_webhook_unavailable() {
            self.reader.reported.insert(&webhook_unavailable(object));
        }
        if self.reader.reported.insert(&cause) {
            out.warn(
                &Path::root(),
                "Some checks wait until apply",
                format!("{cause}.\nIf this run creates it, name it in depends_on: apply waits for it."),
            );
        }
    }
}

/// Whether apply deletes the live object and creates it again.
fn is_recreated(object: &Object, live: Option<&Json>) -> bool {
    live.is_some_and(|live| object.is_recreated(&owned_fields(live, Some(&object.body), &object.key)))
}

/// Marks in [`super::ReportedMessages`] that the webhook for a kind doesn't answer. Another dry run of the kind would only
/// wait for its timeout again.
fn webhook_unavailable(object: &Object) -> String {
    format!("webhook unavailable for {}", object.key.kind.plural)
}
