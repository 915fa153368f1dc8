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
    /// The first answer to the same URL since the last reset is given again, or this one if it is the first.
    StaleAnswer,
}

/// When an [`Action`] runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the request is forwarded, or its fault is injected.
    BeforeRequest,
    /// After the request was forwarded, and before the client gets the response.
    BeforeResponse,
}

/// What a test does in the middle of a request. It may block.
pub(crate) type Action = Arc<dyn Fn(&RecordedRequest) + Send + Sync>;

/// A successful write: the request, and the object that the server answered with.
#[derive(Clone, Debug)]
pub(crate) struct RecordedWrite {
    /// The request.
    pub(crate) request: RecordedRequest,
    /// The object as the server stored it, or as it was before its deletion.
    pub(crate) answer: serde_json::Value,
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

impl RecordedRequest {
    fn url(&self) -> String {
        format!("{}?{}", self.path, self.query)
    }
}

impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url())
    }
}

/// A fault, and the requests into which it is injected.
struct FaultRule {
    matches: Box<dyn Fn(&RecordedRequest) -> bool + Send>,
    /// Number of matching requests still to be forwarded before the first fault.
    skip: usize,
    /// Number of faults still to be injected.
    count: usize,
    /// `None` if only the action runs.
    fault: Option<Fault>,
    action: Option<(Moment, Action)>,
}

/// What happens to one request.
#[derive(Clone, Default)]
struct Injection {
    fault: Option<Fault>,
    action: Option<(Moment, Action)>,
}

#[derive(Default)]
struct Log {
    requests: Vec<RecordedRequest>,
    rules: Vec<FaultRule>,
    /// The successful writes, in the order of their answers.
    written: Vec<RecordedWrite>,
    /// The first answers to reads, by URL.
    first_answers: BTreeMap<String, Bytes>,
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
        let matches = Box::new(matches);
        lock(&self.log).rules.push(FaultRule { matches, skip, count, fault: Some(fault), action: None });
    }

    /// From now on, forwards the first `skip` requests that match, runs `action` in the middle of the next one, and injects
    /// `fault` into it.
    pub(crate) fn inject_action(
        &self,
        skip: usize,
        fault: Option<Fault>,
        (moment, action): (Moment, Action),
        matches: impl Fn(&RecordedRequest) -> bool + Send + 'static,
    ) {
        let (matches, action) = (Box::new(matches), Some((moment, action)));
        lock(&self.log).rules.push(FaultRule { matches, skip, count: 1, fault, action });
    }

    /// Removes all faults and forgets all recorded requests, but not the answers that [`Fault::StaleAnswer`] gives again.
    pub(crate) fn reset_requests(&self) {
        let mut log = lock(&self.log);
        *log = Log { first_answers: std::mem::take(&mut log.first_answers), ..Log::default() };
    }

    /// Removes all faults, and keeps the recorded requests.
    pub(crate) fn remove_faults(&self) {
        lock(&self.log).rules.clear();
    }

    /// All successful writes so far, in the order of their answers.
    pub(crate) fn written(&self) -> Vec<RecordedWrite> {
        lock(&self.log).written.clone()
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
    let Injection { fault, action } = record(&mut lock(&log), recorded.clone());
    if let Some((Moment::BeforeRequest, action)) = &action {
        run(action, &recorded).await;
    }
    let response = match fault {
        None => Ok(forward_to_the_end(request, &recorded, client, &log).await),
        Some(Fault::Status(status)) => Ok(error_response(status)),
        Some(Fault::TooManyRequests(seconds)) => {
            let mut response = error_response(429);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            Ok(response)
        }
        Some(Fault::DropRequest) => Err(ConnectionCut),
        Some(Fault::DropResponse) => {
            forward_to_the_end(request, &recorded, client, &log).await;
            Err(ConnectionCut)
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Ok(forward_to_the_end(request, &recorded, client, &log).await)
        }
        Some(Fault::StaleAnswer) => {
            let stale = lock(&log).first_answers.get(&recorded.url()).cloned();
            match stale {
                Some(body) => Ok(json_response(StatusCode::OK, body)),
                None => Ok(forward_to_the_end(request, &recorded, client, &log).await),
            }
        }
    };
    if let Some((Moment::BeforeResponse, action)) = &action {
        run(action, &recorded).await;
    }
    response
}

/// Runs an action, which may block.
async fn run(action: &Action, request: &RecordedRequest) {
    let (action, request) = (Arc::clone(action), request.clone());
    tokio::task::spawn_blocking(move || action(&request)).await.expect("the action doesn't panic");
}

/// Records the request, and returns what happens to it.
fn record(log: &mut Log, request: RecordedRequest) -> Injection {
    let mut injection: Option<Injection> = None;
    for rule in log.rules.iter_mut().filter(|rule| (rule.matches)(&request)) {
        if rule.skip > 0 {
            rule.skip -= 1;
        } else if rule.count > 0 && injection.is_none() {
            rule.count -= 1;
            injection = Some(Injection { fault: rule.fault, action: rule.action.clone() });
        }
    }
    log.requests.push(request);
    injection.unwrap_or_default()
}

/// An error response in the API server's form, a `Status` object.
fn error_response(status: u16) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
        "message": "injected fault", "reason": status.canonical_reason().unwrap_or_default().replace(' ', ""),
    });
    json_response(status, body.to_string().into())
}

fn json_response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Forwards a request, and records its answer also where the client goes away before it.
async fn forward_to_the_end(
    request: Request<Incoming>,
    recorded: &RecordedRequest,
    client: Client,
    log: &Arc<Mutex<Log>>,
) -> Response<Full<Bytes>> {
    let (recorded, log) = (recorded.clone(), Arc::clone(log));
    let forwarded = tokio::spawn(async move { forward(request, &recorded, client, &log).await });
    forwarded.await.unwrap_or_else(|_| error_response(502))
}

async fn forward(
    request: Request<Incoming>,
    recorded: &RecordedRequest,
    client: Client,
    log: &Mutex<Log>,
) -> Response<Full<Bytes>> {
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
        Ok(body) => {
            let body = body.to_bytes();
            if parts.status.is_success() && !parts.headers.contains_key(header::CONTENT_ENCODING) {
                record_answer(&mut lock(log), recorded, &body);
            }
            Response::from_parts(parts, Full::from(body))
        }
        Err(_) => error_response(502),
    }
}

/// Records the answer to a write, and the first one to a read.
fn record_answer(log: &mut Log, request: &RecordedRequest, body: &Bytes) {
    if request.is_write() {
        let answer = serde_json::from_slice(body).unwrap_or_default();
        log.written.push(RecordedWrite { request: request.clone(), answer });
    } else if request.method == "GET" {
        log.first_answers.entry(request.url()).or_insert_with(|| body.clone());
    }
}
