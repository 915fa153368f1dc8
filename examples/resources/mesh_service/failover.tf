# Requests stay in their region as long as an endpoint answers there, and go to the next region when none does. Endpoints that
# fail are left out, which failover needs to know when to begin.
resource "mesh_service" "stock" {
  name       = "stock"
  namespace  = "shop"
  resiliency = "high"

  port {
    number   = 8080
    protocol = "http"
  }

  failover {
    from = "eu-west-1"
    to   = "eu-central-1"
  }
  failover {
    from = "eu-central-1"
    to   = "eu-west-1"
  }

  # Each field replaces that of the preset.
  outlier_detection {
    consecutive_5xx      = 5
    interval             = "5s"
    base_ejection_time   = "30s"
    max_ejection_percent = 100
  }
  circuit_breaker {
    connect_timeout      = "500ms"
    max_connections      = 256
    max_pending_requests = 64
    max_requests         = 512
  }
  # Asking for the stock twice does no harm.
  retries {
    attempts        = 2
    per_try_timeout = "1s"
    idempotent      = true
  }
}

# Near endpoints first, by any labels of nodes. Calls of it may be streams, which no timeout ends.
resource "mesh_service" "events" {
  name      = "events"
  namespace = "shop"
  streaming = true

  port {
    number   = 8080
    protocol = "http"
  }

  failover_priority = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"]
}
