# One host at a gateway, with several teams, from the manifests in `before.yaml`.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-platform/prod"
}

# The platform team's configuration.
resource "mesh_gateway" "public" {
  name           = "public"
  namespace      = "istio-ingress"
  selector       = { istio = "ingress" }
  adopt_existing = true

  server {
    port       = 443
    protocol   = "https"
    hosts      = ["www.example.com"]
    namespaces = ["shop", "blog"]
    tls {
      credential_name = "www-example-com"
      min_version     = "1.2"
    }
  }
}

# The shop's.
resource "mesh_service" "web" {
  name               = "web"
  namespace          = "shop"
  authorization_mode = "off"
  replaces           = ["VirtualService/www"]

  port {
    number   = 8080
    protocol = "http"
  }
  ingress {
    gateway = "istio-ingress/public"
    hosts   = ["www.example.com"]
    paths   = ["/shop/*"]
  }
}

# The blog's.
resource "mesh_service" "articles" {
  name               = "articles"
  namespace          = "blog"
  authorization_mode = "off"
  replaces           = ["VirtualService/www"]

  port {
    number   = 8080
    protocol = "http"
  }
  ingress {
    gateway = "istio-ingress/public"
    hosts   = ["www.example.com"]
    paths   = ["/blog/*"]
    rewrite = "/"
  }
}
