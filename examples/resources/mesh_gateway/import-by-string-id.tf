import {
  to = mesh_gateway.public
  id = "istio-system/public"
}
