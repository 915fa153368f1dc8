# Retries for a mesh in which every service without its own settings can process a request twice without harm. An attempt
# that takes too long is retried.
resource "mesh_global_defaults" "this" {
  request_timeout = "60s"
  retries {
    attempts        = 2
    per_try_timeout = "20s"
    idempotent      = true
  }
}
