//! One HTTP request to the API server, and its response. They are built and parsed here instead of by kube's typed calls,
//! which drop the response's headers (`Retry-After`, `Warning`) and fail a whole LIST when they can't parse one object.

use std::fmt;

use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    api_path::object_path,
    error::Error,
    request_log::{Operation, RequestLog},
    session::Session,
};
use crate::object::Key;

/// The media type of requests and responses, unless another one is asked for.
pub(super) const JSON: &str = "application/json";

/// Most bytes of a response that are read into memory, after decompression. A page of 500 objects of ordinary size is far
/// smaller, and a server could compress gigabytes into a response of a few megabytes.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

/// A request, which can be sent several times.
pub(super) struct ApiRequest {
    operation: Operation,
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
    /// A GET of one object.
    pub(super) fn get(key: &Key) -> Self {
        let operation = Operation { verb: "get", target: key.to_string(), dry_run: false };
        Self { operation, ..Self::list(object_path(key), JSON) }
    }

    /// A GET of a document that is no object, such as `/version`.
    pub(super) fn document(path: &str) -> Self {
        let operation = Operation { verb: "get", target: path.to_owned(), dry_run: false };
        Self { operation, ..Self::list(path.to_owned(), JSON) }
    }

    /// A GET of a collection, whose response is of the media type `accept`.
    pub(super) fn list(uri: String, accept: &'static str) -> Self {
        let path = uri.split('?').next().unwrap_or_default();
        let operation = Operation { verb: "list", target: path.to_owned(), dry_run: false };
        Self { operation, method: Method::GET, uri, accept, content_type: JSON, body: Vec::new() }
    }

    /// A PATCH of one object, with `parameters` as its query, in the media type `content_type`.
    pub(super) fn patch(key: &Key, parameters: &str, dry_run: bool, content_type: &'static str, body: &Json) -> Self {
        let uri = format!("{}?{parameters}{}", object_path(key), if dry_run { "&dryRun=All" } else { "" });
        let operation = Operation { verb: "patch", target: key.to_string(), dry_run };
        let body = body.to_string().into_bytes();
        Self { operation, method: Method::PATCH, uri, accept: JSON, content_type, body }
    }

    /// A DELETE of one object with `DeleteOptions`.
    pub(super) fn delete(key: &Key, options: &Json) -> Self {
        let operation = Operation { verb: "delete", target: key.to_string(), dry_run: false };
        let body = options.to_string().into_bytes();
        Self { operation, method: Method::DELETE, uri: object_path(key), accept: JSON, content_type: JSON, body }
    }

    /// Sends the request once. Whatever the server says in an error or a warning, it doesn't repeat credentials.
    pub(super) async fn send(&self, session: &Session, log: &RequestLog) -> Result<ApiResponse, Error> {
        let transmission = log.begin(&self.operation);
        let response = self.exchange(session, &transmission.audit_id()).await;
        let (status, error) = match &response {
            Ok((status, response)) => (Some(*status), response.as_ref().err()),
            Err(error) => (None, Some(error)),
        };
        transmission.end(status, error);
        response?.1
    }

    /// Sends the request and reads the response. Returns the status code, and the response if it is one of success.
    async fn exchange(&self, session: &Session, audit_id: &str) -> Result<(u16, Result<ApiResponse, Error>), Error> {
        let request = Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::ACCEPT, self.accept)
            .header("Audit-ID", audit_id)
            .body(Body::from(self.body.clone()))
            .map_err(|e| Error::MalformedResponse(e.to_string()))?;
        let (head, body) = session.send(request).await?.into_parts();
        let redact = |text: &str| session.redact(text);
        let body = self.read_body(body).await?;
        let status = head.status.as_u16();
        if head.status.is_success() {
            let headers = head.headers.get_all(header::WARNING).iter().filter_map(header_text);
            let warnings = headers.map(|header| redact(&warning_text(header))).collect();
            return Ok((status, Ok(ApiResponse { body, warnings })));
        }
        let retry_after = head.headers.get(header::RETRY_AFTER).and_then(header_text);
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        Ok((status, Err(Error::from_response(status, &body, retry_after, redact))))
    }

    /// Whether the request deletes an object.
    pub(super) fn is_delete(&self) -> bool {
        self.method == Method::DELETE
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
}

/// Method, path and query. The token of a further page is left out, since the server could put anything into it.
impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uri.split_once("&continue=") {
            Some((uri, _)) => write!(f, "{} {uri}&continue=…", self.method),
            None => write!(f, "{} {}", self.method, self.uri),
        }
    }
}

impl ApiResponse {
    /// The number of bytes of the body.
    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Json, Error> {
        self.parse()
    }

    /// The body as `T`, which may borrow from it.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
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
