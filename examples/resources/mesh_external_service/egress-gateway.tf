# All traffic for the host leaves through an egress gateway, whose addresses the partner's firewall knows. A chart installs
# the gateway. It originates TLS with a client certificate from a Secret of its namespace.
resource "mesh_external_service" "exchange" {
  host      = "exchange.bank.example"
  export_to = ["pci"]
  tls       = "originate_mutual"

  egress_gateway {
    namespace = "istio-egress"
    service   = "istio-egressgateway"
    port      = 443
    selector  = { istio = "egressgateway" }
  }

  tls_settings {
    credential_name = "exchange-client"
  }
}
