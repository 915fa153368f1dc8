//! Local rate limits: an EnvoyFilter for each `rate_limit` block, which adds one filter to the inbound port of the selected workloads.
//! It precedes the router, so that requests count which all other filters admit: callers whom policies refuse use up nothing.

use std::collections::BTreeSet;

use super::{Namespace, RateLimit};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered,
        duration::Duration,
        istio::envoy_filter::{
            ConfigPatch, EnvoyFilter, FilterChain, HttpFilter, HttpFilterName, LabelSelector, Listener, LocalRateLimit,
            Match, NetworkFilter, Patch, RuntimeFraction, TokenBucket, Value, Within,
        },
        labels,
        manifest::manifest,
        names, stage,
        text::Text as _,
    },
    object::{Key, Object, kind},
    schema::{At, Value as ArgumentValue},
};

/// The start of the names of the EnvoyFilters.
const NAME: &str = "rate-limit";

/// The priority of the EnvoyFilters: after those of other tools that set none. `istioctl analyze` warns of a relative patch without
/// one (IST0151).
const PRIORITY: i32 = 10;

/// The shortest interval that Envoy accepts.
const MIN_INTERVAL: Duration = Duration::milliseconds(50);

/// Renders an EnvoyFilter for each block. Of two with the same selector and port, which validation reports, the first counts.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
    for block in namespace.rate_limit.known()? {
        let key = Key::new(&kind::ENVOY_FILTER, name, &block.object_name()?);
        if objects.iter().all(|(other, _)| *other != key) {
            objects.push((key.clone(), block.envoy_filter(namespace, mesh, key)));
        }
    }
    Ok(objects)
}

impl At<RateLimit> {
    /// The name contains the port and a digest of the selector, so that another limit is another object.
    fn object_name(&self) -> Known<String> {
        let port = self.port.required()?;
        Ok(match self.selector.elements()? {
            Some(labels) => format!("{NAME}-{port}-{}", names::label_digest(&labels)),
            None => format!("{NAME}-{port}"),
        })
    }

    fn envoy_filter(&self, namespace: &Namespace, mesh: &Mesh, key: Key) -> Known<Object> {
        let value = Value::HttpFilter(HttpFilter {
            name: "envoy.filters.http.local_ratelimit",
            typed_config: LocalRateLimit {
                type_url: "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                stat_prefix: "http_local_rate_limiter",
                token_bucket: TokenBucket {
                    max_tokens: self.burst()?,
                    tokens_per_fill: *self.requests.required()?,
                    fill_interval: self.interval()?,
                },
                filter_enabled: RuntimeFraction::ALL,
                filter_enforced: RuntimeFraction::ALL,
            },
        });
        let filter = NetworkFilter {
            name: "envoy.filters.network.http_connection_manager",
            sub_filter: HttpFilterName { name: "envoy.filters.http.router" },
        };
        let within =
            Within::Listener(Listener { port_number: *self.port.required()?, filter_chain: FilterChain { filter } });
        let spec = EnvoyFilter {
            workload_selector: self.selector.elements()?.map(|labels| LabelSelector { labels }),
            priority: Some(PRIORITY),
            config_patches: vec![ConfigPatch {
                apply_to: "HTTP_FILTER",
                r#match: Match { context: "SIDECAR_INBOUND", within },
                patch: Patch { operation: "INSERT_BEFORE", value },
            }],
        };
        let body = manifest(&key, namespace.metadata(mesh)?, &spec);
        Ok(Object::whole(key, body, stage::TARGETS).with_origins([("spec", self.at.clone())]))
    }
}

/// Reports two limits of the same workloads and port, and bursts that an interval would exceed.
pub(super) fn validate(blocks: &[At<RateLimit>], out: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for block in blocks {
        labels::validate_selector(&block.selector, &block.at.attribute("selector"), out);
        if let (Ok(selector), Ok(port)) = (block.selector.elements(), block.port.required())
            && !seen.insert((selector, *port))
        {
            out.error(
                &block.at,
                "Two rate limits of the same port",
                format!("Another rate_limit block has the same selector and port {port}. Write one block for each."),
            );
        }
        if let (Ok(Some(burst)), Ok(requests)) = (block.burst.copied(), block.requests.required())
            && burst < *requests
        {
            out.error(
                &block.at.attribute("burst"),
                "burst is less than requests",
                format!(
                    "A proxy never admits more than {burst} requests at once, so it can't admit {requests} in an interval. Write a \
                     burst of at least {requests}, or remove it."
                ),
            );
        }
    }
}

/// Whether an argument is an interval that Envoy accepts. Decoding reports a text that isn't a duration.
pub(super) fn is_refill_interval(value: &ArgumentValue) -> bool {
    let ArgumentValue::String(text) = value else { return true };
    Duration::parse(text).map_or(true, |interval| interval >= MIN_INTERVAL)
}
