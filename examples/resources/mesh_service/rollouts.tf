# Another tool moves the traffic: Argo Rollouts or Flagger writes the VirtualService. It isn't written here then, and one that
# was is left in place. Everything else stays as it is elsewhere.
resource "mesh_service" "payout" {
  name       = "payout"
  namespace  = "shop"
  resiliency = "medium"
  unmanaged  = ["VirtualService"]

  port {
    number   = 8080
    protocol = "http"
  }

  # The one field that no argument stands for. It is shown in `objects`, and in every plan that changes it.
  override {
    kind  = "DestinationRule"
    patch = jsonencode({ spec = { trafficPolicy = { loadBalancer = { warmup = { duration = "30s" } } } } })
  }
}
