//! `meshConfig` without the values that may be secret: what a data source returns is kept in the state in clear.

use serde_json::Value as Json;

/// The replacement of a hidden value.
const HIDDEN: &str = "(hidden)";

/// Hides tokens of tracing backends, and the values of headers that proxies add to calls of extension providers.
pub(super) fn hide_secrets(config: &mut Json) {
    match config {
        Json::Array(items) => items.iter_mut().for_each(hide_secrets),
        Json::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "accessToken" => *value = HIDDEN.into(),
                    // Names with values.
                    "includeAdditionalHeadersInCheck" => value.as_object_mut().into_iter().for_each(|headers| {
                        headers.values_mut().for_each(|value| *value = HIDDEN.into());
                    }),
                    // Lists of names with values.
                    "headers" | "initialMetadata" => {
                        let headers = value.as_array_mut().into_iter().flatten();
                        headers.filter_map(|header| header.get_mut("value")).for_each(|value| *value = HIDDEN.into());
                    }
                    _ => hide_secrets(value),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_and_values_of_headers_are_hidden() {
        let mut config = json!({
            "trustDomain": "cluster.local",
            "defaultConfig": { "tracing": { "lightstep": { "address": "a", "accessToken": "secret" } } },
            "extensionProviders": [
                { "name": "authz", "envoyExtAuthzHttp": {
                    "includeAdditionalHeadersInCheck": { "x-key": "secret" },
                    "includeRequestHeadersInCheck": ["authorization"],
                } },
                { "name": "spans", "opentelemetry": { "http": { "path": "/", "headers": [{ "name": "k", "value": "secret" }, { "name": "e", "envName": "E" }] } } },
                { "name": "grpc", "opentelemetry": { "grpc": { "initialMetadata": [{ "name": "k", "value": "secret" }] } } },
            ],
        });
        hide_secrets(&mut config);
        assert!(!config.to_string().contains("secret"), "{config}");
        let expected = json!({
            "trustDomain": "cluster.local",
            "defaultConfig": { "tracing": { "lightstep": { "address": "a", "accessToken": "(hidden)" } } },
            "extensionProviders": [
                { "name": "authz", "envoyExtAuthzHttp": {
                    "includeAdditionalHeadersInCheck": { "x-key": "(hidden)" },
                    "includeRequestHeadersInCheck": ["authorization"],
                } },
                { "name": "spans", "opentelemetry": { "http": { "path": "/", "headers": [{ "name": "k", "value": "(hidden)" }, { "name": "e", "envName": "E" }] } } },
                { "name": "grpc", "opentelemetry": { "grpc": { "initialMetadata": [{ "name": "k", "value": "(hidden)" }] } } },
            ],
        });
        assert_eq!(config, expected);
    }
}
