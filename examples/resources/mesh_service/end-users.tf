# End users, by tokens that the mesh verifies: the central team writes who issues them. A token doesn't replace the identity of
# the workload that passes it on; both are asked for.
resource "mesh_service" "account" {
  name      = "account"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }

  # Whoever calls through the web frontend: any end user, and for what is beneath /admin one of the admins.
  allow {
    from  = ["web"]
    paths = ["/profile", "/profile/*"]
    end_user {
      issuer = "https://accounts.example.com"
    }
  }
  allow {
    from  = ["web"]
    paths = ["/admin/*"]
    hosts = ["account.example.com", "account.example.com:*"]
    end_user {
      issuer = "https://accounts.example.com"
      claims = { groups = ["admin", "support-*"] }
    }
  }
  # Health checks come without an identity, from the network of the nodes.
  allow {
    from      = ["anonymous"]
    paths     = ["/healthz"]
    ip_blocks = ["10.0.0.0/16"]
  }

  # Nobody passes without a token but there.
  require_end_user {
    except_paths = ["/healthz"]
  }

  # What is refused, whatever else is allowed.
  deny {
    from    = ["web"]
    methods = ["DELETE"]
    paths   = ["/profile/*"]
    hosts   = ["account.example.com"]
    ports   = [8080]
    end_user {
      issuer = "https://accounts.example.com"
      claims = { groups = ["trainee"] }
    }
  }
  deny {
    from      = ["anonymous"]
    ip_blocks = ["10.0.9.0/24"]
  }

  # An authorizer of the mesh decides about the rest.
  external_authorization {
    provider = "opa"
    paths    = ["/admin/*"]
  }
}
