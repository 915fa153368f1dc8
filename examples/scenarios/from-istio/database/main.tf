# A TCP database, from the manifests in `before.yaml`.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-data/prod"
}

resource "mesh_service" "postgres" {
  name      = "postgres"
  namespace = "data"
  replaces  = ["DestinationRule/postgres", "AuthorizationPolicy/postgres"]

  port {
    number   = 5432
    protocol = "tcp"
  }
  allow {
    from = ["shop/cart"]
  }
  circuit_breaker {
    max_connections = 200
    connect_timeout = "3s"
  }
}
