# An external API with TLS, from the manifests in `before.yaml`.

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

resource "mesh_external_service" "payments_api" {
  host            = "api.payments.example.com"
  export_to       = ["shop"]
  tls             = "originate"
  request_timeout = "10s"
  adopt_existing  = true

  port {
    number   = 80
    protocol = "http"
  }
  retries {
    attempts = 2
    on       = ["connect-failure", "503"]
  }
}
