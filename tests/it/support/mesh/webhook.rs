//! Istio's validating webhook, which istiod serves.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{api::Api, polling::wait_until};

/// Name of the webhook's configuration.
pub(super) const NAME: &str = "istio-validator";

/// Registers the webhook, and waits until it is fail-closed: istiod adds its CA certificate, and sets `failurePolicy` to
/// `Fail` as soon as the API server gets a refusal from it.
pub(super) fn register(api: &Api, port: u16) {
    let groups = ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"];
    let webhook = json!({
        "name": "validation.istio.io",
        "clientConfig": { "url": format!("https://127.0.0.1:{port}/validate") },
        "rules": [{ "operations": ["CREATE", "UPDATE"], "apiGroups": groups, "apiVersions": ["*"], "resources": ["*"] }],
        "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": ["v1"],
    });
    // Only a configuration with the label of its revision is istiod's.
    let labels = json!({ "app": "istiod", "istio": "istiod", "istio.io/rev": "default" });
    api.apply(
        &json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": NAME, "labels": labels }, "webhooks": [webhook],
        }),
        "tests",
    );
    let path = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{NAME}");
    wait_until(Duration::from_mins(1), "the webhook is fail-closed", || {
        let live = api.request(Method::GET, &path, None).unwrap_or_default();
        live["webhooks"][0]["failurePolicy"] == "Fail"
    });
}
