# The first step for a service that runs: a chart made the Service and its account. Its policies refuse no request, and only count
# which ones they would refuse. Its traffic doesn't change.
resource "mesh_service" "catalog" {
  name               = "catalog"
  namespace          = "shop"
  authorization_mode = "dry_run"

  port {
    number   = 8080
    protocol = "http"
  }
}

# A service with callers, limits and a curated egress.
resource "mesh_service" "payments" {
  name       = "payments"
  namespace  = "pci"
  resiliency = "high"
  calls      = ["ledger", "shop/catalog", "api.example.com"]

  # Calls of anything else fail. It is the default; "inherit" and "allow_any" let them out, to services of the mesh in clear text.
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

  # HTTP attributes govern HTTP ports only.
  allow {
    from    = ["shop/checkout", "reporting/*"]
    methods = ["GET", "POST"]
    paths   = ["/v1/charges", "/v1/charges/*"]
  }
  # So the TCP port has a block of its own.
  allow {
    from  = ["ledger"]
    ports = [9000]
  }
}

# A service that this configuration makes as a whole: the Service and the ServiceAccount too.
# It is being brought into the mesh, so its policies only count who would be denied.
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
