# The payments team's state of three: who may call it is said here, and nowhere else.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-payments/prod"
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
