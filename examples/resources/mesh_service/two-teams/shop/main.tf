# The shop team, in its own repository and state. It names another team's service by text, so the two configurations don't
# depend on each other and can be applied in any order.
terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

# One owner for each state.
provider "mesh" {
  owner = "infra-shop/prod"
}

resource "mesh_service" "checkout" {
  name      = "checkout"
  namespace = "shop"
  calls     = ["pci/charges"]

  port {
    number   = 8080
    protocol = "http"
  }
}
