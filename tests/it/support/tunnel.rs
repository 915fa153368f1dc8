//! A forward proxy, as companies have them: `CONNECT` opens a way to a server, and what goes through stays unread.

use std::{
    io::{BufRead, BufReader, Write, copy},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// A running proxy; it ends with the process.
pub(crate) struct Tunnel {
    address: SocketAddr,
    opened: Arc<AtomicUsize>,
}

impl Tunnel {
    /// On a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // A client that goes away ends its own way only.
                thread::spawn(move || open(client, &count).ok());
            }
        });
        Self { address, opened }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many ways it opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Relaxed)
    }
}

fn open(mut client: TcpStream, opened: &AtomicUsize) -> std::io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line)?;
    }
    let mut server = TcpStream::connect(target)?;
    opened.fetch_add(1, Relaxed);
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut back) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || copy(&mut from, &mut back));
    copy(&mut head, &mut server)?;
    Ok(())
}
