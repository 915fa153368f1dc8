//! The data sources.
//!
//! | file | data source |
//! | --- | --- |
//! | [`access`] | `mesh_access` |
//! | [`install_config`] | `mesh_install_config` |

mod access;
mod install_config;

use crate::{plugin::interface::DataSource, resources::Context};

/// All data sources.
pub fn data_sources() -> [Box<dyn DataSource<Context>>; 2] {
    [Box::new(access::Access::new()), Box::<install_config::InstallConfigSource>::default()]
}
