# Authorization by namespace, from the manifests in `before.yaml`.

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

# The platform team's configuration.
resource "mesh_namespace" "shop" {
  name               = "shop"
  create             = false
  authorization_mode = "enforce"
  adopt_existing     = true
}

# The team's.
resource "mesh_service" "orders" {
  name      = "orders"
  namespace = "shop"
  replaces  = ["AuthorizationPolicy/orders"]

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["web/*"]
    methods = ["GET", "POST"]
    paths   = ["/orders", "/orders/*"]
  }
  allow {
    from    = ["reports/nightly"]
    methods = ["GET"]
  }
}
