# The payments team's state, one of three, with the callers of its service.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-payments/prod"

  installed {
    outbound_traffic_policy = var.installed.outbound_traffic_policy
    dns_capture             = var.installed.dns_capture
  }
}

resource "mesh_service" "payments" {
  name      = "payments"
  namespace = "pci"
  service   = "managed"
  calls     = ["shop/receipts", "clearing.bank.example"]

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["shop/storefront"]
    methods = ["POST"]
    paths   = ["/v1/payments"]
  }
}

variable "installed" {
  description = "Facts of the installed mesh: ../mesh.tfvars, the same file for every state."
  type = object({
    outbound_traffic_policy = string
    dns_capture             = bool
  })
}
