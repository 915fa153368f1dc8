# Who may call payments, by all policies in the cluster, of other tools too. From the step on in which the services of pci refuse
# callers, a plan warns as soon as another one than cart may call port 8080.
data "mesh_access" "payments" {
  namespace = "pci"
  service   = "payments"

  depends_on = [mesh_service.payments, mesh_namespace.pci, mesh_global_defaults.this]
}

check "callers_of_payments" {
  assert {
    condition = var.services.pci != "enforce" || alltrue(flatten([
      for caller, requests in data.mesh_access.payments.admitted : [
        for request in requests :
        caller == "shop/cart" || (request != "all" && !startswith(request, "port 8080"))
      ]
    ]))
    error_message = "Callers of payments: ${join(", ", data.mesh_access.payments.callers)}. Port 8080 is for cart alone."
  }
}

output "admitted_by_payments" {
  description = "The requests and connections of each caller that payments admits."
  value       = data.mesh_access.payments.admitted
}
