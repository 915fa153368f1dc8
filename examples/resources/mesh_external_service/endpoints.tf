# A host that DNS doesn't know, or not rightly: requests go to the addresses that stand here.
resource "mesh_external_service" "archive" {
  host       = "archive.corp.example"
  export_to  = ["reporting"]
  resolution = "static"

  port {
    number   = 443
    protocol = "https"
  }

  endpoint {
    address  = "198.51.100.10"
    locality = "eu-west-1/a"
    ports    = { 443 = 8443 }
  }
  endpoint {
    address  = "198.51.100.11"
    locality = "eu-west-1/b"
  }

  outlier_detection {
    consecutive_5xx      = 3
    interval             = "5s"
    base_ejection_time   = "1m"
    max_ejection_percent = 50
  }
}
