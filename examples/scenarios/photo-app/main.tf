# A photo application in three tiers. The datastore belongs to another team and lives in that team's namespace.
#
#   gateway -> photo-frontend -> photo-backend -> datastore
#                                photo-backend -> api.example.com
#
# Each arrow is allowed below, and nothing else is: photo-frontend can't reach the datastore.
#
# All of it stands in one configuration here, so that one command shows it. In a company it would be three: the photo
# team's, the datastore team's and the platform team's, each with an owner of its own.
#
# The namespaces photo, datastore and istio-system must exist. The connection comes from KUBE_* environment variables.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner              = var.owner
  gateway_namespaces = ["istio-ingress"]
}

# === The photo team ===

resource "mesh_service" "photo_frontend" {
  name      = "photo-frontend"
  namespace = "photo"
  service   = "managed"
  calls     = ["photo-backend"]

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  allow {
    from = ["istio-ingress/istio-ingressgateway"]
  }
}

resource "mesh_service" "photo_backend" {
  name       = "photo-backend"
  namespace  = "photo"
  service    = "managed"
  resiliency = var.backend_resiliency
  calls      = ["datastore/datastore", "api.example.com"]

  port {
    number      = 80
    protocol    = "http"
    target_port = 8080
  }
  allow {
    from    = ["photo-frontend"]
    methods = ["GET", "POST"]
    paths   = ["/photos", "/photos/*"]
  }
}

# === The datastore team ===

resource "mesh_service" "datastore" {
  name      = "datastore"
  namespace = "datastore"
  service   = "managed"
  calls     = []

  port {
    number   = 5432
    protocol = "tcp"
  }
  allow {
    from = ["photo/photo-backend"]
  }
}

# === The platform team ===

# photo-backend calls http://api.example.com; its sidecar makes TLS of it.
resource "mesh_external_service" "tagging" {
  host      = "api.example.com"
  tls       = "originate"
  export_to = ["photo"]
}

resource "mesh_global_defaults" "this" {
  mtls {
    mode = "strict"
  }
  authorization {
    mode = var.global_authorization
  }
  sidecar {
    egress_hosts = ["./*", "istio-system/*"]
  }
  outbound_traffic_policy = "registry_only"
  resiliency              = "medium"

  # What closes comes after what opens: the services' own policies stand before everything else is denied.
  depends_on = [
    mesh_service.photo_frontend,
    mesh_service.photo_backend,
    mesh_service.datastore,
  ]
}
