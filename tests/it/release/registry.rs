//! A provider registry on a port of this machine, which serves the files of a release by the protocol `providers.v1`.

use std::{collections::BTreeMap, convert::Infallible, fs, path::PathBuf, sync::Arc};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::package::{RELEASE, SigningKey, VERSION};
use crate::support::api::block_on;

/// A registry, which serves until the tests end.
pub(super) struct Registry {
    port: u16,
    /// PEM of the certificate authority that has signed the registry's certificate.
    pub(super) authority: String,
}

/// What a registry serves.
struct Content {
    dist: PathBuf,
    /// The address of the registry.
    url: String,
    public_key: Json,
    /// The checksum of each file, as it was when the registry was made.
    checksums: BTreeMap<String, String>,
}

impl Registry {
    /// Serves the files of `dist`, and says that `key` has signed them.
    pub(super) fn serve(dist: &std::path::Path, key: &SigningKey) -> Self {
        let (acceptor, authority) = tls();
        let sums = fs::read_to_string(dist.join(format!("{RELEASE}_SHA256SUMS"))).unwrap();
        let checksums = sums.lines().map(|line| line.split_once("  ").unwrap());
        let checksums = checksums.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect();
        let public_key = json!({ "key_id": key.id(), "ascii_armor": key.public });
        let dist = dist.to_owned();
        let port = block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let content = Arc::new(Content { dist, url: format!("https://localhost:{port}"), public_key, checksums });
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, content) = (acceptor.clone(), content.clone());
                    tokio::spawn(async move {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let service = service_fn(move |request: Request<Incoming>| {
                            let response = content.response(request.uri().path());
                            async { Ok::<_, Infallible>(response) }
                        });
                        // A client may close its connection at any time.
                        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                    });
                }
            });
            port
        });
        Self { port, authority }
    }

    /// The source address of the provider.
    pub(super) fn source(&self) -> String {
        format!("localhost:{}/mesh-provider/mesh", self.port)
    }
}

impl Content {
    fn response(&self, path: &str) -> Response<Full<Bytes>> {
        let body = match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
            [".well-known", "terraform.json"] => Some(json!({ "providers.v1": "/v1/providers/" }).to_string().into()),
            ["v1", "providers", "mesh-provider", "mesh", "versions"] => Some(self.versions().to_string().into()),
            ["v1", "providers", "mesh-provider", "mesh", VERSION, "download", system, machine] => {
                Some(self.download(system, machine).to_string().into())
            }
            ["files", name] => fs::read(self.dist.join(name)).ok(),
            _ => None,
        };
        let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let mut response = Response::new(Full::from(body.unwrap_or_default()));
        *response.status_mut() = status;
        // Discovery of services asks for this type; of the other files it doesn't matter.
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The versions of the provider, and the platforms of each.
    fn versions(&self) -> Json {
        let platforms = self.checksums.keys().filter_map(|name| {
            let (system, machine) =
                name.strip_prefix(RELEASE)?.strip_prefix('_')?.strip_suffix(".zip")?.split_once('_')?;
            Some(json!({ "os": system, "arch": machine }))
        });
        let platforms: Vec<Json> = platforms.collect();
        json!({ "versions": [{ "version": VERSION, "protocols": ["5.0"], "platforms": platforms }] })
    }

    /// Where the files for a platform are, and by which key they are signed.
    fn download(&self, system: &str, machine: &str) -> Json {
        let name = format!("{RELEASE}_{system}_{machine}.zip");
        let url = |name: &str| format!("{}/files/{name}", self.url);
        json!({
            "protocols": ["5.0"],
            "os": system,
            "arch": machine,
            "filename": name,
            "download_url": url(&name),
            "shasums_url": url(&format!("{RELEASE}_SHA256SUMS")),
            "shasums_signature_url": url(&format!("{RELEASE}_SHA256SUMS.sig")),
            "shasum": self.checksums.get(&name),
            "signing_keys": { "gpg_public_keys": [self.public_key] },
        })
    }
}

/// A certificate for `localhost`, and PEM of the authority that has signed it.
fn tls() -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority)
}
