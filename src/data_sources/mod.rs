//! The data sources.
//!
//! | file | data source |
//! | --- | --- |
//! | [`access`] | `mesh_access` |

mod access;

use crate::{plugin::interface::DataSource, resources::Context};

/// All data sources.
pub fn data_sources() -> Vec<Box<dyn DataSource<Context>>> {
    vec![Box::new(access::Access::new())]
}
