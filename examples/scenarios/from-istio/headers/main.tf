# Header changes and a cookie, from the manifests in `before.yaml`.

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

resource "mesh_service" "web" {
  name               = "web"
  namespace          = "shop"
  authorization_mode = "off"
  replaces           = ["VirtualService/web", "DestinationRule/web"]

  port {
    number   = 8080
    protocol = "http"
  }
  headers {
    request {
      set = { x-team = "shop" }
    }
    response {
      remove = ["x-powered-by"]
    }
  }
  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 100
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 0
  }
  route {
    match {
      cookies = { beta = "on" }
    }
    to {
      version = "v2"
    }
    headers {
      response {
        set = { x-version = "v2" }
      }
    }
  }
}
