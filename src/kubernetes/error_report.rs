//! The diagnostics for errors of API requests: what the user reads of an [`Error`], and the argument that it concerns.

use super::error::{Error, Status};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    object::{Key, Object},
};

/// What we were about to do, for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiOperation {
    /// GET or LIST.
    Read,
    /// A dry run at plan.
    DryRun,
    /// Server-side apply.
    Apply,
    /// DELETE.
    Delete,
}

impl ApiOperation {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::DryRun => "accept",
            Self::Apply => "apply",
            Self::Delete => "delete",
        }
    }
}

/// Tells `error` about `key`, on the argument to blame where `object` knows it.
pub fn report_error(
    error: &Error,
    doing: ApiOperation,
    key: &Key,
    object: Option<&Object>,
    out: &mut Diagnostics,
) -> Reported {
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

fn refused(
    error: &Error,
    status: &Status,
    doing: ApiOperation,
    key: &Key,
    at: &Path,
    out: &mut Diagnostics,
) -> Reported {
    let what = format!("{} {}", key.kind.kind, place(key));
    if status.code == 401 {
        return out.error(
            &Path::root(),
            "The API server doesn't know us",
            "It answered 401 (Unauthorized), and again after credentials were read anew. Check token, exec, \
             client_certificate or the kubeconfig's user.",
        );
    }
    if error.is_forbidden() && status.message.contains("\"system:anonymous\"") {
        return out.error(
            &Path::root(),
            "The API server doesn't know us",
            "It takes us for an anonymous user, who may not do this. Set token, exec or client_certificate and client_key, \
             or a user in the kubeconfig.",
        );
    }
    if error.is_forbidden() {
        return out.error(
            &Path::root(),
            format!(
                "Not allowed to {} {}",
                if doing == ApiOperation::DryRun { "apply" } else { doing.verb() },
                key.kind.plural
            ),
            format!("{}.\nThe guide \"RBAC\" lists the rights that the provider needs.", status.message),
        );
    }
    if error.is_field_conflict() {
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
    if error.is_not_found() {
        return if error.is_kind_not_served() {
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
    use expect_test::expect;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::object::{ManagementScope, Stage, Transition, kind::VIRTUAL_SERVICE};

    fn api_error(code: u16, status: &Json) -> Error {
        Error::refused(code, status.to_string().as_bytes(), None)
    }

    /// An object whose `spec.http` comes from the argument `http`.
    fn object() -> Object {
        let path = Path::root().attribute("http");
        Object {
            key: Key::new(&VIRTUAL_SERVICE, "pci", "payments"),
            holding: ManagementScope::Whole,
            body: Json::Null,
            stage: Stage(0),
            transition: Transition::InPlace,
            origins: vec![
                ("spec".to_owned(), Path::root().attribute("hosts")),
                ("spec.http".to_owned(), path.clone()),
                ("spec.http[1]".to_owned(), path.index(1)),
            ],
        }
    }

    #[test]
    fn each_error_has_its_own_diagnostic() {
        let conflict = json!({ "message": "conflict", "details": { "name": "payments", "causes": [
            { "reason": "FieldManagerConflict", "field": ".spec.http", "message": "conflict with \"kubectl\"" },
        ] } });
        let forbidden = json!({ "message": "user x cannot patch resource y" });
        let anonymous = json!({ "message": "User \"system:anonymous\" cannot patch resource y" });
        let invalid = json!({ "message": "invalid", "details": { "causes": [
            { "field": "status", "message": "unheard of" }, { "field": "spec.http[1].timeout", "message": "too long" },
        ] } });
        let errors = [
            (ApiOperation::Read, Error::NotConfigured),
            (ApiOperation::Read, Error::Connection("why".to_owned())),
            (ApiOperation::Read, Error::Tls("why".to_owned())),
            (ApiOperation::Read, Error::Plugin("why".to_owned())),
            (ApiOperation::Read, Error::Unknown),
            (ApiOperation::Read, Error::Unreachable("why".to_owned())),
            (ApiOperation::Delete, Error::TimedOut("last".to_owned())),
            (ApiOperation::Apply, Error::Stopped),
            (ApiOperation::Apply, Error::Malformed("why".to_owned())),
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
              The provider "mesh" doesn't say which cluster to talk to. Set config_path (or KUBE_CONFIG_PATH), or host with token or client_certificate and client_key (or KUBE_HOST, KUBE_TOKEN …). Nothing is guessed: neither ~/.kube/config nor the cluster that this process runs in.
            error: The cluster connection can't be used
              why
            error: There is no trust between us and the API server
              why
            error: The exec plugin gives no credentials
              why
            error: The cluster connection isn't known yet
              Arguments of the provider "mesh" come from resources that aren't applied yet, and VirtualService pci/payments has to be read. Apply those resources first (-target), or write known values.
            error: The API server can't be reached
              No answer while trying to read VirtualService pci/payments: why. Check the connection arguments of the provider "mesh" and the network.
            error: Timed out on VirtualService pci/payments
              Kubernetes didn't delete it within the time that timeouts allow. Last answer: last.
            error: Interrupted
              VirtualService pci/payments was not handled. What was written before is in the state; run apply again to go on.
            error: The API server's answer can't be read
              VirtualService pci/payments: why. Is this a Kubernetes API server?
            error: The API server doesn't know us
              It answered 401 (Unauthorized), and again after credentials were read anew. Check token, exec, client_certificate or the kubeconfig's user.
            error: The API server doesn't know us
              It takes us for an anonymous user, who may not do this. Set token, exec or client_certificate and client_key, or a user in the kubeconfig.
            error: Not allowed to apply virtualservices
              user x cannot patch resource y.
              The guide "RBAC" lists the rights that the provider needs.
            error: Not allowed to delete virtualservices
              user x cannot patch resource y.
              The guide "RBAC" lists the rights that the provider needs.
            error: Kubernetes doesn't accept VirtualService
              VirtualService pci/payments: a policy denies it
            error at http: Somebody else has fields of VirtualService
              VirtualService pci/payments has fields that another manager has set to another value:
                .spec.http: conflict with "kubectl"
              Take them out of that manager's configuration, or out of this one, or set force_conflicts = true in the provider block.
            error: Kubernetes doesn't delete VirtualService
              VirtualService pci/payments: changed
            error: Can't apply VirtualService
              VirtualService pci/payments: not found. Create the namespace first.
            error: The cluster doesn't serve virtualservices
              virtualservices.networking.istio.io v1 isn't there: are Istio's CRDs installed (Istio 1.27 or newer)?
            error at http[1]: Kubernetes doesn't accept VirtualService
              VirtualService pci/payments: invalid
                status: unheard of
                spec.http[1].timeout: too long
        "#]].assert_eq(&out.to_string());
    }
}
