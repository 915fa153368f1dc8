import {
  to = mesh_external_service.billing
  identity = {
    namespace = "istio-system"
    name      = "api-example-com"
  }
}
