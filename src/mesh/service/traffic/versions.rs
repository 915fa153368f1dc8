//! Versions of the workload: parts of its pods, and how traffic is shared out among them.

use super::super::{Port, Service, Site};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        istio::{
            PortSelector,
            destination_rule::Subset,
            virtual_service::{Destination, RouteDestination},
        },
        manifest::StringMap,
    },
};

/// Some of the workload's pods.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its block.
    pub at: Path,
    /// What routes call it.
    pub name: Known<String>,
    /// Their labels, beside those of the selector.
    pub labels: Known<StringMap>,
    /// Of what no route takes, where it is written.
    pub weight: Known<Option<u32>>,
}

/// A version that traffic goes to.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its block.
    pub at: Path,
    /// The version's name.
    pub version: Known<String>,
    /// Its share, where it is written.
    pub weight: Known<Option<u32>>,
}

impl Version {
    /// Its share of what no route takes.
    pub(super) fn share(&self) -> Share {
        Share { at: self.at.clone(), version: self.name.clone(), weight: self.weight }
    }
}

/// The versions as the DestinationRule has them.
pub(super) fn subsets(service: &Service) -> Known<Vec<Subset>> {
    let subset = |version: &Version| Ok(Subset { name: version.name.clone()?, labels: version.labels.clone()? });
    service.versions()?.iter().map(subset).collect()
}

/// Where a port's traffic goes that no route takes: to the versions by their weights, or to the service as a whole.
pub(super) fn usual(site: &Site, port: &Port) -> Known<Vec<RouteDestination>> {
    let versions = site.service.versions()?;
    if versions.is_empty() {
        return Ok(vec![RouteDestination { destination: destination(site, port, None)?, weight: None }]);
    }
    shared(site, port, &versions.iter().map(Version::share).collect::<Vec<_>>())
}

/// Where traffic goes that is shared out. Weights that don't add up to 100 and names that no version has were told by a rule.
pub(super) fn shared(site: &Site, port: &Port, shares: &[Share]) -> Known<Vec<RouteDestination>> {
    let weight = |share: &Share| share.weight?.or((shares.len() == 1).then_some(100)).ok_or(Unknown);
    let weights = shares.iter().map(weight).collect::<Known<Vec<u32>>>()?;
    if weights.iter().sum::<u32>() != 100 {
        return Err(Unknown);
    }
    let to = |(share, weight): (&Share, u32)| {
        let destination = to_version(site, port, &share.version)?;
        Ok(RouteDestination { destination, weight: (shares.len() > 1).then_some(weight) })
    };
    shares.iter().zip(weights).map(to).collect()
}

/// One version.
pub(super) fn to_version(site: &Site, port: &Port, version: &Known<String>) -> Known<Destination> {
    let version = as_known(version)?;
    let mut declared = site.service.versions()?.iter();
    declared.find(|declared| declared.name.as_ref() == Ok(version)).ok_or(Unknown)?;
    destination(site, port, Some(version.clone()))
}

fn destination(site: &Site, port: &Port, subset: Option<String>) -> Known<Destination> {
    Ok(Destination { host: site.host(), subset, port: PortSelector { number: port.number? } })
}
