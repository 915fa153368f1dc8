# The Sidecar of a namespace without REGISTRY_ONLY, from the manifests in `before.yaml`.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-platform/prod"
}

resource "mesh_namespace" "shop" {
  name                    = "shop"
  create                  = false
  calls                   = ["istio-system/*"]
  outbound_traffic_policy = "inherit"
  adopt_existing          = true
}
