//! RequestAuthentication: whose tokens are verified. A request with a wrong token is refused; one without passes, until an
//! AuthorizationPolicy asks for one. Those of one workload add up.

use std::collections::BTreeSet;

use serde::Serialize;

use super::WorkloadSelector;

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAuthentication {
    /// None: every workload of the namespace; of the mesh, in the root namespace. With one, in the root namespace too, those of
    /// every namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// In the order in which they were declared.
    pub jwt_rules: Vec<JwtRule>,
}

/// An issuer, and how its tokens are verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JwtRule {
    /// The claim `iss`.
    pub issuer: String,
    /// The public keys, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// Where istiod gets them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The claim `aud` must have one of them; none: it may have any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub audiences: BTreeSet<String>,
    /// Whether the workload gets the token, and can pass it on.
    pub forward_original_token: bool,
    /// Claims as headers. Proxies take such headers off requests that bring them along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_claim_to_headers: Vec<ClaimToHeader>,
}

/// A claim as a header.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimToHeader {
    /// Letters, digits, dashes, underscores.
    pub header: String,
    /// Dots lead into claims of claims.
    pub claim: String,
}
