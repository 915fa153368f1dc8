# CORS, from the manifests in `before.yaml`.

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

resource "mesh_service" "catalog" {
  name               = "catalog"
  namespace          = "shop"
  authorization_mode = "off"
  replaces           = ["VirtualService/catalog"]

  port {
    number   = 8080
    protocol = "http"
  }
  cors {
    allow_origins     = ["https://www.example.com", "https://preview-*"]
    allow_methods     = ["GET", "POST"]
    allow_headers     = ["authorization"]
    allow_credentials = true
    max_age           = "24h"
  }
}
