//! The applications of workloads: servers in this process, whose sockets are in the workloads' network namespaces.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::network::NetworkThread;
use crate::support::api::spawn;

/// The header of responses that names the pod.
pub(super) const SERVED_BY: &str = "x-served-by";

/// What a port speaks.
#[derive(Clone)]
pub(super) enum Protocol {
    /// HTTP/1 and, with prior knowledge, HTTP/2.
    Http,
    /// HTTP over TLS.
    Https(TlsAcceptor),
    /// Answers each line with the pod's name and the line.
    Tcp,
}

/// How an HTTP application answers.
#[derive(Clone, Debug)]
pub(crate) struct Behavior {
    /// The status code.
    pub(crate) status: u16,
    /// Time before the response's headers.
    pub(crate) delay: Duration,
    /// Number of parts of the body after the first one, and the time before each.
    pub(crate) stream: (usize, Duration),
    /// The connection is closed instead of an answer.
    pub(crate) closes_connection: bool,
    /// Name and value of a header without which a request gets 401, as from an external authorizer.
    pub(crate) required_header: Option<(&'static str, &'static str)>,
}

impl Default for Behavior {
    fn default() -> Self {
        let stream = (0, Duration::ZERO);
        Self { status: 200, delay: Duration::ZERO, stream, closes_connection: false, required_header: None }
    }
}

/// A request as it arrived at the application.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    /// HTTP method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// The version of HTTP, for example `HTTP/2.0`.
    pub(crate) version: String,
    /// All headers.
    pub(crate) headers: HeaderMap,
}

struct State {
    pod: String,
    behavior: Mutex<Behavior>,
    received: Mutex<Vec<ReceivedRequest>>,
}

/// The application of one workload.
pub(super) struct Application {
    state: Arc<State>,
    servers: Vec<AbortHandle>,
}

impl Application {
    /// An application that listens on no port yet.
    pub(super) fn new(pod: &str) -> Self {
        let state = State { pod: pod.to_owned(), behavior: Mutex::default(), received: Mutex::default() };
        Self { state: Arc::new(state), servers: Vec::new() }
    }

    /// Listens on a port of the namespace, on all its addresses.
    pub(super) fn listen(&mut self, network: &NetworkThread, port: u16, protocol: &Protocol) {
        let listener = network.run(move || std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)));
        let listener = listener.unwrap_or_else(|error| panic!("port {port} of {}: {error}", self.state.pod));
        listener.set_nonblocking(true).expect("a socket");
        let (state, protocol) = (Arc::clone(&self.state), protocol.clone());
        self.servers.push(spawn(accept(listener, state, protocol)).abort_handle());
    }

    /// Closes all ports and connections.
    pub(super) fn stop(&mut self) {
        for server in self.servers.drain(..) {
            server.abort();
        }
    }

    /// From now on, answers like this.
    pub(super) fn behave(&self, behavior: Behavior) {
        *self.state.behavior.lock().expect("no thread panics with the lock") = behavior;
    }

    /// The requests since the last call.
    pub(super) fn take_requests(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut *self.state.received.lock().expect("no thread panics with the lock"))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves connections. They are closed when this future is dropped, since they are in its `JoinSet`.
async fn accept(listener: std::net::TcpListener, state: Arc<State>, protocol: Protocol) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let state = Arc::clone(&state);
        let protocol = protocol.clone();
        connections.spawn(async move {
            match protocol {
                Protocol::Http => serve_http(stream, state).await,
                // A client may dislike the certificate.
                Protocol::Https(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve_http(stream, state).await;
                    }
                }
                Protocol::Tcp => serve_lines(stream, &state.pod).await,
            }
        });
    }
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let answer = service_fn(move |request| answer(request, Arc::clone(&state)));
    // A caller may close a connection at any time.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
}

async fn serve_lines(mut stream: TcpStream, pod: &str) {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if writer.write_all(format!("{pod}: {line}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The error that closes a connection: hyper does so when a service fails.
#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
struct ConnectionClosed;

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, ConnectionClosed> {
    let (parts, body) = request.into_parts();
    let received = ReceivedRequest {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        version: format!("{:?}", parts.version),
        headers: parts.headers,
    };
    let has_header = |(name, value): (&str, &str)| received.headers.get(name).is_some_and(|sent| sent == value);
    let behavior = state.behavior.lock().expect("no thread panics with the lock").clone();
    let is_authorized = behavior.required_header.is_none_or(has_header);
    let status = if is_authorized { behavior.status } else { 401 };
    let echo = echo(&state.pod, &received);
    state.received.lock().expect("no thread panics with the lock").push(received);
    // The request counts from its headers on, as for servers that start to work before the body is complete.
    let _ = body.collect().await;
    tokio::time::sleep(behavior.delay).await;
    if behavior.closes_connection {
        return Err(ConnectionClosed);
    }
    let body = match behavior.stream {
        (0, _) => Full::from(echo).boxed(),
        (parts, interval) => {
            let rest = stream::iter(0..parts).then(move |part| async move {
                tokio::time::sleep(interval).await;
                format!("data: {part}\n\n")
            });
            let all = stream::once(async move { echo }).chain(rest);
            BodyExt::boxed(StreamBody::new(all.map(|part| Ok(Frame::data(Bytes::from(part))))))
        }
    };
    let response = Response::builder()
        .status(StatusCode::from_u16(status).expect("a status code"))
        .header("content-type", "application/json")
        .header(SERVED_BY, &state.pod)
        .body(body);
    Ok(response.expect("a response"))
}

/// The request as JSON. Values of headers that occur several times are joined by commas.
fn echo(pod: &str, received: &ReceivedRequest) -> String {
    let mut headers = json!({});
    for (name, value) in &received.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let joined = match headers[name.as_str()].as_str() {
            Some(first) => format!("{first},{value}"),
            None => value,
        };
        headers[name.as_str()] = Json::from(joined);
    }
    let ReceivedRequest { method, path, version, .. } = received;
    json!({ "served_by": pod, "method": method, "path": path, "version": version, "headers": headers }).to_string()
}
