terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-orders/prod"
}

# What the six manifests say, in one place.
resource "mesh_service" "checkout" {
  name            = "checkout"
  namespace       = "orders"
  service         = "managed"
  request_timeout = "10s"
  calls           = ["payments"]
  adopt_existing  = true

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["shop/web"]
    methods = ["POST"]
    paths   = ["/orders", "/orders/*"]
  }
}
