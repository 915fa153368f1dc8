//! A reverse proxy in front of the real API server that records requests and injects faults into chosen ones.
//!
//! Clients speak plain HTTP to it and authenticate by a bearer token, which it passes on. It speaks TLS to the server.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body, config::AuthInfo};
use serde_json::json;
use tokio::net::TcpListener;

use super::{
    api::{block_on, config},
    control_plane::ControlPlane,
    users::User,
};

/// What happens to a request instead of being forwarded unchanged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The proxy answers with this status, and the request isn't forwarded.
    Status(u16),
    /// The proxy answers with 429 and `Retry-After` in seconds, and the request isn't forwarded.
    TooManyRequests(u64),
    /// The connection is closed, and the request isn't forwarded.
    DropRequest,
    /// The request is forwarded, and the connection is closed before the client gets the response.
    DropResponse,
    /// The request is forwarded after this time.
    Delay(Duration),
}

/// A request as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedRequest {
    /// HTTP method, for example `PATCH`.
    pub(crate) method: String,
    /// URL path, for example `/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart-shop`.
    pub(crate) path: String,
    /// URL query, for example `fieldManager=kubectl`.
    pub(crate) query: String,
}

impl RecordedRequest {
    /// Whether the request changes an object if it succeeds: neither a read, a dry run nor a review of the user's
    /// rights.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && !self.query.contains("dryRun=All") && !self.path.contains("/selfsubject")
    }
}

impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}?{}", self.method, self.path, self.query)
    }
}

/// A fault, and the requests into which it is injected.
struct FaultRule {
    matches: Box<dyn Fn(&RecordedRequest) -> bool + Send>,
    /// Number of matching requests still to be forwarded before the first fault.
    skip: usize,
    /// Number of faults still to be injected.
    count: usize,
    fault: Fault,
}

#[derive(Default)]
struct Log {
    requests: Vec<RecordedRequest>,
    rules: Vec<FaultRule>,
}

/// A running proxy, which ends with the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

impl Proxy {
    /// Starts a proxy in front of `plane`.
    pub(crate) fn start(plane: &ControlPlane) -> Self {
        let mut upstream = config(&plane.kubeconfig(&plane.admin));
        // The client's own token authenticates its requests.
        upstream.auth_info = AuthInfo::default();
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let address = block_on(async move {
            let client = Client::try_from(upstream).expect("a client");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(accept(listener, client, shared));
            address
        });
        Self { address, log }
    }

    /// The URL that clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig of `user` that connects through this proxy. The user's credential must be a token.
    pub(crate) fn kubeconfig(&self, user: &User) -> String {
        user.kubeconfig(&self.url(), None)
    }

    /// From now on, forwards the first `skip` requests that match, and injects `fault` into the next `count`.
    pub(crate) fn inject_fault(
        &self,
        skip: usize,
        count: usize,
        fault: Fault,
        matches: impl Fn(&RecordedRequest) -> bool + Send + 'static,
    ) {
        lock(&self.log).rules.push(FaultRule { matches: Box::new(matches), skip, count, fault });
    }

    /// From now on, answers every write after the first `allowed` with 403.
    pub(crate) fn forbid_writes_after(&self, allowed: usize) {
        self.inject_fault(allowed, usize::MAX, Fault::Status(403), RecordedRequest::is_write);
    }

    /// Removes all faults and forgets all recorded requests.
    pub(crate) fn reset(&self) {
        *lock(&self.log) = Log::default();
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.log).requests.clone()
    }

    /// All writes so far.
    pub(crate) fn writes(&self) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(RecordedRequest::is_write).collect()
    }

    /// Number of requests so far, by HTTP method.
    pub(crate) fn requests_by_method(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in self.requests() {
            *counts.entry(request.method).or_default() += 1;
        }
        counts
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().expect("no thread panics while it holds the lock")
}

async fn accept(listener: TcpListener, client: Client, log: Arc<Mutex<Log>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (client, log) = (client.clone(), Arc::clone(&log));
        let serve = service_fn(move |request| answer(request, client.clone(), Arc::clone(&log)));
        // Closing a connection on purpose is an error here, which is expected.
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await.ok() });
    }
}

/// The error that closes a connection: hyper does so when a service fails.
#[derive(Debug, thiserror::Error)]
#[error("connection closed on purpose")]
struct ConnectionCut;

async fn answer(
    request: Request<Incoming>,
    client: Client,
    log: Arc<Mutex<Log>>,
) -> Result<Response<Full<Bytes>>, ConnectionCut> {
    let recorded = RecordedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    let fault = record(&mut lock(&log), recorded);
    match fault {
        None => Ok(forward(request, client).await),
        Some(Fault::Status(status)) => Ok(error_response(status)),
        Some(Fault::TooManyRequests(seconds)) => {
            let mut response = error_response(429);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            Ok(response)
        }
        Some(Fault::DropRequest) => Err(ConnectionCut),
        Some(Fault::DropResponse) => {
            forward(request, client).await;
            Err(ConnectionCut)
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Ok(forward(request, client).await)
        }
    }
}

/// Records the request, and returns the fault to inject into it.
fn record(log: &mut Log, request: RecordedRequest) -> Option<Fault> {
    let mut fault = None;
    for rule in log.rules.iter_mut().filter(|rule| (rule.matches)(&request)) {
        if rule.skip > 0 {
            rule.skip -= 1;
        } else if rule.count > 0 && fault.is_none() {
            rule.count -= 1;
            fault = Some(rule.fault);
        }
    }
    log.requests.push(request);
    fault
}

/// An error response in the API server's form, a `Status` object.
fn error_response(status: u16) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
        "message": "injected fault", "reason": status.canonical_reason().unwrap_or_default().replace(' ', ""),
    });
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

async fn forward(request: Request<Incoming>, client: Client) -> Response<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let Ok(response) = client.send(Request::from_parts(parts, Body::from(body))).await else {
        return error_response(502);
    };
    let (mut parts, body) = response.into_parts();
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, Full::from(body.to_bytes())),
        Err(_) => error_response(502),
    }
}
