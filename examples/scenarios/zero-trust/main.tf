# From a mesh in which every workload may call every other to deny by default, namespace by namespace.
#
#   gateway -> cart (shop) -> payments (pci)
#   prometheus scrapes both, on port 9090
#
# What holds in each step is a file in steps/, three lines long. Forward they are applied in the order of their numbers, and
# back in the opposite one; no step refuses a call that is allowed here:
#
#   terraform apply -var-file=steps/01-permissive.tfvars
#
# All of it stands in one configuration here, so that one variable file tells the whole state. In a company the platform's
# resources and each team's services would be states of their own, as in examples/scenarios/three-states.
#
# The namespaces shop, pci, istio-ingress and istio-system exist. The connection comes from KUBE_* environment variables.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner              = "zero-trust/demo"
  gateway_namespaces = ["istio-ingress"]
}

# === The whole mesh ===

resource "mesh_global_defaults" "this" {
  mtls {
    mode = var.mtls.mesh
  }
  authorization {
    mode = var.denied.mesh

    # Scrapers aren't admitted otherwise to workloads without a mesh_service.
    allow {
      from  = ["monitoring/prometheus"]
      ports = [9090]
    }
  }

  # The gateway is a chart's. Its own policy comes before calls are denied, and goes after.
  gateway_access {
    namespace = "istio-ingress"
    selector  = { app = "istio-ingressgateway" }
    ports     = [8080, 8443]
  }

  # What closes comes after what opens.
  depends_on = [mesh_service.cart, mesh_service.payments]
}

# === Namespace by namespace ===

resource "mesh_namespace" "shop" {
  name               = "shop"
  create             = false
  authorization_mode = var.denied.shop

  mtls {
    mode = var.mtls.shop
  }

  depends_on = [mesh_service.cart]
}

resource "mesh_namespace" "pci" {
  name               = "pci"
  create             = false
  authorization_mode = var.denied.pci

  mtls {
    mode = var.mtls.pci

    # The mainframe never gets a sidecar. It calls this port, and no other.
    exception {
      service = "payments"
      port    = 8443
    }
  }

  depends_on = [mesh_service.payments]
}

# === The services ===

resource "mesh_service" "cart" {
  name               = "cart"
  namespace          = "shop"
  service            = "managed"
  authorization_mode = var.services.shop
  calls              = ["pci/payments"]

  port {
    number   = 8080
    protocol = "http"
  }
  port {
    number   = 9090
    protocol = "http"
  }
  allow {
    from  = ["istio-ingress/istio-ingressgateway"]
    ports = [8080]
  }

  # Said here too: a namespace enforces before the mesh does, and until then the mesh's own block is a trial.
  allow {
    from  = ["monitoring/prometheus"]
    ports = [9090]
  }
}

resource "mesh_service" "payments" {
  name               = "payments"
  namespace          = "pci"
  service            = "managed"
  authorization_mode = var.services.pci
  calls              = []

  port {
    number   = 8080
    protocol = "http"
  }
  port {
    number   = 8443
    protocol = "tcp"
  }
  port {
    number   = 9090
    protocol = "http"
  }
  allow {
    from  = ["shop/cart"]
    ports = [8080]
  }
  allow {
    from      = ["anonymous"]
    ports     = [8443]
    ip_blocks = ["10.20.0.0/16"]
  }
  allow {
    from  = ["monitoring/prometheus"]
    ports = [9090]
  }
}
