# The first step for an existing service, whose Service and ServiceAccount a chart created. Its policies are in dry run: they
# count the requests that they would refuse. Its traffic doesn't change.
resource "mesh_service" "catalog" {
  name               = "catalog"
  namespace          = "shop"
  authorization_mode = "dry_run"

  port {
    number   = 8080
    protocol = "http"
  }
}

# A service with callers, a resiliency preset and declared outbound calls.
resource "mesh_service" "payments" {
  name       = "payments"
  namespace  = "pci"
  resiliency = "high"
  calls      = ["ledger", "shop/catalog", "api.example.com"]

  # Other calls fail. This is the default; with "inherit" or "allow_any" they leave, to services of the mesh in clear text.
  outbound_traffic_policy = "registry_only"

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  port {
    number   = 9000
    protocol = "tcp"
  }

  # A block with HTTP attributes applies to HTTP ports only.
  allow {
    from    = ["shop/checkout", "reporting/*"]
    methods = ["GET", "POST"]
    paths   = ["/v1/charges", "/v1/charges/*"]
  }
  # So the TCP port needs its own block.
  allow {
    from  = ["ledger"]
    ports = [9000]
  }
}

# A service whose Service and ServiceAccount this resource creates as well. Its policies are in dry run.
resource "mesh_service" "report" {
  name                   = "report"
  namespace              = "reporting"
  selector               = { app = "report", tier = "batch" }
  service                = "managed"
  service_account        = "report-runner"
  create_service_account = true

  access             = "none"
  authorization_mode = "dry_run"
  request_timeout    = "30s"

  port {
    number   = 9090
    protocol = "grpc"
  }

  labels      = { team = "reporting" }
  annotations = { "example.com/runbook" = "https://runbooks.example.com/report" }

  # Existing objects of the same names are taken over.
  adopt_existing   = true
  adopt_from_owner = "infra-old/prod"

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "2m"
  }
}
