//! What the API server, or the way to it, answers in place of success; and what we tell the user of it. All of the wording
//! about the server is in this file.

use serde::Deserialize;

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
    pub fn is_unauthorized(&self) -> bool {
        self.is(401)
    }

    /// 404: no such object, namespace or kind.
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// 403 by RBAC, not by an admission plugin, whose message names itself.
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|s| s.code == 403 && s.message.contains(" cannot "))
    }

    /// 409: somebody else has the field, or the object has changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.is(409)
    }

    /// 409, since another manager has set a field to another value.
    pub fn is_field_conflict(&self) -> bool {
        self.is_conflict()
            && self.status().is_some_and(|s| s.details.causes.iter().any(|c| c.reason == "FieldManagerConflict"))
    }

    /// 422 of a JSON patch whose `test` didn't hold, or of a stale resourceVersion in it.
    pub fn is_stale(&self) -> bool {
        self.is_conflict() || self.status().is_some_and(|s| s.code == 422 && s.details.causes.is_empty())
    }

    /// A namespace or a kind that this very run may still make.
    pub fn is_missing_prerequisite(&self) -> bool {
        self.is_not_found()
    }

    /// 404 of a kind that isn't served: its CRD isn't there. Of a missing object or namespace the server says the name.
    pub fn is_kind_not_served(&self) -> bool {
        self.is_not_found() && self.status().is_some_and(|status| status.details.name.is_empty())
    }

    /// The API server wasn't reached at all.
    pub fn is_cluster_unavailable(&self) -> bool {
        matches!(self, Self::Unknown | Self::Unreachable(_) | Self::TimedOut(_))
    }

    /// An admission webhook that didn't answer: the fault is neither the user's nor lasting.
    pub fn is_webhook_unavailable(&self) -> bool {
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
