//! The `extension_provider` blocks. istiod takes faulty ones with a line in its log, and what names them then refuses every request,
//! or reports nothing.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::json_fields::set;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        names,
    },
    model,
    schema::{
        At, Attr, Block, Set, Value,
        model::{block, optional, required},
    },
};

model! {
    /// A service that other objects name. Exactly one of the blocks, or `prometheus`, says of which kind it is.
    pub struct ExtensionProvider {
        /// Name by which other objects name it, such as `external_authorization { provider }`.
        name: Attr<String> = required().text(NAME, is_name),
        /// Asks an HTTP service whether a request may pass (`envoyExtAuthzHttp`).
        ext_authz_http: Block<HttpAuthorizer> = block(),
        /// Asks a gRPC service whether a request may pass (`envoyExtAuthzGrpc`).
        ext_authz_grpc: Block<GrpcAuthorizer> = block(),
        /// Receives spans by OTLP (`opentelemetry`).
        opentelemetry: Block<OpenTelemetry> = block(),
        /// Receives spans in the form of Zipkin (`zipkin`).
        zipkin: Block<Zipkin> = block(),
        /// Receives access logs by OTLP over gRPC (`envoyOtelAls`).
        access_log_opentelemetry: Block<LogService> = block(),
        /// Receives access logs of requests over gRPC (`envoyHttpAls`).
        access_log_http: Block<LogService> = block(),
        /// Receives access logs of TCP connections over gRPC (`envoyTcpAls`).
        access_log_tcp: Block<LogService> = block(),
        /// Whether proxies count requests for Prometheus (`prometheus`): `true`, or not set. Istio already has
        /// such a provider with the name `prometheus`. Defaults to none.
        prometheus: Attr<bool> = optional().check("Only `true`, or nothing.", |value| *value == Value::Bool(true)),
    }
}

model! {
    /// An HTTP service that authorizes requests.
    pub struct HttpAuthorizer {
        /// Host of its Service, fully qualified, or `namespace/host`. Callers must see it.
        service: Attr<String> = required().text(SERVICE, is_service),
        /// Port of the Service.
        port: Attr<u32> = required().range(1..=65535),
        /// Prefix of the path of the authorizer's request, before the path of the checked request (`pathPrefix`).
        /// Defaults to none.
        path_prefix: Attr<String> = optional().text("A path that starts with a slash.", |path| path.starts_with('/')),
        /// Time for an answer (`timeout`). Defaults to `1s`; Istio's own is 600 seconds, for which requests would wait.
        timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Whether requests pass when the service doesn't answer (`failOpen`). Defaults to `false`.
        fail_open: Attr<bool> = optional(),
        /// Status of the answer when the service doesn't answer (`statusOnError`). Defaults to `403`.
        status_on_error: Attr<u32> = optional().check(STATUS, is_error_status),
        /// Headers of the request that the authorizer receives (`includeRequestHeadersInCheck`), in addition to
        /// host, method, path, content length and `authorization`. Defaults to none.
        headers_in_check: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
        /// Headers of the authorizer's response that are added to an admitted request
        /// (`headersToUpstreamOnAllow`). Defaults to none.
        headers_to_upstream_on_allow: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
        /// Headers of the authorizer's response that a refused client receives (`headersToDownstreamOnDeny`).
        /// Defaults to Istio's.
        headers_to_downstream_on_deny: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
        /// Headers of the authorizer's response that an admitted client receives (`headersToDownstreamOnAllow`).
        /// Defaults to none.
        headers_to_downstream_on_allow: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
    }
}

model! {
    /// A gRPC service that authorizes requests.
    pub struct GrpcAuthorizer {
        /// Host of its Service, fully qualified, or `namespace/host`. Callers must see it.
        service: Attr<String> = required().text(SERVICE, is_service),
        /// Port of the Service.
        port: Attr<u32> = required().range(1..=65535),
        /// Time for an answer (`timeout`). Defaults to `1s`; Istio's own is 600 seconds, for which requests would wait.
        timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Whether requests pass when the service doesn't answer (`failOpen`). Defaults to `false`.
        fail_open: Attr<bool> = optional(),
        /// Status of the answer when the service doesn't answer (`statusOnError`). Defaults to `403`.
        status_on_error: Attr<u32> = optional().check(STATUS, is_error_status),
    }
}

model! {
    /// A collector of OpenTelemetry.
    pub struct OpenTelemetry {
        /// Host of its Service, fully qualified, or `namespace/host`.
        service: Attr<String> = required().text(SERVICE, is_service),
        /// Port of the Service.
        port: Attr<u32> = required().range(1..=65535),
        /// Path to which spans are sent over HTTP (`http.path`), like `/v1/traces`. Without it they are sent over gRPC.
        http_path: Attr<String> = optional().text("A path that starts with a slash.", |path| path.starts_with('/')),
    }
}

model! {
    /// A collector of Zipkin.
    pub struct Zipkin {
        /// Host of its Service, fully qualified, or `namespace/host`.
        service: Attr<String> = required().text(SERVICE, is_service),
        /// Port of the Service.
        port: Attr<u32> = required().range(1..=65535),
        /// Path to which spans are sent (`path`). Defaults to `/api/v2/spans`.
        path: Attr<String> = optional().text("A path that starts with a slash.", |path| path.starts_with('/')),
    }
}

model! {
    /// A service that receives access logs.
    pub struct LogService {
        /// Host of its Service, fully qualified, or `namespace/host`.
        service: Attr<String> = required().text(SERVICE, is_service),
        /// Port of the Service.
        port: Attr<u32> = required().range(1..=65535),
        /// Name of the log (`logName`). Defaults to Istio's.
        log_name: Attr<String> = optional().text("It can't be empty.", |name| !name.is_empty()),
    }
}

const NAME: &str = "1 to 253 characters: letters, digits, dashes, underscores and dots.";

fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

const SERVICE: &str =
    "A fully qualified host, or `namespace/host`; istiod doesn't complete short names, and doesn't find them.";

fn is_service(text: &str) -> bool {
    let (namespace, host) = text.split_once('/').map_or((None, text), |(namespace, host)| (Some(namespace), host));
    namespace.is_none_or(names::is_label) && host.contains('.') && names::is_subdomain(host)
}

const STATUS: &str = "A status code of an error that Envoy knows, 400 to 511.";

fn is_error_status(value: &Value) -> bool {
    let Value::Number(number) = value else { return true };
    number
        .as_str()
        .parse::<u16>()
        .is_ok_and(|code| matches!(code, 400..=417 | 421..=424 | 426 | 428 | 429 | 431 | 500..=508 | 510 | 511))
}

const HEADER: &str = "The name of a header, in lower case.";

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

/// Time for an answer about a request.
const CHECK_TIMEOUT: Duration = Duration::seconds(1);

impl ExtensionProvider {
    pub(super) fn render(&self) -> Known<Json> {
        let mut provider = json!({ "name": self.name.required()? });
        if let Some(authorizer) = self.ext_authz_http.known()? {
            set(&mut provider, "envoyExtAuthzHttp", authorizer.render()?);
        }
        if let Some(authorizer) = self.ext_authz_grpc.known()? {
            set(&mut provider, "envoyExtAuthzGrpc", authorizer.render()?);
        }
        if let Some(collector) = self.opentelemetry.known()? {
            let mut body = target(&collector.service, collector.port)?;
            if let Some(path) = collector.http_path.known()? {
                set(&mut body, "http", json!({ "path": path }));
            }
            set(&mut provider, "opentelemetry", body);
        }
        if let Some(collector) = self.zipkin.known()? {
            let mut body = target(&collector.service, collector.port)?;
            if let Some(path) = collector.path.known()? {
                set(&mut body, "path", json!(path));
            }
            set(&mut provider, "zipkin", body);
        }
        for (field, block) in [
            ("envoyOtelAls", &self.access_log_opentelemetry),
            ("envoyHttpAls", &self.access_log_http),
            ("envoyTcpAls", &self.access_log_tcp),
        ] {
            if let Some(service) = block.known()? {
                set(&mut provider, field, service.render()?);
            }
        }
        if self.prometheus.copied()?.is_some() {
            set(&mut provider, "prometheus", json!({}));
        }
        Ok(provider)
    }

    fn kinds(&self) -> Known<usize> {
        let blocks = [
            self.ext_authz_http.known()?.is_some(),
            self.ext_authz_grpc.known()?.is_some(),
            self.opentelemetry.known()?.is_some(),
            self.zipkin.known()?.is_some(),
            self.access_log_opentelemetry.known()?.is_some(),
            self.access_log_http.known()?.is_some(),
            self.access_log_tcp.known()?.is_some(),
            self.prometheus.copied()?.is_some(),
        ];
        Ok(blocks.into_iter().filter(|is_set| *is_set).count())
    }

    /// Reports blocks without a kind or with several, and two of one name.
    pub(super) fn validate(blocks: &[At<Self>], out: &mut Diagnostics) {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for block in blocks {
            if block.kinds().is_ok_and(|kinds| kinds != 1) {
                out.error(
                    &block.at,
                    "Extension provider needs exactly one kind",
                    "istiod ignores it otherwise. Write exactly one of ext_authz_http, ext_authz_grpc, opentelemetry, zipkin, \
                     access_log_opentelemetry, access_log_http, access_log_tcp and prometheus.",
                );
            }
            if let Attr::Known(name) = &block.name
                && !names.insert(name)
            {
                out.error(
                    &block.at.attribute("name"),
                    "Two extension providers of one name",
                    format!("istiod takes the last one named {name:?}. Write another name."),
                );
            }
        }
    }
}

impl HttpAuthorizer {
    fn render(&self) -> Known<Json> {
        let mut body = check(target(&self.service, self.port)?, &self.timeout, self.fail_open, self.status_on_error)?;
        if let Some(prefix) = self.path_prefix.known()? {
            set(&mut body, "pathPrefix", json!(prefix));
        }
        for (field, headers) in [
            ("includeRequestHeadersInCheck", &self.headers_in_check),
            ("headersToUpstreamOnAllow", &self.headers_to_upstream_on_allow),
            ("headersToDownstreamOnDeny", &self.headers_to_downstream_on_deny),
            ("headersToDownstreamOnAllow", &self.headers_to_downstream_on_allow),
        ] {
            if let Some(headers) = headers.elements()? {
                set(&mut body, field, json!(headers));
            }
        }
        Ok(body)
    }
}

impl GrpcAuthorizer {
    fn render(&self) -> Known<Json> {
        check(target(&self.service, self.port)?, &self.timeout, self.fail_open, self.status_on_error)
    }
}

impl LogService {
    fn render(&self) -> Known<Json> {
        let mut body = target(&self.service, self.port)?;
        if let Some(name) = self.log_name.known()? {
            set(&mut body, "logName", json!(name));
        }
        Ok(body)
    }
}

fn target(service: &Attr<String>, port: Attr<u32>) -> Known<Json> {
    Ok(json!({ "service": service.required()?, "port": port.required()? }))
}

/// Adds what both kinds of authorizers have.
fn check(mut body: Json, timeout: &Attr<Duration>, fail_open: Attr<bool>, status: Attr<u32>) -> Known<Json> {
    set(&mut body, "timeout", json!(timeout.or(CHECK_TIMEOUT)?));
    if fail_open.or(false)? {
        set(&mut body, "failOpen", json!(true));
    }
    if let Some(status) = status.copied()? {
        set(&mut body, "statusOnError", json!(status.to_string()));
    }
    Ok(body)
}
