# Services of a team, whose rules are tested without a cluster: `policies.tftest.hcl`.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-shop/prod"
  defaults {
    resiliency = "medium"
  }
}

resource "mesh_service" "web" {
  name      = "web"
  namespace = "shop"

  port {
    number   = 8080
    protocol = "http"
  }
  ingress {
    gateway = "istio-ingress/public"
    hosts   = ["www.example.com"]
  }
}

resource "mesh_service" "payments" {
  name      = "payments"
  namespace = "pci"

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["shop/checkout"]
    methods = ["POST"]
    paths   = ["/charges"]
  }
}

# Who may call payments, as the object says it.
output "payments_policy" {
  value = jsondecode(mesh_service.payments.objects["AuthorizationPolicy/pci/${provider::mesh::object_name("payments", "pci")}"])
}
