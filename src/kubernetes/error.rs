//! Errors of API requests and their classification.

use serde::Deserialize;

use crate::diagnostics::single_line;

/// Why a request has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The provider block and the environment name neither a kubeconfig nor a host.
    #[error("no cluster is configured")]
    NotConfigured,
    /// The provider block leaves the cluster out.
    #[error("the provider block says offline = true")]
    Offline,
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
    /// The server refuses connections, or its name can't be resolved.
    #[error("no answer from the API server: {0}")]
    NotConnected(String),
    /// No response came.
    #[error("no answer from the API server: {0}")]
    Unreachable(String),
    /// The server answered with a status other than success.
    #[error("{}", .0.message)]
    Api(Box<Status>),
    /// The response isn't what the Kubernetes API specifies.
    #[error("the API server's answer can't be read: {0}")]
    MalformedResponse(String),
    /// The response is larger than what the provider reads into memory.
    #[error("the answer to {request} is larger than {} MiB", .limit >> 20)]
    ResponseTooLarge {
        /// Method, path and query of the request.
        request: String,
        /// The limit in bytes.
        limit: usize,
    },
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
    /// API group of the object that the status is about.
    pub group: String,
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

/// The beginning of the message of a webhook that didn't answer. The message of a webhook that refused the object begins with
/// its name.
const WEBHOOK_UNAVAILABLE_PREFIX: &str = "Internal error occurred: failed calling webhook";

impl Status {
    /// Whether an authorizer denied the request. The API server words that as `services "x" is forbidden: User "y" cannot …`,
    /// with the same resource and name in `details`, and for a URL without a resource as `forbidden: User "y" cannot …`.
    /// Admission may use the same words, but the message of a webhook begins otherwise, and a policy is named in place of the
    /// user.
    fn is_authorization_denial(&self) -> bool {
        let Some((subject, _)) = self.message.split_once("forbidden: User \"") else { return false };
        if subject.is_empty() {
            return true;
        }
        let Some(subject) = subject.strip_suffix(" is ") else { return false };
        let (resource, name) = subject.split_once(' ').unwrap_or((subject, ""));
        let Details { group, kind, name: detailed_name, .. } = &self.details;
        let detailed = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
        // Proxies in front of the API server may leave the details out.
        let is_resource = if kind.is_empty() {
            resource.chars().all(|c| c.is_ascii_alphanumeric() || "-./".contains(c))
        } else {
            resource == detailed
        };
        let is_name = name.is_empty() || name.len() > 1 && name.starts_with('"') && name.ends_with('"');
        is_resource && is_name && (detailed_name.is_empty() || name.trim_matches('"') == detailed_name)
    }

    /// Replaces each text that the server wrote by what `replace` makes of it.
    fn replace_texts(&mut self, replace: &impl Fn(&str) -> String) {
        let Self { reason, message, details: Details { group, kind, name, causes }, code: _, retry_after: _ } = self;
        let of_causes = causes.iter_mut().flat_map(|Cause { reason, message, field }| [reason, message, field]);
        for text in [reason, message, group, kind, name].into_iter().chain(of_causes) {
            *text = replace(text);
        }
    }

    /// Whether an admission webhook or an admission policy of the API server refused the object.
    fn is_admission_denial(&self) -> bool {
        let by_webhook =
            self.message.starts_with("admission webhook \"") && self.message.contains("denied the request");
        let by_policy = self.message.split_once(" is forbidden: ").is_some_and(|(_, reason)| {
            reason.starts_with("ValidatingAdmissionPolicy '") && reason.contains("denied request")
        });
        by_webhook || by_policy
    }
}

impl Error {
    /// The error of a response whose status code isn't a success. `retry_after` is in seconds. `redact` removes credentials from
    /// a text of the server.
    pub fn from_response(code: u16, body: &[u8], retry_after: Option<u64>, redact: impl Fn(&str) -> String) -> Self {
        let mut status: Status = serde_json::from_slice(body).unwrap_or_default();
        status.replace_texts(&redact);
        if status.message.is_empty() {
            // Credentials go first: half of one at the end wouldn't be recognized.
            status.message = redact(&String::from_utf8_lossy(body)).trim().chars().take(500).collect();
        }
        status.code = code;
        status.retry_after = retry_after;
        if status.is_admission_denial() && !matches!(code, 400 | 413 | 422) {
            // A policy or webhook may choose any code, such as 401, 404 or 503, which don't mean here what they usually do.
            status.code = 403;
        }
        if status.message.starts_with(SCHEMA_ERROR_PREFIX) {
            // The server answers 500, which would be retried, though the object can never fit the schema.
            status.code = 422;
            status.details.causes = schema_errors(&status.message);
            "it doesn't fit the schema of its kind:".clone_into(&mut status.message);
        }
        // Webhooks and policies write these texts. A line break among them could pass for an error of its own in a log.
        status.message = single_line(&status.message);
        for cause in &mut status.details.causes {
            cause.message = single_line(&cause.message);
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

    /// Whether the continue token of a LIST has expired (410).
    pub fn is_expired(&self) -> bool {
        self.has_code(410)
    }

    /// Whether RBAC, or another authorizer, denied the request (403). What admission refuses isn't forbidden in this sense.
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|status| status.code == 403 && status.is_authorization_denial())
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

    /// Whether a write may have been carried out although its answer is missing.
    pub fn has_unknown_outcome(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Stopped | Self::TimedOut(_))
    }

    /// Whether the server refused to change a field that only a new object can have otherwise. Most validations word that as
    /// `field is immutable`, and that of RoleBindings as `cannot change roleRef`.
    pub fn is_immutable_field(&self) -> bool {
        self.status().is_some_and(|status| {
            status.code == 422 && (status.message.contains("is immutable") || status.message.contains("cannot change"))
        })
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
        matches!(
            self,
            Self::Offline | Self::UnknownConnection | Self::NotConnected(_) | Self::Unreachable(_) | Self::TimedOut(_)
        )
    }

    /// Whether an admission webhook didn't answer. That is a temporary fault of the cluster and not of the object.
    pub fn is_webhook_unavailable(&self) -> bool {
        let message = match self {
            Self::Api(status) => &status.message,
            Self::TimedOut(last_error) => last_error,
            _ => return false,
        };
        message.starts_with(WEBHOOK_UNAVAILABLE_PREFIX)
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
    fn texts_of_the_server_are_single_lines() {
        let causes = serde_json::json!([{ "reason": "x", "message": "a\nError: b", "field": "spec" }]);
        let body = serde_json::json!({ "message": "refused\nError: c", "details": { "causes": causes } });
        let error = Error::from_response(422, body.to_string().as_bytes(), None, str::to_owned);
        let status = error.status().unwrap();
        assert_eq!(status.message, "refused Error: c");
        assert_eq!(status.details.causes[0].message, "a Error: b");
    }

    #[test]
    fn rbac_denials_are_recognized_by_their_form() {
        let is_forbidden = |message: &str, details: &serde_json::Value| {
            let body = serde_json::json!({ "message": message, "details": details });
            Error::from_response(403, body.to_string().as_bytes(), None, str::to_owned).is_forbidden()
        };
        let none = serde_json::json!({});
        let named = serde_json::json!({ "group": "apps", "kind": "deployments", "name": "a" });
        assert!(is_forbidden(r#"deployments.apps "a" is forbidden: User "x" cannot patch resource: no RBAC"#, &named));
        assert!(is_forbidden(r#"services is forbidden: User "x" cannot list resource"#, &none));
        assert!(is_forbidden(r#"forbidden: User "x" cannot get path "/apis""#, &none));
        assert!(!is_forbidden(r#"roles.x "a" is forbidden: user "x" is attempting to grant RBAC permissions"#, &none));
        assert!(!is_forbidden(r#"admission webhook "w" denied the request: a is forbidden: User "x" cannot"#, &none));
        assert!(!is_forbidden(r#"deployments.apps "b" is forbidden: User "x" cannot patch resource"#, &named));
        assert!(!is_forbidden("the service account cannot do this", &none));
    }

    #[test]
    fn schema_error_is_the_fault_of_the_object() {
        let code_and_causes = |message: &str| {
            let body = serde_json::json!({ "code": 500, "message": message });
            let error = Error::from_response(500, body.to_string().as_bytes(), None, str::to_owned);
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
