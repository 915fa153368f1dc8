//! How a host becomes an address.

use std::collections::BTreeMap;

use super::{ExternalService, Ip};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{istio::service_entry, port::PortNumber, text::text_enum},
};

text_enum! {
    /// How a host becomes an address.
    pub enum Resolution {
        /// The proxy asks DNS.
        Dns = "dns",
        /// The application did: the proxy goes where it wanted to.
        None = "none",
        /// By `endpoint` blocks.
        Static = "static",
    }
}

impl Resolution {
    /// As ServiceEntries write it.
    pub(super) const fn istio(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::None => "NONE",
            Self::Static => "STATIC",
        }
    }
}

/// Where a host is.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its block.
    pub at: Path,
    /// Its address.
    pub address: Known<Ip>,
    /// Where it listens, by the port that applications call, where that is another port.
    pub ports: Known<BTreeMap<String, PortNumber>>,
    /// `region/zone`, where it is written.
    pub locality: Known<Option<String>>,
}

impl ExternalService {
    /// As written, or as the hosts need it.
    pub(super) fn resolved(&self) -> Known<Resolution> {
        if let Some(written) = self.resolution? {
            return Ok(written);
        }
        if !as_known(&self.endpoints)?.is_empty() {
            return Ok(Resolution::Static);
        }
        // A wildcard has no address to look up: the one that the application found is taken.
        Ok(if self.has_wildcard()? { Resolution::None } else { Resolution::Dns })
    }

    /// The addresses, as the entry has them.
    pub(super) fn virtual_addresses(&self) -> Known<Vec<String>> {
        Ok(as_known(&self.addresses)?.iter().map(ToString::to_string).collect())
    }

    /// The endpoints, as the entry has them.
    pub(super) fn entry_endpoints(&self) -> Known<Vec<service_entry::Endpoint>> {
        as_known(&self.endpoints)?.iter().map(|endpoint| self.entry_endpoint(endpoint)).collect()
    }

    fn entry_endpoint(&self, endpoint: &Endpoint) -> Known<service_entry::Endpoint> {
        let doors = self.doors()?;
        let named = |(called, listens): (&String, &PortNumber)| {
            let door = doors.iter().find(|door| door.number.to_string() == *called);
            // That there is no such port was told.
            door.map(|door| (door.name(), *listens)).ok_or(Unknown)
        };
        Ok(service_entry::Endpoint {
            address: endpoint.address?.to_string(),
            ports: as_known(&endpoint.ports)?.iter().map(named).collect::<Known<_>>()?,
            locality: endpoint.locality.clone()?,
        })
    }
}
