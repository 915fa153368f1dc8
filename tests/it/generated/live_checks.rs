//! The guide on live checks. Its table is generated, so that it lists every code.

use std::fmt::Write;

use terraform_provider_mesh::mesh::checks::Code;

const TEXT: &str = r#"---
page_title: "Live checks - mesh"
subcategory: ""
description: |-
  What a plan warns about when it looks into the cluster, how to silence it, and what it costs.
---

# Live checks

A plan's values come from the configuration alone. But what is right by itself may be wrong where it goes: a port that the live Service hasn't, pods without a sidecar, another team's
VirtualService for the same host. So a plan looks into the cluster, and warns of what it finds.

- **They change nothing.** The plan is the same with and without them, to the byte. A finding is a warning beside it.
- **They are best effort.** Without a cluster there are none. Where a right is missing, or a kind isn't served, the checks that need it are skipped, and one warning in a run says which and
  why. A check that can't be made never fails a plan.
- **They look at what changes.** Only a `mesh_service` or `mesh_external_service` that the plan creates or changes is checked. An empty plan asks nothing for them, so a drift pipeline costs what it cost before.
- **They tell what is there now.** What the same run is about to make, like a callee's Service, isn't there yet, and is told as missing by a first plan.

## How to silence one, or to insist on it

Each message ends with a code: that of `istioctl analyze` where it has one for the trap, else a word of this provider. The provider's `checks` says what a finding is worth:

```terraform
provider "mesh" {
  owner       = "infra-shop/prod"
  config_path = "~/.kube/config"

  checks = {
    IST0127               = "off"   # workloads come after this run
    "narrowed-visibility" = "error" # nobody loses sight of a live service unnoticed
  }
}
```

`off`: it isn't told, and nothing is asked that only it needs. `warn`: a warning. `error`: the plan fails.

## What is checked

TABLE

The checks look at what would be written. What isn't written isn't checked: with `unmanaged = ["VirtualService"]` nobody is told of a second one, without `calls` nobody is told of a second Sidecar.
Objects of this resource, objects that it takes over and those that it `replaces` are no strangers.
`opened-access` and `policy-override` compare configurations. They need no cluster, and are told in plans without one, too.

## Onboarding a live service

A Service that says nothing of who sees it is visible everywhere. Where `installed` says `registry_only`, the first apply of a `mesh_service` with `allow` blocks would narrow that at once, which `narrowed-visibility` tells before it
happens, with the namespaces that would lose sight of it. To go in steps:

1. Apply with `authorization_mode = "dry_run"`. The service stays visible everywhere, nobody is refused, and the proxies count who would be.
2. Add who is missing to `allow`.
3. Remove `authorization_mode`. The plan tells once more what goes.

## What they cost

Reads alone, and few: what many services ask is asked once, and answers serve for ten seconds, with what this run has written since. Each namespace with changes costs one request for the Namespace and one list for each of pods, Services,
VirtualServices, DestinationRules, AuthorizationPolicies, ServiceEntries and Sidecars, of 500 objects a page; the plan's own reads then come from the same lists. Beyond that:

| what is written | one request more for each |
| --- | --- |
| `create_service_account = false` (the default with `service = "existing"`) | ServiceAccount; from the ninth on one list for all |
| no `authorization_mode`, or `enforce` | AuthorizationPolicies of the root namespace |
| `calls` | Service that is called; AuthorizationPolicies of each of their namespaces; ServiceEntries of namespaces of external hosts |
| `global_name` | ServiceEntries and VirtualServices of the whole cluster |
| `end_user` | RequestAuthentications of the namespace and of the root namespace |
| `from = ["anonymous"]` | PeerAuthentications of the namespace and of the root namespace |
| rules on paths | the ConfigMap of Istio's configuration |
| a `mesh_external_service` | ServiceEntries, DestinationRules and VirtualServices of the whole cluster, and nothing else |
| `installed { outbound_traffic_policy = "registry_only" }`, once for all services that are hidden from namespaces | Sidecars of the whole cluster; the `meshConfig` of each revision; DestinationRules, EnvoyFilters, Telemetries and three kinds of policies in the root namespace |
| `mesh_global_defaults` without `registry_only` | Sidecars of the root namespace; Services, DestinationRules, VirtualServices and ServiceEntries of the whole cluster |
| `external_authorization`, `mesh_global_defaults` | ConfigMap `istio` of the root namespace, or that of each of the provider's `revisions` |
| `ingress` | Gateways of each namespace of gateways; VirtualServices of the whole cluster |

Where a namespace has more than 5000 objects of a kind, the checks that need it are skipped. A server that is slow or fails is given up after some seconds: then these checks are
skipped, too.

## Which rights they take

None that the rest doesn't need: they are optional, and the guide [RBAC](rbac.md#live-checks) has manifests for them. Where a team may not have them, silence their codes and the line about skipped checks goes, too.
"#;

/// The content of the page.
pub(super) fn live_checks_page() -> String {
    let mut table = "| code | unless written | what it finds |\n| --- | --- | --- |".to_owned();
    for code in Code::ALL {
        write!(table, "\n| `{code}` | {} | {} |", code.level(), code.description()).unwrap();
    }
    TEXT.replace("TABLE", &table)
}
