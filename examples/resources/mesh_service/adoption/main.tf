# A service whose Istio objects exist already, with other names. The resource takes over the objects that have its names, and
# deletes the others once its own exist. Traffic isn't interrupted.
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

resource "mesh_service" "orders" {
  name      = "orders"
  namespace = "sales"

  # The DestinationRule and the AuthorizationPolicy are called `orders` already; names stay.
  object_name    = "orders"
  adopt_existing = true

  # The VirtualService is called otherwise. It is deleted once ours routes.
  replaces = ["VirtualService/orders-routes"]

  # First no request is refused: calls that the rules would refuse are counted. Then remove this line.
  authorization_mode = "dry_run"

  # What the objects said.
  request_timeout = "10s"
  circuit_breaker {
    max_connections = 100
  }

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  allow {
    from = ["shop/web"]
  }
}
