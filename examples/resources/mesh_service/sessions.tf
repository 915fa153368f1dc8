# Sticky sessions: a browser keeps its pod by a cookie that the proxy sets.
resource "mesh_service" "sessions" {
  name      = "sessions"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  load_balancing {
    consistent_hash {
      cookie {
        name = "session"
        path = "/"
        ttl  = "0s"
      }
    }
  }
}

# Jobs of a user meet the same cache.
resource "mesh_service" "thumbnails" {
  name      = "thumbnails"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  load_balancing {
    consistent_hash {
      header = "x-user"
    }
  }
}

# The same by a parameter of the query, for links without headers.
resource "mesh_service" "downloads" {
  name      = "downloads"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  load_balancing {
    consistent_hash {
      query_parameter = "user"
    }
  }
}

# By the client's address. Behind a gateway that is the gateway's.
resource "mesh_service" "chat" {
  name      = "chat"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  load_balancing {
    consistent_hash {
      source_ip = true
    }
  }
}

# New pods warm up: they get more requests from minute to minute. With less than a third of the pods healthy, all are tried.
resource "mesh_service" "recommendations" {
  name      = "recommendations"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  load_balancing {
    algorithm = "round_robin"
    warmup    = "5m"
  }
  outlier_detection {
    consecutive_gateway_errors = 5
    max_ejection_percent       = 70
    min_health_percent         = 30
  }
}
