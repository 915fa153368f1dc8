# CORS and header changes: an API for pages of other origins, through a gateway and in the mesh. Proxies answer preflight
# requests.
resource "mesh_service" "profiles" {
  name      = "profiles"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  headers {
    request {
      set    = { "x-team" = "profiles" }
      add    = { "x-client" = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" }
      remove = ["x-debug"]
    }
    response {
      set    = { "server" = "profiles" }
      add    = { "strict-transport-security" = "max-age=31536000" }
      remove = ["x-powered-by"]
    }
  }

  cors {
    allow_origins       = ["https://www.example.com"]
    allow_origins_regex = ["https://[a-z0-9-]+\\.preview\\.example\\.com"]
    allow_methods       = ["GET", "POST"]
    allow_headers       = ["authorization", "content-type"]
    expose_headers      = ["x-total"]
    max_age             = "1h"
    allow_credentials   = true
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

  # Testers carry a cookie. Both sides see which version they met.
  route {
    name = "testers"
    match {
      cookies = { tester = "yes" }
    }
    to {
      version = "v2"
      headers {
        request {
          set    = { "x-version" = "v2" }
          add    = { "x-seen-by" = "testers" }
          remove = ["x-cache"]
        }
        response {
          set    = { "x-version" = "v2" }
          add    = { "x-seen-by" = "testers" }
          remove = ["etag"]
        }
      }
    }
  }

  # Old clients, which jobs still run. The proxies of the jobs answer them.
  route {
    name = "old-clients"
    match {
      path_regex    = "/v[01]/.*"
      scheme        = "http"
      authority     = "profiles*"
      headers_regex = { "user-agent" = "job/1\\.[0-9]+" }
      query_regex   = { "page" = "[0-9]+" }
      from {
        namespace = "shop"
        labels    = { app = "nightly" }
      }
    }
    direct_response {
      status = 410
      body   = "Use /v2."
    }
  }

  # Public content: pages of every origin may read it, and caches don't store it. Headers and CORS policy of the service
  # don't apply here.
  route {
    name = "public"
    match {
      path = "/public/*"
    }
    headers {
      request {
        set    = { "x-public" = "yes" }
        add    = { "x-team" = "profiles" }
        remove = ["cookie"]
      }
      response {
        set    = { "cache-control" = "no-store" }
        add    = { "x-public" = "yes" }
        remove = ["set-cookie"]
      }
    }
    cors {
      allow_origins       = ["*"]
      allow_origins_regex = ["https://.*"]
      allow_methods       = ["GET"]
      allow_headers       = ["content-type"]
      expose_headers      = ["x-public"]
      max_age             = "24h"
      allow_credentials   = false
    }
  }
}
