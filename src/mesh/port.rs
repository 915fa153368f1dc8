//! Port numbers and application protocols.

use std::fmt;

use super::text::text_enum;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{
        Number, Type, Value,
        model::{AttributeType, report_wrong_type},
    },
};

/// A port number, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct PortNumber(u16);

impl PortNumber {
    /// The default port of HTTP without TLS.
    pub const HTTP: Self = Self(80);
    /// The default port of HTTPS.
    pub const HTTPS: Self = Self(443);

    /// Returns `None` if `number` is out of range.
    pub fn new(number: i64) -> Option<Self> {
        u16::try_from(number).ok().filter(|n| *n > 0).map(Self)
    }
}

impl From<PortNumber> for u16 {
    fn from(port: PortNumber) -> Self {
        port.0
    }
}

impl From<PortNumber> for i64 {
    fn from(port: PortNumber) -> Self {
        Self::from(port.0)
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_enum! {
    /// The application protocol of a port. Istio takes it from `appProtocol` or from the prefix of the port's name.
    /// Both are written.
    pub enum Protocol {
        /// HTTP/1.1 without TLS.
        Http = "http",
        /// HTTP/2 without TLS.
        Http2 = "http2",
        /// gRPC without TLS.
        Grpc = "grpc",
        /// Any protocol over TCP, which proxies forward without parsing it.
        Tcp = "tcp",
        /// TLS that the application itself starts.
        Tls = "tls",
        /// HTTP over TLS that the application itself starts.
        Https = "https",
        /// The protocol of MongoDB.
        Mongo = "mongo",
        /// The protocol of MySQL.
        Mysql = "mysql",
        /// The protocol of Redis.
        Redis = "redis",
    }
}

impl Protocol {
    /// Whether proxies parse requests, with methods, paths and status codes. They can't if the application starts TLS.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc)
    }

    /// Whether connections start with a TLS handshake, so that proxies can route by the server name (SNI).
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Https)
    }

    /// Returns the name of the protocol in ServiceEntries and Gateways.
    pub const fn istio(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Http2 => "HTTP2",
            Self::Grpc => "GRPC",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Https => "HTTPS",
            Self::Mongo => "MONGO",
            Self::Mysql => "MYSQL",
            Self::Redis => "REDIS",
        }
    }

    /// Returns the name of a port, like `http-8080`. It is unique in the Service, and its prefix is the protocol.
    pub fn port_name(self, number: PortNumber) -> String {
        format!("{self}-{number}")
    }
}

impl AttributeType for PortNumber {
    fn value_type() -> Type {
        Type::Number
    }
    fn accepted_values() -> Option<String> {
        Some("1 to 65535.".to_owned())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Number(number) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        number.as_str().parse().ok().and_then(Self::new).ok_or_else(|| {
            out.error(
                at,
                format!("Invalid {at}"),
                format!("{number} isn't a port. Ports are whole numbers, 1 to 65535."),
            )
        })
    }
    fn write(&self) -> Value {
        Value::Number(Number::from(i64::from(*self)))
    }
}
