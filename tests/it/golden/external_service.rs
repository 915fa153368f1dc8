//! `mesh_external_service`
