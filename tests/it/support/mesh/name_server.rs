//! The cluster's DNS server, for names outside of the mesh.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{net::UdpSocket, task::AbortHandle};

use super::{dns::NAME_SERVER, network::NetworkThread};
use crate::support::api::spawn;

/// Names and their addresses. `*` at the start of a name stands for any text.
type Names = Arc<Mutex<Vec<(String, Ipv4Addr)>>>;

/// A running DNS server, which ends when it is dropped.
pub(super) struct NameServer {
    names: Names,
    task: AbortHandle,
}

impl NameServer {
    /// A server in the namespace of `network`, which knows no name yet.
    pub(super) fn start(network: &NetworkThread) -> Self {
        let socket = network.run(|| std::net::UdpSocket::bind((NAME_SERVER, 53))).expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        let names = Names::default();
        let shared = Arc::clone(&names);
        let answer_all = async move {
            let socket = UdpSocket::from_std(socket).expect("a socket");
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                let names = shared.lock().expect("no thread panics with the lock").clone();
                if let Some(response) = query.get(..length).and_then(|query| response(query, &names)) {
                    let _ = socket.send_to(&response, client).await;
                }
            }
        };
        Self { names, task: spawn(answer_all).abort_handle() }
    }

    /// From now on, knows these names.
    pub(super) fn add(&self, names: &[(&str, Ipv4Addr)]) {
        let names = names.iter().map(|(name, address)| ((*name).to_owned(), *address));
        self.names.lock().expect("no thread panics with the lock").extend(names);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The response to a query with one question (RFC 1035, section 4): an A record, nothing for another type, or NXDOMAIN.
fn response(query: &[u8], names: &[(String, Ipv4Addr)]) -> Option<Vec<u8>> {
    let (header, questions) = query.split_at_checked(12)?;
    let (mut labels, mut rest) = (Vec::new(), questions);
    while let Some((length @ 1.., after)) = rest.split_first() {
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        rest = after;
    }
    let name = labels.join(".");
    let is_meant = |pattern: &str| match pattern.strip_prefix('*') {
        Some(suffix) => name.ends_with(suffix),
        None => name == pattern,
    };
    let found = names.iter().find(|(pattern, _)| is_meant(pattern));
    // The terminating zero, the type and the class.
    let question = questions.get(..questions.len() - rest.len() + 5)?;
    let is_address = question.ends_with(&[0, 1, 0, 1]);
    let code = if found.is_some() { 0 } else { 3 };
    let mut response = header.get(..2)?.to_vec();
    response.extend([0x85, 0x80 | code, 0, 1, 0, u8::from(found.is_some() && is_address), 0, 0, 0, 0]);
    response.extend(question);
    if let (Some((_, address)), true) = (found, is_address) {
        // A reference to the question's name, type A, class IN, 60 seconds, four bytes.
        response.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        response.extend(address.octets());
    }
    Some(response)
}
