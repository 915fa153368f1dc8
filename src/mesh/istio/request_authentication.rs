//! RequestAuthentication: the verification of JSON Web Tokens. A request with an invalid token is refused. A request
//! without a token is accepted, unless an AuthorizationPolicy requires one. The rules of all objects for a workload
//! apply together.

use std::collections::BTreeSet;

use serde::Serialize;

use super::WorkloadSelector;

/// `spec` of a RequestAuthentication.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAuthentication {
    /// Workloads that the object applies to. `None`: every workload of the namespace, or of the mesh if the object is
    /// in the root namespace. A selector in the root namespace selects workloads of every namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// Rules in the order of their declaration.
    pub jwt_rules: Vec<JwtRule>,
}

/// An issuer of tokens, and how its tokens are verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JwtRule {
    /// Value of the claim `iss`.
    pub issuer: String,
    /// Public keys as a JSON Web Key Set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// URL from which istiod fetches the public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Audiences, one of which the claim `aud` must have. Empty: any audience.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub audiences: BTreeSet<String>,
    /// Headers that carry the token, where it isn't in `authorization`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_headers: Vec<TokenHeader>,
    /// Parameters of the query that carry the token.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub from_params: BTreeSet<String>,
    /// Cookies that carry the token.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub from_cookies: BTreeSet<String>,
    /// Whether the proxy forwards the token to the workload.
    pub forward_original_token: bool,
    /// Claims to copy into headers. Proxies remove such headers from incoming requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_claim_to_headers: Vec<ClaimToHeader>,
}

/// A header that carries a token.
#[derive(Clone, Debug, Serialize)]
pub struct TokenHeader {
    /// Name of the header.
    pub name: String,
    /// Text before the token, like `Bearer `.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// A claim that is copied into a header.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimToHeader {
    /// Name of the header: letters, digits, dashes and underscores.
    pub header: String,
    /// Name of the claim. Dots separate the path of a nested claim.
    pub claim: String,
}
