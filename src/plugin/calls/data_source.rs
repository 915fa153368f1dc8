//! ValidateDataSourceConfig and ReadDataSource.

use super::encode::encode_object;
use crate::{
    diagnostics::{Diagnostics, Reported},
    plugin::{
        from_proto,
        proto::tfplugin5::{read_data_source, validate_data_source_config},
        session::PluginSession,
        state::UnknownValues,
    },
    schema::Value,
};

impl<C> PluginSession<C> {
    pub(in crate::plugin) fn validate_data_source(
        &self,
        request: &validate_data_source_config::Request,
        out: &mut Diagnostics,
    ) -> Result<validate_data_source_config::Response, Reported> {
        let source = self.data_source(&request.type_name, out)?;
        let config = from_proto::value(request.config.as_ref(), source.schema().object_type(), out)?;
        source.validate(&config, out);
        Ok(validate_data_source_config::Response::default())
    }

    pub(in crate::plugin) async fn read_data_source(
        &self,
        request: read_data_source::Request,
        out: &mut Diagnostics,
    ) -> Result<read_data_source::Response, Reported> {
        let source = self.data_source(&request.type_name, out)?;
        let schema = source.schema();
        if source.needs_context()
            && let Some(deferred) = self.deferral(request.client_capabilities)
        {
            let state = encode_object(schema, &Value::Unknown, UnknownValues::Allowed, out)?;
            return Ok(read_data_source::Response {
                state: Some(state),
                deferred: Some(deferred),
                ..read_data_source::Response::default()
            });
        }
        let config = from_proto::value(request.config.as_ref(), schema.object_type(), out)?;
        let state = source.read(self.call(), config, out).await?;
        let state = encode_object(schema, &state, UnknownValues::Forbidden, out)?;
        Ok(read_data_source::Response { state: Some(state), ..read_data_source::Response::default() })
    }
}
