# The shop's team, in a repository and a state of its own. It calls another team's service by name: nothing of the two
# configurations depends on the other, so they may be applied in any order.
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
