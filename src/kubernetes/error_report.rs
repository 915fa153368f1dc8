//! The diagnostics of failed API requests: what the user reads about an [`Error`], and on which argument.

use super::error::{Error, Status};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    object::{Key, Kind, Object},
};

/// The request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiOperation {
    /// GET or LIST.
    Read,
    /// Server-side apply with `dryRun=All`, during plan.
    DryRun,
    /// Server-side apply.
    Apply,
    /// DELETE.
    Delete,
}

impl ApiOperation {
    /// The verb of "Kubernetes doesn't … the object".
    fn server_verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::DryRun => "accept",
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }

    /// The verb of "The user isn't allowed to … the object".
    fn user_verb(self) -> &'static str {
        match self {
            Self::DryRun => Self::Apply.server_verb(),
            operation => operation.server_verb(),
        }
    }
}

/// Adds the diagnostic of an error in a request for the object `key`. It is shown on the argument of `object` whose field the
/// server rejected, or on the whole block if the error isn't about a field.
pub fn report_error(
    error: &Error,
    operation: ApiOperation,
    key: &Key,
    object: Option<&Object>,
    out: &mut Diagnostics,
) -> Reported {
    let (name, verb) = (display_name(key), operation.server_verb());
    let (summary, detail) = match error {
        Error::Api(status) => {
            let argument = object.map(|object| rejected_argument(status, object)).unwrap_or_default();
            return report_status(error, &FailedRequest { operation, key, status, argument }, out);
        }
        Error::NotConfigured => (
            "No cluster is configured",
            "The provider \"mesh\" doesn't say which cluster to talk to. Set config_path (or KUBE_CONFIG_PATH), or host \
             with token or client_certificate and client_key (or KUBE_HOST, KUBE_TOKEN …). There is no default: ~/.kube/config and the cluster of the process's pod aren't used by themselves. To plan without a cluster, set offline = true."
                .to_owned(),
        ),
        Error::Offline => (
            "The provider is offline",
            format!("The provider block says offline = true, and the cluster would have to be asked to {verb} {name}. Remove offline."),
        ),
        Error::InvalidConnection(why) => ("The cluster connection can't be used", why.clone()),
        Error::Tls(why) => ("TLS verification of the API server failed", why.clone()),
        Error::ExecPlugin(why) => ("Exec plugin failed to give credentials", why.clone()),
        Error::UnknownConnection => (
            "The cluster connection isn't known yet",
            format!(
                "Arguments of the provider \"mesh\" come from resources that aren't applied yet, and {name} has to be \
                 read. Apply those resources first (-target), or write known values."
            ),
        ),
        Error::NotConnected(why) | Error::Unreachable(why) => (
            "API server is unreachable",
            format!(
                "No answer while trying to {verb} {name}: {why}. Check the connection arguments of the provider \"mesh\" \
                 and the network."
            ),
        ),
        Error::TimedOut(last_error) => (
            &*format!("Timed out on {name}"),
            format!("Kubernetes didn't {verb} it within the time that timeouts allow. Last answer: {last_error}."),
        ),
        Error::Stopped => (
            "Interrupted",
            format!("{name} was not handled. What was written before is in the state; run apply again to go on."),
        ),
        Error::ResponseTooLarge { .. } => {
            ("The API server's answer is too large", format!("{name}: {error}. The provider doesn't read larger ones."))
        }
        Error::MalformedResponse(why) => {
            ("The API server's answer can't be read", format!("{name}: {why}. Is this a Kubernetes API server?"))
        }
    };
    out.error(&Path::root(), summary, detail)
}

/// A request that the server answered with an error status.
struct FailedRequest<'a> {
    operation: ApiOperation,
    key: &'a Key,
    status: &'a Status,
    /// The argument whose field the server rejected, or the whole block.
    argument: Path,
}

/// Adds the diagnostic of an error status.
fn report_status(error: &Error, request: &FailedRequest<'_>, out: &mut Diagnostics) -> Reported {
    if error.is_unauthorized() {
        report_unauthorized(out)
    } else if error.is_forbidden() {
        request.report_forbidden(out)
    } else if error.is_field_conflict() {
        request.report_field_conflict(out)
    } else if error.is_kind_not_served() {
        request.report_kind_not_served(out)
    } else if error.is_not_found() {
        request.report_missing_namespace(out)
    } else {
        request.report_rejection(out)
    }
}

fn report_unauthorized(out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Authentication failed (401 Unauthorized)",
        "The API server answered 401 (Unauthorized), also after the credentials were read again. Check token, exec, \
         client_certificate or the kubeconfig's user.",
    )
}

impl FailedRequest<'_> {
    fn report_forbidden(&self, out: &mut Diagnostics) -> Reported {
        let message = &self.status.message;
        // The user of requests without credentials.
        if message.contains("\"system:anonymous\"") {
            return out.error(
                &Path::root(),
                "Authentication failed (401 Unauthorized)",
                "The request was anonymous (no credentials were sent), and anonymous users may not do this. Set token, exec or client_certificate and \
                 client_key, or a user in the kubeconfig.",
            );
        }
        out.error(
            &Path::root(),
            format!("Not allowed to {} {}", self.operation.user_verb(), self.key.kind.plural),
            format!("{message}.\nThe guide \"RBAC\" lists the rights that the provider needs."),
        )
    }

    fn report_field_conflict(&self, out: &mut Diagnostics) -> Reported {
        out.error(
            &self.argument,
            format!("Field manager conflict on {}", display_name(self.key)),
            format!(
                "{} has fields that another manager has set to another value:{}\nTake them out of that manager's \
                 configuration, or out of this one, or set force_conflicts = true in the provider block.",
                display_name(self.key),
                self.causes(),
            ),
        )
    }

    fn report_kind_not_served(&self, out: &mut Diagnostics) -> Reported {
        let Kind { group, version, plural, .. } = self.key.kind;
        out.error(
            &Path::root(),
            format!("The cluster doesn't serve {plural}"),
            format!("{plural}.{group} {version} isn't there: are Istio's CRDs installed (Istio 1.27 or newer)?"),
        )
    }

    /// Names the namespace and no object, so that the objects of a resource make one error.
    fn report_missing_namespace(&self, out: &mut Diagnostics) -> Reported {
        let namespace = self.key.namespace.as_deref().unwrap_or_default();
        out.error(
            &Path::root(),
            format!("Namespace {namespace} doesn't exist"),
            format!(
                "Objects in it can't be written: {}. Create the namespace first. If the same run creates it, name it in \
                 depends_on.",
                self.status.message
            ),
        )
    }

    fn report_rejection(&self, out: &mut Diagnostics) -> Reported {
        out.error(
            &self.argument,
            format!("Kubernetes doesn't {} {}", self.operation.server_verb(), self.key.kind.kind),
            format!("{}: {}{}", display_name(self.key), self.status.message, self.causes()),
        )
    }

    /// The problems that the server found, each on a line of its own.
    fn causes(&self) -> String {
        let causes = self.status.details.causes.iter();
        causes.map(|cause| format!("\n  {}: {}", cause.field, cause.message)).collect::<Vec<_>>().concat()
    }
}

/// The object as messages name it, for example `VirtualService pci/payments-pci`.
fn display_name(key: &Key) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.kind.kind, key.name),
        None => format!("{} {}", key.kind.kind, key.name),
    }
}

/// The argument from which the first rejected field comes whose origin is known. An object's origins are prefixes of field
/// paths, of which the longest that matches counts.
fn rejected_argument(status: &Status, object: &Object) -> Path {
    let argument = |field: &str| {
        let matching = object.origins.iter().filter(|(prefix, _)| field.starts_with(prefix.as_str()));
        matching.max_by_key(|(prefix, _)| prefix.len()).map(|(_, argument)| argument.clone())
    };
    let mut fields = status.details.causes.iter().map(|cause| cause.field.trim_start_matches('.'));
    fields.find_map(argument).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::object::{Stage, kind::VIRTUAL_SERVICE};

    fn api_error(code: u16, status: &Json) -> Error {
        Error::from_response(code, status.to_string().as_bytes(), None, str::to_owned)
    }

    /// An object whose `spec.http` comes from the argument `http`.
    fn object() -> Object {
        let path = Path::root().attribute("http");
        let key = Key::new(&VIRTUAL_SERVICE, "pci", "payments");
        Object::whole(key, Json::Null, Stage(0)).with_origins([
            ("spec", Path::root().attribute("hosts")),
            ("spec.http", path.clone()),
            ("spec.http[1]", path.index(1)),
        ])
    }

    #[test]
    fn each_error_has_its_own_diagnostic() {
        let conflict = json!({ "message": "conflict", "details": { "name": "payments", "causes": [
            { "reason": "FieldManagerConflict", "field": ".spec.http", "message": "conflict with \"kubectl\"" },
        ] } });
        let forbidden = json!({ "message": r#"virtualservices.networking.istio.io "payments" is forbidden: User "x" cannot patch resource"# });
        let anonymous = json!({ "message": r#"virtualservices.networking.istio.io is forbidden: User "system:anonymous" cannot patch resource"# });
        let invalid = json!({ "message": "invalid", "details": { "causes": [
            { "field": "status", "message": "unheard of" }, { "field": "spec.http[1].timeout", "message": "too long" },
        ] } });
        let errors = [
            (ApiOperation::Read, Error::NotConfigured),
            (ApiOperation::Apply, Error::Offline),
            (ApiOperation::Read, Error::InvalidConnection("why".to_owned())),
            (ApiOperation::Read, Error::Tls("why".to_owned())),
            (ApiOperation::Read, Error::ExecPlugin("why".to_owned())),
            (ApiOperation::Read, Error::UnknownConnection),
            (ApiOperation::Read, Error::Unreachable("why".to_owned())),
            (ApiOperation::Delete, Error::TimedOut("last".to_owned())),
            (ApiOperation::Apply, Error::Stopped),
            (ApiOperation::Apply, Error::MalformedResponse("why".to_owned())),
            (ApiOperation::Read, Error::ResponseTooLarge { request: "GET /x".to_owned(), limit: 64 << 20 }),
            (ApiOperation::Apply, api_error(401, &Json::Null)),
            (ApiOperation::Apply, api_error(403, &anonymous)),
            (ApiOperation::DryRun, api_error(403, &forbidden)),
            (ApiOperation::Delete, api_error(403, &forbidden)),
            (ApiOperation::DryRun, api_error(403, &json!({ "message": "a policy denies it" }))),
            (ApiOperation::Apply, api_error(409, &conflict)),
            (ApiOperation::Delete, api_error(409, &json!({ "message": "changed" }))),
            (ApiOperation::Apply, api_error(404, &json!({ "message": "not found", "details": { "name": "pci" } }))),
            (ApiOperation::Apply, api_error(404, &Json::Null)),
            (ApiOperation::DryRun, api_error(422, &invalid)),
        ];
        let object = object();
        let mut out = Diagnostics::default();
        for (operation, error) in errors {
            report_error(&error, operation, &object.key, Some(&object), &mut out);
        }
        expect![[r#"
            error: No cluster is configured
              The provider "mesh" doesn't say which cluster to talk to. Set config_path (or KUBE_CONFIG_PATH), or host with token or client_certificate and client_key (or KUBE_HOST, KUBE_TOKEN …). There is no default: ~/.kube/config and the cluster of the process's pod aren't used by themselves. To plan without a cluster, set offline = true.
            error: The provider is offline
              The provider block says offline = true, and the cluster would have to be asked to apply VirtualService pci/payments. Remove offline.
            error: The cluster connection can't be used
              why
            error: TLS verification of the API server failed
              why
            error: Exec plugin failed to give credentials
              why
            error: The cluster connection isn't known yet
              Arguments of the provider "mesh" come from resources that aren't applied yet, and VirtualService pci/payments has to be read. Apply those resources first (-target), or write known values.
            error: API server is unreachable
              No answer while trying to read VirtualService pci/payments: why. Check the connection arguments of the provider "mesh" and the network.
            error: Timed out on VirtualService pci/payments
              Kubernetes didn't delete it within the time that timeouts allow. Last answer: last.
            error: Interrupted
              VirtualService pci/payments was not handled. What was written before is in the state; run apply again to go on.
            error: The API server's answer can't be read
              VirtualService pci/payments: why. Is this a Kubernetes API server?
            error: The API server's answer is too large
              VirtualService pci/payments: the answer to GET /x is larger than 64 MiB. The provider doesn't read larger ones.
            error: Authentication failed (401 Unauthorized)
              The API server answered 401 (Unauthorized), also after the credentials were read again. Check token, exec, client_certificate or the kubeconfig's user.
            error: Authentication failed (401 Unauthorized)
              The request was anonymous (no credentials were sent), and anonymous users may not do this. Set token, exec or client_certificate and client_key, or a user in the kubeconfig.
            error: Not allowed to apply virtualservices
              virtualservices.networking.istio.io "payments" is forbidden: User "x" cannot patch resource.
              The guide "RBAC" lists the rights that the provider needs.
            error: Not allowed to delete virtualservices
              virtualservices.networking.istio.io "payments" is forbidden: User "x" cannot patch resource.
              The guide "RBAC" lists the rights that the provider needs.
            error: Kubernetes doesn't accept VirtualService
              VirtualService pci/payments: a policy denies it
            error at http: Field manager conflict on VirtualService pci/payments
              VirtualService pci/payments has fields that another manager has set to another value:
                .spec.http: conflict with "kubectl"
              Take them out of that manager's configuration, or out of this one, or set force_conflicts = true in the provider block.
            error: Kubernetes doesn't delete VirtualService
              VirtualService pci/payments: changed
            error: Namespace pci doesn't exist
              Objects in it can't be written: not found. Create the namespace first. If the same run creates it, name it in depends_on.
            error: The cluster doesn't serve virtualservices
              virtualservices.networking.istio.io v1 isn't there: are Istio's CRDs installed (Istio 1.27 or newer)?
            error at http[1]: Kubernetes doesn't accept VirtualService
              VirtualService pci/payments: invalid
                status: unheard of
                spec.http[1].timeout: too long
        "#]].assert_eq(&out.to_string());
    }
}
