# The shop team's state, one of three: a service behind the ingress gateway, and one that the payments team calls.

terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}

provider "mesh" {
  owner = "infra-shop/prod"

  installed {
    outbound_traffic_policy = var.installed.outbound_traffic_policy
    dns_capture             = var.installed.dns_capture
  }
}

resource "mesh_service" "storefront" {
  name       = "storefront"
  namespace  = "shop"
  service    = "managed"
  access     = "none"
  resiliency = var.resiliency
  calls      = ["pci/payments"]

  port {
    number   = 8080
    protocol = "http"
  }
  ingress {
    gateway = "istio-ingress/public"
    hosts   = ["www.example.com"]
  }
}

resource "mesh_service" "receipts" {
  name      = "receipts"
  namespace = "shop"
  service   = "managed"
  calls     = []

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["pci/payments"]
    methods = ["POST"]
  }
}

variable "resiliency" {
  description = "How failures of the storefront are met: low, medium, high or none."
  type        = string
  default     = "medium"
}

variable "installed" {
  description = "Facts of the installed mesh: ../mesh.tfvars, the same file for every state."
  type = object({
    outbound_traffic_policy = string
    dns_capture             = bool
  })
}
