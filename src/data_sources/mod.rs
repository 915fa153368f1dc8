//! The data sources.
//!
//! | file | data source |
//! | --- | --- |
//! | [`install_config`] | `mesh_install_config` |

pub mod install_config;
