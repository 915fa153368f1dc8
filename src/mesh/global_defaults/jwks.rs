//! JSON Web Key Sets (RFC 7517) of the public keys that verify tokens.

use std::fmt;

use serde_json::Value as Json;

use crate::{
    json_path::{at, text},
    mesh::text::Text,
};

/// A JSON Web Key Set of public keys, with the text as it is in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks(String);

impl fmt::Display for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The private members of a JSON Web Key, which sign tokens. Everyone who may read the RequestAuthentication would see them.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

impl Text for Jwks {
    fn accepted_values() -> String {
        "A JWK set of public keys, as JSON: `{\"keys\": [{\"kty\": \"RSA\", …}]}`.".to_owned()
    }

    /// Errors don't show the text, since it may contain a private key.
    fn parse(written: &str) -> Result<Self, String> {
        let set: Json = serde_json::from_str(written).map_err(|fault| {
            format!("It isn't JSON ({fault}). Write the issuer's JWK set, for example by file(\"jwks.json\") or jsonencode().")
        })?;
        let keys = at(&set, &["keys"]).as_array().filter(|keys| !keys.is_empty());
        let Some(keys) = keys else {
            return Err("It has no keys. Write a whole JWK set, {\"keys\": [...]}, not a single key.".to_owned());
        };
        for (n, key) in keys.iter().enumerate() {
            let Some(key_type) = text(key, &["kty"]) else {
                return Err(format!("keys[{n}] has no \"kty\", so it is no JWK."));
            };
            if let Some(missing) =
                required_members(key_type).iter().find(|name| !text(key, &[name]).is_some_and(is_base64url))
            {
                return Err(format!(
                    "keys[{n}] is no {key_type} key: {missing:?} must be there, in base64url without padding."
                ));
            }
            if let Some(secret) = PRIVATE_MEMBERS.iter().find(|name| !at(key, &[name]).is_null()) {
                return Err(format!(
                    "keys[{n}] has {secret:?}, by which tokens are made. Write public keys alone, and replace this key: it \
                     isn't secret any more."
                ));
            }
        }
        Ok(Self(written.to_owned()))
    }
}

/// The members that a public key of a type needs.
fn required_members(key_type: &str) -> &'static [&'static str] {
    match key_type {
        "RSA" => &["n", "e"],
        "EC" => &["x", "y"],
        "OKP" => &["x"],
        _ => &[],
    }
}

fn is_base64url(text: &str) -> bool {
    !text.is_empty() && text.len() % 4 != 1 && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_keep_their_text() {
        let written = r#"{ "keys": [{"kty": "RSA", "kid": "1", "n": "0vx7", "e": "AQAB"}] }"#;
        assert_eq!(Jwks::parse(written).unwrap().to_string(), written);
    }

    #[test]
    fn other_texts_are_refused() {
        for (written, fault) in [
            ("", "isn't JSON"),
            ("{", "isn't JSON"),
            ("[]", "has no keys"),
            (r#"{"keys": []}"#, "has no keys"),
            (r#"{"kty": "RSA"}"#, "has no keys"),
            (r#"{"keys": [{}]}"#, "no \"kty\""),
            (r#"{"keys": [{"kty": "RSA", "n": "0vx7"}]}"#, "\"e\" must be there"),
            (r#"{"keys": [{"kty": "EC", "x": "a b", "y": "AQAB"}]}"#, "\"x\" must be there"),
            (r#"{"keys": [{"kty": "OKP", "x": "AQAB", "d": "x"}]}"#, "by which tokens are made"),
            (r#"{"keys": [{"kty": "OKP", "x": "AQAB"}, {"kty": "oct", "k": "x"}]}"#, "keys[1] has \"k\""),
        ] {
            let error = Jwks::parse(written).unwrap_err();
            assert!(error.contains(fault), "{written}: {error}");
        }
    }
}
