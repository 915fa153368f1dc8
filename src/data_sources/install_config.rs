//! `mesh_install_config`: settings of an installation as YAML. It needs neither a cluster nor a configured provider.

use async_trait::async_trait;

use super::with_outputs;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::Unknown,
    mesh::install_config::{InstallConfig, Outputs},
    plugin::interface::{Call, DataSource},
    schema::{Schema, Value, model::Model},
};

/// The data source `mesh_install_config`.
pub(super) struct InstallConfigSource {
    schema: Schema,
}

impl Default for InstallConfigSource {
    fn default() -> Self {
        Self { schema: InstallConfig::schema().clone().and(Outputs::schema()) }
    }
}

#[async_trait]
impl<C: Send + Sync + 'static> DataSource<C> for InstallConfigSource {
    fn name(&self) -> &'static str {
        "mesh_install_config"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        decode(config, out);
    }

    fn needs_context(&self) -> bool {
        false
    }

    async fn read(&self, _call: Call<C>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported> {
        let arguments = decode(&config, out);
        out.no_errors()?;
        let outputs = arguments.outputs().map_err(|Unknown| {
            out.error(
                &Path::root(),
                "Unknown arguments",
                "Core read a data source before all of its arguments were known.",
            )
        })?;
        Ok(with_outputs(config, &outputs))
    }
}

fn decode(config: &Value, out: &mut Diagnostics) -> InstallConfig {
    let arguments = InstallConfig::decode(config, &Path::root(), out);
    arguments.validate(out);
    arguments
}
