//! One HTTP request to the API server, and its response. They are built and parsed here instead of by kube's typed calls,
//! which drop the response's headers (`Retry-After`, `Warning`) and fail a whole LIST when they can't parse one object.

use std::fmt;

use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use serde_json::Value as Json;

use super::{error::Error, session::Session};

/// The media type of requests and responses, unless another one is asked for.
pub(super) const JSON: &str = "application/json";

/// Most bytes of a response that are read into memory, after decompression. A page of 500 objects of ordinary size is far
/// smaller, and a server could compress gigabytes into a response of a few megabytes.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// A request, which can be sent several times.
pub(super) struct ApiRequest {
    method: Method,
    /// Path and query.
    uri: String,
    accept: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

/// A response with a status of success.
#[derive(Debug)]
pub(super) struct ApiResponse {
    body: Vec<u8>,
    /// The texts of the `Warning` headers, for example deprecations and the warnings of istiod's webhook.
    pub(super) warnings: Vec<String>,
}

impl ApiRequest {
    /// A GET of plain JSON.
    pub(super) fn get(uri: impl Into<String>) -> Self {
        Self::get_as(uri, JSON)
    }

    /// A GET whose response is of the media type `accept`.
    pub(super) fn get_as(uri: impl Into<String>, accept: &'static str) -> Self {
        Self { method: Method::GET, uri: uri.into(), accept, content_type: JSON, body: Vec::new() }
    }

    /// A server-side apply.
    pub(super) fn apply_patch(uri: String, body: &Json) -> Self {
        Self::with_body(Method::PATCH, uri, "application/apply-patch+yaml", body)
    }

    /// A JSON patch (RFC 6902).
    pub(super) fn json_patch(uri: String, operations: &Json) -> Self {
        Self::with_body(Method::PATCH, uri, "application/json-patch+json", operations)
    }

    /// A DELETE with `DeleteOptions`.
    pub(super) fn delete(uri: String, options: &Json) -> Self {
        Self::with_body(Method::DELETE, uri, JSON, options)
    }

    fn with_body(method: Method, uri: String, content_type: &'static str, body: &Json) -> Self {
        Self { method, uri, accept: JSON, content_type, body: body.to_string().into_bytes() }
    }

    /// Whether the request may change an object.
    pub(super) fn is_write(&self) -> bool {
        self.method != Method::GET && !self.uri.contains("dryRun=All")
    }

    /// Reads the body of a response. `body` decompresses it as it is read, so the limit also bounds what is decompressed.
    async fn read_body(&self, body: Body) -> Result<Vec<u8>, Error> {
        match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Error::ResponseTooLarge { request: self.to_string(), limit: MAX_RESPONSE_BYTES })
            }
            Err(error) => Err(Error::Unreachable(error.to_string())),
        }
    }

    /// Sends the request once.
    pub(super) async fn send(&self, session: &Session) -> Result<ApiResponse, Error> {
        let request = Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::ACCEPT, self.accept)
            .body(Body::from(self.body.clone()))
            .map_err(|e| Error::MalformedResponse(e.to_string()))?;
        let (head, body) = session.send(request).await?.into_parts();
        let body = self.read_body(body).await?;
        tracing::debug!(request = %self, status = head.status.as_u16(), "kubernetes");
        if head.status.is_success() {
            let headers = head.headers.get_all(header::WARNING).iter().filter_map(header_text);
            return Ok(ApiResponse { body, warnings: headers.map(warning_text).collect() });
        }
        let retry_after = head.headers.get(header::RETRY_AFTER).and_then(header_text);
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        Err(Error::from_response(head.status.as_u16(), &body, retry_after))
    }
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.uri)
    }
}

impl ApiResponse {
    /// The number of bytes of the body.
    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Json, Error> {
        serde_json::from_slice(&self.body).map_err(|e| Error::MalformedResponse(e.to_string()))
    }
}

fn header_text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// The text of a `Warning` header, without the code and the agent in `299 - "text"`.
fn warning_text(header: &str) -> String {
    let text = header.splitn(3, ' ').nth(2).unwrap_or(header);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    text.replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_header_is_unquoted() {
        assert_eq!(warning_text(r#"299 - "say \"when\"""#), r#"say "when""#);
    }
}
