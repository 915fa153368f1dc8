//! The data sources.
//!
//! | file | data source |
//! | --- | --- |
//! | [`access`] | `mesh_access` |
//! | [`install_config`] | `mesh_install_config` |

mod access;
mod install_config;

use self::{access::Access, install_config::InstallConfigSource};
use crate::{plugin::interface::DataSource, resources::Context};

/// All data sources.
pub fn data_sources() -> [Box<dyn DataSource<Context>>; 2] {
    [Box::<Access>::default(), Box::<InstallConfigSource>::default()]
}
