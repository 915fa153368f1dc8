//! Connections of the host, with or without TLS. Each TLS handshake runs in a task of its own, so that a client that
//! never finishes it delays no other client. A failed handshake doesn't end the listener: a host that reattaches opens
//! a connection and closes it at once.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::listener::{ByteStream, Listener};

/// Maximum duration of a TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of open connections of the host, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenConnections(Arc<AtomicUsize>);

impl OpenConnections {
    /// Whether the host has a connection open.
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Counts one more connection until the returned value is dropped.
    pub(super) fn add(self) -> OpenConnection {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self)
    }
}

/// Counts as one open connection.
pub(super) struct OpenConnection(OpenConnections);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        (self.0).0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts connections until the returned stream is dropped.
pub(super) fn accept(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
) -> ReceiverStream<io::Result<HostConnection>> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        while !sender.is_closed() {
            match listener.accept().await {
                Ok(stream) => drop(tokio::spawn(establish(stream, tls.clone(), open.clone(), sender.clone()))),
                Err(error) => {
                    // Most likely the process is out of file descriptors, which is temporary.
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// Makes the TLS handshake, if there is TLS, and sends the connection on.
async fn establish(
    stream: Box<dyn ByteStream>,
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
    accepted: mpsc::Sender<io::Result<HostConnection>>,
) {
    let stream = match tls {
        None => Ok(stream),
        Some(tls) => match timeout(TLS_HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream) as Box<dyn ByteStream>),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("timed out".to_owned()),
        },
    };
    match stream {
        // The receiver is dropped only when the process ends.
        Ok(stream) => drop(accepted.send(Ok(HostConnection { stream, _open: open.add() })).await),
        Err(error) => tracing::warn!(error, "refused a connection"),
    }
}

/// An accepted connection, with or without TLS.
pub(super) struct HostConnection {
    stream: Box<dyn ByteStream>,
    /// Ends with the connection.
    _open: OpenConnection,
}

impl Connected for HostConnection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for HostConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for HostConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
