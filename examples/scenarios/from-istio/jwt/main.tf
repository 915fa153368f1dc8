# A JWT at the gateway, from the manifests in `before.yaml`.

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

# The keys, with which the gateway verifies tokens.
resource "mesh_global_defaults" "this" {
  adopt_existing = true

  jwt {
    issuer    = "https://login.example.com"
    jwks_uri  = "https://login.example.com/keys"
    namespace = "istio-ingress"
  }
}

# The gateway, which admits requests with a verified token, and health checks.
resource "mesh_gateway" "public" {
  name               = "public"
  namespace          = "istio-ingress"
  selector           = { istio = "ingress" }
  authorization_mode = "enforce"
  adopt_existing     = true

  server {
    port       = 443
    protocol   = "https"
    hosts      = ["api.example.com"]
    namespaces = ["shop"]
    tls {
      credential_name = "api-example-com"
      min_version     = "1.2"
    }
  }
  allow {
    paths = ["/health"]
  }
  allow {
    end_user {
      issuer = "https://login.example.com"
    }
  }
}
