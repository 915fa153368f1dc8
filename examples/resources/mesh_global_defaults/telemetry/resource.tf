# What proxies tell, and whom.
resource "mesh_global_defaults" "this" {
  telemetry {
    tracing {
      provider            = "otel"
      sampling_percentage = 1
      tags                = { cluster = "eu-1" }
      header_tags         = { tenant = "x-tenant" }
    }
    access_logging {
      provider = "envoy"
      filter   = "response.code >= 400"
    }
    metrics {
      provider     = "prometheus"
      disabled     = ["REQUEST_SIZE", "RESPONSE_SIZE"]
      removed_tags = ["request_protocol"]
    }
  }
}
