# A service for end users behind a gateway, identified by tokens. The mesh verifies tokens of issuers that a `jwt` block of
# `mesh_global_defaults` declares.
resource "mesh_service" "accounts" {
  name      = "accounts"
  namespace = "shop"
  service   = "managed"

  # Only the gateway calls the Service. Prometheus scrapes pods by their addresses, so it needn't see the service. A plan warns of that.
  export_to = ["istio-ingress"]

  port {
    number   = 8080
    protocol = "http"
  }

  # Customers.
  allow {
    from  = ["istio-ingress/istio-ingressgateway"]
    hosts = ["accounts.example.com"]
    paths = ["/v1/accounts/*"]
    end_user {
      issuer = "https://login.example.com"
    }
  }
  # Operators: customers of whom the token says more.
  allow {
    from  = ["istio-ingress/istio-ingressgateway"]
    paths = ["/admin/*"]
    end_user {
      issuer = "https://login.example.com"
      claims = {
        groups                  = ["operators"]
        "[realm_access][roles]" = ["admin", "support-*"]
      }
    }
  }
  # A scraper, on a port that the Service doesn't have.
  allow {
    from         = ["monitoring/prometheus"]
    target_ports = [9090]
  }
  # Preflights of browsers, and the status page.
  allow {
    from    = ["istio-ingress/*"]
    methods = ["OPTIONS"]
  }
  allow {
    from  = ["istio-ingress/*"]
    paths = ["/status"]
  }

  # Whatever the blocks above say: no other request without a token.
  require_end_user {
    except_paths   = ["/status"]
    except_methods = ["OPTIONS"] # browsers send preflights without a token
  }
  # The gateway's public name is for reading.
  deny {
    from    = ["istio-ingress/*"]
    hosts   = ["accounts.example.com"]
    methods = ["DELETE"]
    paths   = ["/v1/accounts/*"]
  }
  # A debug port, only for its own namespace.
  deny {
    from         = ["shop/*"]
    target_ports = [6060]
  }
  # What allow blocks to come may not open to the mesh: all but what one of these lines names.
  deny {
    from = ["*"]
    except {
      from      = ["istio-ingress/*"]
      paths     = ["/status"]
      hosts     = ["accounts.shop.svc.cluster.local"]
      methods   = ["OPTIONS"]
      ip_blocks = ["10.0.0.0/8"]
    }
  }
  # Clients of an old version, or of none.
  deny {
    from  = ["istio-ingress/*"]
    paths = ["/v1/*"]
    when {
      key        = "request.headers[x-client-version]"
      not_values = ["2.*", "3.*"]
    }
  }
  # Tokens for other audiences.
  deny {
    from = ["istio-ingress/*"]
    when {
      key    = "request.auth.audiences"
      values = ["legacy-*"]
    }
  }
  # A token that was stolen.
  deny {
    from = ["anonymous"]
    end_user {
      issuer = "https://login.example.com"
      claims = { jti = ["3f1c7d2a"] }
    }
  }

  # Closing an account is for the authorizer to say, which the mesh's configuration calls "opa".
  external_authorization {
    provider = "opa"
    paths    = ["/v1/accounts/{*}/close"]
  }
}
