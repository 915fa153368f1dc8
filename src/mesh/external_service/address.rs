//! IP addresses outside the mesh, and ranges of them.

use core::net::IpAddr;
use std::fmt;

use crate::mesh::{names::is_subdomain, text::Text};

/// The IP address of a host, which is not the unspecified address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IpAddress(IpAddr);

impl fmt::Display for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Text for IpAddress {
    fn accepted_values() -> String {
        "An IP address like `203.0.113.7`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let ip = text.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified());
        ip.map(Self).ok_or_else(|| format!("{text:?} isn't the IP address of a host. Write one like \"203.0.113.7\"."))
    }
}

/// The address of an endpoint: an IP address, or a name that proxies look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddress {
    /// An IP address.
    Ip(IpAddress),
    /// A DNS name.
    Name(String),
}

impl EndpointAddress {
    /// Whether proxies look the address up in DNS.
    pub fn is_name(&self) -> bool {
        matches!(self, Self::Name(_))
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Text for EndpointAddress {
    fn accepted_values() -> String {
        "An IP address like `203.0.113.7`, or a DNS name like `eu.api.example.com`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(ip) = IpAddress::parse(text) {
            return Ok(Self::Ip(ip));
        }
        let has_letters = text.split('.').any(|part| part.bytes().any(|c| !c.is_ascii_digit()));
        if has_letters && is_subdomain(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(format!(
            "{text:?} isn't the address of an endpoint. Write an IP address like \"203.0.113.7\", or a DNS name."
        ))
    }
}

/// An IP address or a CIDR range. The range of all addresses is refused, since it tells no host from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    ip: IpAddress,
    /// The length of the prefix, in bits; `None` for a single address.
    prefix: Option<u8>,
}

impl Address {
    /// Whether this is a range of addresses.
    pub fn is_range(self) -> bool {
        self.prefix.is_some()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.ip),
            None => self.ip.fmt(f),
        }
    }
}

impl Text for Address {
    fn accepted_values() -> String {
        "An IP address like `203.0.113.7`, or a range like `203.0.113.0/24`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let address = || {
            let ip: IpAddress = IpAddress(ip.parse().ok()?);
            let longest = if ip.0.is_ipv4() { 32 } else { 128 };
            let prefix: Option<u8> = prefix.map(str::parse).transpose().ok()?;
            let is_valid = prefix.is_none_or(|prefix| (1..=longest).contains(&prefix)) && !ip.0.is_unspecified();
            is_valid.then_some(Self { ip, prefix })
        };
        address().ok_or_else(|| {
            format!(
                "{text:?} isn't an address, or is every one. Write one like \"203.0.113.7\", or a range like \
                 \"203.0.113.0/24\"."
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_parse() {
        for text in ["203.0.113.7", "203.0.113.0/24", "2001:db8::1", "2001:db8::/32"] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for (text, is_name) in [("203.0.113.7", false), ("eu.api.example.com", true)] {
            let address = EndpointAddress::parse(text).unwrap();
            assert_eq!((address.to_string(), address.is_name()), (text.to_owned(), is_name));
        }
        assert_eq!(IpAddress::parse("203.0.113.7").map(|ip| ip.to_string()), Ok("203.0.113.7".to_owned()));
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for text in
            ["", "0.0.0.0", "0.0.0.0/0", "203.0.113.0/0", "203.0.113.0/33", "::", "a.b.c", "203.0.113.7:80", "1/2"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
            assert!(IpAddress::parse(text).is_err(), "{text}");
            assert!(EndpointAddress::parse(text).is_err() || text == "a.b.c", "{text}");
        }
    }
}
