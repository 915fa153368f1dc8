# The settings of a production mesh. Defaults follow Istio's best practices.
data "mesh_install_config" "production" {
  trust_domain         = "prod.example.com"
  trust_domain_aliases = ["cluster.local"]

  # Applications receive decoded paths, and rules on paths can't be passed by other forms of a path.
  path_normalization = "decode_and_merge_slashes"

  tls {
    min_version         = "1.2"
    gateway_min_version = "1.3"
    cipher_suites       = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"]
    ecdh_curves         = ["X25519MLKEM768", "P-256"]
  }

  default_retries {
    attempts = 2
    on       = ["connect-failure", "refused-stream"]
  }

  discovery_namespaces {
    labels = {
      mesh = "enabled"
    }
  }

  locality {
    enabled = true
    failover {
      from = "us-east"
      to   = "us-west"
    }
  }

  access_log {
    path = "/dev/stdout"
    fields = {
      caller = "%DOWNSTREAM_PEER_URI_SAN%"
      path   = "%REQ(:PATH)%"
      status = "%RESPONSE_CODE%"
    }
  }

  extension_provider {
    name = "authz"
    ext_authz_http {
      service                        = "authz.platform.svc.cluster.local"
      port                           = 8000
      path_prefix                    = "/check"
      timeout                        = "500ms"
      fail_open                      = false
      status_on_error                = 503
      headers_in_check               = ["cookie"]
      additional_headers_in_check    = { "x-mesh" = "prod" }
      headers_to_upstream_on_allow   = ["x-user"]
      headers_to_downstream_on_deny  = ["set-cookie"]
      headers_to_downstream_on_allow = ["set-cookie"]

      request_body {
        max_bytes     = 8192
        allow_partial = true
      }
    }
  }

  extension_provider {
    name = "authz-grpc"
    ext_authz_grpc {
      service         = "authz.platform.svc.cluster.local"
      port            = 9000
      timeout         = "500ms"
      fail_open       = false
      status_on_error = 503

      request_body {
        max_bytes     = 8192
        allow_partial = false
        as_bytes      = true
      }
    }
  }

  extension_provider {
    name = "traces"
    opentelemetry {
      service   = "otel-collector.observability.svc.cluster.local"
      port      = 4318
      http_path = "/v1/traces"
      timeout   = "3s"
    }
  }

  extension_provider {
    name = "zipkin"
    zipkin {
      service = "zipkin.observability.svc.cluster.local"
      port    = 9411
      path    = "/api/v2/spans"
    }
  }

  extension_provider {
    name = "logs"
    access_log_opentelemetry {
      service  = "otel-collector.observability.svc.cluster.local"
      port     = 4317
      log_name = "mesh"
    }
  }

  extension_provider {
    name = "request-logs"
    access_log_http {
      service  = "logs.observability.svc.cluster.local"
      port     = 9001
      log_name = "requests"
    }
  }

  extension_provider {
    name = "connection-logs"
    access_log_tcp {
      service  = "logs.observability.svc.cluster.local"
      port     = 9001
      log_name = "connections"
    }
  }

  extension_provider {
    name       = "metrics"
    prometheus = true
  }
}

# Values of the chart `istiod`, for a helm_release.
output "istiod_values" {
  value = data.mesh_install_config.production.helm_values["istiod"]
}

# Facts for the provider block of other configurations of the mesh.
output "installed" {
  value = data.mesh_install_config.production.installed
}

# A mesh that an application may still leave for hosts outside, in a root namespace of its own.
data "mesh_install_config" "open" {
  outbound_traffic_policy             = "allow_any"
  default_export_to                   = ["*"]
  default_service_export_to           = ["*"]
  default_virtual_service_export_to   = ["."]
  default_destination_rule_export_to  = ["."]
  dns_capture                         = false
  hold_application_until_proxy_starts = false
  root_namespace                      = "mesh-system"

  locality {
    failover_priority = ["topology.kubernetes.io/region"]
  }

  access_log {
    text = "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%"
  }
}

# Cryptography by FIPS 140-3. Istio 1.30 and older have 140-2: `rendered` has their documents.
data "mesh_install_config" "fips" {
  tls {
    fips = "140-3"
  }
}

output "istiod_values_1_30" {
  value = data.mesh_install_config.fips.rendered["1.30"].helm_values["istiod"]
}
