# A global name, which is the same for callers in every namespace and stays the same when the service moves to another one.
resource "mesh_service" "ledger" {
  name        = "ledger"
  namespace   = "pci"
  service     = "managed"
  global_name = "ledger.example.internal"

  # What the Istio objects of an older setup are called; without it, ledger-pci.
  object_name = "ledger"

  port {
    number   = 8080
    protocol = "http"
  }
  port {
    number   = 5432
    protocol = "tcp"
  }

  allow {
    from = ["shop/orders"]
  }
}

# Callers with `calls` list both names. With a global_name_template in the provider block, "pci/ledger" is both.
resource "mesh_service" "orders" {
  name      = "orders"
  namespace = "shop"
  service   = "managed"
  calls     = ["pci/ledger", "pci/ledger.example.internal"]

  port {
    number   = 8080
    protocol = "http"
  }
}
