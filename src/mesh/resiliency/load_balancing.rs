//! The `load_balancing` block.

use crate::{
    diagnostics::Diagnostics,
    known::{Known, Unknown, any},
    mesh::{
        duration::{Duration, is_positive},
        istio::destination_rule::{self as istio, LoadBalancer, LocalityLbSetting, Warmup},
        patterns::is_plain_token,
        text::text_enum,
    },
    model,
    schema::{
        At, Attr, Block,
        model::{block, optional, required},
    },
};

text_enum! {
    /// Whether callers prefer endpoints in their own locality.
    pub enum Locality {
        /// They don't: all endpoints are equal.
        Off = "off",
        /// The Service's `trafficDistribution` or the mesh's configuration decides.
        Inherit = "inherit",
    }
}

text_enum! {
    /// An algorithm by which endpoints are selected.
    pub enum Algorithm {
        /// Of two random endpoints, that with fewer requests in flight.
        LeastRequest = "least_request",
        /// One after the other.
        RoundRobin = "round_robin",
        /// Any.
        Random = "random",
    }
}

model! {
    /// Selection of endpoints by the callers' proxies (`trafficPolicy.loadBalancer`).
    pub struct LoadBalancing {
        /// Algorithm (`simple`). Defaults to Istio's `least_request`. Conflicts with `consistent_hash`.
        algorithm: Attr<Algorithm> = optional(),
        /// Time during which a new endpoint gets a growing share of the requests (`warmup.duration`). Conflicts
        /// with `consistent_hash` and `algorithm = "random"`. Defaults to none.
        warmup: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Whether callers prefer endpoints in their own region and zone (`localityLbSetting`). `off`: all endpoints are equal.
        /// `inherit`: the `trafficDistribution` of the Service or the `localityLbSetting` of the mesh's configuration decides,
        /// and without either Istio prefers near endpoints as soon as there is outlier detection. Defaults to `off` where
        /// outlier detection is written (by a preset or a block) without failover; otherwise nothing is written.
        locality: Attr<Locality> = optional(),
        /// Selection of the endpoint by a hash of the request (`consistentHash`). A client keeps its endpoint as
        /// long as the set of endpoints doesn't change.
        consistent_hash: Block<ConsistentHash> = block(),
    }
}

model! {
    /// The part of a request that is hashed: exactly one of these arguments.
    pub struct ConsistentHash {
        /// Header whose value is hashed (`httpHeaderName`). Conflicts with the other arguments of the block.
        header: Attr<String> = optional().text("The name of a header, like `x-user`.", is_plain_token),
        /// Query parameter whose value is hashed (`httpQueryParameterName`). Conflicts with the other arguments
        /// of the block.
        query_parameter: Attr<String> = optional().text("The name of a parameter.", |text| !text.is_empty()),
        /// Whether the client's address is hashed (`useSourceIp`). Conflicts with the other arguments of the
        /// block. Defaults to `false`.
        source_ip: Attr<bool> = optional(),
        /// Cookie whose value is hashed (`httpCookie`).
        cookie: Block<HashCookie> = block(),
    }
}

model! {
    /// A cookie by which a client keeps its endpoint.
    pub struct HashCookie {
        /// Name of the cookie.
        name: Attr<String> = required().text("The name of a cookie, like `session`.", is_plain_token),
        /// Lifetime of the cookie that the proxy sets if a request has none (`ttl`). `0s`: a session cookie.
        /// Without it the proxy sets no cookie, and requests without one go to any endpoint.
        ttl: Attr<Duration> = optional(),
        /// Path of the cookie that the proxy sets (`path`). Defaults to none.
        path: Attr<String> = optional().text("A path that starts with `/`.", |text| text.starts_with('/')),
    }
}

impl Algorithm {
    const fn istio(self) -> &'static str {
        match self {
            Self::LeastRequest => "LEAST_REQUEST",
            Self::RoundRobin => "ROUND_ROBIN",
            Self::Random => "RANDOM",
        }
    }
}

/// Whether the block selects endpoints by more than their locality, which is rendered without outlier detection as well.
pub(in crate::mesh) fn selects_endpoints(block: &Block<LoadBalancing>) -> Known<bool> {
    let Some(block) = block.known()? else { return Ok(false) };
    any([
        block.algorithm.known().map(|algorithm| algorithm.is_some()),
        block.warmup.known().map(|warmup| warmup.is_some()),
        block.consistent_hash.known().map(|hash| hash.is_some()),
    ])
}

impl At<LoadBalancing> {
    /// Reports settings that Istio refuses together, and a hash that isn't made of one thing.
    pub(in crate::mesh) fn validate(&self, out: &mut Diagnostics) {
        if let (Attr::Known(Algorithm::Random), Attr::Known(_)) = (self.algorithm, self.warmup) {
            out.error(
                &self.at.attribute("warmup"),
                "warmup with a random algorithm",
                "Istio warms endpoints up with least_request and round_robin alone. Write one of them, or remove warmup.",
            );
        }
        let Ok(Some(hash)) = self.consistent_hash.known() else { return };
        for (name, is_set) in [("algorithm", self.algorithm.is_set()), ("warmup", self.warmup.is_set())] {
            if is_set {
                out.error(
                    &hash.at,
                    format!("consistent_hash with {name}"),
                    format!("A hash selects the endpoint, so {name} would have no effect. Remove one of the two."),
                );
            }
        }
        let is_by_address = hash.source_ip == Attr::Known(true);
        let is_unknown =
            hash.source_ip == Attr::Unknown || hash.header == Attr::Unknown || hash.query_parameter == Attr::Unknown;
        let parts = [hash.header.is_set(), hash.query_parameter.is_set(), is_by_address, hash.cookie.is_set()];
        let count = parts.iter().filter(|is_set| **is_set).count();
        if count > 1 || count == 0 && !is_unknown {
            out.error(
                &hash.at,
                "consistent_hash takes exactly one argument",
                "Write exactly one of header, query_parameter, source_ip = true and cookie.",
            );
        }
    }
}

impl At<ConsistentHash> {
    fn render(&self) -> Known<istio::ConsistentHash> {
        if let Some(header) = self.header.known()? {
            return Ok(istio::ConsistentHash::HttpHeaderName(header.clone()));
        }
        if let Some(parameter) = self.query_parameter.known()? {
            return Ok(istio::ConsistentHash::HttpQueryParameterName(parameter.clone()));
        }
        if self.source_ip.or(false)? {
            return Ok(istio::ConsistentHash::UseSourceIp(true));
        }
        // Validation reports a block without any.
        let cookie = self.cookie.known()?.ok_or(Unknown)?;
        Ok(istio::ConsistentHash::HttpCookie(istio::HashCookie {
            name: cookie.name.required()?.clone(),
            path: cookie.path.known()?.cloned(),
            ttl: cookie.ttl.copied()?,
        }))
    }
}

/// Returns the load balancer of a traffic policy; `None` where it would be empty. With outlier detection it has `locality`, or
/// locality load balancing is off: outlier detection alone would switch it on.
pub(in crate::mesh) fn load_balancer(
    block: &Block<LoadBalancing>,
    locality: LocalityLbSetting,
    has_outlier_detection: bool,
) -> Known<Option<LoadBalancer>> {
    let mut load_balancer = LoadBalancer::default();
    let mut inherits = false;
    if let Some(block) = block.known()? {
        inherits = block.locality.or(Locality::Off)? == Locality::Inherit;
        load_balancer.simple = block.algorithm.copied()?.map(Algorithm::istio);
        load_balancer.warmup = block.warmup.copied()?.map(|duration| Warmup { duration });
        load_balancer.consistent_hash = block.consistent_hash.known()?.map(At::render).transpose()?;
    }
    if has_outlier_detection && (locality.enabled || !inherits) {
        load_balancer.locality_lb_setting = Some(locality);
    }
    Ok((load_balancer != LoadBalancer::default()).then_some(load_balancer))
}
