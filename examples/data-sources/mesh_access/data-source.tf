# Only checkout may call payments, by all policies in the cluster. A plan warns if another workload may.
data "mesh_access" "payments" {
  namespace = "pci"
  service   = "payments"
}

check "callers_of_payments" {
  assert {
    condition     = data.mesh_access.payments.callers == toset(["shop/checkout"])
    error_message = "Callers of payments: ${join(", ", data.mesh_access.payments.callers)}."
  }
}

# A workload without a Service, by the labels of its pods.
data "mesh_access" "batch" {
  namespace = "pci"
  selector  = { app = "batch" }
}

output "policies_of_batch" {
  value = data.mesh_access.batch.policies
}
