//! `mesh_global_defaults`
