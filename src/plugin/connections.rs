//! Connections of the host, with or without TLS. Each TLS handshake runs in a task of its own, so that a client that
//! never finishes it delays no other client. A failed handshake doesn't end the listener: a host that reattaches opens
//! a connection and closes it at once.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

/// Maximum duration of a TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts connections until the returned stream is dropped.
pub(super) fn accept(listener: UnixListener, tls: Option<TlsAcceptor>) -> ReceiverStream<io::Result<HostConnection>> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        while !sender.is_closed() {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(establish(stream, tls.clone(), sender.clone()))),
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
async fn establish(stream: UnixStream, tls: Option<TlsAcceptor>, accepted: mpsc::Sender<io::Result<HostConnection>>) {
    let connection = match tls {
        None => Ok(HostConnection(Box::new(stream))),
        Some(tls) => match timeout(TLS_HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => Ok(HostConnection(Box::new(stream))),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("timed out".to_owned()),
        },
    };
    match connection {
        // The receiver is dropped only when the process ends.
        Ok(connection) => drop(accepted.send(Ok(connection)).await),
        Err(error) => tracing::warn!(error, "refused a connection"),
    }
}

/// A byte stream in both directions.
trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An accepted connection, with or without TLS.
pub(super) struct HostConnection(Box<dyn ByteStream>);

impl Connected for HostConnection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for HostConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for HostConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
