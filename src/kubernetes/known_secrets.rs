//! The credentials of a connection as texts that a server may repeat, and their removal from what the server says. A gateway
//! in front of the API server may put the request that it received into its error page, with the `Authorization` header.

use std::{borrow::Cow, collections::BTreeSet, fs};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use http::Uri;
use kube::config::AuthInfo;
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;

use super::{api_path::encode, secret::Secret};

/// The replacement of a credential.
const REDACTED: &str = "(redacted)";

/// Shorter texts aren't searched for: they are parts of ordinary words, and messages would become unreadable.
const MIN_BYTES: usize = 4;

/// Shorter variables of an exec plugin's environment are names of regions, profiles and the like.
const MIN_VARIABLE_BYTES: usize = 16;

/// The credentials that a connection uses and has used, in each form in which a text may have them: as they are, in JSON,
/// in base64 and percent-encoded.
#[derive(Clone, Default)]
pub(super) struct KnownSecrets {
    credentials: BTreeSet<Form>,
    forms: BTreeSet<Form>,
}

/// One text to search for. The longest comes first, since one may be a part of another.
#[derive(Clone)]
struct Form(Secret);

impl KnownSecrets {
    /// Adds the credentials of a user, which are in `user` itself or in files that it names.
    pub(super) fn add_user(&mut self, user: &AuthInfo) {
        for secret in [&user.token, &user.password].into_iter().flatten() {
            self.add(secret.expose_secret());
        }
        let variables = user.exec.iter().flat_map(|exec| exec.env.iter().flatten());
        for value in
            variables.filter_map(|variable| variable.get("value")).filter(|value| value.len() >= MIN_VARIABLE_BYTES)
        {
            self.add(value);
        }
        if let Some(key) = &user.client_key_data {
            self.add(key.expose_secret());
            self.add_pem(&STANDARD.decode(key.expose_secret()).unwrap_or_default());
        } else if let Some(path) = &user.client_key {
            // A key that can't be read is reported where it is used.
            self.add_pem(&fs::read(path).unwrap_or_default());
        }
    }

    /// Adds the password in the URL of a proxy.
    pub(super) fn add_proxy(&mut self, proxy: Option<&Uri>) {
        let authority = proxy.and_then(Uri::authority).map_or("", |authority| authority.as_str());
        let Some((user_info, _)) = authority.rsplit_once('@') else { return };
        let password = user_info.split_once(':').map_or(user_info, |(_, password)| password);
        self.add(password);
        self.add(&percent_decode_str(password).decode_utf8_lossy());
    }

    /// Adds the lines of a private key: messages may join them by blanks, or quote one alone.
    fn add_pem(&mut self, pem: &[u8]) {
        let pem = String::from_utf8_lossy(pem);
        pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).for_each(|line| self.add(line));
    }

    fn add(&mut self, secret: &str) {
        if secret.len() < MIN_BYTES || !self.credentials.insert(Form(secret.into())) {
            return;
        }
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let mut texts = vec![secret.to_owned(), quoted.trim_matches('"').to_owned()];
        texts.extend((0..3).map(|offset| base64_core(secret.as_bytes(), offset)));
        let url_safe: Vec<String> = texts.iter().skip(2).map(|text| text.replace('+', "-").replace('/', "_")).collect();
        texts.extend(url_safe);
        let encoded: Vec<String> = texts.iter().map(|text| encode(text)).collect();
        texts.extend(encoded.iter().map(|text| lower_case_escapes(text)));
        texts.extend(encoded);
        self.forms.extend(texts.into_iter().filter(|text| text.len() >= MIN_BYTES).map(|text| Form(text.into())));
    }

    /// The text without credentials.
    pub(super) fn redact(&self, text: &str) -> String {
        let redacted = self.forms.iter().fold(Cow::Borrowed(text), |text, form| {
            if text.contains(form.0.expose()) { text.replace(form.0.expose(), REDACTED).into() } else { text }
        });
        redacted.into_owned()
    }
}

/// The characters of base64 that stand for `secret` alone where it begins at `offset` (modulo 3) of a longer text, such as
/// the password in `user:password`. Characters at the ends, which also depend on the bytes around it, are left out.
fn base64_core(secret: &[u8], offset: usize) -> String {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    bytes.truncate(bytes.len() / 3 * 3);
    let encoded = STANDARD_NO_PAD.encode(bytes);
    encoded.chars().skip(if offset == 0 { 0 } else { offset + 1 }).collect()
}

/// A percent-encoded text with `%2b` in place of `%2B`.
fn lower_case_escapes(encoded: &str) -> String {
    let mut rest = 0;
    let lower = |c: char| {
        rest = if c == '%' { 3 } else { rest };
        let in_escape = rest > 0;
        rest -= u32::from(in_escape);
        if in_escape { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

impl Ord for Form {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (own, others) = (self.0.expose(), other.0.expose());
        others.len().cmp(&own.len()).then_with(|| own.cmp(others))
    }
}

impl PartialOrd for Form {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Form {}

#[cfg(test)]
mod tests {
    use kube::config::ExecConfig;
    use std::collections::HashMap;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwaXBlbGluZSJ9.c2lnbmF0dXJl";

    fn with_user(user: &AuthInfo) -> KnownSecrets {
        let mut secrets = KnownSecrets::default();
        secrets.add_user(user);
        secrets
    }

    #[test]
    fn token_is_removed_as_it_is_and_encoded() {
        let secrets = with_user(&AuthInfo { token: Some(TOKEN.to_owned().into()), ..AuthInfo::default() });
        for text in [
            TOKEN.to_owned(),
            format!("Authorization: Bearer {TOKEN}\nAccept: x"),
            STANDARD.encode(TOKEN),
            STANDARD.encode(format!("Bearer {TOKEN}")),
            STANDARD.encode(format!("Authorization: Bearer {TOKEN} and more")),
        ] {
            let redacted = secrets.redact(&text);
            assert!(redacted.contains(REDACTED) && redacted.len() + TOKEN.len() < text.len() + 20, "{redacted}");
        }
        assert_eq!(secrets.redact("no credential here"), "no credential here");
    }

    #[test]
    fn password_with_special_characters_is_removed_in_each_encoding() {
        let password = "p&ss/wörd+\"1\"";
        let secrets = with_user(&AuthInfo { password: Some(password.to_owned().into()), ..AuthInfo::default() });
        for text in [
            format!("user:{password}@host"),
            format!("{:?}", "p&ss/wörd+\"1\""),
            "p%26ss%2Fw%C3%B6rd%2B%221%22".to_owned(),
            "p%26ss%2fw%c3%b6rd%2b%221%22".to_owned(),
            format!("Basic {}", STANDARD.encode(format!("admin:{password}"))),
            format!("Basic {}", encode(&STANDARD.encode(format!("user:{password}")))),
        ] {
            let redacted = secrets.redact(&text);
            assert!(redacted.contains(REDACTED) && !redacted.contains('w'), "{text}: {redacted}");
        }
    }

    #[test]
    fn key_proxy_and_plugin_credentials_are_removed() {
        let pem =
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n";
        let env = HashMap::from([
            ("name".to_owned(), "AWS_SECRET_ACCESS_KEY".to_owned()),
            ("value".to_owned(), "wJalrXUtnFEMIK7MDENGbPxRfiCY".to_owned()),
        ]);
        let user = AuthInfo {
            client_key_data: Some(STANDARD.encode(pem).into()),
            exec: Some(ExecConfig { env: Some(vec![env]), ..ExecConfig::default() }),
            ..AuthInfo::default()
        };
        let mut secrets = KnownSecrets::default();
        secrets.add_user(&user);
        secrets.add_proxy(Some(&"http://me:hun%2Fter2@proxy:3128".parse().unwrap()));
        let text = format!("{pem} {} wJalrXUtnFEMIK7MDENGbPxRfiCY hun/ter2 hun%2Fter2", STANDARD.encode(pem));
        assert_eq!(
            secrets.redact(&text),
            format!(
                "-----BEGIN PRIVATE KEY-----\n{REDACTED}\n{REDACTED}\n-----END PRIVATE KEY-----\n {REDACTED} {REDACTED} \
                 {REDACTED} {REDACTED}"
            )
        );
    }
}
