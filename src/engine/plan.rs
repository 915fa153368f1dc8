//! Checks at plan what apply would meet: an owner in the way, a schema, CEL or webhook error, a conflict. Diagnostics only:
//! nothing of the cluster reaches a planned value.

use futures_util::FutureExt;
use serde_json::{Value as Json, json};

use super::{
    drift::{self, intruders, owned_fields},
    ownership::{Ownership, anchor, classify, stamped},
    reader::UNREACHABLE,
    run_bounded::run_bounded,
    write::{mutated, pin_uid},
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

impl Writer<'_> {
    /// Checks each of `wanted`, the objects that this plan would write. Without a cluster there is nothing to check by, and
    /// one warning says so.
    pub async fn check_plan(&self, wanted: &[Object], out: &mut Diagnostics) {
        if self.reader.reported.contains(UNREACHABLE) {
            return;
        }
        if let Err(error) = self.reader.cluster.uid(&self.reader.deadline).await
            && error.is_cluster_unavailable()
        {
            return self.without_cluster(&error, out);
        }
        if self.reader.check_cluster_identity(out).await.is_err() {
            return;
        }
        let anchor = anchor(wanted.iter().map(|object| &object.key));
        // What the resource itself makes a Namespace for waits for that without a word.
        let comes = |object: &Object| {
            let namespace =
                |other: &Object| other.key.kind == &kind::NAMESPACE && other.scope == ManagementScope::Whole;
            wanted.iter().any(|other| namespace(other) && Some(&other.key.name) == object.key.namespace.as_ref())
        };
        let checks = wanted.iter().map(|object| self.check(object, anchor == Some(&object.key), comes(object)).boxed());
        for told in run_bounded(checks.collect()).await {
            out.extend(told);
        }
        self.check_displaced(out).await;
        self.released(out);
    }

    async fn check(&self, object: &Object, is_anchor: bool, namespace_comes: bool) -> Diagnostics {
        let mut out = Diagnostics::default();
        let live = match self.reader.cluster.get(&object.key, Freshness::Recent, &self.reader.deadline).await {
            Ok(live) => live,
            Err(error) => {
                self.unchecked(&error, ApiOperation::Read, object, &mut out);
                return out;
            }
        };
        if object.scope == ManagementScope::Fields {
            match live {
                Some(live) => self.check_lent(object, &live, &mut out).await,
                None => absent(object, &mut out),
            }
            return out;
        }
        let noted = self.reader.record.object(&object.key);
        let mut coming = noted.is_some_and(|noted| noted.moved);
        if let Some(live) = &live {
            match classify(live, self.identity, noted) {
                Ownership::Other(who) if self.identity.takeover.adopt_existing => {
                    coming = true;
                    adopted(live, object, &who, &mut out);
                }
                Ownership::Other(who) => {
                    in_the_way(object, &who, &mut out);
                    return out;
                }
                // What was never ours wasn't changed behind our back: the plan shows it as it is.
                Ownership::Ours | Ownership::OtherInstance if coming => {}
                Ownership::Ours | Ownership::OtherInstance => drifted(live, object, &mut out),
            }
        }
        if self.reader.reported.contains(&silent_webhook(object)) {
            return out;
        }
        match self.dry_run(object, live.as_deref(), is_anchor, coming).await {
            Ok(applied) => {
                let content =
                    |object: &Json| drift::content(object).map(|(k, v)| (k.clone(), v.clone())).collect::<Json>();
                let owned = owned_fields(&applied.object, Some(&object.body), &object.key);
                mutated(&content(&owned), &content(&object.body), &object.key, &mut out);
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
            Err(error) if namespace_comes && error.is_missing_prerequisite() && !error.is_kind_not_served() => {}
            Err(error) => self.unchecked(&error, ApiOperation::DryRun, object, &mut out),
        }
        out
    }

    /// Whether somebody else's object would lend us the fields.
    async fn check_lent(&self, object: &Object, live: &Json, out: &mut Diagnostics) {
        match classify(live, self.identity, None) {
            // It was ours as a whole, so nobody's fields are in our way.
            Ownership::Ours | Ownership::OtherInstance => return left(object, out),
            Ownership::Other(_) => {}
        }
        if let Some(who) = self.refuses(object, live, None) {
            return in_the_way(object, &who, out);
        }
        let mut body = object.body.clone();
        pin_uid(&mut body, live);
        let how = ApplyOptions { dry_run: true, force: self.force_conflicts };
        match self.reader.cluster.apply(&object.key, &body, how, &self.reader.deadline).await {
            // What goes between the reading and the asking isn't there: apply says so.
            Ok(_) => {}
            Err(error) if error.is_stale() && !error.is_field_conflict() => {}
            Err(error) => self.unchecked(&error, ApiOperation::DryRun, object, out),
        }
    }

    /// `coming`: it becomes ours by this apply, so nobody's fields are in our way then.
    async fn dry_run(
        &self,
        object: &Object,
        live: Option<&Json>,
        is_anchor: bool,
        coming: bool,
    ) -> Result<WriteResponse, Error> {
        let body = stamped(&object.body, self.identity, is_anchor);
        match live {
            // An apply would judge theirs and ours together; what will stand there in the end is ours alone.
            Some(live)
                if object.key.kind.field_ownership == FieldOwnership::Exclusive
                    && (drift::is_unmanaged(live) || drift::take(live, &body, &object.key).is_some()) =>
            {
                let content = drift::content(&body)
                    .map(|(name, value)| json!({ "op": "add", "path": format!("/{name}"), "value": value }));
                self.reader
                    .cluster
                    .patch(&object.key, &Json::Array(content.collect()), true, &self.reader.deadline)
                    .await
            }
            _ => {
                let how = ApplyOptions { dry_run: true, force: self.force_conflicts || coming };
                self.reader.cluster.apply(&object.key, &body, how, &self.reader.deadline).await
            }
        }
    }

    fn without_cluster(&self, error: &Error, out: &mut Diagnostics) {
        if self.reader.reported.insert(UNREACHABLE) {
            out.warn(
                &Path::root(),
                "Planned without the cluster",
                format!(
                    "{error}.\nThe planned objects are exact. Whether somebody else's object is in the way, and what the \
                     server's validation says, shows at apply."
                ),
            );
        }
    }

    /// A check that couldn't be made is no fault of the configuration, unless the server says so.
    fn unchecked(&self, error: &Error, doing: ApiOperation, object: &Object, out: &mut Diagnostics) {
        if doing == ApiOperation::DryRun && (error.is_missing_prerequisite() || error.is_webhook_unavailable()) {
            self.later(error, object, out);
        } else if error.is_cluster_unavailable() {
            self.without_cluster(error, out);
        } else if doing == ApiOperation::DryRun && error.is_forbidden() {
            if self.reader.reported.insert("dry run forbidden") {
                out.warn(
                    &Path::root(),
                    "Planned without the server's validation",
                    format!("{error}.\nThe dry run needs the right to patch. What the server's validation says shows at apply."),
                );
            }
        } else {
            report_error(error, doing, &object.key, Some(object), out);
        }
    }

    /// What apply waits for may be made by this very run.
    fn later(&self, error: &Error, object: &Object, out: &mut Diagnostics) {
        let kind = object.key.kind;
        let what = if error.is_kind_not_served() {
            format!("The cluster doesn't serve {} of {}", kind.plural, kind.api_version())
        } else {
            error.to_string()
        };
        if error.is_webhook_unavailable() {
            self.reader.reported.insert(&silent_webhook(object));
        }
        if self.reader.reported.insert(&what) {
            out.warn(
                &Path::root(),
                "Some checks wait until apply",
                format!("{what}.\nIf this run makes it (use depends_on), all is well: apply waits for it."),
            );
        }
    }
}

/// That a webhook for the kind doesn't answer: asking again for each object would only take time.
fn silent_webhook(object: &Object) -> String {
    format!("silent webhook for {}", object.key.kind.plural)
}

/// Somebody else's object, of which some fields would be ours, isn't there.
pub(super) fn absent(object: &Object, out: &mut Diagnostics) {
    out.warn(
        &Path::root(),
        format!("{} isn't there yet", object.key.kind.kind),
        format!(
            "{} belongs to somebody else, and only some of its fields are ours. They are set by the first apply that \
                 finds it; until then each plan shows them.",
            object.key
        ),
    );
}

/// What was ours as a whole is somebody else's from now on.
fn left(object: &Object, out: &mut Diagnostics) {
    out.warn(
        &Path::root(),
        format!("{} is left in place", object.key.kind.kind),
        format!(
            "{} isn't this resource's any more, but for the fields that the plan shows. Apply takes its name off it and \
             changes nothing else; whatever makes it from now on finds it as it is.",
            object.key
        ),
    );
}

/// An object of somebody else has the name.
pub(super) fn in_the_way(object: &Object, who: &str, out: &mut Diagnostics) {
    let (key, kind) = (&object.key, object.key.kind.kind);
    match object.scope {
        ManagementScope::Whole => out.error(
            &Path::root(),
            format!("{kind} exists already"),
            format!(
                "{key} is in the cluster, and {who}. It is left as it is. To take it over, import the resource or set \
                 adopt_existing = true; else delete it there, or give this resource another name."
            ),
        ),
        ManagementScope::Fields => out.error(
            &Path::root(),
            format!("{kind} is another resource's"),
            format!(
                "{key} is in the cluster, and {who}. That resource writes it as a whole, so this one can't have some of its \
                 fields. Say there what is meant, or give the object up there first."
            ),
        ),
    };
}

/// An object of somebody else has the name, and is taken over. The plan of a create shows what will be there; what is
/// there now is only said here.
fn adopted(live: &Json, object: &Object, who: &str, out: &mut Diagnostics) {
    let fields = drift::differences(&owned_fields(live, Some(&object.body), &object.key), &object.body);
    let changes = if fields.is_empty() { "nothing in it".to_owned() } else { fields.join(", ") };
    out.warn(
        &Path::root().attribute("adopt_existing"),
        format!("{} will be taken over", object.key.kind.kind),
        format!("{} is in the cluster, and {who}. Apply makes it this resource's, and changes {changes}.", object.key),
    );
}

/// Who changed what since our last apply. The plan shows the live values; apply takes them back.
fn drifted(live: &Json, object: &Object, out: &mut Diagnostics) {
    if drift::owned_fields(live, Some(&object.body), &object.key) == object.body {
        return;
    }
    for (manager, fields) in intruders(live, &object.body, &object.key) {
        out.warn(
            &Path::root(),
            format!("{} was changed by {manager}", object.key.kind.kind),
            format!("{}: {} set by {manager}. Apply takes this back.", object.key, fields.join(", ")),
        );
    }
}
