# The mesh's defaults: one resource for each cluster, in the state of the platform or security team.
resource "mesh_global_defaults" "this" {
  mtls {
    mode = "strict"
  }

  # Requests that no policy allows are denied. Start with "audit" or "dry_run".
  authorization {
    mode = "enforce"

    # Requests that every workload admits: those of a scraper, and health checks. Strict mutual TLS refuses clients without
    # an identity, except on ports with an exception in mesh_namespace.
    allow {
      from  = ["monitoring/prometheus"]
      ports = [9090]
    }
    allow {
      from      = ["monitoring/blackbox"]
      paths     = ["/healthz"]
      methods   = ["GET"]
      ip_blocks = ["10.0.0.0/8"]
    }
  }

  # Gateways of other tools stay open to clients.
  gateway_access {
    namespace = "istio-system"
    selector  = { istio = "ingressgateway" }
    ports     = [8080, 8443]
  }

  # Destinations of all workloads: their own namespace and the root namespace.
  sidecar {
    egress_hosts = ["./*", "istio-system/*"]
  }
  outbound_traffic_policy = "registry_only"

  # An Istio field without an argument: workloads accept 500 concurrent requests.
  override {
    kind  = "Sidecar"
    patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })
  }

  # Limits, ejection and retries for services without these settings. Only requests that never reached the application are
  # retried; a service can set `idempotent` itself.
  resiliency      = "medium"
  request_timeout = "60s"
  retries {
    attempts = 1
  }
  # Callers prefer near endpoints if the mesh's configuration does.
  load_balancing {
    locality = "inherit"
  }

  labels      = { team = "platform" }
  annotations = { "example.com/reviewed-by" = "security" }

  deletion_protection = false # true, once the roll-out is done

  # An existing PeerAuthentication `default`, and other objects with these names, are taken over.
  adopt_existing   = true
  adopt_from_owner = "infra-old/prod"

  timeouts {
    create = "2m"
    read   = "30s"
    update = "2m"
    delete = "2m"
  }
}
