# The application speaks HTTPS itself. Proxies see only the host name.
resource "mesh_external_service" "object_store" {
  host      = "*.s3.amazonaws.com"
  export_to = ["photo", "reporting"]
}

# The application speaks plain HTTP on port 80, and the sidecar speaks TLS on port 443.
# So timeouts and retries apply.
resource "mesh_external_service" "billing" {
  host       = "api.example.com"
  tls        = "originate"
  export_to  = ["pci"]
  resiliency = "high"
}

# Ports other than the default ones, each with its own TLS mode.
resource "mesh_external_service" "partner" {
  host      = "partner.example.net"
  namespace = "istio-system"
  export_to = ["reporting"]

  port {
    number      = 8080
    protocol    = "http"
    target_port = 8443
    tls         = "originate"
  }
  port {
    number   = 8444
    protocol = "tls"
    tls      = "passthrough"
  }

  # An existing ServiceEntry of the same name is taken over.
  adopt_existing   = true
  adopt_from_owner = "infra-old/prod"

  timeouts {
    create = "1m"
    read   = "30s"
    update = "1m"
    delete = "1m"
  }
}
