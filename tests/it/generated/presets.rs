//! The guide on resiliency presets. Its table is generated from the presets, so that the numbers are right.

use std::fmt::Write;

use terraform_provider_mesh::mesh::resiliency::{Preset, PresetSettings};

const TEXT: &str = r#"---
page_title: "Resiliency presets - mesh"
subcategory: ""
description: |-
  What low, medium, high and none mean, in numbers.
---

# Resiliency presets

`resiliency` takes one word: on a service, on an external service, in the provider's `defaults`, and mesh-wide. This is what it means:

TABLE

- **request timeout**: of a whole request, its retries included. There is none for gRPC, whose streams may live long, and none on TCP ports. `request_timeout` replaces it;
  `streaming = true` takes it away, for a service whose requests may be streams. A `route` may have one of its own.
- **retries**: only what never reached the application is sent again, so a payment isn't paid twice. The budget limits retries in flight to a share of the requests in flight, with a
  number that is always admitted.
- **retries if idempotent**: where sending a request twice does no harm, write `retries { idempotent = true }`. Then requests that may have reached the application are sent again, too. Each try
  has a time of its own, where that is shorter than the request's.
- **limits** hold for each proxy of a caller, not for the service as a whole. Limits of requests leave TCP ports alone.
- **ejection**: an endpoint with so many failures in a row gets no calls for a while. On TCP ports a failed connection counts. With `failover`, all endpoints of a region may be ejected.

`none` has no limits, no ejection, no retries and no timeout. It also keeps mesh-wide defaults away from the service.

## Single numbers

The blocks of a service replace single numbers, and leave the others to the preset:

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
    consecutive_5xx = 10
  }
}
```

- With `resiliency = "none"` only what is written holds.
- `attempts = 0` sends nothing again.
- `per_try_timeout` needs `idempotent = true`: a try that takes too long has reached the application.

These numbers change only with a major version of the provider.
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
fn rows(preset: &PresetSettings) -> [(&'static str, String); 12] {
    let PresetSettings {
        request_timeout,
        retry_attempts,
        retry_on,
        idempotent_retry_on,
        per_try_timeout,
        retry_budget_percent,
        retry_budget_minimum,
        connect_timeout,
        max_connections,
        max_pending_requests,
        max_requests,
        consecutive_5xx,
        ejection_interval,
        ejection_time,
        max_ejection_percent,
    } = preset;
    [
        ("request timeout", request_timeout.to_string()),
        ("retries: attempts", retry_attempts.to_string()),
        ("retries: on", retry_on.replace(',', ", ")),
        ("retries if idempotent: on", idempotent_retry_on.replace(',', ", ")),
        ("retries if idempotent: one try", per_try_timeout.to_string()),
        ("retries: budget", format!("{retry_budget_percent} %, at least {retry_budget_minimum}")),
        ("connect timeout", connect_timeout.to_string()),
        ("limits: connections", max_connections.to_string()),
        ("limits: waiting requests, requests", format!("{max_pending_requests}, {max_requests}")),
        ("ejection: failures in a row", consecutive_5xx.to_string()),
        ("ejection: judged every, for", format!("{ejection_interval}, {ejection_time}")),
        ("ejection: at most", format!("{max_ejection_percent} % of the endpoints")),
    ]
}
