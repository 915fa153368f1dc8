# A service that was six manifests, as one resource. The manifests are in `examples/scenarios/six-manifests/before`.

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

resource "mesh_service" "checkout" {
  name            = "checkout"
  namespace       = "orders"
  service         = "managed"
  request_timeout = "10s"
  calls           = ["orders/*", "istio-system/*"]
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
  circuit_breaker {
    max_connections = 100
  }
  outlier_detection {
    consecutive_5xx = 3
  }
  load_balancing {
    locality = "inherit"
  }
  retries {
    attempts = 3
    on       = ["5xx"]
  }
}
