//! A proxy in front of the real API server that counts requests and makes chosen ones go wrong.
//!
//! Clients speak clear HTTP to it and say who they are by token, which is passed on; it speaks TLS to the server.

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
    api::{config, wait},
    control_plane::ControlPlane,
    users::User,
};

/// What a request meets instead of the server's plain answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The server is never asked; the client gets this status.
    Answer(u16),
    /// 429 with `Retry-After`, in seconds; the server is never asked.
    TooManyRequests(u64),
    /// The connection ends before the server is asked.
    Cut,
    /// The server does what is asked, and the connection ends before the client hears of it.
    CutAnswer,
    /// The server is asked later.
    Delay(Duration),
}

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `PATCH`
    pub(crate) method: String,
    /// `/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart-shop`
    pub(crate) path: String,
    /// `fieldManager=kubectl`
    pub(crate) query: String,
}

impl Asked {
    /// Changes something, if it goes well.
    pub(crate) fn writes(&self) -> bool {
        self.method != "GET" && !self.query.contains("dryRun=All") && !self.path.contains("/selfsubject")
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}?{}", self.method, self.path, self.query)
    }
}

/// Which requests go wrong.
struct Rule {
    matches: Box<dyn Fn(&Asked) -> bool + Send>,
    /// Matching requests that pass first.
    pass: usize,
    /// Matching requests that go wrong after those.
    hit: usize,
    fault: Fault,
}

#[derive(Default)]
struct Log {
    asked: Vec<Asked>,
    rules: Vec<Rule>,
}

/// A running proxy; it ends with the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

impl Proxy {
    /// In front of `plane`.
    pub(crate) fn start(plane: &ControlPlane) -> Self {
        let mut upstream = config(&plane.kubeconfig(&plane.admin));
        // Who asks is for the client to say.
        upstream.auth_info = AuthInfo::default();
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let address = wait(async move {
            let client = Client::try_from(upstream).expect("a client");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(accept(listener, client, shared));
            address
        });
        Self { address, log }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The kubeconfig of `user`, whose credential is a token, through this proxy.
    pub(crate) fn kubeconfig(&self, user: &User) -> String {
        user.kubeconfig(&self.url(), None)
    }

    /// From now on: of the requests that match, `pass` go through, and the next `hit` meet `fault`.
    pub(crate) fn rule(
        &self,
        pass: usize,
        hit: usize,
        fault: Fault,
        matches: impl Fn(&Asked) -> bool + Send + 'static,
    ) {
        lock(&self.log).rules.push(Rule { matches: Box::new(matches), pass, hit, fault });
    }

    /// No more faults, and nothing counted yet.
    pub(crate) fn reset(&self) {
        *lock(&self.log) = Log::default();
    }

    /// Everything asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.log).asked.clone()
    }

    /// How often each verb was asked.
    pub(crate) fn verbs(&self) -> BTreeMap<String, usize> {
        let mut verbs = BTreeMap::new();
        for asked in self.asked() {
            *verbs.entry(asked.method).or_default() += 1;
        }
        verbs
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().expect("nobody panics while holding it")
}

async fn accept(listener: TcpListener, client: Client, log: Arc<Mutex<Log>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (client, log) = (client.clone(), Arc::clone(&log));
        let serve = service_fn(move |request| answer(request, client.clone(), Arc::clone(&log)));
        // A connection that was cut on purpose ends in an error here, which is the point of it.
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await.ok() });
    }
}

/// The connection ends: hyper closes it where a service fails.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose")]
struct Severed;

async fn answer(
    request: Request<Incoming>,
    client: Client,
    log: Arc<Mutex<Log>>,
) -> Result<Response<Full<Bytes>>, Severed> {
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    let fault = fate(&mut lock(&log), asked);
    match fault {
        None => Ok(forward(request, client).await),
        Some(Fault::Answer(status)) => Ok(refusal(status)),
        Some(Fault::TooManyRequests(seconds)) => {
            let mut answer = refusal(429);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            Ok(answer)
        }
        Some(Fault::Cut) => Err(Severed),
        Some(Fault::CutAnswer) => {
            forward(request, client).await;
            Err(Severed)
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Ok(forward(request, client).await)
        }
    }
}

/// Notes the request, and decides its fate.
fn fate(log: &mut Log, asked: Asked) -> Option<Fault> {
    let mut fault = None;
    for rule in log.rules.iter_mut().filter(|rule| (rule.matches)(&asked)) {
        if rule.pass > 0 {
            rule.pass -= 1;
        } else if rule.hit > 0 && fault.is_none() {
            rule.hit -= 1;
            fault = Some(rule.fault);
        }
    }
    log.asked.push(asked);
    fault
}

/// A refusal in the API server's form.
fn refusal(status: u16) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
        "message": "made to fail", "reason": status.canonical_reason().unwrap_or_default().replace(' ', ""),
    });
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}

async fn forward(request: Request<Incoming>, client: Client) -> Response<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    for own in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(own);
    }
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let Ok(answer) = client.send(Request::from_parts(parts, Body::from(body))).await else {
        return refusal(502);
    };
    let (mut parts, body) = answer.into_parts();
    for own in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(own);
    }
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, Full::from(body.to_bytes())),
        Err(_) => refusal(502),
    }
}
