//! Where the plugin listens: on a Unix socket, or on a TCP port of 127.0.0.1 where a system has no Unix sockets.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

#[cfg(unix)]
use super::socket::Socket;
use super::{
    handshake::{Address, HostSettings},
    port,
};

/// How hosts reach the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket in a directory that only the user can enter. go-plugin uses it on every system but Windows.
    #[cfg(unix)]
    UnixSocket,
    /// A TCP port of 127.0.0.1, to which every user of the machine can connect. Mutual TLS keeps others out.
    Tcp,
}

impl Default for Transport {
    /// The transport that go-plugin uses on this system.
    fn default() -> Self {
        #[cfg(unix)]
        return Self::UnixSocket;
        #[cfg(not(unix))]
        return Self::Tcp;
    }
}

/// A stream of bytes of an accepted connection.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A listening socket.
pub(super) enum Listener {
    /// A Unix socket.
    #[cfg(unix)]
    UnixSocket(tokio::net::UnixListener),
    /// A TCP port.
    Tcp(TcpListener),
}

/// The place where a [`Listener`] listens. Dropping the value removes the file of a Unix socket.
pub(super) struct Endpoint {
    /// The address that a host connects to.
    pub(super) address: Address,
    #[cfg(unix)]
    _socket: Option<Socket>,
}

/// Listens as the host asks for it. Must be called inside a tokio runtime.
pub(super) async fn bind(transport: Transport, host: &HostSettings) -> io::Result<(Listener, Endpoint)> {
    match transport {
        #[cfg(unix)]
        Transport::UnixSocket => {
            let (socket, listener) = Socket::bind(host)?;
            let address = Address { network: "unix", text: socket.path().display().to_string() };
            Ok((Listener::UnixSocket(listener), Endpoint { address, _socket: Some(socket) }))
        }
        Transport::Tcp => {
            let listener = port::bind(&host.ports).await?;
            let address = Address { network: "tcp", text: listener.local_addr()?.to_string() };
            let endpoint = Endpoint {
                address,
                #[cfg(unix)]
                _socket: None,
            };
            Ok((Listener::Tcp(listener), endpoint))
        }
    }
}

impl Listener {
    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn ByteStream>> {
        Ok(match self {
            #[cfg(unix)]
            Self::UnixSocket(listener) => Box::new(listener.accept().await?.0),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // A call is one small write, which must not wait for the acknowledgement of the previous one.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}
