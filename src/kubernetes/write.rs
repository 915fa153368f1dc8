//! Requests that change objects: server-side apply, JSON patch and DELETE.

use serde_json::{Value as Json, json};

use super::{api_request::ApiRequest, cluster::Cluster, deadline::Deadline, error::Error};
use crate::object::{FIELD_MANAGER, Key};

/// The media type of a server-side apply.
const SERVER_SIDE_APPLY: &str = "application/apply-patch+yaml";
/// The media type of a JSON patch (RFC 6902).
const JSON_PATCH: &str = "application/json-patch+json";

/// Options of a server-side apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Validates the object (`dryRun=All`) without writing it.
    pub dry_run: bool,
    /// Takes over fields that other field managers have set to other values.
    pub force: bool,
}

/// The response to a write.
#[derive(Clone, Debug)]
pub struct WriteResponse {
    /// The object as it is after the write.
    pub object: Json,
    /// The texts of the `Warning` headers, for example deprecations and the warnings of istiod's webhook.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// Applies an object by server-side apply, with strict field validation.
    pub async fn apply(
        &self,
        key: &Key,
        body: &Json,
        options: ApplyOptions,
        deadline: &Deadline,
    ) -> Result<WriteResponse, Error> {
        let parameters = format!("{}&force={}", patch_parameters(), options.force);
        let request = ApiRequest::patch(key, &parameters, options.dry_run, SERVER_SIDE_APPLY, body);
        self.write(&request, key, options.dry_run, deadline).await
    }

    /// Patches an object by a JSON patch, with the provider's field manager and strict field validation.
    pub async fn patch(
        &self,
        key: &Key,
        operations: &Json,
        dry_run: bool,
        deadline: &Deadline,
    ) -> Result<WriteResponse, Error> {
        let request = ApiRequest::patch(key, &patch_parameters(), dry_run, JSON_PATCH, operations);
        self.write(&request, key, dry_run, deadline).await
    }

    /// Deletes exactly the object that was read: if it has another uid or a newer version by now, the server answers 409.
    /// Returns `None` if the object didn't exist any more, and otherwise the body of the response: the object that the server
    /// keeps until its finalizers are done, or a `Status`.
    pub async fn delete(
        &self,
        key: &Key,
        uid: &str,
        resource_version: &str,
        deadline: &Deadline,
    ) -> Result<Option<Json>, Error> {
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": { "uid": uid, "resourceVersion": resource_version },
        });
        match self.write(&ApiRequest::delete(key, &options), key, false, deadline).await {
            Ok(response) => Ok(Some(response.object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        request: &ApiRequest,
        key: &Key,
        dry_run: bool,
        deadline: &Deadline,
    ) -> Result<WriteResponse, Error> {
        let pending = (!dry_run).then(|| self.cache.begin_write(key));
        let response = self.api.send(request, deadline).await?;
        let response = WriteResponse { object: response.json()?, warnings: response.warnings };
        if let Some(pending) = pending {
            // An object that its finalizers keep counts as deleted, too: the caller waits for them.
            pending.succeed((!request.is_delete()).then_some(&response.object));
        }
        Ok(response)
    }
}

fn patch_parameters() -> String {
    format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict")
}
