//! What travels between the workloads, as a host on the network sees it.

use std::{
    net::Ipv4Addr,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with, sockopt};

use super::network::NetworkThread;

/// A TCP segment that carries data.
struct Segment {
    from: Ipv4Addr,
    to: Ipv4Addr,
    payload: Vec<u8>,
}

/// A running capture.
pub(crate) struct Capture {
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Segment>>,
}

impl Capture {
    /// Starts to record all packets that cross the bridge.
    pub(super) fn start(bridge: &NetworkThread) -> Self {
        let socket = bridge.run(|| {
            // Bound to no device, the socket gets the packets of all devices of the namespace.
            let all = Some(eth::ALL);
            let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, all).expect("root");
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(50)))
                .expect("a socket");
            sockopt::set_socket_recv_buffer_size(&socket, 8 << 20).expect("a socket");
            socket
        });
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        Self { is_stopped, thread: thread::spawn(move || record(&socket, &stopped)) }
    }

    /// Ends the capture.
    pub(crate) fn stop(self) -> Traffic {
        self.is_stopped.store(true, Relaxed);
        Traffic { segments: self.thread.join().expect("the capture doesn't panic") }
    }
}

fn record(socket: &OwnedFd, is_stopped: &AtomicBool) -> Vec<Segment> {
    let mut frame = vec![0; 1 << 17];
    let mut segments = Vec::new();
    loop {
        // Packets of the last moment are still to be read after the stop.
        let is_stopped = is_stopped.load(Relaxed);
        let flags = if is_stopped { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        match recv(socket, &mut frame[..], flags) {
            Ok((_, length)) => segments.extend(segment(&frame[..length])),
            Err(_) if is_stopped => return segments,
            Err(_) => {}
        }
    }
}

/// The data of an Ethernet frame that holds IPv4 and TCP.
fn segment(frame: &[u8]) -> Option<Segment> {
    let (ethernet, packet) = frame.split_at_checked(14)?;
    let is_tcp = ethernet.ends_with(&[8, 0]) && *packet.get(9)? == 6;
    let header_length = usize::from(*packet.first()? & 15) * 4;
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    // Segmentation offload leaves the length of big packets zero.
    let tcp = packet.get(header_length..if length == 0 { packet.len() } else { length })?;
    let payload = tcp.get(usize::from(*tcp.get(12)? >> 4) * 4..)?;
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    let segment = Segment { from: address(12)?, to: address(16)?, payload: payload.to_vec() };
    (is_tcp && !payload.is_empty()).then_some(segment)
}

/// Captured traffic. A packet is in it once for each device that it passed, so counts are upper bounds.
pub(crate) struct Traffic {
    segments: Vec<Segment>,
}

impl Traffic {
    /// The data of segments between two addresses, in both directions.
    fn between(&self, one: Ipv4Addr, other: Ipv4Addr) -> impl Iterator<Item = &[u8]> {
        let pairs = [(one, other), (other, one)];
        self.segments.iter().filter(move |s| pairs.contains(&(s.from, s.to))).map(|s| s.payload.as_slice())
    }

    /// Number of segments between two addresses.
    pub(crate) fn segments(&self, one: Ipv4Addr, other: Ipv4Addr) -> usize {
        self.between(one, other).count()
    }

    /// Number of segments between two addresses in which HTTP can be read.
    pub(crate) fn clear_text_segments(&self, one: Ipv4Addr, other: Ipv4Addr) -> usize {
        self.between(one, other).filter(|payload| contains(payload, b"HTTP/1.")).count()
    }

    /// Number of segments between two addresses that begin with a TLS record.
    pub(crate) fn tls_segments(&self, one: Ipv4Addr, other: Ipv4Addr) -> usize {
        self.between(one, other).filter(|payload| matches!(payload, [20..=23, 3, ..])).count()
    }

    /// Whether anyone could read this text, on whichever way.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.segments.iter().any(|segment| contains(&segment.payload, text.as_bytes()))
    }
}

fn contains(payload: &[u8], text: &[u8]) -> bool {
    payload.windows(text.len()).any(|window| window == text)
}
