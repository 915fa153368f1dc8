# Retries for a mesh in which every service without settings of its own is known to process a request twice without harm. Then an
# attempt that takes too long is given up and retried.
resource "mesh_global_defaults" "this" {
  request_timeout = "60s"
  retries {
    attempts        = 2
    per_try_timeout = "20s"
    idempotent      = true
  }
}
