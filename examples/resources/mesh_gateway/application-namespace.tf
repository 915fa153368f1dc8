# Hosts of an application, in its namespace, on the pods of the platform's gateway in another. The Secret and the policy are where
# the pods are.
resource "mesh_gateway" "orders" {
  name               = "orders"
  namespace          = "orders"
  workload_namespace = "istio-system"
  service_account    = "ingress"
  selector           = { istio = "ingress" }
  authorization_mode = "enforce"

  server {
    port       = 443
    protocol   = "https"
    hosts      = ["orders.example.com"]
    namespaces = ["orders"]
    tls {
      credential_name = "orders-cert"
    }
  }
}
