//! The plugin protocol of Terraform and OpenTofu, tfplugin5 over gRPC. This is the only module that uses gRPC, TLS with
//! the host, stdout and the host's environment variables. Resources implement the traits of [`interface`] and use
//! nothing else of this module.
//!
//! [`serve`] goes through these steps, which every host expects of a plugin:
//! 1. The host starts the binary with a magic cookie and its certificate in the environment (`handshake`).
//! 2. The plugin listens on a Unix socket, or on a TCP port on Windows (`listener`), makes a certificate of its own (`mtls`),
//!    and writes one line with both to stdout. Nothing else is written to stdout. JSON logs go to stderr (`log`).
//! 3. The host connects (`connections`) and calls the provider service (`server`, `rpc`, `calls`), several calls at a time.
//!    It also uses the services of go-plugin (`go_plugin`).
//! 4. Stop asks the calls in flight to return early. Shutdown ends the plugin: the host waits 2 seconds and then kills the
//!    process (`process`).
//!
//! A host starts a new process for each phase of each run, so the start must be fast, and the plugin makes no network
//! request before Configure.

mod calls;
mod connections;
mod from_proto;
mod go_plugin;
mod handshake;
pub mod interface;
mod listener;
mod log;
mod mtls;
mod port;
mod process;
pub mod proto;
mod rpc;
mod server;
mod session;
mod signals;
#[cfg(unix)]
mod socket;
mod state;
mod to_proto;
mod upgrade;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use tokio::{runtime::Runtime, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use connections::OpenConnections;
use go_plugin::GoPluginServices;
use handshake::{HostSettings, write_stdout};
use mtls::TlsServer;
use proto::{
    go_plugin::{
        grpc_broker_server::GrpcBrokerServer, grpc_controller_server::GrpcControllerServer,
        grpc_stdio_server::GrpcStdioServer,
    },
    health::health_server::HealthServer,
    tfplugin5::provider_server::ProviderServer,
};
use session::PluginSession;

pub use listener::Transport;

/// Maximum size in bytes of a message in either direction, the same as that of providers written in Go.
const MAX_MESSAGE_BYTES: usize = 256 << 20;
/// How long the plugin waits at its end for responses to be sent on open connections.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// How the process is started, and how many runs it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeMode {
    /// Terraform or OpenTofu starts a process for each phase of a run.
    Plugin,
    /// A developer starts it by `--debug`: one process serves many runs, which connect to it by
    /// `TF_REATTACH_PROVIDERS`.
    Debug,
}

/// Serves `provider` until the host ends the plugin. `address` is `namespace/name`, without a registry.
pub fn serve<C: Send + Sync + 'static>(
    address: &'static str,
    provider: interface::Provider<C>,
    mode: ServeMode,
    transport: Transport,
) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let host = match mode {
        ServeMode::Plugin => HostSettings::from_environment(variable),
        ServeMode::Debug => Ok(HostSettings::for_debugging(variable)),
    };
    let served = host.map_err(Error::from).and_then(|host| {
        log::install(variable);
        let runtime = Runtime::new()?;
        let served = runtime.block_on(run(Arc::new(PluginSession::new(address, provider)), &host, mode, transport));
        // Calls that still run have used up their grace period.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host shows stderr if it gets no handshake line. If stderr is closed, the exit code must suffice.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Why the plugin can't start or serve.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    NotStartedByHost(#[from] handshake::NotStartedByHost),
    #[error(
        "The provider can't start: over TCP every user of this machine could connect, because the host sent no certificate \
         (PLUGIN_CLIENT_CERT)"
    )]
    UnprotectedPort,
    #[error("The provider can't start: {0}")]
    System(#[from] io::Error),
    #[error("The provider can't start: {0}")]
    Tls(#[from] mtls::Error),
    #[error("The provider can't serve: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves from the handshake to the end of the plugin.
async fn run<C: Send + Sync + 'static>(
    session: Arc<PluginSession<C>>,
    host: &HostSettings,
    mode: ServeMode,
    transport: Transport,
) -> Result<(), Error> {
    if (mode, transport) == (ServeMode::Plugin, Transport::Tcp) && host.certificate.is_none() {
        return Err(Error::UnprotectedPort);
    }
    let tls = host.certificate.as_deref().map(TlsServer::for_host).transpose()?;
    let shutdown = CancellationToken::new();
    let open = OpenConnections::default();
    match mode {
        ServeMode::Plugin => {
            process::handle_host_signals(&session)?;
            process::watch_host(&session, &shutdown, transport, open.clone());
        }
        ServeMode::Debug => process::handle_terminal_signals(&session, &shutdown)?,
    }
    // Until the end of the process: dropping the endpoint removes the socket's file.
    let (listener, endpoint) = listener::bind(transport, host).await?;
    tracing::debug!(network = endpoint.address.network, address = endpoint.address.text, "listening");
    let text = match mode {
        ServeMode::Plugin => {
            handshake::handshake_line(&endpoint.address, tls.as_ref().map(|tls| tls.certificate.as_ref()))
        }
        ServeMode::Debug => handshake::reattach_instructions(session.address, &endpoint.address),
    };
    let connections = connections::accept(listener, tls.map(|tls| tls.acceptor), open);
    write_stdout(&text)?;

    let provider = ProviderServer::new(server::ProviderService(session.clone()))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let services = GoPluginServices(shutdown.clone());
    let serving = Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(services.clone()))
        .add_service(GrpcStdioServer::new(services.clone()))
        .add_service(GrpcBrokerServer::new(services.clone()))
        .add_service(HealthServer::new(services))
        .serve_with_incoming_shutdown(connections, shutdown.clone().cancelled_owned());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => {
            served?;
            // Calls whose connection the host has closed may still be running.
            process::wait_for_shutdown(&session, &shutdown).await;
        }
        // Responses that are ready are still sent, but connections that stay open don't delay the end.
        () = process::wait_for_shutdown(&session, &shutdown) => timeout(DRAIN_TIMEOUT, serving).await.unwrap_or(Ok(()))?,
    }
    Ok(())
}
