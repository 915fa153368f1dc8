# Several hosts with the same settings. Adding or removing one doesn't change the objects of the others.
resource "mesh_external_service" "shipping" {
  name        = "shipping"
  hosts       = ["api.shipping.example", "labels.shipping.example"]
  export_to   = ["shop"]
  tls         = "originate"
  labels      = { team = "partners" }
  annotations = { "example.com/contract" = "4711" }

  request_timeout = "4s"
  retries {
    attempts        = 2
    per_try_timeout = "1500ms"
    idempotent      = true
  }
  outlier_detection {
    consecutive_gateway_errors = 5
  }
  load_balancing {
    locality = "off"
  }
  circuit_breaker {
    max_pending_requests = 50
    max_requests         = 100
  }

  # A field that no argument stands for, in the object whose name ends with this host.
  override {
    kind   = "DestinationRule"
    suffix = "labels-shipping-example"
    patch  = jsonencode({ spec = { trafficPolicy = { proxyProtocol = { version = "V2" } } } })
  }
}
