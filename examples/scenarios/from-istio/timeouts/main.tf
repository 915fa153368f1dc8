# Timeouts and retries alone, from the manifests in `before.yaml`.

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

resource "mesh_service" "search" {
  name               = "search"
  namespace          = "shop"
  authorization_mode = "off"
  request_timeout    = "5s"
  replaces           = ["VirtualService/search"]

  port {
    number   = 8080
    protocol = "http"
  }
  retries {
    attempts        = 3
    per_try_timeout = "1s"
    on              = ["5xx"]
  }
}
