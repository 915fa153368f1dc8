import {
  to = mesh_service.payments
  id = "pci/payments"
}
