//! The TCP port that a host without Unix sockets connects to.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
};

use tokio::net::TcpListener;

/// Listens on the first free port of `ports` on 127.0.0.1. Port 0 stands for any free port.
pub(super) async fn bind(ports: &RangeInclusive<u16>) -> io::Result<TcpListener> {
    for port in ports.clone() {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Ok(listener) => return Ok(listener),
            // A port may also be reserved: Windows answers PermissionDenied then.
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error),
        }
    }
    let (first, last) = (ports.start(), ports.end());
    let text = format!("no port of 127.0.0.1 from {first} to {last} is free (PLUGIN_MIN_PORT, PLUGIN_MAX_PORT)");
    Err(io::Error::new(io::ErrorKind::AddrInUse, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn first_free_port_of_the_range_is_used() {
        let taken = bind(&(0..=0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        // Beyond the last port there is none to try.
        if let Some(next) = port.checked_add(20) {
            let listener = bind(&(port..=next)).await.unwrap();
            assert!(((port + 1)..=next).contains(&listener.local_addr().unwrap().port()));
        }
        let error = bind(&(port..=port)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no port of 127.0.0.1 from {port} to {port} is free (PLUGIN_MIN_PORT, PLUGIN_MAX_PORT)")
        );
    }
}
