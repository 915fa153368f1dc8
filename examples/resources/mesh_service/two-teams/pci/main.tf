# The payments' team, in another repository and another state. It says who may call; the shop's team can't.
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
