# A database: bytes, which have no methods, paths or timeouts, only callers. Its metrics are a port of their own.
resource "mesh_service" "postgres" {
  name      = "postgres"
  namespace = "shop"

  port {
    number   = 5432
    protocol = "tcp"
  }
  port {
    number   = 9187
    protocol = "http"
  }

  allow {
    from  = ["cart", "stock"]
    ports = [5432]
  }
  # What is said of requests governs the HTTP port alone.
  allow {
    from    = ["observability/prometheus"]
    methods = ["GET"]
    paths   = ["/metrics"]
  }

  # The namespace of the metrics sees it too, and so does one whose calls come later.
  export_to = [".", "observability", "billing"]
}
