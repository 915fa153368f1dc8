//! DNS names of hosts outside the mesh.

use std::fmt;

use crate::mesh::{patterns::is_external_host, text::Text};

/// A DNS name outside the mesh, exact or a wildcard such as `*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// Whether this is a wildcard, which stands for many hosts.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// The text of the host, in the form that Istio reads.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of addresses without a name. Istio knows an external service by a host only, and no DNS server answers for the
    /// domain `invalid` (RFC 2606).
    pub fn of_addresses(name: &str) -> Self {
        Self(format!("{name}.addresses.invalid"))
    }

    /// The name of the objects of the host: `api-example-com`, `wildcard-s3-amazonaws-com`.
    pub fn object_name(&self) -> String {
        self.0.replace('*', "wildcard").replace('.', "-")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Host {
    fn accepted_values() -> String {
        "A DNS name like `api.example.com`, or a wildcard like `*.s3.amazonaws.com`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "{text:?} isn't a host: leave out the scheme and the path, as in \"api.example.com\"."
            ));
        }
        if text.contains(':') {
            return Err(format!("{text:?} isn't a host: leave out the port, and write a port block for it."));
        }
        if text.split('.').all(|part| part.bytes().all(|c| c.is_ascii_digit())) {
            return Err(format!(
                "{text:?} isn't a host: write a DNS name here, and the address in addresses. For what has no name, leave \
                 host and hosts out, and write name and addresses."
            ));
        }
        if !is_external_host(text) {
            return Err(format!(
                "{text:?} isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like \
                 \"api.example.com\", or \"*.\" and such a name."
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
