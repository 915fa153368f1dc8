//! `mesh_access`: the policies of a workload are read from the cluster, and evaluated.

use std::time::Duration;

use async_trait::async_trait;

use super::{known_mesh, with_outputs};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::run_queries,
    kubernetes::Deadline,
    mesh::workload_access::{Outputs, WorkloadAccess},
    plugin::interface::{Call, DataSource},
    resources::{Context, configured_context},
    schema::{Schema, Value, model::Model},
};

/// The time limit of a read.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The data source.
pub(super) struct Access {
    schema: Schema,
}

impl Default for Access {
    fn default() -> Self {
        Self { schema: WorkloadAccess::schema().clone().and(Outputs::schema()) }
    }
}

#[async_trait]
impl DataSource<Context> for Access {
    fn name(&self) -> &'static str {
        "mesh_access"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        WorkloadAccess::decode(config, &Path::root(), out).validate(out);
    }

    fn needs_context(&self) -> bool {
        true
    }

    async fn read(&self, call: Call<Context>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported> {
        let context = configured_context(&call, out)?;
        let arguments = WorkloadAccess::decode(&config, &Path::root(), out);
        arguments.validate(out);
        out.no_errors()?;
        let mesh = known_mesh(&context, out)?;
        let deadline = Deadline::within(TIMEOUT, call.stop.clone());
        let results = run_queries(&context.cluster, &arguments.queries(mesh), &deadline).await;
        let outputs = arguments.evaluate(mesh, &results, out)?;
        Ok(with_outputs(config, &outputs))
    }
}
