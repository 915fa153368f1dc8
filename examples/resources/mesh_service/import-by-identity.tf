import {
  to = mesh_service.payments
  identity = {
    namespace = "pci"
    name      = "payments"
  }
}
