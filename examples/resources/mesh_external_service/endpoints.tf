# A host that DNS doesn't know, or knows with other addresses: requests go to the addresses given here.
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

# Every host of a partner is behind the partner's load balancers, which have names.
resource "mesh_external_service" "catalogs" {
  host      = "*.catalogs.example"
  export_to = ["shop"]
  tls       = "originate"

  endpoint {
    address  = "eu.front.catalogs.example"
    locality = "eu-west-1"
  }
  endpoint {
    address  = "us.front.catalogs.example"
    locality = "us-east-1"
  }

  connections {
    max_requests_per_connection = 1000
    http2                       = true
  }
  circuit_breaker {
    max_retries = 20
  }
}

# A service with many and changing addresses: proxies connect to the first one of each answer.
resource "mesh_external_service" "queue" {
  host       = "queue.eu-west-1.amazonaws.com"
  export_to  = ["shop"]
  resolution = "dns_round_robin"
}

# Any host of a partner, which the proxy looks up itself: the application can't choose another address for it.
resource "mesh_external_service" "tenants" {
  host       = "*.tenants.example"
  export_to  = ["shop"]
  tls        = "originate"
  resolution = "dynamic_dns"
}
