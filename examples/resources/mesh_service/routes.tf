# Routes, tried in order; requests that match none are distributed by the weights of the versions.
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

  # The new version gets a copy of some requests, and another Service of all of them. Their responses are discarded.
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
    mirror {
      service = "search-audit"
      port    = 80
    }
  }

  # Another Service gets one of ten requests for suggestions. Its own mesh_service allows the same callers.
  route {
    name = "suggestions"
    match {
      path = "/suggest/*"
    }
    to {
      service = "search"
      weight  = 90
    }
    to {
      service = "suggestions/api"
      port    = 80
      weight  = 10
    }
    retries {
      attempts = 2
      on       = ["connect-failure", "refused-stream", "503"]
    }
  }

  # The archive is a service outside the mesh, which a mesh_external_service declares.
  route {
    name = "archive"
    match {
      path = "/archive/*"
    }
    to {
      host = "archive.example.com"
      port = 443
    }
    rewrite {
      host = "archive.example.com"
    }
    mirror {
      host = "archive-next.example.com"
      port = 443
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
