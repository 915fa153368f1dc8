# Only authorization: the routes and the DestinationRule of the service in `others.yaml` belong to another tool.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-security/prod"
}

resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["web/*"]
    methods = ["GET", "POST"]
  }
}
