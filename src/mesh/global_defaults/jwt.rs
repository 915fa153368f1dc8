//! Ownership tokens are verified: by every workload, or by those with some labels.

use std::collections::{BTreeMap, BTreeSet};

use super::{Jwks, Site};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        Rendered,
        istio::{
            WorkloadSelector,
            request_authentication::{ClaimToHeader, JwtRule, RequestAuthentication},
        },
        manifest::StringMap,
        names, stage,
    },
    object::{Key, Object, kind},
};

/// An issuer.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The block.
    pub at: Path,
    /// The claim `iss`.
    pub issuer: Known<String>,
    /// Its public keys.
    pub jwks: Known<Option<Jwks>>,
    /// Where they are.
    pub jwks_uri: Known<Option<String>>,
    /// The claim `aud` has one of them; `None`: any.
    pub audiences: Known<Option<BTreeSet<String>>>,
    /// The workloads that verify; `None`: every one.
    pub selector: Known<Option<StringMap>>,
    /// Whether workloads get the token.
    pub forward: Known<bool>,
    /// Claims as headers, by the claim.
    pub claims_to_headers: Known<StringMap>,
}

/// One object for each selector: rules of the same workloads stand together.
pub(super) fn objects(site: &Site) -> Rendered {
    let mut groups: BTreeMap<Option<&StringMap>, Vec<&Jwt>> = BTreeMap::new();
    for jwt in as_known(&site.defaults.jwt)? {
        groups.entry(as_known(&jwt.selector)?.as_ref()).or_default().push(jwt);
    }
    let named = |(selector, rules): (Option<&StringMap>, Vec<&Jwt>)| {
        let name = selector.map_or("default".to_owned(), |labels| format!("jwt-{}", names::label_digest(labels)));
        let key = site.key(&kind::REQUEST_AUTHENTICATION, &name);
        (key.clone(), authentication(site, key, selector, &rules))
    };
    Ok(groups.into_iter().map(named).collect())
}

fn authentication(site: &Site, key: Key, selector: Option<&StringMap>, rules: &[&Jwt]) -> Known<Object> {
    let spec = RequestAuthentication {
        selector: selector.map(|labels| WorkloadSelector { match_labels: labels.clone() }),
        jwt_rules: rules.iter().map(|jwt| rule(jwt)).collect::<Known<_>>()?,
    };
    let mut object = site.object(key, &spec, stage::OPENING, &[("spec", "jwt")])?;
    object.origins.extend(rules.iter().enumerate().map(|(n, jwt)| (format!("spec.jwtRules[{n}]"), jwt.at.clone())));
    Ok(object)
}

fn rule(jwt: &Jwt) -> Known<JwtRule> {
    let headers = as_known(&jwt.claims_to_headers)?.iter();
    Ok(JwtRule {
        issuer: jwt.issuer.clone()?,
        jwks: as_known(&jwt.jwks)?.as_ref().map(Jwks::to_string),
        jwks_uri: jwt.jwks_uri.clone()?,
        audiences: jwt.audiences.clone()?.unwrap_or_default(),
        forward_original_token: jwt.forward?,
        output_claim_to_headers: headers
            .map(|(claim, header)| ClaimToHeader { header: header.clone(), claim: claim.clone() })
            .collect(),
    })
}
