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
        At, Attr, Block, Map, Set, Value,
        model::{block, optional, required},
    },
};

model! {
    /// A service that other objects name. Exactly one of the blocks, or `prometheus`, says of which kind it is.
    pub struct ExtensionProvider {
        /// Name by which other objects name it, such as `external_authorization { provider }`. `prometheus`, `stackdriver` and
        /// `envoy` replace Istio's own.
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
        /// Headers with their values that the authorizer receives as well (`includeAdditionalHeadersInCheck`). They replace those of
        /// the request. Defaults to none.
        additional_headers_in_check: Map<String> = optional().non_empty("At least one header.").keys(HEADER, is_header),
        /// Body of the request, which the authorizer then receives (`includeRequestBodyInCheck`). Defaults to no body.
        request_body: Block<CheckedBody> = block(),
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
    /// The part of a request's body that an HTTP service is asked about.
    pub struct CheckedBody {
        /// Maximum number of bytes that are sent (`maxRequestBytes`). The proxy holds a request back until it has them.
        max_bytes: Attr<u32> = required().range(1..=MAX_BODY),
        /// Whether a longer body is cut (`allowPartialMessage`). Defaults to `false`: a longer request is refused with `413`.
        allow_partial: Attr<bool> = optional(),
    }
}

model! {
    /// The part of a request's body that a gRPC service is asked about.
    pub struct GrpcCheckedBody {
        /// Maximum number of bytes that are sent (`maxRequestBytes`). The proxy holds a request back until it has them.
        max_bytes: Attr<u32> = required().range(1..=MAX_BODY),
        /// Whether a longer body is cut (`allowPartialMessage`). Defaults to `false`: a longer request is refused with `413`.
        allow_partial: Attr<bool> = optional(),
        /// Whether the body is sent as bytes, in `raw_body` (`packAsBytes`). Defaults to `false`: as text, in `body`.
        as_bytes: Attr<bool> = optional(),
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
        /// Body of the request, which the authorizer then receives (`includeRequestBodyInCheck`). Defaults to no body.
        request_body: Block<GrpcCheckedBody> = block(),
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
        /// Time for an answer over HTTP (`http.timeout`). Defaults to `1s`: Istio has no default, and proxies refuse every listener
        /// without one.
        timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
    }
}

model! {
    /// A collector of Zipkin.
    pub struct Zipkin {
        /// Host of its Service, fully qualified, or `namespace/host`. Every proxy that sends spans must see it: with
        /// `default_export_to = ["."]` annotate the Service with `networking.istio.io/exportTo: "*"`, or proxies of other namespaces
        /// refuse every listener.
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

/// Providers that Istio has in every mesh. One of the same name in `extensionProviders` takes the place of Istio's own.
const ISTIO_PROVIDERS: [&str; 3] = ["envoy", "prometheus", "stackdriver"];

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

/// The longest body that is sent: 100 MiB, far above what a proxy should hold back.
const MAX_BODY: i64 = 100 << 20;

/// Time for an answer of a provider.
const ANSWER_TIMEOUT: Duration = Duration::seconds(1);

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
                set(&mut body, "http", json!({ "path": path, "timeout": collector.timeout.or(ANSWER_TIMEOUT)? }));
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

    /// Reports blocks without a kind or with several, and names by which istiod finds another provider or none.
    pub(super) fn validate(blocks: &[At<Self>], out: &mut Diagnostics) {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for block in blocks {
            if block.kinds().is_ok_and(|kinds| kinds != 1) {
                out.error(
                    &block.at,
                    "Extension provider needs exactly one kind",
                    "istiod ignores it otherwise. Write exactly one of ext_authz_http, ext_authz_grpc, opentelemetry, zipkin, \
                     access_log_opentelemetry, access_log_http, access_log_tcp and prometheus.",
                );
            }
            if let Ok(Some(collector)) = block.opentelemetry.known()
                && collector.http_path == Attr::Null
                && collector.timeout.is_set()
            {
                out.error(
                    &collector.at.attribute("timeout"),
                    "timeout without http_path",
                    "Spans are sent over gRPC, for which it isn't used. Write http_path, or remove timeout.",
                );
            }
            if let Attr::Known(name) = &block.name {
                Self::validate_name(block, name, !names.insert(name.to_lowercase()), out);
            }
        }
    }

    fn validate_name(block: &At<Self>, name: &str, is_taken: bool, out: &mut Diagnostics) {
        let at = block.at.attribute("name");
        if is_taken {
            out.error(
                &at,
                "Two extension providers of one name",
                format!(
                    "istiod takes the last one of two named {name:?}. It looks providers of telemetry up without regard to case, and takes \
                     the first. Write another name."
                ),
            );
        }
        if ISTIO_PROVIDERS.iter().any(|own| *own != name && own.eq_ignore_ascii_case(name)) {
            out.error(
                &at,
                "Istio has an extension provider of this name",
                format!(
                    "Telemetry looks names up without regard to case, so {name:?} is Istio's own provider {:?}. Write another name, or \
                     that one to replace it.",
                    name.to_lowercase()
                ),
            );
        }
        let is_http = block.ext_authz_http.known().map(|authorizer| authorizer.is_some());
        let is_grpc = block.ext_authz_grpc.known().map(|authorizer| authorizer.is_some());
        if (is_http == Ok(true) || is_grpc == Ok(true)) && !names::is_label(name) {
            out.error(
                &at,
                "Invalid name of an authorizer",
                format!(
                    "{}: istiod refuses all requests that {name:?} should authorize.",
                    names::LABEL.trim_end_matches('.')
                ),
            );
        }
    }
}

impl HttpAuthorizer {
    fn render(&self) -> Known<Json> {
        let mut body = check(target(&self.service, self.port)?, &self.timeout, self.fail_open, self.status_on_error)?;
        if let Some(checked) = self.request_body.known()? {
            set(&mut body, "includeRequestBodyInCheck", checked_body(checked.max_bytes, checked.allow_partial)?);
        }
        if let Some(headers) = self.additional_headers_in_check.elements()? {
            set(&mut body, "includeAdditionalHeadersInCheck", json!(headers));
        }
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
        let mut body = check(target(&self.service, self.port)?, &self.timeout, self.fail_open, self.status_on_error)?;
        if let Some(checked) = self.request_body.known()? {
            let mut checked_body = checked_body(checked.max_bytes, checked.allow_partial)?;
            if checked.as_bytes.or(false)? {
                set(&mut checked_body, "packAsBytes", json!(true));
            }
            set(&mut body, "includeRequestBodyInCheck", checked_body);
        }
        Ok(body)
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

/// The part of a request's body that an authorizer is asked about.
fn checked_body(max_bytes: Attr<u32>, allow_partial: Attr<bool>) -> Known<Json> {
    let mut body = json!({ "maxRequestBytes": max_bytes.required()? });
    if allow_partial.or(false)? {
        set(&mut body, "allowPartialMessage", json!(true));
    }
    Ok(body)
}

/// Adds what both kinds of authorizers have.
fn check(mut body: Json, timeout: &Attr<Duration>, fail_open: Attr<bool>, status: Attr<u32>) -> Known<Json> {
    set(&mut body, "timeout", json!(timeout.or(ANSWER_TIMEOUT)?));
    if fail_open.or(false)? {
        set(&mut body, "failOpen", json!(true));
    }
    if let Some(status) = status.copied()? {
        set(&mut body, "statusOnError", json!(status.to_string()));
    }
    Ok(body)
}
