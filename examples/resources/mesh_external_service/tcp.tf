# A protocol that doesn't carry the name of the host: the addresses that applications connect to tell it from others.
resource "mesh_external_service" "ledger" {
  host      = "ledger.bank.example"
  export_to = ["pci"]
  addresses = ["203.0.113.7", "203.0.113.8"]

  port {
    number   = 5432
    protocol = "tcp"
  }

  circuit_breaker {
    connect_timeout = "500ms"
    max_connections = 50
  }
}
