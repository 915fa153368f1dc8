//! HTTP requests from inside a network namespace, each on a TCP connection of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, Request as HttpRequest, Response as HttpResponse, Uri, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpSocket,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    answer::{Answer, Response},
    certificate::Certificate,
    dns::Resolver,
    network::NetworkThread,
    tls::{self, TlsVersion},
};
use crate::support::api::block_on;

/// Time after which a request counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time within which a change of configuration must have reached all proxies.
const CONVERGENCE_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends requests from one network namespace.
#[derive(Clone)]
pub(crate) struct Client {
    /// `None`: from the host's network.
    network: Option<Arc<NetworkThread>>,
    resolver: Option<Arc<Resolver>>,
}

impl Client {
    /// A client in the host's network, for addresses only.
    pub(super) fn of_host() -> Self {
        Self { network: None, resolver: None }
    }

    /// A client in the network namespace of `network`.
    pub(super) fn new(network: Arc<NetworkThread>, resolver: Resolver) -> Self {
        Self { network: Some(network), resolver: Some(Arc::new(resolver)) }
    }

    /// A request that isn't sent yet.
    pub(crate) fn request(&self, method: Method, url: &str) -> Request<'_> {
        Request {
            client: self,
            method,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            connect_to: None,
            tls: None,
            is_http2: false,
        }
    }

    /// Sends a GET request.
    pub(crate) fn get(&self, url: &str) -> Answer {
        self.request(Method::GET, url).send()
    }

    /// The address of a host, which is an IPv4 address or a name that the namespace's DNS knows.
    pub(super) fn resolve(&self, uri: &Uri) -> Result<SocketAddr, String> {
        let host = uri.host().ok_or("the URL has no host")?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        if let Ok(address) = host.parse() {
            return Ok(SocketAddr::new(address, port));
        }
        Ok(SocketAddr::new(self.resolve_name(host)?.into(), port))
    }

    /// The address of a name that the namespace's DNS knows.
    pub(crate) fn resolve_name(&self, name: &str) -> Result<Ipv4Addr, String> {
        self.resolver.as_ref().ok_or("the host's network resolves no names")?.resolve(name)
    }

    /// A TCP socket in the network namespace.
    pub(super) fn socket(&self) -> TcpSocket {
        match &self.network {
            Some(network) => network.run(|| TcpSocket::new_v4().expect("a socket")),
            None => TcpSocket::new_v4().expect("a socket"),
        }
    }
}

/// A request, which can be sent several times.
pub(crate) struct Request<'a> {
    client: &'a Client,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    connect_to: Option<SocketAddr>,
    tls: Option<TlsConnector>,
    is_http2: bool,
}

impl Request<'_> {
    /// Adds a header. `host` replaces the URL's authority.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: http::HeaderName = name.parse().expect("a header name");
        self.headers.append(name, value.parse().expect("a header value"));
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        self
    }

    /// Connects to this address, whatever the URL's host is.
    pub(crate) fn connect_to(mut self, address: impl Into<SocketAddr>) -> Self {
        self.connect_to = Some(address.into());
        self
    }

    /// Speaks TLS of this version to the URL's host, whose certificate must be this one.
    pub(crate) fn tls(mut self, certificate: &Certificate, version: TlsVersion) -> Self {
        self.tls = Some(tls::connector(certificate, version));
        self
    }

    /// Speaks HTTP/2, as gRPC does, without asking whether the server knows it.
    pub(crate) fn http2(mut self) -> Self {
        self.is_http2 = true;
        self
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn client(&self) -> &Client {
        self.client
    }

    /// The address to connect to.
    pub(super) fn destination(&self, uri: &Uri) -> Result<SocketAddr, String> {
        self.connect_to.map_or_else(|| self.client.resolve(uri), Ok)
    }

    /// Sends the request once.
    pub(crate) fn send(&self) -> Answer {
        let uri: Uri = self.url.parse().expect("a URL");
        let address = match self.destination(&uri) {
            Ok(address) => address,
            Err(reason) => return Answer::Failure(reason),
        };
        block_on(self.prepare(&uri).send(self.client.socket(), address))
    }

    /// The request in the form that can be sent from any thread.
    pub(super) fn prepare(&self, uri: &Uri) -> PreparedRequest {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = HttpRequest::builder().method(self.method.clone());
        // HTTP/2 has no header for the host.
        request = if self.is_http2 { request.uri(uri.clone()) } else { request.uri(path) };
        let headers = request.headers_mut().expect("the request is valid");
        *headers = self.headers.clone();
        if !headers.contains_key(HOST) && !self.is_http2 {
            headers.insert(HOST, uri.authority().expect("a host").as_str().parse().expect("a header value"));
        }
        let request = request.body(Full::new(self.body.clone())).expect("a request");
        let host = || ServerName::try_from(uri.host().expect("a host").to_owned()).expect("a name");
        let tls = self.tls.clone().map(|connector| (connector, host()));
        PreparedRequest { request, tls, is_http2: self.is_http2 }
    }

    /// Repeats the request until the status code is `code` (0: no response) twice in a row, and returns the last answer.
    ///
    /// Twice, because the first request after a change may travel on a connection between two sidecars that the old
    /// configuration still serves.
    #[track_caller]
    pub(crate) fn becomes(&self, code: u16) -> Answer {
        self.becomes_answer(&format!("code {code}"), |answer| answer.code() == code)
    }

    /// Repeats the request until the answer is as wanted twice in a row, and returns the last answer.
    #[track_caller]
    pub(crate) fn becomes_answer(&self, expectation: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + CONVERGENCE_TIMEOUT;
        let mut in_a_row = 0;
        loop {
            let answer = self.send();
            in_a_row = if is_wanted(&answer) { in_a_row + 1 } else { 0 };
            if in_a_row == 2 {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "{} {}: not within {CONVERGENCE_TIMEOUT:?}: {expectation}; the last answer: {answer}",
                self.method,
                self.url
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A request without its connection.
#[derive(Clone)]
pub(super) struct PreparedRequest {
    request: HttpRequest<Full<Bytes>>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    is_http2: bool,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl PreparedRequest {
    /// Sends the request over a new connection.
    pub(super) async fn send(self, socket: TcpSocket, address: SocketAddr) -> Answer {
        match timeout(REQUEST_TIMEOUT, self.exchange(socket, address)).await {
            Ok(Ok(response)) => Answer::Response(response),
            Ok(Err(error)) => Answer::Failure(error.to_string()),
            Err(_) => Answer::Failure(format!("no response within {REQUEST_TIMEOUT:?}")),
        }
    }

    async fn exchange(self, socket: TcpSocket, address: SocketAddr) -> Result<Response, AnyError> {
        let stream = socket.connect(address).await?;
        let Self { request, tls, is_http2 } = self;
        match tls {
            None => exchange(stream, request, is_http2).await,
            Some((connector, host)) => exchange(connector.connect(host, stream).await?, request, is_http2).await,
        }
    }
}

async fn exchange<S>(stream: S, request: HttpRequest<Full<Bytes>>, is_http2: bool) -> Result<Response, AnyError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    if is_http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        let connection = tokio::spawn(connection);
        let response = async { read(sender.send_request(request).await?).await }.await;
        connection.abort();
        response
    } else {
        let (mut sender, connection) = http1::handshake(stream).await?;
        let connection = tokio::spawn(connection);
        let response = async { read(sender.send_request(request).await?).await }.await;
        connection.abort();
        response
    }
}

async fn read(response: HttpResponse<Incoming>) -> Result<Response, AnyError> {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    Ok(Response { code: parts.status.as_u16(), headers: parts.headers, body })
}
