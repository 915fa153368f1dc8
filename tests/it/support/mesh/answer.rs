//! What a request gets.

use std::fmt;

use http::HeaderMap;
use serde_json::Value as Json;

/// What came back: a response, or the reason why there was none.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// An HTTP response.
    Response(Response),
    /// There was no response: the name is unknown, the connection was refused or reset, or no response came in time.
    Failure(String),
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    /// The HTTP status code, or 0 if there was no response.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Response(response) => response.code,
            Self::Failure(_) => 0,
        }
    }

    /// The body as text, or the reason why there was no response.
    pub(crate) fn body(&self) -> &str {
        match self {
            Self::Response(response) => &response.body,
            Self::Failure(reason) => reason,
        }
    }

    /// A header of the response.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self {
            Self::Response(response) => response.headers.get(name)?.to_str().ok(),
            Self::Failure(_) => None,
        }
    }

    /// Name of the pod whose application answered. `None` if a proxy answered itself, or if nothing did.
    pub(crate) fn served_by(&self) -> Option<&str> {
        self.header(super::application::SERVED_BY)
    }

    /// The request as it arrived at the application.
    #[track_caller]
    pub(crate) fn received(&self) -> Json {
        assert!(self.served_by().is_some(), "no application answered: {self}");
        serde_json::from_str(self.body()).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// A header of the request as it arrived at the application.
    #[track_caller]
    pub(crate) fn received_header(&self, name: &str) -> Option<String> {
        self.received()["headers"][name].as_str().map(str::to_owned)
    }

    /// The caller's identity that the application's sidecar saw, for example
    /// `spiffe://cluster.local/ns/photo/sa/photo-frontend`. `None` if the caller had none, as over plaintext.
    #[track_caller]
    pub(crate) fn identity(&self) -> Option<String> {
        let certificate = self.received_header("x-forwarded-client-cert")?;
        // The element of the last hop is at the end.
        let (_, identity) = certificate.rsplit_once("URI=")?;
        Some(identity.to_owned())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(Response { code, headers, body }) => write!(f, "{code} {headers:?}\n{body}"),
            Self::Failure(reason) => write!(f, "no response: {reason}"),
        }
    }
}
