//! Ports and what is spoken on them.

use std::fmt;

use super::text::text_enum;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{
        Number, Type, Value,
        model::{Scalar, mismatch},
    },
};

/// The number of a port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct PortNumber(u16);

impl PortNumber {
    /// Clear-text HTTP.
    pub const HTTP: Self = Self(80);
    /// TLS.
    pub const HTTPS: Self = Self(443);

    /// `None` where no port has this number.
    pub fn new(number: i64) -> Option<Self> {
        u16::try_from(number).ok().filter(|n| *n > 0).map(Self)
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
    /// What is spoken on a port. Istio reads it from the port's name prefix and from `appProtocol`; we write both.
    pub enum Protocol {
        /// HTTP/1.1 in clear text.
        Http = "http",
        /// HTTP/2 in clear text.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
        /// Anything; bytes.
        Tcp = "tcp",
        /// TLS of the application.
        Tls = "tls",
        /// HTTP in TLS of the application.
        Https = "https",
        /// MongoDB's protocol.
        Mongo = "mongo",
        /// MySQL's protocol.
        Mysql = "mysql",
        /// Redis's protocol.
        Redis = "redis",
    }
}

impl Protocol {
    /// Whether proxies see requests: methods, paths, status codes. In TLS of the application they don't.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc)
    }

    /// Whether the connection begins with a TLS handshake, whose server name tells hosts apart.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Https)
    }

    /// As ServiceEntries write it.
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

    /// The name of a port, unique in its Service: `http-8080`.
    pub fn port_name(self, number: PortNumber) -> String {
        format!("{self}-{number}")
    }
}

impl Scalar for PortNumber {
    fn kind() -> Type {
        Type::Number
    }
    fn admits() -> Option<String> {
        Some("1 to 65535.".to_owned())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Number(number) = value else { return Err(mismatch::<Self>(at, out)) };
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
