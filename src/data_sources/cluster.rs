//! `mesh_cluster`: what is installed in the cluster, and the best practices that it departs from.

use std::time::Duration;

use async_trait::async_trait;

use super::{known_mesh, with_outputs};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::run_queries,
    kubernetes::Deadline,
    mesh::cluster_report::{ClusterReport, Outputs},
    plugin::interface::{Call, DataSource},
    resources::{Context, configured_context},
    schema::{Schema, Value, model::Model},
};

/// How long the first answer of the API server may take.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of all reads.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The data source.
pub(super) struct Cluster {
    schema: Schema,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { schema: ClusterReport::schema().clone().and(Outputs::schema()) }
    }
}

#[async_trait]
impl DataSource<Context> for Cluster {
    fn name(&self) -> &'static str {
        "mesh_cluster"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        ClusterReport::decode(config, &Path::root(), out);
    }

    fn needs_context(&self) -> bool {
        true
    }

    async fn read(&self, call: Call<Context>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported> {
        let context = configured_context(&call, out)?;
        let arguments = ClusterReport::decode(&config, &Path::root(), out);
        out.no_errors()?;
        let mesh = known_mesh(&context, out)?;
        let cluster = &context.cluster;
        match cluster.uid(&Deadline::within(FIRST_ANSWER_TIMEOUT, call.stop.clone())).await {
            Ok(_) => {}
            Err(error) if error.is_cluster_unavailable() => {
                return Ok(with_outputs(config, &ClusterReport::unreachable(&error.to_string())));
            }
            Err(error) => {
                return Err(out.error(
                    &Path::root(),
                    "The cluster can't be read",
                    format!("{error}. Check the connection and the credentials of the provider block."),
                ));
            }
        }
        let deadline = Deadline::within(TIMEOUT, call.stop.clone());
        let mut results = run_queries(cluster, &arguments.queries(mesh), &deadline).await;
        let further = arguments.further_queries(mesh, &results);
        results.extend(run_queries(cluster, &further, &deadline).await);
        Ok(with_outputs(config, &arguments.report(mesh, &results)))
    }
}
