import {
  to = mesh_external_service.billing
  id = "istio-system/api-example-com"
}
