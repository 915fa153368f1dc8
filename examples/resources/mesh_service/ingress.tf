# Requests from outside the mesh: gateways route them to the service, and may call it. No workload of the mesh may.
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

  # What the old catalogue had is elsewhere: for requests through gateways alone, and below what `ingress` lets in. Paths are
  # those
  # after its rewrite, so that is /shop/catalogue/… for clients.
  route {
    applies_to = ["ingress"]
    match {
      path = "/catalogue/*"
    }
    redirect {
      host = "catalogue.example.com"
    }
  }

  # Another host, so another VirtualService: the name is the end of its name.
  ingress {
    name    = "partners"
    gateway = "istio-ingress/partners"
    hosts   = ["*.partners.example.com"]
    port    = 9090
  }
  # Partners call from their networks alone. Since the block names the gateway, it says alone what comes through it.
  allow {
    from             = ["istio-ingress/partners"]
    ports            = [9090]
    remote_ip_blocks = ["198.51.100.0/24"]
  }
  # Clients from these addresses are refused at both gateways, on the port of the storefront.
  deny {
    from             = ["istio-ingress/istio-ingressgateway", "istio-ingress/partners"]
    remote_ip_blocks = ["203.0.113.0/24"]
    except {
      remote_ip_blocks = ["203.0.113.7"]
      ports            = [9090]
    }
  }
  # The one field that no argument stands for, in the object whose name ends so. Their second Gateway has the same workloads,
  # which are let in already.
  override {
    kind   = "VirtualService"
    suffix = "ingress-partners"
    patch  = jsonencode({ spec = { gateways = ["istio-ingress/partners", "istio-ingress/partners-eu"] } })
  }
}
