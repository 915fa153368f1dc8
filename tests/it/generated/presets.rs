//! The guide on resiliency presets. Its table is generated from the presets, so that the numbers are right.

use std::fmt::Write;

use terraform_provider_mesh::mesh::resiliency::{Preset, PresetSettings};

const TEXT: &str = r#"---
page_title: "Resiliency presets - mesh"
subcategory: "Application team"
description: |-
  Retries, limits and outlier detection of the presets low, medium, high and none, and the behaviour without a preset.
---

# Resiliency presets

For application teams that want retries, connection limits and outlier detection without setting each Istio field. Set `resiliency` on a service, on an external service, in the provider's `defaults`, or mesh-wide:

TABLE

- **retries**: only requests that never reached the application are sent again, so a payment isn't paid twice. The budget limits the retries in flight to a percentage of the requests in flight;
  the minimum is allowed however few requests there are.
- **retries if idempotent**: where processing a request twice does no harm, write `retries { idempotent = true }`. Then requests that may have reached the application are sent again, too. The
  timeout of one attempt applies only beside a longer `request_timeout`. Retries don't depend on the method: POST is sent again like GET. To retry a part of the requests only, write the block in a `route`, with a `match` block that sets `method`.
- **retries without a budget**: Istio has no budget in port-level settings, which the ports of an external service with `tls = "originate"` have. There at most this many retries run at once.
- **limits** (`max_connections`, `max_pending_requests` and `max_requests` of `circuit_breaker`) apply to each caller's proxy, not to the service as a whole. Limits of requests don't apply to TCP ports, and `streaming = true`
  removes them, since a stream counts as a request for its whole lifetime. They protect a caller's proxy, and are far above what it normally needs, so "high", which masks more failures than "low", doesn't lower the capacity.
- **ejection**: an endpoint with so many consecutive gateway errors (502, 503, 504, failed connections and timeouts) gets no requests for a while. The application's own errors (500) don't count: one
  request that always fails would eject healthy endpoints. On TCP ports a failed connection counts.
- **ejection: at most**: Envoy only ejects an endpoint if the percentage of ejected endpoints, with this one, doesn't exceed the value. With 50 % it ejects one of two or of three endpoints, and two of four. With less than 50 %, it would never eject one of two. The percentage applies
  to each version separately. With `failover` or `failover_priority` it is 100 %, since other endpoints take over.

No preset has a timeout of requests: how long a request may take depends on what it does. Write `request_timeout`, on the service, on a `route`, or in the provider's `defaults`. It includes the
retries, and it cuts streams. `streaming = true` or `"0s"` means no timeout.

## Behaviour without a preset

Arguments that aren't set change nothing. If neither a service nor the provider's `defaults` set `resiliency`, the service has no DestinationRule, no timeout and no retries of its own: Istio's defaults (two retries, no
limits, no ejection) and those of the mesh apply. `effective_resiliency` is null.

`none` is not the same: it switches retries, limits and ejection off, also those of the mesh's defaults. In `mesh_global_defaults` it switches off the retries of routes that set neither timeout nor retries.

The blocks `retries`, `circuit_breaker` and `outlier_detection` override single numbers of a preset. Without a preset they write their own fields only, with three exceptions: `retries` takes the conditions
of `medium` if it has no `on`; `outlier_detection` also writes `consecutive5xxErrors` (0 where `consecutive_5xx` isn't set), since Istio's default is 5; and beside it
locality load balancing is switched off ([Locality](#locality-near-endpoints-first)).

```terraform
resource "mesh_service" "ledger" {
  name       = "ledger"
  namespace  = "pci"
  resiliency = "high"

  port {
    number   = 8080
    protocol = "http"
  }
  retries {
    attempts   = 5
    idempotent = true
  }
  circuit_breaker {
    max_connections = 64
  }
  outlier_detection {
    consecutive_gateway_errors = 10
  }
}
```

- `attempts = 0` switches retries off. Without a preset, and with `none`, `attempts` is required in the block.
- `per_try_timeout` needs `idempotent = true`, or conditions of your own in `on`: an attempt that takes too long has reached the application.

## Defaults of the mesh

`resiliency`, `request_timeout` and `retries` of `mesh_global_defaults` apply to services without these settings:

- Istio doesn't merge two DestinationRules. One of the service, even one for `version` blocks alone, replaces the mesh's.
- Timeout and retries of the mesh apply to routes that set neither and have no name, including routes of this provider. A route that sets one of the two doesn't get the other.

A plan warns if a service loses a default in this way ([`hidden-defaults`](live-checks.md)). Gateways, and VirtualServices of other tools, don't get the mesh's timeout and retries: Istio's retries there are switched off by
`meshConfig.defaultHttpRetryPolicy`. `idempotent = true` mesh-wide is only for a mesh in which every service can process a request twice without harm (`examples/resources/mesh_global_defaults/retries`).

## Locality: near endpoints first

By Istio's default, outlier detection alone makes callers prefer endpoints in their own zone. So outlier detection is always written together with `localityLbSetting.enabled: false`, unless there is failover, or
`load_balancing { locality = "inherit" }` leaves the decision to the Service's `trafficDistribution` and the mesh's configuration.

| argument | requests go to | when these fail |
| --- | --- | --- |
| `failover { from, to }` | endpoints in the caller's zone | other zones of the region, then the region `to` |
| `failover_priority = ["topology.kubernetes.io/region"]` | all zones of the caller's region, balanced | all other regions |
| `failover_priority = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]` | endpoints in the caller's zone | the region, then all others |

The numbers of the presets only change with a major version of the provider.
"#;

/// The content of the page.
pub(super) fn presets_page() -> String {
    let columns = [Preset::Low, Preset::Medium, Preset::High].map(|preset| rows(&preset.settings().unwrap()));
    let mut table = "| | low | medium | high |\n| --- | --- | --- | --- |".to_owned();
    let [low, medium, high] = columns;
    for (((name, low), (_, medium)), (_, high)) in low.into_iter().zip(medium).zip(high) {
        write!(table, "\n| {name} | {low} | {medium} | {high} |").unwrap();
    }
    TEXT.replace("TABLE", &table)
}

/// The rows of a preset. The pattern names every field, so that a new field doesn't compile until it has a row.
fn rows(settings: &PresetSettings) -> [(&'static str, String); 12] {
    let PresetSettings {
        retry_attempts,
        retry_on,
        idempotent_retry_on,
        per_try_timeout,
        retry_budget_percent,
        retry_budget_minimum,
        max_retries,
        connect_timeout,
        limit,
        consecutive_gateway_errors,
        ejection_interval,
        ejection_time,
        max_ejection_percent,
    } = settings;
    [
        ("retries: attempts", retry_attempts.to_string()),
        ("retries: on", retry_on.replace(',', ", ")),
        ("retries if idempotent: on", idempotent_retry_on.replace(',', ", ")),
        ("retries if idempotent: one attempt", per_try_timeout.to_string()),
        ("retries: budget", format!("{retry_budget_percent} %, at least {retry_budget_minimum}")),
        ("retries without a budget: at once", max_retries.to_string()),
        ("connect timeout", connect_timeout.to_string()),
        (
            "limits: connections, waiting requests, requests",
            limit.map_or_else(|| "none".to_owned(), |limit| format!("{limit} each")),
        ),
        ("ejection: gateway errors in a row", consecutive_gateway_errors.to_string()),
        ("ejection: 5xx in a row", "not counted".to_owned()),
        ("ejection: interval, duration", format!("{ejection_interval}, {ejection_time}")),
        ("ejection: at most", format!("{max_ejection_percent} % of the endpoints")),
    ]
}
