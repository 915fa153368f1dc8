output "who_may_call" {
  description = "The callers of each service, as the mesh knows them."
  value = {
    photo-frontend = mesh_service.photo_frontend.effective_callers
    photo-backend  = mesh_service.photo_backend.effective_callers
    datastore      = mesh_service.datastore.effective_callers
  }
}

output "tagging_url" {
  description = "What photo-backend calls."
  value       = mesh_external_service.tagging.url
}
