# Tracing, access logs and metrics of all proxies.
resource "mesh_global_defaults" "this" {
  telemetry {
    tracing {
      provider            = "otel"
      sampling_percentage = 1
      tags                = { cluster = "eu-1" }
      header_tags         = { tenant = "x-tenant" }
      environment_tags    = { pod = "POD_NAME" }
    }
    access_logging {
      provider = "envoy"
      filter   = "response.code >= 400"
    }
    metrics {
      provider     = "prometheus"
      disabled     = ["REQUEST_SIZE", "RESPONSE_SIZE"]
      tags         = { request_host = "request.host" }
      removed_tags = ["request_protocol"]
    }
  }

  # The gateways in the root namespace log all requests, and send no spans.
  telemetry {
    selector = { istio = "ingress" }
    tracing {
      provider = "otel"
      disabled = true
    }
    access_logging {
      disabled = false
    }
  }
}
