//! What the API server, or the way to it, answers in place of success; and what we tell the user of it. All of the wording
//! about the server is in this file.

use serde::Deserialize;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    object::{Key, Object},
};

/// Why a request has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Neither a kubeconfig nor a host is set.
    #[error("no cluster is configured")]
    NotConfigured,
    /// The connection's arguments can't be used.
    #[error("{0}")]
    Connection(String),
    /// The server's certificate, or ours, is refused.
    #[error("{0}")]
    Tls(String),
    /// The exec plugin gives no credentials.
    #[error("{0}")]
    Plugin(String),
    /// Connection arguments come at apply.
    #[error("the provider's connection isn't known yet")]
    Unknown,
    /// No answer came.
    #[error("no answer from the API server: {0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// The answer can't be read.
    #[error("the API server's answer can't be read: {0}")]
    Malformed(String),
    /// Stop was called.
    #[error("interrupted")]
    Stopped,
    /// The time that the resource's `timeouts` give is over.
    #[error("no success within the time allowed; last: {0}")]
    TimedOut(String),
}

/// The server's `Status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// `Conflict`, `NotFound`, `Invalid` …
    pub reason: String,
    /// For people.
    pub message: String,
    /// More, for programs.
    pub details: Details,
    /// Seconds of the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// What a `Status` is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Resource or kind.
    pub kind: String,
    /// Object.
    pub name: String,
    /// Each fault that was found.
    pub causes: Vec<Cause>,
}

/// One fault.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// `FieldManagerConflict`, `FieldValueInvalid` …
    pub reason: String,
    /// For people; of a conflict: `conflict with "kubectl-patch" using networking.istio.io/v1`.
    pub message: String,
    /// `spec.http[0].timeout`; server-side apply writes a leading dot.
    pub field: String,
}

impl Error {
    /// Reads a body that isn't a success.
    pub fn refused(code: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let mut status: Status = serde_json::from_slice(body).unwrap_or_default();
        if status.message.is_empty() {
            status.message = String::from_utf8_lossy(body).trim().chars().take(500).collect();
        }
        status.code = code;
        status.retry_after = retry_after;
        if status.message.starts_with(UNTYPED) {
            // The server says 500 of a body that doesn't fit the kind's schema, which no retry makes fit.
            status.code = 422;
            status.details.causes = untyped(&status.message);
            "it doesn't fit the schema of its kind:".clone_into(&mut status.message);
        }
        Self::Refused(Box::new(status))
    }

    /// The server's status, where it answered.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            _ => None,
        }
    }

    fn is(&self, code: u16) -> bool {
        self.status().is_some_and(|status| status.code == code)
    }

    /// 401: the server doesn't know us.
    pub fn unauthorized(&self) -> bool {
        self.is(401)
    }

    /// 404: no such object, namespace or kind.
    pub fn not_found(&self) -> bool {
        self.is(404)
    }

    /// 403 by RBAC, not by an admission plugin, whose message names itself.
    pub fn forbidden(&self) -> bool {
        self.status().is_some_and(|s| s.code == 403 && s.message.contains(" cannot "))
    }

    /// 409: somebody else has the field, or the object has changed meanwhile.
    pub fn conflict(&self) -> bool {
        self.is(409)
    }

    /// 409, since another manager has set a field to another value.
    pub fn field_conflict(&self) -> bool {
        self.conflict()
            && self.status().is_some_and(|s| s.details.causes.iter().any(|c| c.reason == "FieldManagerConflict"))
    }

    /// 422 of a JSON patch whose `test` didn't hold, or of a stale resourceVersion in it.
    pub fn stale(&self) -> bool {
        self.conflict() || self.status().is_some_and(|s| s.code == 422 && s.details.causes.is_empty())
    }

    /// A namespace or a kind that this very run may still make.
    pub fn may_come_yet(&self) -> bool {
        self.not_found()
    }

    /// 404 of a kind that isn't served: its CRD isn't there. Of a missing object or namespace the server says the name.
    pub fn kind_missing(&self) -> bool {
        self.not_found() && self.status().is_some_and(|status| status.details.name.is_empty())
    }

    /// The API server wasn't reached at all.
    pub fn no_cluster(&self) -> bool {
        matches!(self, Self::Unknown | Self::Unreachable(_) | Self::TimedOut(_))
    }

    /// An admission webhook that didn't answer: the fault is neither the user's nor lasting.
    pub fn webhook_unavailable(&self) -> bool {
        let said = match self {
            Self::Refused(status) => &status.message,
            Self::TimedOut(last) => last,
            _ => return false,
        };
        said.contains("failed calling webhook")
    }
}

/// How server-side apply begins to say that a field isn't in the schema.
const UNTYPED: &str = "failed to create typed patch object";

/// The faults in such a message: `… Kind=DestinationRule): .spec.x: field not declared in schema`, or one a line.
fn untyped(message: &str) -> Vec<Cause> {
    let faults = message.split_once("): ").map_or(message, |(_, faults)| faults).lines();
    let cause = |line: &str| {
        let (field, said) = line.trim().split_once(": ").unwrap_or(("", line.trim()));
        Cause { reason: "FieldValueInvalid".to_owned(), message: said.to_owned(), field: field.to_owned() }
    };
    faults.filter(|line| !line.trim().is_empty() && line.trim() != "errors:").map(cause).collect()
}

/// What we were about to do, for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// GET or LIST.
    Read,
    /// A dry run at plan.
    Check,
    /// Server-side apply.
    Apply,
    /// DELETE.
    Delete,
}

impl Doing {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Check => "accept",
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }
}

/// Tells `error` about `key`, on the argument to blame where `object` knows it.
pub fn explain(error: &Error, doing: Doing, key: &Key, object: Option<&Object>, out: &mut Diagnostics) -> Reported {
    let root = Path::root();
    let at = object.map_or(root.clone(), |object| blamed(error, object));
    let what = format!("{} {}", key.kind.kind, place(key));
    match error {
        Error::NotConfigured => out.error(
            &root,
            "No cluster is configured",
            "The provider \"mesh\" doesn't say which cluster to talk to. Set config_path (or KUBE_CONFIG_PATH), or host \
             with token or client_certificate and client_key (or KUBE_HOST, KUBE_TOKEN …). Nothing is guessed: neither \
             ~/.kube/config nor the cluster that this process runs in.",
        ),
        Error::Connection(why) => out.error(&root, "The cluster connection can't be used", why),
        Error::Tls(why) => out.error(&root, "There is no trust between us and the API server", why),
        Error::Plugin(why) => out.error(&root, "The exec plugin gives no credentials", why),
        Error::Unknown => out.error(
            &root,
            "The cluster connection isn't known yet",
            format!("Arguments of the provider \"mesh\" come from resources that aren't applied yet, and {what} has to be \
                     read. Apply those resources first (-target), or write known values."),
        ),
        Error::Unreachable(why) => out.error(
            &root,
            "The API server can't be reached",
            format!("No answer while trying to {} {what}: {why}. Check the connection arguments of the provider \"mesh\" \
                     and the network.", doing.verb()),
        ),
        Error::TimedOut(last) => out.error(
            &root,
            format!("Timed out on {what}"),
            format!("Kubernetes didn't {} it within the time that timeouts allow. Last answer: {last}.", doing.verb()),
        ),
        Error::Stopped => out.error(
            &root,
            "Interrupted",
            format!("{what} was not handled. What was written before is in the state; run apply again to go on."),
        ),
        Error::Malformed(why) => {
            out.error(&root, "The API server's answer can't be read", format!("{what}: {why}. Is this a Kubernetes API server?"))
        }
        Error::Refused(status) => refused(error, status, doing, key, &at, out),
    }
}

fn refused(error: &Error, status: &Status, doing: Doing, key: &Key, at: &Path, out: &mut Diagnostics) -> Reported {
    let what = format!("{} {}", key.kind.kind, place(key));
    if status.code == 401 {
        return out.error(
            &Path::root(),
            "The API server doesn't know us",
            "It answered 401 (Unauthorized), and again after credentials were read anew. Check token, exec, \
             client_certificate or the kubeconfig's user.",
        );
    }
    if error.forbidden() && status.message.contains("\"system:anonymous\"") {
        return out.error(
            &Path::root(),
            "The API server doesn't know us",
            "It takes us for an anonymous user, who may not do this. Set token, exec or client_certificate and client_key, \
             or a user in the kubeconfig.",
        );
    }
    if error.forbidden() {
        return out.error(
            &Path::root(),
            format!(
                "Not allowed to {} {}",
                if doing == Doing::Check { "apply" } else { doing.verb() },
                key.kind.plural
            ),
            format!("{}.\nThe guide \"RBAC\" lists the rights that the provider needs.", status.message),
        );
    }
    if error.field_conflict() {
        let fields: Vec<_> = status.details.causes.iter().map(|c| format!("  {}: {}", c.field, c.message)).collect();
        return out.error(
            at,
            format!("Somebody else has fields of {}", key.kind.kind),
            format!(
                "{what} has fields that another manager has set to another value:\n{}\nTake them out of that \
                     manager's configuration, or out of this one, or set force_conflicts = true in the provider block.",
                fields.join("\n")
            ),
        );
    }
    if error.not_found() {
        return if error.kind_missing() {
            out.error(
                &Path::root(),
                format!("The cluster doesn't serve {}", key.kind.plural),
                format!(
                    "{}.{} {} isn't there: are Istio's CRDs installed (Istio 1.27 or newer)?",
                    key.kind.plural, key.kind.group, key.kind.version
                ),
            )
        } else {
            out.error(
                at,
                format!("Can't {} {}", doing.verb(), key.kind.kind),
                format!("{what}: {}. Create the namespace first.", status.message),
            )
        };
    }
    let faults: Vec<_> = status.details.causes.iter().map(|c| format!("  {}: {}", c.field, c.message)).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("\n{}", faults.join("\n")) };
    out.error(
        at,
        format!("Kubernetes doesn't {} {}", doing.verb(), key.kind.kind),
        format!("{what}: {}{faults}", status.message),
    )
}

/// `pci/payments-pci`
fn place(key: &Key) -> String {
    key.namespace.as_ref().map_or_else(|| key.name.clone(), |namespace| format!("{namespace}/{}", key.name))
}

/// The argument behind the field that the server named first; longest prefix wins.
fn blamed(error: &Error, object: &Object) -> Path {
    let Some(status) = error.status() else { return Path::root() };
    let fields = status.details.causes.iter().map(|c| c.field.trim_start_matches('.'));
    let of = |field: &str| {
        let fits = object.origins.iter().filter(|(prefix, _)| field.starts_with(prefix.as_str()));
        fits.max_by_key(|(prefix, _)| prefix.len()).map(|(_, path)| path.clone())
    };
    fields.into_iter().find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_the_schema_is_no_fault_of_the_server() {
        let told = |message: &str| {
            let body = serde_json::json!({ "code": 500, "message": message });
            let error = Error::refused(500, body.to_string().as_bytes(), None);
            let status = error.status().expect("it was refused").clone();
            let causes = status.details.causes.into_iter().map(|cause| format!("{} | {}", cause.field, cause.message));
            (status.code, causes.collect::<Vec<_>>())
        };
        let one = "failed to create typed patch object (a/b; x/v1, Kind=Y): .spec.z: field not declared in schema";
        assert_eq!(told(one), (422, vec![".spec.z | field not declared in schema".to_owned()]));
        let two = "failed to create typed patch object (a/b; x/v1, Kind=Y): errors:\n  .spec.z: one\n  .spec.w: two";
        assert_eq!(told(two), (422, vec![".spec.z | one".to_owned(), ".spec.w | two".to_owned()]));
        assert_eq!(told("etcdserver: request timed out"), (500, vec![]));
    }
}
