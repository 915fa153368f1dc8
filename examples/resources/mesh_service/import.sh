# namespace/name
terraform import mesh_service.payments pci/payments
