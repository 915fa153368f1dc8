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
        labels::{self, StringMap},
        names, stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{
        At, Attr, Map, Set, Value,
        model::{optional, required},
    },
};

model! {
    /// An issuer.
    pub struct Jwt {
        /// Who issues the tokens: their claim `iss`, in full.
        issuer: Attr<String> = required().text("As tokens name it, without `*`.", |t| !t.is_empty() && !t.contains('*')),
        /// The issuer's public keys. They are no secret, and stand in the state and in the cluster as they are written.
        jwks: Attr<Jwks> = optional(),
        /// Where istiod gets the issuer's public keys. Without `jwks` and `jwks_uri` it asks the issuer itself, by OpenID
        /// discovery.
        jwks_uri: Attr<String> = optional().text("An address, `https://` or `http://`.", is_address),
        /// Whom tokens are for: their claim `aud` has one of these. Any unless written: then a token that was issued for
        /// somebody else is accepted here.
        audiences: Set<String> = optional()
            .non_empty("At least one audience; leave the argument out for any.")
            .each("No empty text.", |t| !t.is_empty()),
        /// The namespace whose workloads verify these tokens, alone: the RequestAuthentication is written there. Workloads of other
        /// namespaces look at no token of this issuer, unless another block is for them; blocks for all namespaces hold in this one
        /// as well. Defaults to every namespace.
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// The labels of the workloads that verify these tokens, in every namespace or in that of `namespace`. Defaults to all
        /// workloads.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Whether workloads get the token, so that they can pass it on to services that they call; true unless written.
        forward: Attr<bool> = optional(),
        /// Headers that carry the token, each with the text before it, which may be empty (`fromHeaders`): `{ "x-id-token" = "" }`.
        /// Defaults to `authorization` with `Bearer `, and the parameter `access_token`. If one of `from_headers`, `from_params` and
        /// `from_cookies` is set, tokens count nowhere else.
        from_headers: Map<String> = optional()
            .non_empty("At least one header; leave the argument out for the default.")
            .keys("Names of headers: letters, digits, dashes and underscores.", is_header),
        /// Parameters of the query that carry the token (`fromParams`). They are seen in logs and histories of browsers.
        from_params: Set<String> = optional()
            .non_empty("At least one parameter; leave the argument out for the default.")
            .each("No empty text.", |t| !t.is_empty()),
        /// Cookies that carry the token (`fromCookies`).
        from_cookies: Set<String> = optional()
            .non_empty("At least one cookie; leave the argument out for none.")
            .each("Names of cookies: letters, digits, dashes and underscores.", is_header),
        /// Claims that workloads get as headers, claim to header: `{ sub = "x-user" }`. Dots lead to claims of claims.
        claims_to_headers: Map<String> = optional()
            .non_empty("At least one claim; leave the argument out for none.")
            .check("Names of headers: letters, digits, dashes and underscores.", are_headers)
            .keys("Names of claims.", |claim| !claim.is_empty()),
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
                .map(|(claim, header)| ClaimToHeader { header, claim })
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
                "An issuer is written twice",
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
                "Two ways to the issuer's keys",
                "jwks and jwks_uri exclude each other: the keys, or where istiod gets them. Remove one.",
            );
        }
        (Attr::Null, Attr::Null, Attr::Known(issuer)) if !issuer.starts_with("https://") => {
            out.error(
                &block.at,
                "No way to the issuer's keys",
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
