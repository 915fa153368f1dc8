//! The gRPC service of the provider: one short method for each call. Calls that this provider doesn't support
//! (ephemeral resources, list resources, actions, generated configuration) aren't declared in `proto/`, so gRPC answers
//! them as unimplemented.

use std::sync::Arc;

use tonic::{Request, Response};

use super::{
    calls::{plan_fallback, read_fallback},
    proto::tfplugin5::{
        apply_resource_change, call_function, configure, get_functions, get_metadata, get_provider_schema,
        get_resource_identity_schemas, import_resource_state, move_resource_state, plan_resource_change,
        prepare_provider_config, provider_server::Provider, read_data_source, read_resource, stop,
        upgrade_resource_identity, upgrade_resource_state, validate_data_source_config, validate_resource_type_config,
    },
    rpc::{self, Handler, RpcResponse, RpcResult},
    session::PluginSession,
};
use crate::diagnostics::Diagnostics;

/// The provider service.
pub(super) struct ProviderService<C>(pub(super) Arc<PluginSession<C>>);

impl<C: Send + Sync + 'static> ProviderService<C> {
    /// Runs a call whose response may be empty if it fails.
    async fn run<R: RpcResponse + Default>(
        &self,
        rpc: &'static str,
        resource_type: &str,
        handler: impl for<'a> FnOnce(&'a PluginSession<C>, &'a mut Diagnostics) -> Handler<'a, R> + Send + 'static,
    ) -> RpcResult<R> {
        rpc::run(&self.0, rpc, resource_type, R::default(), handler).await
    }
}

#[tonic::async_trait]
impl<C: Send + Sync + 'static> Provider for ProviderService<C> {
    // === schemas ===

    async fn get_metadata(&self, _: Request<get_metadata::Request>) -> RpcResult<get_metadata::Response> {
        self.run("GetMetadata", "", |session, _| Box::pin(async { Ok(session.metadata()) })).await
    }

    async fn get_schema(&self, _: Request<get_provider_schema::Request>) -> RpcResult<get_provider_schema::Response> {
        self.run("GetProviderSchema", "", |session, _| Box::pin(async { Ok(session.schemas()) })).await
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<get_resource_identity_schemas::Request>,
    ) -> RpcResult<get_resource_identity_schemas::Response> {
        self.run("GetResourceIdentitySchemas", "", |session, _| Box::pin(async { Ok(session.identity_schemas()) }))
            .await
    }

    async fn get_functions(&self, _: Request<get_functions::Request>) -> RpcResult<get_functions::Response> {
        self.run("GetFunctions", "", |session, _| Box::pin(async { Ok(session.functions()) })).await
    }

    // === provider block ===

    async fn prepare_provider_config(
        &self,
        request: Request<prepare_provider_config::Request>,
    ) -> RpcResult<prepare_provider_config::Response> {
        let request = request.into_inner();
        self.run("PrepareProviderConfig", "", |session, out| {
            Box::pin(async move { session.prepare_provider_config(request, out) })
        })
        .await
    }

    async fn configure(&self, request: Request<configure::Request>) -> RpcResult<configure::Response> {
        let request = request.into_inner();
        self.run("Configure", "", |session, out| Box::pin(async move { session.configure_provider(&request, out) }))
            .await
    }

    /// Answers at once. The calls in flight answer by themselves.
    async fn stop(&self, _: Request<stop::Request>) -> RpcResult<stop::Response> {
        tracing::debug!("the host stops the calls in flight");
        self.0.stop();
        Ok(Response::new(stop::Response::default()))
    }

    // === managed resources ===

    async fn validate_resource_type_config(
        &self,
        request: Request<validate_resource_type_config::Request>,
    ) -> RpcResult<validate_resource_type_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("ValidateResourceTypeConfig", &name, |session, out| {
            Box::pin(async move { session.validate_resource(&request, out) })
        })
        .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> RpcResult<upgrade_resource_state::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("UpgradeResourceState", &name, |session, out| {
            Box::pin(async move { session.upgrade_state(&request, out) })
        })
        .await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<upgrade_resource_identity::Request>,
    ) -> RpcResult<upgrade_resource_identity::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("UpgradeResourceIdentity", &name, |session, out| {
            Box::pin(async move { session.upgrade_identity(&request, out) })
        })
        .await
    }

    async fn read_resource(&self, request: Request<read_resource::Request>) -> RpcResult<read_resource::Response> {
        let request = request.into_inner();
        let (name, fallback) = (request.type_name.clone(), read_fallback(&request));
        rpc::run(&self.0, "ReadResource", &name, fallback, |session, out| {
            Box::pin(async move { session.read(request, out).await })
        })
        .await
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> RpcResult<plan_resource_change::Response> {
        let request = request.into_inner();
        let (name, fallback) = (request.type_name.clone(), plan_fallback(&request));
        rpc::run(&self.0, "PlanResourceChange", &name, fallback, |session, out| {
            Box::pin(async move { session.plan(request, out).await })
        })
        .await
    }

    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> RpcResult<apply_resource_change::Response> {
        let request = request.into_inner();
        let (name, fallback) = (request.type_name.clone(), self.0.apply_fallback(&request));
        rpc::run(&self.0, "ApplyResourceChange", &name, fallback, |session, out| {
            Box::pin(async move { session.apply(request, out).await })
        })
        .await
    }

    async fn import_resource_state(
        &self,
        request: Request<import_resource_state::Request>,
    ) -> RpcResult<import_resource_state::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("ImportResourceState", &name, |session, out| {
            Box::pin(async move { session.import(request, out).await })
        })
        .await
    }

    async fn move_resource_state(
        &self,
        request: Request<move_resource_state::Request>,
    ) -> RpcResult<move_resource_state::Response> {
        let request = request.into_inner();
        let name = request.target_type_name.clone();
        self.run("MoveResourceState", &name, |session, out| Box::pin(async move { session.move_state(request, out) }))
            .await
    }

    // === data sources and functions ===

    async fn validate_data_source_config(
        &self,
        request: Request<validate_data_source_config::Request>,
    ) -> RpcResult<validate_data_source_config::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("ValidateDataSourceConfig", &name, |session, out| {
            Box::pin(async move { session.validate_data_source(&request, out) })
        })
        .await
    }

    async fn read_data_source(
        &self,
        request: Request<read_data_source::Request>,
    ) -> RpcResult<read_data_source::Response> {
        let request = request.into_inner();
        let name = request.type_name.clone();
        self.run("ReadDataSource", &name, |session, out| {
            Box::pin(async move { session.read_data_source(request, out).await })
        })
        .await
    }

    async fn call_function(&self, request: Request<call_function::Request>) -> RpcResult<call_function::Response> {
        let request = request.into_inner();
        let name = request.name.clone();
        self.run("CallFunction", &name, |session, _| Box::pin(async move { Ok(session.call_function(&request)) })).await
    }
}
