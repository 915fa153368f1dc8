//! The settings of a mesh: `meshConfig`, and what the tools of Istio need in order to run with upstream Envoy.

use serde_json::{Value as Json, json};

/// Environment of istiod. Three extensions that its configuration would name exist only in Istio's own build of Envoy:
/// metadata exchange, ALPN and (see [`mesh_config`]) the metrics of Telemetry.
pub(super) const ISTIOD_ENVIRONMENT: &[(&str, &str)] = &[
    ("POD_NAME", "istiod-0"),
    ("POD_NAMESPACE", "istio-system"),
    ("SERVICE_ACCOUNT", "istiod"),
    ("CLUSTER_ID", "Kubernetes"),
    ("REVISION", "default"),
    ("PILOT_CERT_PROVIDER", "istiod"),
    // The names in the serving certificate, as the webhook's URL has them.
    ("ISTIOD_CUSTOM_HOST", "127.0.0.1,localhost"),
    // Controllers start at once, instead of after the lease of a leader.
    ("ENABLE_LEADER_ELECTION", "false"),
    ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
    ("PILOT_ENABLE_ALPN_FILTER", "false"),
    ("PILOT_ENABLE_TELEMETRY_LABEL", "false"),
    // Its CRDs aren't installed.
    ("PILOT_ENABLE_GATEWAY_API", "false"),
    ("PILOT_DEBOUNCE_AFTER", "20ms"),
    ("PILOT_DEBOUNCE_MAX", "200ms"),
    ("VALIDATION_WEBHOOK_CONFIG_NAME", super::webhook::NAME),
];

/// `meshConfig` with the top-level fields of `changes` in place of the usual ones. Those of `defaultConfig` are added to the usual
/// ones, without which no agent finds istiod.
pub(super) fn mesh_config(changes: &Json) -> Json {
    let mut config = json!({
        "trustDomain": "cluster.local",
        "rootNamespace": "istio-system",
        // Relative to the working folder of each Envoy, whose user can't reopen the standard output of the tests.
        "accessLogFile": "access.log",
        "enablePrometheusMerge": false,
        // Envoy repeats a failed resolution after this time, which is a minute by default: longer than the tests wait.
        "dnsRefreshRate": "5s",
        "defaultProviders": {},
        "defaultConfig": {
            "discoveryAddress": "127.0.0.1:15012",
            "statusPort": 15020,
            "concurrency": 1,
            "terminationDrainDuration": "1s",
        },
    });
    for (name, value) in changes.as_object().expect("an object of meshConfig") {
        match (name.as_str(), value) {
            ("defaultConfig", Json::Object(fields)) => {
                for (field, value) in fields {
                    config[name][field] = value.clone();
                }
            }
            _ => config[name] = value.clone(),
        }
    }
    config
}
