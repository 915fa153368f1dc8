//! Public keys by which tokens are verified, as JSON: a JWK set.

use std::fmt;

use serde_json::Value as Json;

use crate::{
    json_path::{at, text},
    mesh::text::Text,
};

/// A JWK set of public keys, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks(String);

impl fmt::Display for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Members of a JWK by which tokens are made. What is written here is seen by everybody who may read the mesh's objects.
const SECRET: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

impl Text for Jwks {
    fn admits() -> String {
        "A JWK set of public keys, as JSON: `{\"keys\": [{\"kty\": \"RSA\", …}]}`.".to_owned()
    }

    /// The set isn't shown in a fault: it may be a private one.
    fn parse(written: &str) -> Result<Self, String> {
        let set: Json = serde_json::from_str(written).map_err(|fault| {
            format!("It isn't JSON ({fault}). Write the issuer's JWK set, for example by file(\"jwks.json\") or jsonencode().")
        })?;
        let keys = at(&set, &["keys"]).as_array().filter(|keys| !keys.is_empty());
        let Some(keys) = keys else {
            return Err("It has no keys. Write a whole JWK set, {\"keys\": [...]}, not a single key.".to_owned());
        };
        for (n, key) in keys.iter().enumerate() {
            let Some(kind) = text(key, &["kty"]) else {
                return Err(format!("keys[{n}] has no \"kty\", so it is no JWK."));
            };
            if let Some(missing) = numbers(kind).iter().find(|name| !text(key, &[name]).is_some_and(is_base64url)) {
                return Err(format!(
                    "keys[{n}] is no {kind} key: {missing:?} must be there, in base64url without padding."
                ));
            }
            if let Some(secret) = SECRET.iter().find(|name| !at(key, &[name]).is_null()) {
                return Err(format!(
                    "keys[{n}] has {secret:?}, by which tokens are made. Write public keys alone, and replace this key: it \
                     isn't secret any more."
                ));
            }
        }
        Ok(Self(written.to_owned()))
    }
}

/// What a public key of a kind consists of.
fn numbers(kind: &str) -> &'static [&'static str] {
    match kind {
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
    fn public_keys_are_taken_as_they_are_written() {
        let written = r#"{ "keys": [{"kty": "RSA", "kid": "1", "n": "0vx7", "e": "AQAB"}] }"#;
        assert_eq!(Jwks::parse(written).unwrap().to_string(), written);
    }

    #[test]
    fn what_is_no_set_of_public_keys_is_told() {
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
            let told = Jwks::parse(written).unwrap_err();
            assert!(told.contains(fault), "{written}: {told}");
        }
    }
}
