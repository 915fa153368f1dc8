//! The guide on resiliency presets, its table from the code: the numbers are a promise, so they are written down once.

use std::fmt::Write;

use terraform_provider_mesh::mesh::resiliency::{Preset, Resiliency};

const TEXT: &str = r#"---
page_title: "Resiliency presets - mesh"
subcategory: ""
description: |-
  What low, medium, high and none mean, in numbers.
---

# Resiliency presets

`resiliency` takes one word: on a service, on an external service, in the provider's `defaults`, and mesh-wide. This is what it means:

TABLE

- **request timeout**: of a whole request, its retries included. There is none for gRPC, whose streams may live long, and none on TCP ports. `request_timeout` replaces it.
- **retries**: only what never reached the application is sent again, so a payment isn't paid twice. The budget limits retries in flight to a share of the requests in flight, with a
  number that is always admitted.
- **limits** hold for each proxy of a caller, not for the service as a whole.
- **ejection**: an endpoint with so many failures in a row gets no calls for a while. On TCP ports a failed connection counts.

`none` has no limits, no ejection, no retries and no timeout. It also keeps mesh-wide defaults away from the service.

These numbers change only with a major version of the provider.
"#;

/// The page.
pub(super) fn presets_page() -> String {
    let columns = [Preset::Low, Preset::Medium, Preset::High].map(|preset| rows(&preset.resiliency().unwrap()));
    let mut table = "| | low | medium | high |\n| --- | --- | --- | --- |".to_owned();
    let [low, medium, high] = columns;
    for (((name, low), (_, medium)), (_, high)) in low.into_iter().zip(medium).zip(high) {
        write!(table, "\n| {name} | {low} | {medium} | {high} |").unwrap();
    }
    TEXT.replace("TABLE", &table)
}

/// Every number, so that a new one doesn't compile until it is written down.
fn rows(preset: &Resiliency) -> [(&'static str, String); 10] {
    let Resiliency {
        request_timeout,
        retry_attempts,
        retry_on,
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
        ("retries: budget", format!("{retry_budget_percent} %, at least {retry_budget_minimum}")),
        ("connect timeout", connect_timeout.to_string()),
        ("limits: connections", max_connections.to_string()),
        ("limits: waiting requests, requests", format!("{max_pending_requests}, {max_requests}")),
        ("ejection: failures in a row", consecutive_5xx.to_string()),
        ("ejection: judged every, for", format!("{ejection_interval}, {ejection_time}")),
        ("ejection: at most", format!("{max_ejection_percent} % of the endpoints")),
    ]
}
