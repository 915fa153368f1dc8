# A canary over two Services, from the manifests in `before.yaml`.

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
  replaces           = ["VirtualService/cart"]

  port {
    number   = 8080
    protocol = "http"
  }
  route {
    match {
      headers = { x-canary = "always" }
    }
    to {
      service = "cart-canary"
    }
  }
  route {
    to {
      service = "cart"
      weight  = 90
    }
    to {
      service = "cart-canary"
      weight  = 10
    }
  }
}
