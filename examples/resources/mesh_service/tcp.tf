# A database on a TCP port. Proxies see connections only, with identity and address of the client; rules on requests are
# errors of the plan.
resource "mesh_service" "ledger_db" {
  name      = "ledger-db"
  namespace = "pci"
  service   = "managed"

  # What is said of ports is said of the Service's; policies hold at the workload, and get 15432.
  port {
    number      = 5432
    protocol    = "tcp"
    target_port = 15432
  }

  # The same by TLS, which the database ends itself.
  port {
    number   = 5433
    protocol = "tls"
  }

  # From outside, through a gateway that leaves TLS as it is, by the server name.
  ingress {
    gateway      = "istio-ingress/databases"
    protocol     = "tls"
    gateway_port = 15433
    hosts        = ["ledger-db.example.com"]
    port         = 5433
  }

  allow {
    from  = ["ledger"]
    ports = [5432]
  }
  # A host outside the mesh, by its address.
  allow {
    from      = ["anonymous"]
    ip_blocks = ["10.20.0.0/24"]
  }
  deny {
    from      = ["anonymous"]
    ports     = [5432]
    ip_blocks = ["10.20.0.66"]
  }
}
