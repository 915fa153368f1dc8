//! An HTTP forward proxy: `CONNECT` opens a tunnel to a server, and the tunnelled bytes are passed on unread.

use std::{
    io::{BufRead, BufReader, Write, copy},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// A running forward proxy, which ends with the process.
pub(crate) struct ConnectProxy {
    address: SocketAddr,
    tunnels: Arc<AtomicUsize>,
}

impl ConnectProxy {
    /// Starts a proxy on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let tunnels = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&tunnels);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let tunnels = Arc::clone(&shared);
                // A client that disconnects ends only its own tunnel.
                thread::spawn(move || open_tunnel(client, &tunnels).ok());
            }
        });
        Self { address, tunnels }
    }

    /// The value for `HTTPS_PROXY` or `proxy_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Number of tunnels opened so far.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Relaxed)
    }
}

fn open_tunnel(mut client: TcpStream, tunnels: &AtomicUsize) -> std::io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line)?;
    }
    let mut server = TcpStream::connect(target)?;
    tunnels.fetch_add(1, Relaxed);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || copy(&mut from_server, &mut to_client));
    copy(&mut head, &mut server)?;
    Ok(())
}
