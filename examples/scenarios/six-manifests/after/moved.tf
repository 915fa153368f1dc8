# One of the resources becomes the service.
moved {
  from = kubernetes_manifest.virtual_service
  to   = mesh_service.checkout
}

# The others are removed from the state; adopt_existing takes them over.
removed {
  from = kubernetes_manifest.service_account
  lifecycle {
    destroy = false
  }
}

removed {
  from = kubernetes_manifest.service
  lifecycle {
    destroy = false
  }
}

removed {
  from = kubernetes_manifest.destination_rule
  lifecycle {
    destroy = false
  }
}

removed {
  from = kubernetes_manifest.authorization_policy
  lifecycle {
    destroy = false
  }
}

removed {
  from = kubernetes_manifest.sidecar
  lifecycle {
    destroy = false
  }
}
