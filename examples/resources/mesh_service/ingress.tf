# Traffic from outside: the gateway sends these hosts and paths here, and is let in. The Gateway is another team's. Inside the
# mesh the service has a name of its own, which stays when it moves.
resource "mesh_service" "web" {
  name        = "web"
  namespace   = "shop"
  global_name = "web.example.internal"

  port {
    number   = 8080
    protocol = "http"
  }

  ingress {
    gateway         = "istio-ingress/public"
    service_account = "istio-ingress/istio-ingressgateway"
    hosts           = ["shop.example.com"]
    paths           = ["/shop/*"]
    rewrite         = "/"
  }
}
