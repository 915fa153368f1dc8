# Everything for the host leaves through an egress gateway, whose addresses the partner's firewall knows. The gateway's pods and its
# Service are a chart's. It begins TLS with a certificate of its own, from a Secret of its namespace.
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
