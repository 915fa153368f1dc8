# A team's namespace. It is destroyed only when it contains no objects of other tools.
resource "mesh_namespace" "shop" {
  name      = "storefront"
  team      = "shop"
  injection = true

  # Destinations of workloads whose service sets no `calls`, in addition to the namespace itself.
  calls = ["pci/payments", "api.stripe.com"]

  # Calls of other hosts fail, independently of the mesh's setting.
  outbound_traffic_policy = "registry_only"

  # "dry_run" counts what "enforce" would refuse.
  authorization_mode = "enforce"

  # Every workload admits these as well, in addition to the rules of its service.
  allow {
    from  = ["monitoring/prometheus"]
    ports = [9090]
  }
  allow {
    from      = ["probes/blackbox"]
    paths     = ["/healthz"]
    methods   = ["GET"]
    ip_blocks = ["10.0.0.0/8"]
  }

  # Each proxy of the catalog admits 100 requests in a second, and 200 at once after an interval with fewer. Others get
  # status 429.
  rate_limit {
    selector = { app = "catalog" }
    port     = 8080
    requests = 100
    interval = "1s"
    burst    = 200
  }

  telemetry {
    access_logging {
      filter = "response.code >= 400"
    }
  }

  # Pods that ask for privileges are refused; clients are warned of those that aren't hardened.
  pod_security {
    enforce         = "baseline"
    enforce_version = "latest"
    audit           = "restricted"
    audit_version   = "latest"
    warn            = "restricted"
    warn_version    = "latest"
  }

  mtls {
    mode = "strict"

    # Scraped by a job without a sidecar.
    exception {
      service     = "legacy"
      selector    = { app = "legacy" }
      port        = 80
      target_port = 8080
      mode        = "permissive"
    }
  }

  # The team may change workloads, traffic settings and authorization, but not mutual TLS.
  rbac {
    cluster_role     = "mesh-app-team"
    groups           = ["shop-developers"]
    users            = ["jane@example.com"]
    service_accounts = ["ci/shop-pipeline"]
  }

  # An Istio field without an argument: workloads accept 500 concurrent requests.
  override {
    kind  = "Sidecar"
    patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })
  }

  labels      = { "example.com/tier" = "1" }
  annotations = { "example.com/cost-centre" = "4711" }

  adopt_existing   = false
  adopt_from_owner = "infra-old/prod"
  force_destroy    = false

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "10m"
  }
}

# A namespace of another tool: only the labels set here are managed.
resource "mesh_namespace" "reporting" {
  name     = "reporting"
  create   = false
  revision = "stable"
}
