# Tokens of end users are verified and required everywhere, except for health checks and sign-in.
resource "mesh_global_defaults" "this" {
  jwt {
    issuer            = "https://accounts.example.com"
    jwks_uri          = "https://accounts.example.com/.well-known/jwks.json"
    audiences         = ["shop"]
    claims_to_headers = { sub = "x-user" }
  }

  # A partner's tokens, at the ingress gateway only. Its keys are known, so istiod doesn't load them.
  jwt {
    issuer   = "https://partner.example.com"
    jwks     = "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"2026\",\"n\":\"0vx7agoebGcQSuuPiLJXZpt\",\"e\":\"AQAB\"}]}"
    selector = { istio = "ingressgateway" }
    forward  = false
  }

  # An identity-aware proxy in front of the gateway sends its token in its own header. Tests and old clients use the others.
  jwt {
    issuer       = "https://proxy.example.com"
    from_headers = { "x-proxy-token" = "" }
    from_params  = ["proxy_token"]
    from_cookies = ["proxy_token"]
  }

  # Only workloads of one namespace verify these.
  jwt {
    issuer    = "https://suppliers.example.com"
    jwks_uri  = "https://suppliers.example.com/keys"
    namespace = "sales"
  }

  require_end_user {
    except_ports   = [3306, 6379] # they don't speak HTTP
    except_paths   = ["/healthz", "/login/*"]
    except_methods = ["OPTIONS"] # browsers send preflights without a token
  }

  # Gateways ask an authorizer as well.
  external_authorization {
    provider     = "opa"
    selector     = { istio = "ingressgateway" }
    paths        = ["/*"]
    except_paths = ["/healthz"]
    except_ports = [15443]
  }
}
