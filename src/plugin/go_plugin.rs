//! The services that a go-plugin host expects besides the provider: the controller (Shutdown), stdio, the broker of
//! further connections, and the health check. Their streams have no items and stay open until the plugin ends.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::proto::{
    go_plugin::{
        ConnInfo, Empty, StdioData, grpc_broker_server::GrpcBroker, grpc_controller_server::GrpcController,
        grpc_stdio_server::GrpcStdio,
    },
    health::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health},
};

/// The service name in the health checks of go-plugin hosts.
const SERVICE: &str = "plugin";

/// The services of go-plugin. Shutdown cancels the token, and so ends the plugin.
#[derive(Clone, Debug)]
pub(super) struct GoPluginServices(pub(super) CancellationToken);

impl GoPluginServices {
    /// Returns a stream without items that ends with the plugin.
    fn empty_stream<T: Send + 'static>(&self) -> BoxStream<T> {
        let shutdown = self.0.clone();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sender.closed() => {}
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

#[tonic::async_trait]
impl GrpcController for GoPluginServices {
    /// Answers at once, since the host waits for the answer without a timeout.
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host ends the plugin");
        self.0.cancel();
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for GoPluginServices {
    /// Forwards nothing, since the plugin prints nothing.
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(self.empty_stream()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for GoPluginServices {
    /// The host opens this stream on every connection, and never uses it with providers.
    async fn start_stream(&self, _: Request<Streaming<ConnInfo>>) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        Ok(Response::new(self.empty_stream()))
    }
}

#[tonic::async_trait]
impl Health for GoPluginServices {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if request.get_ref().service != SERVICE {
            return Err(Status::not_found("unknown service"));
        }
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }
}
