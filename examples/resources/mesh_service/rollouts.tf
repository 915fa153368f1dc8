# Argo Rollouts or Flagger writes the VirtualService. The resource writes none, and releases one that it wrote before; all
# its other objects stay.
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
