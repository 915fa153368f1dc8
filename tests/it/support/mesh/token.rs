//! Tokens of end users (JWT), signed by issuers of the tests.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value as Json, json};

/// An issuer with a key of its own. It signs with Ed25519, whose signatures are the bytes that a token holds.
pub(crate) struct TokenIssuer {
    issuer: String,
    key: KeyPair,
}

impl TokenIssuer {
    /// An issuer whose tokens have this claim `iss`.
    pub(crate) fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), key: KeyPair::generate_for(&PKCS_ED25519).expect("a key") }
    }

    /// The JSON Web Key Set with the public key.
    pub(crate) fn key_set(&self) -> String {
        let public = URL_SAFE_NO_PAD.encode(self.key.der_bytes());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "tests", "x": public });
        json!({ "keys": [key] }).to_string()
    }

    /// The value of the header `authorization` with a token that is valid for an hour. `claims` may replace any claim.
    pub(crate) fn bearer(&self, claims: &Json) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs();
        let mut payload = json!({ "iss": self.issuer, "sub": "jane", "iat": now, "exp": now + 3600 });
        for (name, value) in claims.as_object().expect("an object of claims") {
            payload[name] = value.clone();
        }
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": "tests" });
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).expect("a signature"));
        format!("Bearer {signed}.{signature}")
    }
}
