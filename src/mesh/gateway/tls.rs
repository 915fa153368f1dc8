//! Protocols and TLS settings of a server.

use std::fmt;

use super::Tls;
use crate::{
    known::Known,
    mesh::{
        istio::gateway,
        text::{Text, text_enum},
    },
};

text_enum! {
    /// What is spoken on a port of a gateway.
    pub enum Protocol {
        /// HTTP/1.1, and HTTP/2 where the caller begins so.
        Http = "http",
        /// HTTP in TLS.
        Https = "https",
        /// HTTP/2 in clear text.
        Http2 = "http2",
        /// gRPC in clear text.
        Grpc = "grpc",
        /// Anything in TLS; the server name tells hosts apart.
        Tls = "tls",
        /// Anything; bytes.
        Tcp = "tcp",
        /// MongoDB's protocol.
        Mongo = "mongo",
    }

    /// How TLS ends.
    pub enum Mode {
        /// Here, with a certificate of ours.
        Simple = "simple",
        /// Here, and callers must show a certificate.
        Mutual = "mutual",
        /// Here, and callers may show a certificate.
        OptionalMutual = "optional_mutual",
        /// Here, by the mesh's own certificates.
        IstioMutual = "istio_mutual",
        /// At the workload that a route names.
        Passthrough = "passthrough",
        /// At the service that the server name names, without any route.
        AutoPassthrough = "auto_passthrough",
    }

    /// A version of TLS.
    pub enum Version {
        /// TLS 1.2.
        V12 = "1.2",
        /// TLS 1.3.
        V13 = "1.3",
    }
}

impl Protocol {
    /// As Istio writes it.
    pub const fn istio(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Http2 => "HTTP2",
            Self::Grpc => "GRPC",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Mongo => "MONGO",
        }
    }

    /// Whether the connection begins with TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether it is HTTP in clear text.
    pub const fn is_clear_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc)
    }
}

impl Mode {
    /// Whether the gateway has the keys.
    pub const fn ends_here(self) -> bool {
        !matches!(self, Self::Passthrough | Self::AutoPassthrough)
    }

    /// Whether it takes a certificate that we name.
    pub const fn needs_credential(self) -> bool {
        matches!(self, Self::Simple | Self::Mutual | Self::OptionalMutual)
    }

    const fn istio(self) -> &'static str {
        match self {
            Self::Simple => "SIMPLE",
            Self::Mutual => "MUTUAL",
            Self::OptionalMutual => "OPTIONAL_MUTUAL",
            Self::IstioMutual => "ISTIO_MUTUAL",
            Self::Passthrough => "PASSTHROUGH",
            Self::AutoPassthrough => "AUTO_PASSTHROUGH",
        }
    }
}

impl Version {
    const fn istio(self) -> &'static str {
        match self {
            Self::V12 => "TLSV1_2",
            Self::V13 => "TLSV1_3",
        }
    }
}

/// The suites that Istio accepts; what else is written it leaves out, and only warns.
const SUITES: [&str; 15] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

/// A cipher suite of TLS 1.2, as OpenSSL names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CipherSuite(&'static str);

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Text for CipherSuite {
    fn admits() -> String {
        let suites: Vec<_> = SUITES.iter().map(|suite| format!("`{suite}`")).collect();
        format!("Cipher suites of TLS 1.2, of those that Istio accepts: {}.", suites.join(", "))
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(suite) = SUITES.iter().find(|suite| **suite == text) {
            return Ok(Self(suite));
        }
        if text.starts_with("TLS_AES_") || text.starts_with("TLS_CHACHA20_") {
            return Err(format!(
                "{text:?} is a suite of TLS 1.3, which nobody can choose: proxies take all of them. Remove it. (IST0133)"
            ));
        }
        Err(format!(
            "{text:?} isn't a suite that Istio accepts; it would be left out, and only a log would tell. Write one of {}. \
             (IST0133)",
            SUITES.join(", ")
        ))
    }
}

impl Tls {
    pub(super) fn render(&self) -> Known<gateway::Tls> {
        let mode = self.mode()?;
        if !mode.ends_here() {
            return Ok(gateway::Tls { mode: Some(mode.istio()), ..gateway::Tls::default() });
        }
        let suites = self.cipher_suites.elements()?.into_iter().flatten();
        Ok(gateway::Tls {
            https_redirect: None,
            mode: Some(mode.istio()),
            credential_name: self.credential_name.known()?.cloned(),
            min_protocol_version: Some(self.min_version()?.istio()),
            max_protocol_version: self.max_version.copied()?.map(Version::istio),
            cipher_suites: suites.map(CipherSuite::to_string).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_print_as_they_parse() {
        for suite in SUITES {
            assert_eq!(CipherSuite::parse(suite).map(|suite| suite.to_string()), Ok(suite.to_owned()));
        }
        for text in ["BOGUS", "", "TLS_AES_128_GCM_SHA256", "ecdhe-rsa-aes128-sha"] {
            assert!(CipherSuite::parse(text).unwrap_err().ends_with("(IST0133)"), "{text}");
        }
    }
}
