//! What a go-plugin host expects beside the provider: to end it, to read what it prints, to open further connections, and
//! to ask whether it is well. Streams stay open and silent until the plugin ends.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

use super::proto::{
    go_plugin::{
        ConnInfo, Empty as Nothing, StdioData, grpc_broker_server::GrpcBroker, grpc_controller_server::GrpcController,
        grpc_stdio_server::GrpcStdio,
    },
    health::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health},
};

/// The name under which the health of a plugin is asked for.
const SERVICE: &str = "plugin";

/// Ends with the plugin. Cancelled: the host wants it gone.
#[derive(Clone, Debug)]
pub(super) struct Ending(pub(super) CancellationToken);

impl Ending {
    /// A stream without items that ends when the plugin does.
    fn silence<T: Send + 'static>(&self) -> BoxStream<T> {
        let ending = self.0.clone();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = sender.closed() => {}
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

#[tonic::async_trait]
impl GrpcController for Ending {
    /// Answers at once: the host waits for this answer without limit.
    async fn shutdown(&self, _: Request<Nothing>) -> Result<Response<Nothing>, Status> {
        tracing::debug!("the host ends the plugin");
        self.0.cancel();
        Ok(Response::new(Nothing {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Ending {
    /// We print nothing, so there is nothing to forward.
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(self.silence()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Ending {
    /// The host opens it on every connection and never uses it with providers.
    async fn start_stream(&self, _: Request<Streaming<ConnInfo>>) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        Ok(Response::new(self.silence()))
    }
}

#[tonic::async_trait]
impl Health for Ending {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if request.get_ref().service != SERVICE {
            return Err(Status::not_found("unknown service"));
        }
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }
}
