# A Gateway in the application's namespace, served by the platform's gateway pods in another. The Secret and the policy are
# in the namespace of the pods.
resource "mesh_gateway" "orders" {
  name               = "orders"
  namespace          = "sales"
  workload_namespace = "istio-system"
  service_account    = "ingress"
  selector           = { istio = "ingress" }
  authorization_mode = "enforce"

  server {
    port       = 443
    protocol   = "https"
    hosts      = ["orders.example.com"]
    namespaces = ["sales"]
    tls {
      credential_name = "orders-cert"
    }
  }

  # A field of Istio without an argument. A list takes the place of the rendered one, so what is to stay is repeated.
  override {
    kind = "Gateway"
    patch = jsonencode({
      spec = {
        servers = [{
          port  = { name = "https-443", number = 443, protocol = "HTTPS" }
          hosts = ["sales/orders.example.com"]
          tls   = { mode = "SIMPLE", credentialName = "orders-cert", minProtocolVersion = "TLSV1_3" }
          bind  = "0.0.0.0"
        }]
      }
    })
  }
}
