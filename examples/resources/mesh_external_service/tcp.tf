# A protocol that doesn't carry the name of the host: proxies recognize it by the addresses that applications connect to.
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

# A database by its name. Istio allocates an address for it, by which proxies tell it from others; they answer DNS queries, as
# `installed { dns_capture = true }` of the provider states. Firewalls on the way forget connections without traffic.
resource "mesh_external_service" "orders" {
  host      = "orders-replica-1.cluster-abcdefghijkl.eu-central-1.rds.example.com"
  export_to = ["shop"]

  port {
    number   = 5432
    protocol = "tcp"
  }

  connections {
    idle_timeout = "1h"
    max_duration = "12h"
    keepalive {
      time     = "2m"
      interval = "30s"
      probes   = 3
    }
  }
}

# Addresses without a name: `calls` of a service lists "metadata.addresses.invalid".
resource "mesh_external_service" "metadata" {
  name      = "metadata"
  addresses = ["169.254.169.254/32"]
  export_to = ["shop"]

  port {
    number   = 80
    protocol = "tcp"
  }
}
