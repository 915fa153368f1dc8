import {
  to = mesh_gateway.public
  identity = {
    namespace = "istio-system"
    name      = "public"
  }
}
