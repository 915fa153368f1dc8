# The proxy presents a client certificate, from files that the workloads mount into their sidecars with the annotations
# sidecar.istio.io/userVolume and sidecar.istio.io/userVolumeMount.
resource "mesh_external_service" "clearing" {
  host      = "clearing.bank.example"
  export_to = ["pci"]
  tls       = "originate_mutual"

  tls_settings {
    ca                 = "/etc/clearing/ca.crt"
    client_certificate = "/etc/clearing/tls.crt"
    client_key         = "/etc/clearing/tls.key"
    sni                = "gateway.clearing.example"
    subject_alt_names  = ["gateway.clearing.example"]
  }

  # Plans that would delete it are refused until this is false.
  deletion_protection = false
}

# The same with a Secret of the namespace, which the sidecars of the selected workloads read.
resource "mesh_external_service" "settlement" {
  host      = "settlement.bank.example"
  namespace = "pci"
  export_to = ["pci"]
  tls       = "originate_mutual"

  tls_settings {
    credential_name   = "settlement-client"
    workload_selector = { app = "payments" }
  }
}
