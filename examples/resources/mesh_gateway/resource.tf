# A public gateway. A chart installs its pods; this resource declares their ports, hosts, certificates and admitted clients.
resource "mesh_gateway" "public" {
  name            = "public"
  namespace       = "istio-system"
  selector        = { istio = "ingress" }
  service_account = "ingress"

  # Requests that no block admits are refused. Without blocks, clients are admitted to all hosts of the servers.
  authorization_mode = "enforce"
  allow {
    hosts = ["shop.example.com"]
    ports = [80, 443]
  }
  allow {
    hosts            = ["partners.example.com"]
    paths            = ["/orders/*"]
    methods          = ["GET", "POST"]
    remote_ip_blocks = ["203.0.113.0/24"]
  }
  # Administrators, by their tokens.
  allow {
    hosts = ["shop.example.com"]
    paths = ["/admin/*"]
    end_user {
      issuer = "https://login.example.com"
      claims = { groups = ["admins"] }
    }
  }
  # Other clusters, by the addresses of their gateways; probes of the mesh, by their identity.
  allow {
    ports     = [15443]
    ip_blocks = ["198.51.100.0/24"]
  }
  allow {
    from  = ["monitoring/blackbox"]
    ports = [443]
  }

  server {
    port           = 80
    protocol       = "http"
    hosts          = ["shop.example.com"]
    namespaces     = ["*"] # routes of every namespace
    https_redirect = true
  }

  # TLS 1.3 is the default; min_version lowers it.
  server {
    port       = 443
    protocol   = "https"
    hosts      = ["shop.example.com"]
    namespaces = ["shop"]
    tls {
      credential_name = "shop-cert"
    }
  }

  # Partners present client certificates, and some support only TLS 1.2. A separate port, so that no connection is reused
  # without a certificate.
  server {
    port       = 8443
    protocol   = "https"
    hosts      = ["partners.example.com"]
    namespaces = ["*"]
    tls {
      mode            = "mutual"
      credential_name = "partners-cert"
      min_version     = "1.2"
      max_version     = "1.3"
      cipher_suites   = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"]
    }
  }

  # Other clusters of the mesh.
  server {
    port        = 15443
    target_port = 15443
    protocol    = "tls"
    hosts       = ["*.local"]
    namespaces  = ["*"]
    tls {
      mode = "auto_passthrough"
    }
  }

  labels           = { team = "platform" }
  annotations      = { "example.com/runbook" = "gateways" }
  adopt_existing   = false
  adopt_from_owner = "infra-old/prod"

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "2m"
  }
}

# Services behind the gateway admit it by this identity, in `ingress` or in `from`.
output "gateway_principal" {
  value = mesh_gateway.public.principal
}
