# Only traffic: the AuthorizationPolicy of the service in `others.yaml` belongs to another team.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-shop/prod"
}

resource "mesh_service" "cart" {
  name               = "cart"
  namespace          = "shop"
  authorization_mode = "off"
  request_timeout    = "5s"

  port {
    number   = 8080
    protocol = "http"
  }
  retries {
    attempts = 2
  }
  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 90
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 10
  }
}
