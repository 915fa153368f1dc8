//! An HTTP server on the loopback interface that plays a script: a list of expected requests with a reply to each. It
//! emulates no API server; a test says what the server answers, and the script proves which requests were sent.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// What the server does with a request.
enum Reply {
    /// Answers with a status and a JSON body.
    Respond(u16, Json),
    /// Answers with the response as it is.
    RespondRaw(Response<Full<Bytes>>),
    /// Closes the connection without an answer.
    CloseConnection,
    /// Calls the function, and answers 200 with a JSON body after the time.
    Delay(Duration, Json, Box<dyn FnOnce() + Send>),
    /// Calls the function, and never answers.
    Hang(Box<dyn FnOnce() + Send>),
}

/// One expected request and the reply to it.
pub(crate) struct Exchange {
    method: &'static str,
    path: String,
    reply: Reply,
}

/// Expects a request and answers it with a status and a JSON body.
pub(crate) fn exchange(method: &'static str, path: &str, status: u16, body: Json) -> Exchange {
    Exchange { method, path: path.to_owned(), reply: Reply::Respond(status, body) }
}

/// Expects a request and answers it with a response of any headers and bytes.
pub(crate) fn raw_exchange(method: &'static str, path: &str, response: Response<Full<Bytes>>) -> Exchange {
    Exchange { method, path: path.to_owned(), reply: Reply::RespondRaw(response) }
}

/// Expects a request and closes the connection without an answer.
pub(crate) fn lost_connection(method: &'static str, path: &str) -> Exchange {
    Exchange { method, path: path.to_owned(), reply: Reply::CloseConnection }
}

/// Expects a request, calls `on_request`, and never answers.
pub(crate) fn hanging(method: &'static str, path: &str, on_request: impl FnOnce() + Send + 'static) -> Exchange {
    Exchange { method, path: path.to_owned(), reply: Reply::Hang(Box::new(on_request)) }
}

/// Expects a request, calls `on_request`, and answers it after `delay` with 200 and a JSON body.
pub(crate) fn delayed(
    method: &'static str,
    path: &str,
    delay: Duration,
    body: Json,
    on_request: impl FnOnce() + Send + 'static,
) -> Exchange {
    Exchange { method, path: path.to_owned(), reply: Reply::Delay(delay, body, Box::new(on_request)) }
}

/// The body of an error, as the API server writes it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Json {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message })
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// HTTP method, for example `PATCH`.
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    /// URL query, for example `dryRun=All`.
    pub(crate) query: String,
    /// The header `authorization`.
    pub(crate) authorization: String,
    /// The body, or null if there is none.
    pub(crate) body: Json,
}

#[derive(Default)]
struct State {
    script: VecDeque<Exchange>,
    received: Vec<Received>,
    unexpected: Vec<String>,
    /// Whether requests that the script doesn't have are answered 404.
    is_empty_cluster: bool,
}

/// A running server. It ends with the runtime of its test.
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl ScriptedServer {
    /// Starts a server. A request is answered by the first unused exchange with its method and path, so the order matters
    /// only among exchanges of the same object.
    pub(crate) async fn start(script: impl IntoIterator<Item = Exchange>) -> Self {
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state }
    }

    /// Starts a server that answers 404 to every request, as one does that serves no kind.
    pub(crate) async fn empty_cluster() -> Self {
        let server = Self::start([]).await;
        lock(&server.state).is_empty_cluster = true;
        server
    }

    /// The URL that clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds an exchange to the end of the script.
    pub(crate) fn expect(&self, exchange: Exchange) {
        lock(&self.state).script.push_back(exchange);
    }

    /// Asserts that the script was played to its end and that no other request came. Returns the requests.
    pub(crate) fn finish(self) -> Vec<Received> {
        let state = lock(&self.state);
        let missing: Vec<_> =
            state.script.iter().map(|exchange| format!("{} {}", exchange.method, exchange.path)).collect();
        assert_eq!(state.unexpected, [""; 0], "requests that the script doesn't expect");
        assert_eq!(missing, [""; 0], "requests that were not sent");
        state.received.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics while it holds the lock")
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            // A connection that the script loses ends with an error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn json_response(code: u16, body: &Json) -> Response<Full<Bytes>> {
    let response = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    response.body(Full::new(body.to_string().into())).expect("a response")
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let authorization = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let reply = {
        let mut state = lock(&state);
        state.received.push(received.clone());
        let matching = |exchange: &Exchange| exchange.method == received.method && exchange.path == received.path;
        if let Some(position) = state.script.iter().position(matching) {
            state.script.remove(position).expect("the position was found").reply
        } else {
            let request = format!("{} {}", received.method, received.path);
            if state.is_empty_cluster {
                return Ok(json_response(
                    404,
                    &status(404, "NotFound", "the server could not find the requested resource"),
                ));
            }
            state.unexpected.push(request.clone());
            // A 500 would make the client repeat the request.
            Reply::Respond(400, status(400, "BadRequest", &format!("the script doesn't expect {request}")))
        }
    };
    match reply {
        Reply::Respond(code, body) => Ok(json_response(code, &body)),
        Reply::Delay(delay, body, on_request) => {
            on_request();
            tokio::time::sleep(delay).await;
            Ok(json_response(200, &body))
        }
        Reply::RespondRaw(response) => Ok(response),
        Reply::CloseConnection => Err(io::Error::other("the script loses the connection")),
        Reply::Hang(on_request) => {
            on_request();
            std::future::pending().await
        }
    }
}
