# One for each cluster, in the state of the platform or security team.
resource "mesh_global_defaults" "this" {
  mtls {
    mode = "strict"
  }

  # What no policy allows is denied. Start with "audit" or "dry_run".
  authorization {
    mode = "enforce"

    # Calls that every workload takes: a scraper, and probes of health. Clients without an identity are refused by strict mutual
    # TLS, but for ports that a mesh_namespace excepts.
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

  # Where a sidecar may send: the workload's own namespace, and what the root namespace offers.
  sidecar {
    egress_hosts = ["./*", "istio-system/*"]
  }
  outbound_traffic_policy = "registry_only"

  # A field of Istio without an argument: workloads take 500 requests at the same time.
  override {
    kind  = "Sidecar"
    patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })
  }

  # Limits, ejection and retries for services that set none of it. Only requests that never reached the application are retried:
  # whether processing a request twice does harm is for its service to say.
  resiliency      = "medium"
  request_timeout = "60s"
  retries {
    attempts = 1
  }
  # Callers keep preferring near endpoints where the mesh's configuration says so.
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
