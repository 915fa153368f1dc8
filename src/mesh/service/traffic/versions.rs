//! Versions of the service, which are subsets of its pods, and their shares of the traffic.

use super::{
    super::{Port, Service, ServiceContext},
    To, Version,
    headers::Headers,
    target::Target,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::istio::{destination_rule::Subset, virtual_service::RouteDestination},
    schema::{At, Attr},
};

/// A target with its share of the traffic: a `version` block, or a `to` block of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share<'a> {
    /// The path of the block.
    pub(super) at: &'a Path,
    /// The target.
    pub(super) target: Known<Target<'a>>,
    /// The weight in percent, where it is set.
    pub(super) weight: Attr<u32>,
    /// Changes of headers for this destination alone.
    pub(super) headers: Known<Option<&'a At<Headers>>>,
}

impl<'a> From<&'a At<Version>> for Share<'a> {
    fn from(block: &'a At<Version>) -> Self {
        let target = block.name.required().map(|name| Target::Version(name));
        Self { at: &block.at, target, weight: block.weight, headers: Ok(None) }
    }
}

impl<'a> From<&'a At<To>> for Share<'a> {
    fn from(block: &'a At<To>) -> Self {
        Self { at: &block.at, target: block.target.target(), weight: block.weight, headers: block.headers.known() }
    }
}

/// Renders the versions as subsets of the DestinationRule.
pub(super) fn subsets(service: &Service) -> Known<Vec<Subset>> {
    let subset = |version: &At<Version>| {
        let (name, labels) = (version.name.required()?.clone(), version.labels.required_elements()?);
        Ok(Subset { name, labels, traffic_policy: None })
    };
    service.versions()?.iter().map(subset).collect()
}

/// Returns the destinations of traffic that matches no route: the versions with their weights, or the service as a whole.
pub(super) fn default_destinations(context: &ServiceContext, port: &Port) -> Known<Vec<RouteDestination>> {
    let versions = context.service.versions()?;
    if versions.is_empty() || has_no_weights(versions)? {
        return Ok(vec![RouteDestination::to_port(&context.host(), port.number()?)]);
    }
    weighted(context, port, &versions.iter().map(Share::from).collect::<Vec<_>>())
}

/// Whether there are several versions that are only what routes name.
pub(super) fn has_no_weights(versions: &[At<Version>]) -> Known<bool> {
    let weights = versions.iter().map(|version| version.weight.copied()).collect::<Known<Vec<_>>>()?;
    Ok(versions.len() > 1 && weights.iter().all(Option::is_none))
}

/// Returns weighted destinations. Validation reports weights that don't add up to 100 and names that no version has.
pub(super) fn weighted(context: &ServiceContext, port: &Port, shares: &[Share]) -> Known<Vec<RouteDestination>> {
    let weight = |share: &Share| share.weight.copied()?.or((shares.len() == 1).then_some(100)).ok_or(Unknown);
    let weights = shares.iter().map(weight).collect::<Known<Vec<u32>>>()?;
    if weights.iter().sum::<u32>() != 100 {
        return Err(Unknown);
    }
    let to = |(share, weight): (&Share, u32)| {
        let destination = share.target?.destination(context, port)?;
        let headers = share.headers?.map(|headers| headers.render()).transpose()?;
        Ok(RouteDestination { destination, headers, weight: (shares.len() > 1).then_some(weight) })
    };
    shares.iter().zip(weights).map(to).collect()
}
