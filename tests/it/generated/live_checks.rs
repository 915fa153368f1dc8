//! The guide on live checks. Its table is generated, so that it lists every code.

use std::fmt::Write;

use terraform_provider_mesh::mesh::checks::Code;

const TEXT: &str = r#"---
page_title: "Live checks - mesh"
subcategory: "Reference"
description: |-
  Warnings of a plan about the live cluster: all codes, how to turn them off or make them errors, and what they cost.
---

# Live checks

The values of a plan depend only on the configuration. Some mistakes can only be found in the cluster: a port that the live Service doesn't have, pods without a sidecar, another team's VirtualService for the same host.
So a plan reads the cluster and warns about them. This page is for users who see such a warning. It lists the checks, and describes how to turn one off or make it an error, its cost, and the rights that it needs.

- **They don't change the plan.** Planned values are the same with and without them. A finding is a warning, or an error if that is the level of its code.
- **They are optional.** Without a cluster, only the checks run that compare configurations ("Needs no cluster" in the table). If a right is missing, or a kind isn't served, the checks that need it are skipped, and one warning per run lists them. A skipped check never fails a plan.
- **They check changes only.** A resource is checked when the plan creates or changes it. An empty plan makes no requests for them.
- **They see the cluster as it is now.** Objects that the same run will create, such as a callee's Service, are reported as missing by the first plan.

## Turn a check off, or make it an error

Each message ends with the code of its check: the code of `istioctl analyze` if that has one for the problem, otherwise a code of this provider. Set its level in the provider block:

```terraform
provider "mesh" {
  owner       = "infra-shop/prod"
  config_path = "~/.kube/config"

  checks = {
    IST0127               = "off"   # workloads are deployed after this run
    "narrowed-visibility" = "error" # a plan that hides a live service from a namespace fails
  }
}
```

`off`: no message, and no requests for this check. `warn`: a warning. `error`: the plan fails.

## Codes

TABLE

Only objects that the resource writes are checked: with `unmanaged = ["VirtualService"]` there is no message about a second VirtualService, without `calls` none about a second Sidecar.
Objects of this resource, objects that it takes over and those that it `replaces` aren't reported as conflicts.
The checks marked "Needs no cluster" compare the configuration with its previous version, and run in plans without a cluster, too.

## Onboard a live service

A Service without an `exportTo` annotation is visible everywhere. If `installed` says `registry_only`, the first apply of a `mesh_service` with `allow` blocks hides it from other namespaces at once.
`narrowed-visibility` reports this in the plan, with the namespaces that no longer see it. To go in steps:

1. Apply with `authorization_mode = "dry_run"`. The service stays visible everywhere, no request is refused, and the proxies count the requests that would be refused.
2. Add the missing callers to `allow`.
3. Remove `authorization_mode`. The plan reports once more which namespaces no longer see the service.

## Cost

Live checks only read. Equal requests are made once, and responses are reused for ten seconds, and updated with the writes of this run. Each namespace with changes costs one request for the Namespace and one list for each of pods, Services,
ServiceAccounts, VirtualServices, DestinationRules, AuthorizationPolicies, ServiceEntries and Sidecars, of 500 objects a page; the plan's own reads then come from the same lists. In addition:

| configuration | one more request for each |
| --- | --- |
| `create_service_account = false` (the default with `service = "existing"`) | ServiceAccount, if `shared-account` and `shared-workload` are off; from the ninth on, one list for all |
| no `authorization_mode`, or `enforce` | AuthorizationPolicies of the root namespace |
| `calls` | called Service; AuthorizationPolicies of each called namespace; ServiceEntries of namespaces of external hosts |
| `global_name` | ServiceEntries and VirtualServices of the whole cluster |
| `end_user` | RequestAuthentications of the namespace and of the root namespace |
| `from = ["anonymous"]` | PeerAuthentications of the namespace and of the root namespace |
| rules on paths | the ConfigMap of Istio's configuration |
| a `mesh_external_service` | ServiceEntries, DestinationRules and VirtualServices of the whole cluster; none of the requests above |
| `installed { outbound_traffic_policy = "registry_only" }`, once for all services that aren't exported to every namespace | Sidecars of the whole cluster; the `meshConfig` of each revision; DestinationRules, EnvoyFilters, Telemetries and three kinds of policies in the root namespace |
| `mesh_global_defaults` without `registry_only` | Sidecars of the root namespace; Services, DestinationRules, VirtualServices and ServiceEntries of the whole cluster |
| `external_authorization`, `mesh_global_defaults` | ConfigMap `istio` of the root namespace, or that of each of the provider's `revisions` |
| `ingress` | Gateways of each namespace of gateways; VirtualServices of the whole cluster |

If a namespace has more than 5000 objects of a kind, or the API server doesn't answer within some seconds, the checks that need these objects are skipped.

## Rights

The rights are optional, and the guide [RBAC](rbac.md#live-checks) lists them, with manifests for most. If a team can't get them, turn the codes off, which also removes the warning about skipped checks.

## Troubleshooting

| message | reason | action |
| --- | --- | --- |
| Some live checks were skipped | A right is missing, or the kind isn't served; the detail names it. | Grant the right ([RBAC](rbac.md#live-checks)), or set the codes to `off`. |
| A finding about an object that the same run creates | The plan reads the cluster before the apply. | Ignore it, or apply that object first. |
| A finding that you accept permanently | | Set its code to `off` in `checks`. |
"#;

/// The content of the page.
pub(super) fn live_checks_page() -> String {
    let mut table = "| code | default level | finding |\n| --- | --- | --- |".to_owned();
    for code in Code::ALL {
        write!(table, "\n| `{code}` | {} | {} |", code.level(), code.description()).unwrap();
    }
    TEXT.replace("TABLE", &table)
}
