# The payments team, in its own repository and state. It declares the callers of its service.
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

resource "mesh_service" "charges" {
  name      = "charges"
  namespace = "pci"

  port {
    number   = 80
    protocol = "http"
  }
  allow {
    from    = ["shop/checkout"]
    methods = ["POST"]
    paths   = ["/v1/charges"]
  }
}
