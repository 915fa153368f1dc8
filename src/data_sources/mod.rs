//! The data sources.
//!
//! | file | data source |
//! | --- | --- |
//! | [`access`] | `mesh_access` |
//! | [`cluster`] | `mesh_cluster` |
//! | [`install_config`] | `mesh_install_config` |

mod access;
mod cluster;
mod install_config;

use self::{access::Access, cluster::Cluster, install_config::InstallConfigSource};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    mesh::Mesh,
    plugin::interface::DataSource,
    resources::Context,
    schema::{Value, model::Model},
};

/// All data sources.
pub fn data_sources() -> [Box<dyn DataSource<Context>>; 3] {
    [Box::<Access>::default(), Box::<Cluster>::default(), Box::<InstallConfigSource>::default()]
}

/// The provider's arguments about the whole mesh, which must be known where a data source is read.
fn known_mesh<'a>(context: &'a Context, out: &mut Diagnostics) -> Result<&'a Mesh, Reported> {
    context.mesh.as_ref().map_err(|_| {
        out.error(
            &Path::root(),
            "Arguments of the provider aren't known yet",
            "The provider block has values that come from resources of this run. Write known values, apply those resources first \
             (-target), or name them in depends_on of the data source: Terraform reads it at apply then.",
        )
    })
}

/// The configuration with what is computed.
fn with_outputs(config: Value, outputs: &impl Model) -> Value {
    let (Value::Map(mut members), Value::Map(computed)) = (config, outputs.encode()) else { return Value::Null };
    members.extend(computed);
    Value::Map(members)
}
