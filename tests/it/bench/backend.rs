//! An in-memory server for Terraform's `http` state backend.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Collected, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::support::api::block_on;

/// Starts a server, which ends with the process, and returns its URL.
pub(super) fn start() -> String {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(None));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let serve = service_fn(move |request| handle(request, Arc::clone(&state)));
                tokio::spawn(
                    async move { http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await.ok() },
                );
            }
        });
        format!("http://{address}")
    })
}

async fn handle(
    request: Request<Incoming>,
    state: Arc<Mutex<Option<Bytes>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().clone();
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let mut response = Response::new(Full::default());
    match method {
        Method::POST => *state = Some(body),
        Method::DELETE => *state = None,
        _ => match &*state {
            Some(body) => *response.body_mut() = Full::from(body.clone()),
            None => *response.status_mut() = StatusCode::NO_CONTENT,
        },
    }
    Ok(response)
}
