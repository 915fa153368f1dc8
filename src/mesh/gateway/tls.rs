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
    /// The protocol of a gateway's port.
    pub enum GatewayProtocol {
        /// HTTP/1.1 without TLS, and HTTP/2 if the client starts with it.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
        /// HTTP/2 without TLS.
        Http2 = "http2",
        /// gRPC without TLS.
        Grpc = "grpc",
        /// Any protocol over TLS. The gateway routes connections by their server name (SNI).
        Tls = "tls",
        /// Any protocol over TCP, which the gateway forwards without parsing it.
        Tcp = "tcp",
        /// The protocol of MongoDB.
        Mongo = "mongo",
    }

    /// Where TLS is terminated, and whether clients present a certificate.
    pub enum ServerTlsMode {
        /// The gateway terminates TLS with the certificate of `credential_name`.
        Simple = "simple",
        /// Like [`Simple`](Self::Simple), and clients must present a certificate.
        Mutual = "mutual",
        /// Like [`Simple`](Self::Simple), and clients may present a certificate.
        OptionalMutual = "optional_mutual",
        /// The gateway terminates mutual TLS with the certificates of the mesh.
        IstioMutual = "istio_mutual",
        /// The workload to which a route sends the connection terminates TLS.
        Passthrough = "passthrough",
        /// The workload whose Service the server name (SNI) names terminates TLS. No route is needed.
        AutoPassthrough = "auto_passthrough",
    }

    /// A version of TLS.
    pub enum TlsVersion {
        /// TLS 1.2.
        V12 = "1.2",
        /// TLS 1.3.
        V13 = "1.3",
    }
}

impl GatewayProtocol {
    /// Returns the name of the protocol in Gateways.
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

    /// Whether connections start with a TLS handshake.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether the protocol is HTTP without TLS.
    pub const fn is_clear_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc)
    }
}

impl ServerTlsMode {
    /// Whether the gateway terminates TLS, so that it sees the decrypted traffic.
    pub const fn terminates_at_gateway(self) -> bool {
        !matches!(self, Self::Passthrough | Self::AutoPassthrough)
    }

    /// Whether `credential_name` must be set.
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

impl TlsVersion {
    /// Returns the name of the version in Istio's objects.
    pub(in crate::mesh) const fn istio(self) -> &'static str {
        match self {
            Self::V12 => "TLSV1_2",
            Self::V13 => "TLSV1_3",
        }
    }
}

/// The cipher suites that Istio accepts. It ignores other ones with a warning.
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

/// A cipher suite of TLS 1.2 by its name in OpenSSL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CipherSuite(&'static str);

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Text for CipherSuite {
    fn accepted_values() -> String {
        let suites: Vec<_> = SUITES.iter().map(|suite| format!("`{suite}`")).collect();
        format!("Cipher suites of TLS 1.2, of those that Istio accepts: {}.", suites.join(", "))
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(suite) = SUITES.iter().find(|suite| **suite == text) {
            return Ok(Self(suite));
        }
        if text.starts_with("TLS_AES_") || text.starts_with("TLS_CHACHA20_") {
            return Err(format!(
                "{text:?} is a suite of TLS 1.3, which can't be configured: proxies accept all of them. Remove it. (IST0133)"
            ));
        }
        Err(format!(
            "{text:?} isn't a suite that Istio accepts; Istio would ignore it, with a line in istiod's log only. Write one of {}. \
             (IST0133)",
            SUITES.join(", ")
        ))
    }
}

impl Tls {
    pub(super) fn render(&self) -> Known<gateway::Tls> {
        let mode = self.mode()?;
        if !mode.terminates_at_gateway() {
            return Ok(gateway::Tls { mode: Some(mode.istio()), ..gateway::Tls::default() });
        }
        let suites = self.cipher_suites.elements()?.into_iter().flatten();
        Ok(gateway::Tls {
            https_redirect: None,
            mode: Some(mode.istio()),
            credential_name: self.credential_name.known()?.cloned(),
            min_protocol_version: Some(self.min_version()?.istio()),
            max_protocol_version: self.max_version.copied()?.map(TlsVersion::istio),
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
