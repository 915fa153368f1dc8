# Requests that go another way. Routes are tried in order; what none takes is shared out by the weights of the versions.
resource "mesh_service" "search" {
  name      = "search"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  version {
    name   = "v1"
    labels = { version = "v1" }
    weight = 100
  }
  version {
    name   = "v2"
    labels = { version = "v2" }
    weight = 0
  }

  # An old path, under its new name. Half of its requests go to each version, and no longer than two seconds.
  route {
    name            = "old-path"
    request_timeout = "2s"
    retries {
      attempts        = 3
      idempotent      = true
      per_try_timeout = "500ms"
    }
    match {
      path   = "/find/*"
      method = "GET"
    }
    to {
      version = "v1"
      weight  = 50
    }
    to {
      version = "v2"
      weight  = 50
    }
    rewrite {
      path = "/search/"
      host = "search.shop.example.com"
    }
  }

  # Gone elsewhere.
  route {
    name = "help"
    match {
      path = "/help/*"
    }
    redirect {
      host   = "help.example.com"
      path   = "/"
      status = 302
    }
  }

  # The new version gets a copy of some of what the old one answers, and nobody sees what it says to that.
  route {
    name = "copied"
    match {
      query = { debug = "*" }
    }
    to {
      version = "v1"
    }
    mirror {
      version = "v2"
      percent = 20
    }
  }

  # What callers do when this service is slow or fails. Only for requests that ask for it.
  route {
    name = "failures"
    match {
      headers = { x-fail = "on" }
    }
    fault {
      delay         = "2s"
      delay_percent = 50
      abort_status  = 503
      abort_percent = 10
    }
  }
}
