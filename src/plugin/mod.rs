//! Speaks: tfplugin5 over gRPC, as a plugin of Terraform's and OpenTofu's. The only place with gRPC, TLS, stdout and the
//! environment of a plugin host. [`offer`] is the author's side; nothing else of this folder is for authors.
//!
//! What a host expects, step by step ([`serve`]):
//! 1. The host starts the binary with a magic cookie and its certificate in the environment (`handshake`).
//! 2. We listen on a unix socket (`socket`) and make a certificate of our own (`mtls`), then write one line to stdout
//!    that names both. From then on stdout is silent, and stderr carries JSON logs (`log`).
//! 3. The host connects (`connections`) and calls the provider service (`server`, `calls`), several calls at a time.
//!    Beside it there are small services of go-plugin's own (`go_plugin`).
//! 4. Stop asks calls in flight to answer soon. Shutdown ends us: the host waits 2 seconds, then kills (`process`).
//!
//! A host starts a fresh process for each phase of each run, so nothing here may be slow, and nothing asks a network before
//! Configure.

mod calls;
mod connections;
mod from_proto;
mod go_plugin;
mod handshake;
pub mod interface;
mod log;
mod mtls;
mod process;
pub mod proto;
mod server;
mod session;
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

use go_plugin::Ending;
use handshake::{Host, say};
use mtls::Identity;
use proto::{
    go_plugin::{
        grpc_broker_server::GrpcBrokerServer, grpc_controller_server::GrpcControllerServer,
        grpc_stdio_server::GrpcStdioServer,
    },
    health::health_server::HealthServer,
    tfplugin5::provider_server::ProviderServer,
};
use session::Session;
use socket::Socket;

/// The largest message either way, as of providers in Go: big states are big messages.
const LARGEST_MESSAGE: usize = 256 << 20;
/// How long open connections may hold up the end.
const DRAIN: Duration = Duration::from_millis(200);

/// Who has started us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Terraform or OpenTofu, once for each phase of a run.
    Plugin,
    /// A developer, with `--debug`: one process for many runs, which find it by TF_REATTACH_PROVIDERS.
    Debug,
}

/// Serves `provider` at `address` (`namespace/name`, without a registry) until the host ends us.
pub fn serve<C: Send + Sync + 'static>(
    address: &'static str,
    provider: interface::Provider<C>,
    mode: Mode,
) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let host = match mode {
        Mode::Plugin => Host::from_environment(variable),
        Mode::Debug => Ok(Host::sockets(variable)),
    };
    let served = host.map_err(Error::from).and_then(|host| {
        log::install(variable);
        let runtime = Runtime::new()?;
        let served = runtime.block_on(run(Arc::new(Session::new(address, provider)), &host, mode));
        // Whatever still runs has had its time.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host shows stderr where no handshake comes; without a stderr the exit code has to do.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    ByHand(#[from] handshake::NotAPlugin),
    #[error("The provider can't start: {0}")]
    System(#[from] io::Error),
    #[error("The provider can't start: {0}")]
    Tls(#[from] mtls::Error),
    #[error("The provider can't serve: {0}")]
    Transport(#[from] tonic::transport::Error),
}

async fn run<C: Send + Sync + 'static>(session: Arc<Session<C>>, host: &Host, mode: Mode) -> Result<(), Error> {
    let identity = host.certificate.as_deref().map(Identity::for_host).transpose()?;
    let ending = CancellationToken::new();
    match mode {
        Mode::Plugin => {
            process::obey_host(&session)?;
            process::outlive_host_briefly(&session, &ending);
        }
        Mode::Debug => process::obey_terminal(&session, &ending)?,
    }
    let (socket, listener) = Socket::bind(host)?;
    let line = match mode {
        Mode::Plugin => handshake::line(socket.path(), identity.as_ref().map(|own| own.certificate.as_ref())),
        Mode::Debug => handshake::reattach_text(session.address, socket.path()),
    };
    let connections = connections::accept(listener, identity.map(|own| own.acceptor));
    say(&line)?;

    let provider = ProviderServer::new(server::Service(session.clone()))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let services = Ending(ending.clone());
    let serving = Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(services.clone()))
        .add_service(GrpcStdioServer::new(services.clone()))
        .add_service(GrpcBrokerServer::new(services.clone()))
        .add_service(HealthServer::new(services))
        .serve_with_incoming_shutdown(connections, ending.clone().cancelled_owned());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => {
            served?;
            // Calls that the host has hung up on may still be at work.
            process::ended(&session, &ending).await;
        }
        // Answers on their way get out; connections that stay open don't hold us.
        () = process::ended(&session, &ending) => timeout(DRAIN, serving).await.unwrap_or(Ok(()))?,
    }
    Ok(())
}
