//! Errors of API requests and their classification.

use serde::Deserialize;

/// Why a request has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The provider block and the environment name neither a kubeconfig nor a host.
    #[error("no cluster is configured")]
    NotConfigured,
    /// An argument of the connection is invalid, or a file that it names is.
    #[error("{0}")]
    InvalidConnection(String),
    /// The TLS handshake failed, because one side rejected the other's certificate or because the server doesn't speak TLS.
    #[error("{0}")]
    Tls(String),
    /// The exec plugin printed no credentials.
    #[error("{0}")]
    ExecPlugin(String),
    /// Arguments of the connection come from resources that aren't applied yet.
    #[error("the provider's connection isn't known yet")]
    UnknownConnection,
    /// No response came.
    #[error("no answer from the API server: {0}")]
    Unreachable(String),
    /// The server answered with a status other than success.
    #[error("{}", .0.message)]
    Api(Box<Status>),
    /// The response isn't what the Kubernetes API specifies.
    #[error("the API server's answer can't be read: {0}")]
    MalformedResponse(String),
    /// Terraform called Stop.
    #[error("interrupted")]
    Stopped,
    /// The time that the resource's `timeouts` allow is over. Contains the last error.
    #[error("no success within the time allowed; last: {0}")]
    TimedOut(String),
}

/// The `Status` object of a response that isn't a success.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Reason in one word, for example `Conflict`, `NotFound` or `Invalid`.
    pub reason: String,
    /// Explanation for people.
    pub message: String,
    /// Explanation for programs.
    pub details: Details,
    /// Value of the `Retry-After` header in seconds.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// The `details` of a `Status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Resource type or kind of the object that the status is about.
    pub kind: String,
    /// Name of the object that the status is about.
    pub name: String,
    /// Every problem that the server found.
    pub causes: Vec<Cause>,
}

/// One problem that the server found in a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// Reason in one word, for example `FieldManagerConflict` or `FieldValueInvalid`.
    pub reason: String,
    /// Explanation for people. A conflict's is like `conflict with "kubectl-patch" using networking.istio.io/v1`.
    pub message: String,
    /// Path of the field, for example `spec.http[0].timeout`. Server-side apply prefixes a dot.
    pub field: String,
}

/// The beginning of the message with which server-side apply rejects fields that the kind's schema doesn't have.
const SCHEMA_ERROR_PREFIX: &str = "failed to create typed patch object";

impl Error {
    /// The error of a response whose status code isn't a success. `retry_after` is in seconds.
    pub fn from_response(code: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let mut status: Status = serde_json::from_slice(body).unwrap_or_default();
        if status.message.is_empty() {
            status.message = String::from_utf8_lossy(body).trim().chars().take(500).collect();
        }
        status.code = code;
        status.retry_after = retry_after;
        if status.message.starts_with(SCHEMA_ERROR_PREFIX) {
            // The server answers 500, which would be retried, though the object can never fit the schema.
            status.code = 422;
            status.details.causes = schema_errors(&status.message);
            "it doesn't fit the schema of its kind:".clone_into(&mut status.message);
        }
        Self::Api(Box::new(status))
    }

    /// The server's status, if it answered.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Api(status) => Some(status),
            _ => None,
        }
    }

    fn has_code(&self, code: u16) -> bool {
        self.status().is_some_and(|status| status.code == code)
    }

    /// Whether the server didn't accept the credentials (401).
    pub fn is_unauthorized(&self) -> bool {
        self.has_code(401)
    }

    /// Whether the object, its namespace or its kind doesn't exist (404).
    pub fn is_not_found(&self) -> bool {
        self.has_code(404)
    }

    /// Whether RBAC denied the request (403). Admission plugins answer 403, too, but don't word it like this.
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|s| s.code == 403 && s.message.contains(" cannot "))
    }

    /// Whether the write conflicted with another one (409): another manager has the field, or the object has changed since it
    /// was read.
    pub fn is_conflict(&self) -> bool {
        self.has_code(409)
    }

    /// Whether another field manager has set a field to another value (409 of a server-side apply without `force`).
    pub fn is_field_conflict(&self) -> bool {
        self.is_conflict()
            && self.status().is_some_and(|s| s.details.causes.iter().any(|c| c.reason == "FieldManagerConflict"))
    }

    /// Whether the object has changed since it was read: a conflict, or the 422 of a JSON patch whose `test` failed or whose
    /// `resourceVersion` is old.
    pub fn is_stale(&self) -> bool {
        self.is_conflict() || self.status().is_some_and(|s| s.code == 422 && s.details.causes.is_empty())
    }

    /// Whether a write failed because its namespace or kind doesn't exist, which the same run of Terraform may still create.
    pub fn is_missing_prerequisite(&self) -> bool {
        self.is_not_found()
    }

    /// Whether the server doesn't serve the kind (404), because its CRD isn't installed. The 404 of a missing object or
    /// namespace contains its name.
    pub fn is_kind_not_served(&self) -> bool {
        self.is_not_found() && self.status().is_some_and(|status| status.details.name.is_empty())
    }

    /// Whether no request can reach the cluster at the moment.
    pub fn is_cluster_unavailable(&self) -> bool {
        matches!(self, Self::UnknownConnection | Self::Unreachable(_) | Self::TimedOut(_))
    }

    /// Whether an admission webhook didn't answer. That is a temporary fault of the cluster and not of the object.
    pub fn is_webhook_unavailable(&self) -> bool {
        let message = match self {
            Self::Api(status) => &status.message,
            Self::TimedOut(last_error) => last_error,
            _ => return false,
        };
        message.contains("failed calling webhook")
    }
}

/// The problems in a message like `… Kind=DestinationRule): .spec.x: field not declared in schema`. Several of them follow
/// `errors:`, one on each line.
fn schema_errors(message: &str) -> Vec<Cause> {
    let problems = message.split_once("): ").map_or(message, |(_, problems)| problems);
    let problems = problems.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "errors:");
    let cause = |line: &str| {
        let (field, message) = line.split_once(": ").unwrap_or(("", line));
        Cause { reason: "FieldValueInvalid".to_owned(), message: message.to_owned(), field: field.to_owned() }
    };
    problems.map(cause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_error_is_the_fault_of_the_object() {
        let code_and_causes = |message: &str| {
            let body = serde_json::json!({ "code": 500, "message": message });
            let error = Error::from_response(500, body.to_string().as_bytes(), None);
            let status = error.status().expect("the server answered").clone();
            let causes = status.details.causes.into_iter().map(|cause| format!("{} | {}", cause.field, cause.message));
            (status.code, causes.collect::<Vec<_>>())
        };
        let one = "failed to create typed patch object (a/b; x/v1, Kind=Y): .spec.z: field not declared in schema";
        assert_eq!(code_and_causes(one), (422, vec![".spec.z | field not declared in schema".to_owned()]));
        let two = "failed to create typed patch object (a/b; x/v1, Kind=Y): errors:\n  .spec.z: one\n  .spec.w: two";
        assert_eq!(code_and_causes(two), (422, vec![".spec.z | one".to_owned(), ".spec.w | two".to_owned()]));
        assert_eq!(code_and_causes("etcdserver: request timed out"), (500, vec![]));
    }
}
