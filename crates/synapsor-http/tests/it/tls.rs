//! A server that ends TLS itself.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use synapsor_http::{Access, BoundedBody, Endpoint, Limits, Listen, Protection, ResponseBody, Server, Settings, json_answer};
use synapsor_protocol::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

struct Authority {
    folder: tempfile::TempDir,
    certificate: CertificateDer<'static>,
}

fn authority() -> Authority {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    Authority { certificate: made.cert.der().clone(), folder }
}

impl Authority {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

async fn bind(certificate: &Path, key: &Path, limits: Limits) -> Result<Server, String> {
    let protection = Protection::Tls { certificate: certificate.to_owned(), key: key.to_owned() };
    let listen = Listen::on("127.0.0.1", 0, protection).unwrap();
    let settings = Settings { limits, ..Settings::new(listen, Access::Bearer(Secret::new("canary-1d".into()))) };
    Server::bind(settings).await.map_err(|error| error.to_string())
}

async fn answer(_: Request<BoundedBody>) -> Result<Response<ResponseBody>, Infallible> {
    Ok(json_answer(StatusCode::OK, &serde_json::json!({})))
}

fn serve(server: Server) {
    let endpoint = Endpoint {
        path: "/mcp",
        health: Arc::new(|| serde_json::json!({})),
        ready: None,
        methods: "POST",
        request_headers: "",
        response_headers: "",
        service: tower::service_fn(answer),
    };
    tokio::spawn(server.serve(endpoint, CancellationToken::new()));
}

#[tokio::test]
async fn requests_travel_through_tls() {
    let authority = authority();
    let server = bind(&authority.file("cert.pem"), &authority.file("key.pem"), Limits::default()).await.unwrap();
    let address = server.address();
    assert_eq!(server.scheme(), "https");
    serve(server);
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    let port = address.port();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer canary-1d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _closed_without_notice = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off() {
    let authority = authority();
    let limits = Limits { head_time: Duration::from_millis(200), ..Limits::default() };
    let server = bind(&authority.file("cert.pem"), &authority.file("key.pem"), limits).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    serve(server);
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 16])).await.expect("the server hangs up");
    assert_eq!(read.unwrap_or(0), 0);
}

#[tokio::test]
async fn unusable_files_are_named_and_never_shown() {
    let authority = authority();
    let (cert, key) = (authority.file("cert.pem"), authority.file("key.pem"));
    let refused = async |certificate: &Path, key: &Path| {
        let error = bind(certificate, key, Limits::default()).await.err().expect("it is refused");
        error.replace(authority.folder.path().to_str().unwrap(), "")
    };
    insta::assert_snapshot!(refused(&authority.file("none.pem"), &key).await, @"`/none.pem` holds no usable certificate");
    insta::assert_snapshot!(refused(&key, &key).await, @"`/key.pem` holds no usable certificate");
    insta::assert_snapshot!(refused(&cert, &cert).await, @"`/cert.pem` holds no usable private key");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(authority.file("other.pem"), other.signing_key.serialize_pem()).unwrap();
    insta::assert_snapshot!(refused(&cert, &authority.file("other.pem")).await, @"the certificate and the private key cannot be used");
}
