//! IP addresses outside the mesh, and ranges of them.

use core::net::IpAddr;
use std::fmt;

use crate::mesh::text::Text;

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
        assert_eq!(IpAddress::parse("203.0.113.7").map(|ip| ip.to_string()), Ok("203.0.113.7".to_owned()));
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for text in
            ["", "0.0.0.0", "0.0.0.0/0", "203.0.113.0/0", "203.0.113.0/33", "::", "a.b.c", "203.0.113.7:80", "1/2"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
            assert!(IpAddress::parse(text).is_err(), "{text}");
        }
    }
}
