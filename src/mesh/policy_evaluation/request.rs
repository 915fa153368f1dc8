//! A request and the workload that receives it.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::mesh::names;

/// The workload that receives a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Namespace of the pods.
    pub namespace: String,
    /// Labels of the pods.
    pub labels: BTreeMap<String, String>,
}

/// A request on an HTTP port, or a connection to a TCP port.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Identity of the peer without `spiffe://`, like `cluster.local/ns/shop/sa/web`. `None` for clear text.
    pub principal: Option<String>,
    /// Address of the peer, which behind a gateway is the gateway's.
    pub source_ip: IpAddr,
    /// Address of the client as the proxy determines it from `X-Forwarded-For` or the PROXY protocol.
    pub remote_ip: IpAddr,
    /// Port of the workload.
    pub port: u16,
    /// Server name of the TLS handshake.
    pub sni: Option<String>,
    /// The values of `destination.ip` and of the attributes of Envoy's filters, by the keys of their conditions.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of the request. `None` for a connection to a TCP port.
    pub http: Option<HttpRequest>,
}

/// The attributes that a proxy knows on HTTP ports only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpRequest {
    /// Method in upper case.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// `Host` or `:authority`, with the port if the client names it.
    pub host: String,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Claims of the token that a RequestAuthentication has verified.
    pub claims: Option<Json>,
}

impl Request {
    /// Trust domain of the peer's identity.
    pub(super) fn trust_domain(&self) -> Option<&str> {
        self.principal.as_deref()?.split_once("/ns/").map(|(domain, _)| domain)
    }

    /// Service account of the peer's identity, as `namespace/name`.
    pub(super) fn service_account(&self) -> Option<String> {
        let (namespace, name) = names::service_account_of(self.principal.as_deref()?)?;
        Some(format!("{namespace}/{name}"))
    }

    /// Namespace of the peer's identity.
    pub(super) fn namespace(&self) -> Option<&str> {
        let (_, after) = self.principal.as_deref()?.split_once("/ns/")?;
        after.split_once('/').map(|(namespace, _)| namespace)
    }
}

impl HttpRequest {
    /// Returns the texts of a claim, which is a text or a list of texts. Other claims have none.
    pub(super) fn claim(&self, path: &[&str]) -> Vec<&str> {
        let claim = path.iter().try_fold(self.claims.as_ref(), |claims, name| Some(claims?.get(name)));
        match claim.flatten() {
            Some(Json::String(text)) => vec![text],
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Issuer and subject of the token, `iss/sub`. `None` if one of the claims is missing.
    pub(super) fn principal(&self) -> Option<String> {
        match (self.claim(&["iss"]).as_slice(), self.claim(&["sub"]).as_slice()) {
            ([issuer], [subject]) => Some(format!("{issuer}/{subject}")),
            _ => None,
        }
    }
}
