# The platform team's state, one of three: the namespaces of two teams, the ingress gateway, a host outside the mesh, and the
# mesh's defaults.
#
#   gateway -> storefront (shop) -> payments (pci) -> clearing.bank.example
#                                   payments (pci) -> receipts (shop)
#
# The teams' states are in ../shop and ../pci. Neither knows of this one or of the other: they name services and namespaces,
# and read no other state. This one is applied first and destroyed last; between the teams there is no order.
#
# What all three must know of the installed mesh is in ../mesh.tfvars:
#
#   terraform apply -var-file=../mesh.tfvars
#
# The namespaces istio-system and istio-ingress exist, with a chart's gateway in the latter.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-platform/prod"

  installed {
    outbound_traffic_policy = var.installed.outbound_traffic_policy
    dns_capture             = var.installed.dns_capture
  }
}

# Each team's pipeline holds what `rbac` gives it, and nothing else: not what is encrypted, and nothing elsewhere.
resource "mesh_namespace" "shop" {
  name      = "shop"
  team      = "shop"
  injection = true

  rbac {
    service_accounts = ["ci/shop-pipeline"]
  }
}

resource "mesh_namespace" "pci" {
  name      = "pci"
  team      = "payments"
  injection = true

  rbac {
    service_accounts = ["ci/pci-pipeline"]
  }
}

# payments calls http://clearing.bank.example; its sidecar originates TLS. The host is visible to no other workload.
resource "mesh_external_service" "clearing" {
  host      = "clearing.bank.example"
  tls       = "originate"
  export_to = ["pci"]
}

resource "mesh_gateway" "public" {
  name      = "public"
  namespace = "istio-ingress"
  selector  = { app = "public" }

  # The mesh denies by default, at gateways too: clients are let in for the hosts of the servers.
  authorization_mode = "enforce"

  server {
    port     = 443
    protocol = "https"
    hosts    = ["www.example.com"]

    # Routes of other namespaces can't take the host.
    namespaces = ["shop"]
    tls {
      credential_name = "www-example-com"
    }
  }
}

resource "mesh_global_defaults" "this" {
  mtls {
    mode = "strict"
  }
  authorization {
    mode = "enforce"
  }
  sidecar {}
  outbound_traffic_policy = "registry_only"

  # What closes comes after what opens: the gateway's own policy.
  depends_on = [mesh_gateway.public]
}

variable "installed" {
  description = "Facts of the installed mesh: ../mesh.tfvars, the same file for every state."
  type = object({
    outbound_traffic_policy = string
    dns_capture             = bool
  })
}
