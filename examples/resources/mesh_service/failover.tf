# Failover by region: callers use the endpoints of their own zone. When these are ejected, other zones of the region take
# over, and finally another region. Failover needs outlier detection.
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
    consecutive_gateway_errors = 5
    consecutive_5xx            = 0 # errors of the application eject no endpoint
    interval                   = "5s"
    base_ejection_time         = "30s"
    max_ejection_percent       = 100
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

# Requests are balanced over all zones of the caller's region, and go to other regions as endpoints there are ejected.
# Requests may
# be streams, which have no timeout.
resource "mesh_service" "events" {
  name       = "events"
  namespace  = "shop"
  resiliency = "medium"
  streaming  = true

  port {
    number   = 8080
    protocol = "http"
  }

  failover_priority = ["topology.kubernetes.io/region"]
}

# Outlier detection without a preset: only what is written changes. The trafficDistribution of the Service keeps its effect.
resource "mesh_service" "assets" {
  name      = "assets"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  outlier_detection {
    consecutive_gateway_errors = 3
    max_ejection_percent       = 50
  }
  load_balancing {
    locality = "inherit"
  }
}
