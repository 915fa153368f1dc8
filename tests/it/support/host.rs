//! A plugin host: starts a plugin as Terraform does, reads its handshake line, and connects with a certificate of its
//! own.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P521_SHA512};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use tempfile::TempDir;
use terraform_provider_mesh::plugin::proto::{
    go_plugin::{
        Empty, grpc_broker_client::GrpcBrokerClient, grpc_controller_client::GrpcControllerClient,
        grpc_stdio_client::GrpcStdioClient,
    },
    health::health_client::HealthClient,
    tfplugin5::provider_client::ProviderClient,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader},
    net::{TcpStream, UnixStream},
    process::{Child, Command},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// The environment variable by which a plugin recognizes its host, and its value for Terraform providers.
pub const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Time after which a test fails for lack of a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);

/// The command of the provider's binary, in an almost empty environment.
pub fn binary() -> Command {
    command_without_environment(PathBuf::from(env!("CARGO_BIN_EXE_terraform-provider-mesh")))
}

/// The command of this test binary as a plugin with the provider of [`test_provider`](super::test_provider).
pub fn test_provider() -> Command {
    let mut command = command_without_environment(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "support::test_provider::serves_when_a_host_started_it",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
}

fn command_without_environment(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    // The dynamic loader and coverage tools may need these.
    for name in ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The host's certificate. As go-plugin makes it, it is self-signed, P-521, and a CA certificate.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub pem: String,
    key: Vec<u8>,
}

impl Identity {
    pub fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "HashiCorp");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_der() }
    }

    /// A TLS client that trusts only the certificate `server`, and that sends this certificate if `authenticate` is
    /// true.
    pub fn connector(&self, server: CertificateDer<'static>, authenticate: bool) -> TlsConnector {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PinnedCertificate(server)));
        let mut config = if authenticate {
            let key = PrivateKeyDer::Pkcs8(self.key.clone().into());
            config.with_client_auth_cert(vec![self.certificate.clone()], key).unwrap()
        } else {
            config.with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// A verifier like the one of Go's client: the plugin's certificate is the only root, and the name must match.
#[derive(Debug)]
struct PinnedCertificate(CertificateDer<'static>);

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
        if *end_entity == self.0 { Ok(ServerCertVerified::assertion()) } else { Err(TlsError::General("other".into())) }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("TLS 1.2 isn't expected".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A running plugin that has printed its handshake line.
pub struct Plugin {
    pub child: Child,
    /// The handshake line with its line end.
    pub line: String,
    pub identity: Option<Identity>,
    stderr: Arc<Mutex<String>>,
    /// The plugin's TMPDIR, for a plugin that is killed leaves its socket behind.
    _folder: TempDir,
}

impl Plugin {
    /// Starts a plugin as a host does, with mutual TLS.
    pub async fn start(mut command: Command) -> Self {
        let identity = Identity::new();
        command.env("PLUGIN_CLIENT_CERT", &identity.pem);
        Self { identity: Some(identity), ..Self::start_plain(command).await }
    }

    /// Starts a plugin as a host does, without TLS.
    pub async fn start_plain(mut command: Command) -> Self {
        command.env(COOKIE.0, COOKIE.1).env("PLUGIN_PROTOCOL_VERSIONS", "6,5");
        Self::spawn(command, |line| line.contains("|grpc|")).await
    }

    /// Starts a plugin and waits for the first line for which `is_handshake` is true.
    pub async fn spawn(mut command: Command, is_handshake: impl Fn(&str) -> bool) -> Self {
        let folder = TempDir::new().unwrap();
        command.env("TMPDIR", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let shared = stderr.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                let mut text = shared.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !is_handshake(&line) {
            line.clear();
            let read = timeout(RESPONSE_TIMEOUT, output.read_line(&mut line)).await.expect("a line in time").unwrap();
            assert!(read > 0, "the plugin ended without a line; stderr:\n{}", stderr.lock().unwrap());
        }
        // Like a host, reads further output, so that the plugin doesn't block on a full pipe.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        Self { child, line, identity: None, stderr, _folder: folder }
    }

    /// The fields of the handshake line.
    pub fn fields(&self) -> Vec<&str> {
        // For the test provider, the test harness prints text before the handshake on the same line.
        let start = self.line.find("1|").unwrap();
        self.line[start..].trim_end_matches('\n').split('|').collect()
    }

    pub fn socket(&self) -> PathBuf {
        PathBuf::from(self.fields()[3])
    }

    /// Opens a connection to the address of the handshake line, without TLS.
    pub async fn dial(&self) -> Box<dyn Stream> {
        dial(self.fields()[2], self.fields()[3]).await.unwrap()
    }

    /// The plugin's certificate, from the handshake line.
    pub fn certificate(&self) -> CertificateDer<'static> {
        STANDARD_NO_PAD.decode(self.fields()[5]).unwrap().into()
    }

    /// The plugin's standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Opens a connection, with mutual TLS if the plugin was started with it.
    pub async fn channel(&self) -> Channel {
        let (network, address) = (self.fields()[2].to_owned(), self.fields()[3].to_owned());
        let endpoint = Endpoint::from_static("http://localhost").timeout(RESPONSE_TIMEOUT);
        match &self.identity {
            None => plain_channel(self.socket()).await,
            Some(identity) => {
                let connector = identity.connector(self.certificate(), true);
                let connect = service_fn(move |_| {
                    let (connector, network, address) = (connector.clone(), network.clone(), address.clone());
                    async move {
                        let stream = dial(&network, &address).await?;
                        let name = ServerName::try_from("localhost").unwrap();
                        connector.connect(name, stream).await.map(TokioIo::new)
                    }
                });
                endpoint.connect_with_connector(connect).await.unwrap()
            }
        }
    }

    pub async fn provider(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.channel().await)
            .max_decoding_message_size(64 << 20)
            .max_encoding_message_size(usize::MAX)
    }

    pub async fn controller(&self) -> GrpcControllerClient<Channel> {
        GrpcControllerClient::new(self.channel().await)
    }

    pub async fn stdio(&self) -> GrpcStdioClient<Channel> {
        GrpcStdioClient::new(self.channel().await)
    }

    pub async fn broker(&self) -> GrpcBrokerClient<Channel> {
        GrpcBrokerClient::new(self.channel().await)
    }

    pub async fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel().await)
    }

    /// Shuts the plugin down, and waits for its end as long as a host does. Returns its standard error.
    pub async fn shut_down(mut self) -> String {
        self.controller().await.shutdown(Empty {}).await.unwrap();
        let status =
            timeout(Duration::from_secs(2), self.child.wait()).await.expect("the plugin ends within 2 s").unwrap();
        assert!(status.success(), "{status}; stderr:\n{}", self.stderr());
        self.stderr()
    }

    /// Sends a signal, for example `TERM`, with the `kill` program.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }
}

/// A stream of bytes to the plugin.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a connection to an address of a handshake line.
async fn dial(network: &str, address: &str) -> std::io::Result<Box<dyn Stream>> {
    Ok(match network {
        "tcp" => Box::new(TcpStream::connect(address).await?),
        _ => Box::new(UnixStream::connect(address).await?),
    })
}

/// Opens a connection without TLS.
pub async fn plain_channel(socket: PathBuf) -> Channel {
    let connect = service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost").timeout(RESPONSE_TIMEOUT);
    endpoint.connect_with_connector(connect).await.unwrap()
}
