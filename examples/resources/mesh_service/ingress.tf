# What comes from outside: gateways send it here, and may call. Inside the mesh nobody may.
resource "mesh_service" "storefront" {
  name      = "storefront"
  namespace = "shop"
  service   = "managed"
  access    = "none"

  port {
    number   = 8080
    protocol = "http"
  }
  port {
    number   = 9090
    protocol = "grpc"
  }

  # The Gateway "public" of namespace istio-ingress serves the host; its workloads run as a service account of another name.
  # The application knows nothing of /shop: it gets what follows.
  ingress {
    gateway         = "istio-ingress/public"
    service_account = "istio-ingress/istio-ingressgateway"
    hosts           = ["www.example.com"]
    paths           = ["/shop/*"]
    port            = 8080
    rewrite         = "/"
  }

  # Another host, so another VirtualService: the name is the end of its name.
  ingress {
    name    = "partners"
    gateway = "istio-ingress/partners"
    hosts   = ["*.partners.example.com"]
    port    = 9090
  }
  # The one field that no argument stands for, in the object whose name ends so. Their second Gateway has the same workloads,
  # which are let in already.
  override {
    kind   = "VirtualService"
    suffix = "ingress-partners"
    patch  = jsonencode({ spec = { gateways = ["istio-ingress/partners", "istio-ingress/partners-eu"] } })
  }
}
