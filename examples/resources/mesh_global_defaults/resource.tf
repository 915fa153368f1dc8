# One for each cluster, in the state of the platform or security team.
resource "mesh_global_defaults" "this" {
  mtls {
    mode = "strict"
  }

  # What no policy allows is denied. Start with "dry_run".
  authorization {
    mode = "enforce"
  }

  # Where a sidecar may send: the workload's own namespace, and what the root namespace offers.
  sidecar {
    egress_hosts = ["./*", "istio-system/*"]
  }
  outbound_traffic_policy = "registry_only"

  resiliency = "medium"

  # A PeerAuthentication `default` that somebody made by hand, and whatever else has our names, is taken over.
  adopt_existing = true

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "2m"
  }
}
