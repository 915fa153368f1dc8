//! The `jwt` blocks: RequestAuthentications that verify tokens of end users, in all workloads or in those with some labels.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    context::{DefaultsContext, spec_and_elements_from},
    jwks::Jwks,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Rendered,
        istio::{
            WorkloadSelector,
            policy_transition::UNITED_ISSUERS,
            request_authentication::{ClaimToHeader, JwtRule, RequestAuthentication, TokenHeader},
        },
        labels,
        manifest::StringMap,
        names, patterns, stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{
        At, Attr, Map, Set, Value,
        model::{optional, required},
    },
};

model! {
    /// An issuer of tokens.
    pub struct Jwt {
        /// Issuer of the tokens: the whole value of their claim `iss`.
        issuer: Attr<String> = required().text("The exact value of the claim, without `*`.", |t| !t.is_empty() && !t.contains('*')),
        /// Public keys of the issuer, as JSON. They are no secret, and are stored unchanged in the state and in
        /// the cluster. Conflicts with `jwks_uri`.
        jwks: Attr<Jwks> = optional(),
        /// Address from which istiod loads the issuer's public keys (`jwksUri`). Conflicts with `jwks`. Defaults
        /// to the address that the issuer's OpenID discovery document names.
        jwks_uri: Attr<String> = optional().text("An address, `https://` or `http://`.", is_address),
        /// Accepted audiences: the claim `aud` of a token must contain one of them. Defaults to any: then tokens
        /// that were issued for another application are accepted.
        audiences: Set<String> = optional()
            .non_empty("At least one audience; leave the argument out for any.")
            .each("Values must not be empty.", |t| !t.is_empty()),
        /// Namespace whose workloads verify these tokens: the RequestAuthentication is written there. Workloads
        /// of other namespaces ignore tokens of this issuer, unless another block applies to them; blocks for all
        /// namespaces apply in this one as well. Defaults to every namespace.
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of the workloads that verify these tokens, in every namespace or in that of `namespace`.
        /// Defaults to all workloads.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Whether workloads receive the token, so that they can forward it to services that they call
        /// (`forwardOriginalToken`). Defaults to `true`.
        forward: Attr<bool> = optional(),
        /// Headers that carry the token, each with the prefix of the token, which may be empty (`fromHeaders`):
        /// `{ "x-id-token" = "" }`. If one of `from_headers`, `from_params` and `from_cookies` is set, tokens
        /// elsewhere are ignored. Defaults to `authorization` with the prefix `Bearer `, and to the query
        /// parameter `access_token`.
        from_headers: Map<String> = optional()
            .non_empty("At least one header; leave the argument out for the default.")
            .keys("Names of headers: letters, digits, dashes and underscores.", is_header),
        /// Query parameters that carry the token (`fromParams`). They are visible in logs and in the history of
        /// browsers. Defaults to `access_token` if none of the three arguments is set.
        from_params: Set<String> = optional()
            .non_empty("At least one parameter; leave the argument out for the default.")
            .each("Values must not be empty.", |t| !t.is_empty()),
        /// Cookies that carry the token (`fromCookies`). Tokens in the header `authorization` are then ignored,
        /// unless `from_headers` lists it. Defaults to none.
        from_cookies: Set<String> = optional()
            .non_empty("At least one cookie; leave the argument out for none.")
            .each("Names of cookies: letters, digits, dashes and underscores.", is_header),
        /// Claims that workloads receive as headers, claim to header (`outputClaimToHeaders`): `{ sub = "x-user"
        /// }`. A claim within a claim is written `realm_access.roles` or `[realm_access][roles]`. Defaults to
        /// none.
        claims_to_headers: Map<String> = optional()
            .non_empty("At least one claim; leave the argument out for none.")
            .check("Names of headers: letters, digits, dashes and underscores.", are_headers)
            .keys("Names of claims, like `sub`.", patterns::is_claim_path),
    }
}

impl Jwt {
    /// Whether every workload of the mesh verifies the tokens.
    pub(super) fn is_for_all_workloads(&self) -> bool {
        !self.selector.is_set() && !self.namespace.is_set()
    }

    /// Whether proxies pass the token on to the workload: true by default.
    fn forward(&self) -> Known<bool> {
        self.forward.or(true)
    }

    fn rule(&self) -> Known<JwtRule> {
        let headers = self.claims_to_headers.elements_or_empty()?;
        Ok(JwtRule {
            issuer: self.issuer.required()?.clone(),
            jwks: self.jwks.known()?.map(Jwks::to_string),
            jwks_uri: self.jwks_uri.known()?.cloned(),
            audiences: self.audiences.elements_or_empty()?,
            from_headers: (self.from_headers.elements_or_empty()?.into_iter())
                .map(|(name, prefix)| TokenHeader { name, prefix })
                .collect(),
            from_params: self.from_params.elements_or_empty()?,
            from_cookies: self.from_cookies.elements_or_empty()?,
            forward_original_token: self.forward()?,
            output_claim_to_headers: headers
                .into_iter()
                .map(|(claim, header)| ClaimToHeader { header, claim: patterns::claim_names(&claim).join(".") })
                .collect(),
        })
    }
}

/// One object for each namespace and selector, with the rules of all blocks that have both.
pub(super) fn objects(blocks: &[At<Jwt>], context: &DefaultsContext) -> Rendered {
    let mut groups: BTreeMap<(&str, Option<StringMap>), Vec<&At<Jwt>>> = BTreeMap::new();
    for block in blocks {
        let namespace = block.namespace.known()?.map_or(context.root_namespace(), String::as_str);
        groups.entry((namespace, block.selector.elements()?)).or_default().push(block);
    }
    let object = |((namespace, selector), blocks): ((&str, Option<StringMap>), Vec<&At<Jwt>>)| {
        let name =
            selector.as_ref().map_or("default".to_owned(), |labels| format!("jwt-{}", names::label_digest(labels)));
        let key = Key::new(&kind::REQUEST_AUTHENTICATION, namespace, &name);
        (key.clone(), request_authentication(selector, &blocks, context, key))
    };
    Ok(groups.into_iter().map(object).collect())
}

fn request_authentication(
    selector: Option<StringMap>,
    blocks: &[&At<Jwt>],
    context: &DefaultsContext,
    key: Key,
) -> Known<Object> {
    let spec = RequestAuthentication {
        selector: selector.map(|match_labels| WorkloadSelector { match_labels }),
        jwt_rules: blocks.iter().map(|block| block.rule()).collect::<Known<_>>()?,
    };
    let paths = blocks.iter().map(|block| &block.at);
    let origins = spec_and_elements_from(&Path::root().attribute("jwt"), "spec.jwtRules", paths);
    Ok(context.object(key, &spec, stage::TOKENS, origins)?.with_transition(UNITED_ISSUERS))
}

/// Reports issuers without keys, duplicate issuers and duplicate headers.
pub(super) fn validate(blocks: &[At<Jwt>], out: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for block in blocks {
        labels::validate_selector(&block.selector, &block.at.attribute("selector"), out);
        validate_keys(block, out);
        if let (Ok(issuer), Ok(namespace), Ok(selector)) =
            (block.issuer.required(), block.namespace.known(), block.selector.elements())
            && !seen.insert((issuer, namespace, selector))
        {
            out.error(
                &block.at.attribute("issuer"),
                "Duplicate issuer",
                format!(
                    "Another block for the same workloads has the issuer {issuer:?}. Write one block with all audiences."
                ),
            );
        }
        validate_headers(block, out);
    }
}

fn validate_keys(block: &At<Jwt>, out: &mut Diagnostics) {
    match (&block.jwks, &block.jwks_uri, &block.issuer) {
        (Attr::Known(_), Attr::Known(_), _) => {
            out.error(
                &block.at.attribute("jwks_uri"),
                "Both jwks and jwks_uri",
                "jwks and jwks_uri exclude each other: the keys, or where istiod loads them. Remove one.",
            );
        }
        (Attr::Null, Attr::Null, Attr::Known(issuer)) if !issuer.starts_with("https://") => {
            out.error(
                &block.at,
                "No source of the issuer's keys",
                "Write jwks or jwks_uri. Without them istiod asks the issuer itself, which takes an issuer that is an \
                 https:// address.",
            );
        }
        _ => {}
    }
}

fn validate_headers(block: &At<Jwt>, out: &mut Diagnostics) {
    let claims = block.claims_to_headers.elements_or_empty().unwrap_or_default();
    let mut claim_of_header = BTreeMap::new();
    for (claim, header) in &claims {
        if patterns::claim_names(claim).iter().any(|name| name.contains('.')) {
            out.warn(
                &block.at.attribute("claims_to_headers").key(claim),
                "Claim name with dots can't be copied to a header",
                format!(
                    "Istio reads dots in the name of a claim as the path to a claim within a claim, so {claim:?} is never found. Let the \
                     issuer add a claim without dots to its tokens."
                ),
            );
        }
        if let Some(other) = claim_of_header.insert(header.to_ascii_lowercase(), claim) {
            out.error(
                &block.at.attribute("claims_to_headers").key(claim),
                "Two claims in one header",
                format!("{other} is in header {header:?}, too. Give each claim a header of its own."),
            );
        }
    }
}

fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()+,;=%".contains(c))
    })
}

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn are_headers(value: &Value) -> bool {
    let Value::Map(headers) = value else { return true };
    headers.values().all(|header| !matches!(header, Value::String(name) if !is_header(name)))
}
