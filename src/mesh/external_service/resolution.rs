//! The way in which proxies get from a host to an address.

use super::{Endpoint, ports::ResolvedPort};
use crate::{
    known::{Known, Unknown},
    mesh::{istio::service_entry, port::PortNumber, text::text_enum},
};

text_enum! {
    /// The way in which proxies get from a host to an address.
    pub enum Resolution {
        /// The proxy looks the host up in DNS.
        Dns = "dns",
        /// The proxy looks the host up in DNS, and connects to the address that comes first in each answer.
        DnsRoundRobin = "dns_round_robin",
        /// The proxy looks up the host that each request names. Only for wildcards.
        DynamicDns = "dynamic_dns",
        /// The proxy connects to the address that the application looked up.
        None = "none",
        /// The proxy connects to the addresses of the `endpoint` blocks.
        Static = "static",
    }
}

impl Resolution {
    /// The value of `spec.resolution` in a ServiceEntry.
    pub(super) const fn istio(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::DnsRoundRobin => "DNS_ROUND_ROBIN",
            Self::DynamicDns => "DYNAMIC_DNS",
            Self::None => "NONE",
            Self::Static => "STATIC",
        }
    }
}

impl Endpoint {
    /// The endpoint of a ServiceEntry that has `ports`.
    pub(super) fn render(&self, ports: &[ResolvedPort]) -> Known<service_entry::Endpoint> {
        let by_name = |(number, target_port): (String, PortNumber)| {
            let port = ports.iter().find(|port| port.number.to_string() == number);
            // Validation reports a number that is no port.
            port.map(|port| (port.name(), target_port)).ok_or(Unknown)
        };
        Ok(service_entry::Endpoint {
            address: self.address.required()?.to_string(),
            ports: self.ports.elements_or_empty()?.into_iter().map(by_name).collect::<Known<_>>()?,
            locality: self.locality.known()?.cloned(),
        })
    }
}
